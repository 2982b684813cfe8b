//! The wording of failed calls to Google STS, to the IAM Service Account Credentials API and to Google
//! Kubernetes Engine: each error's kind, message and hint.
//!
//! STS answers with the error codes of OAuth 2.0 (RFC 6749, section 5.2, and RFC 8693), the other services
//! with those of Google's APIs (google.rpc.Status). Several mistakes share a code, and are told apart by the
//! text.

use serde_json::Value as Json;

use crate::error::{Error, Kind, one_line};
use crate::gcp::endpoint::{Endpoint, Service};
use crate::gcp::gke::ClusterName;
use crate::gcp::sts::{GLOBAL, WorkloadIdentityProvider};
use crate::http::{Response, is_busy, redacted, shortened};
use crate::identity_token;
use crate::secret::Secret;

/// A call to a service of Google Cloud, as its error messages describe it.
pub(super) struct ServiceCall<'a> {
    pub(super) endpoint: &'a Endpoint,
    pub(super) operation: Operation<'a>,
    /// Secrets that the service may quote in its response.
    pub(super) secrets: Vec<&'a str>,
}

/// What is called.
#[derive(Clone, Copy)]
pub(super) enum Operation<'a> {
    ExchangeToken {
        provider: &'a WorkloadIdentityProvider,
        identity_token: &'a Secret<String>,
    },
    GenerateAccessToken {
        service_account: &'a str,
        /// The identity token that the caller was authenticated with, if it was.
        identity_token: Option<&'a Secret<String>>,
    },
    GetCluster(&'a ClusterName<'a>),
}

/// The error in a response.
struct GoogleError {
    /// Such as `invalid_grant` or `PERMISSION_DENIED`.
    code: String,
    message: String,
    /// Such as `SERVICE_DISABLED`.
    reason: String,
}

impl GoogleError {
    fn read(body: &[u8]) -> Option<Self> {
        // The parser's error is dropped: it would quote the response.
        let body: Json = serde_json::from_slice(body).ok()?;
        let text = |json: &Json| json.as_str().unwrap_or_default().to_owned();
        let error = &body["error"];
        if error.is_string() {
            return Some(Self {
                code: text(error),
                message: text(&body["error_description"]),
                reason: String::new(),
            });
        }
        let details = error["details"].as_array();
        let reason = details.and_then(|details| {
            let mut reasons = details.iter().map(|detail| text(&detail["reason"]));
            reasons.find(|reason| !reason.is_empty())
        });
        Some(Self {
            code: error["status"].as_str()?.to_owned(),
            message: text(&error["message"]),
            reason: reason.unwrap_or_default(),
        })
    }

    fn mentions(&self, words: &str) -> bool {
        self.message.contains(words)
    }
}

/// The kind, the message and the hint of an error.
type Wording = (Kind, String, String);

impl ServiceCall<'_> {
    /// The error for a response whose status is not 200.
    pub(super) fn rejection(&self, response: &Response) -> Error {
        let status = response.status;
        let Some(error) = GoogleError::read(response.body.expose()) else {
            let sent = format!("HTTP status {status} without an error code");
            if !is_busy(status) {
                return self.not_from_google(&sent);
            }
            let (kind, message, hint) = self.busy();
            let cause = format!("`{}` sent {sent}", self.endpoint.host());
            return Error::new(kind, message).with_hint(hint).caused_by(cause);
        };
        let (kind, message, hint) = self.wording(response, &error);
        let cause = self.cause(&error);
        let error = Error::new(kind, message).with_hint(hint);
        match self.claims().filter(|_| kind == Kind::Denied) {
            Some(claims) => error.caused_by(Error::new(kind, cause).caused_by(claims)),
            None => error.caused_by(cause),
        }
    }

    /// The error for a response that Google cannot have sent.
    pub(super) fn not_from_google(&self, sent: &str) -> Error {
        let hint = match self.endpoint.variable {
            Some(variable) => format!("check the endpoint in `{variable}`"),
            None => {
                "check the network: a proxy or a sign-in page may be answering for Google".into()
            }
        };
        let message = format!("the response did not come from {}", self.endpoint.service);
        Error::new(Kind::Unavailable, message)
            .with_hint(hint)
            .caused_by(format!("`{}` sent {sent}", self.endpoint.host()))
    }

    fn wording(&self, response: &Response, error: &GoogleError) -> Wording {
        let status = response.status;
        if is_busy(status) {
            return self.busy();
        }
        if error.reason == "SERVICE_DISABLED" || error.mentions("or it is disabled. Enable it") {
            return self.service_disabled();
        }
        match self.operation {
            Operation::ExchangeToken {
                provider,
                identity_token,
            } => match error.code.as_str() {
                "invalid_grant" if error.mentions("stale") || error.mentions("expired") => {
                    expired_wording(identity_token, response)
                }
                "invalid_grant" if !error.mentions("attribute condition") => {
                    token_wording(error, &self.redacted(&provider.default_audience()))
                }
                _ => self.provider_wording(status, error, provider),
            },
            Operation::GenerateAccessToken {
                service_account,
                identity_token,
            } => {
                self.impersonation_wording(status, error, service_account, identity_token.is_some())
            }
            Operation::GetCluster(cluster) => cluster_wording(status, error, cluster),
        }
    }

    fn busy(&self) -> Wording {
        (
            Kind::Unavailable,
            format!("{} is temporarily unavailable", self.endpoint.service),
            "try again in a moment".to_owned(),
        )
    }

    fn service_disabled(&self) -> Wording {
        let (api, name) = match self.endpoint.service {
            Service::Sts => ("Security Token Service", "sts.googleapis.com"),
            Service::IamCredentials => (
                "IAM Service Account Credentials",
                "iamcredentials.googleapis.com",
            ),
            Service::Container => ("Kubernetes Engine", "container.googleapis.com"),
        };
        (
            Kind::Denied,
            format!("the {api} API is not enabled in the Google Cloud project"),
            format!("run `gcloud services enable {name}`, and try again after a few minutes"),
        )
    }

    /// Errors of STS that are not about the identity token itself.
    fn provider_wording(
        &self,
        status: u16,
        error: &GoogleError,
        provider: &WorkloadIdentityProvider,
    ) -> Wording {
        let name = self.redacted(&provider.to_string());
        match error.code.as_str() {
            _ if error.mentions("attribute condition") => (
                Kind::Denied,
                format!("the workload identity provider `{name}` does not allow this identity"),
                "check the attribute condition of the provider".to_owned(),
            ),
            "invalid_request" if error.mentions("audience") => (
                Kind::Definition,
                format!("`{name}` is not the name of a workload identity provider"),
                if provider.location == GLOBAL {
                    "check `project`, `workloadPoolId` and `providerId`"
                } else {
                    "remove `region`: workload identity pools are in the location `global`"
                }
                .to_owned(),
            ),
            "invalid_target" => (
                Kind::Denied,
                format!(
                    "the workload identity provider `{name}` does not exist, or it or its pool is disabled"
                ),
                "check `project`, `workloadPoolId` and `providerId`, and that the pool and the provider are enabled".to_owned(),
            ),
            _ if status == 401 || status == 403 => (
                Kind::Denied,
                "Google STS denied the exchange of the identity token".to_owned(),
                "check the organization policies and service perimeters of the project".to_owned(),
            ),
            _ => (
                Kind::Configuration,
                "Google STS rejected the request for an access token".to_owned(),
                "check `project`, `workloadPoolId` and `providerId`".to_owned(),
            ),
        }
    }

    fn impersonation_wording(
        &self,
        status: u16,
        error: &GoogleError,
        service_account: &str,
        is_federated: bool,
    ) -> Wording {
        let account = self.redacted(service_account);
        let role = if is_federated {
            "roles/iam.workloadIdentityUser"
        } else {
            "roles/iam.serviceAccountTokenCreator"
        };
        match status {
            401 => (
                Kind::Denied,
                "Google IAM rejected the access token".to_owned(),
                "get a new access token: it may be expired or revoked".to_owned(),
            ),
            403 if error.reason == "ACCESS_TOKEN_SCOPE_INSUFFICIENT" => (
                Kind::Denied,
                "the access token lacks the scope to impersonate a service account".to_owned(),
                "get an access token with the scope `https://www.googleapis.com/auth/cloud-platform`"
                    .to_owned(),
            ),
            403 | 404 => (
                Kind::Denied,
                format!(
                    "this identity is not allowed to impersonate the service account `{account}`, or the account does not exist"
                ),
                format!("check `serviceAccount`, and grant the identity the role `{role}` on it"),
            ),
            _ if error.mentions("ifetime") => (
                Kind::Definition,
                format!("Google IAM rejected the token lifetime for the service account `{account}`"),
                "set `tokenLifetime: 1h` or less, or allow up to 12 hours with the organization policy `constraints/iam.allowServiceAccountCredentialLifetimeExtension`".to_owned(),
            ),
            _ => (
                Kind::Configuration,
                format!("Google IAM rejected the request for a token of the service account `{account}`"),
                "check `serviceAccount` and `tokenLifetime`".to_owned(),
            ),
        }
    }

    /// The claims of the identity token: providers and roles are granted in terms of these.
    fn claims(&self) -> Option<String> {
        let (Operation::ExchangeToken {
            identity_token: token,
            ..
        }
        | Operation::GenerateAccessToken {
            identity_token: Some(token),
            ..
        }) = self.operation
        else {
            return None;
        };
        // A secret input may be in the claims too.
        identity_token::describe_claims(token).map(|claims| self.redacted(&claims))
    }

    /// Google's own words, such as `invalid_grant: …`.
    fn cause(&self, error: &GoogleError) -> String {
        let part = |text: &str| shortened(&one_line(&self.redacted(text)));
        let message = part(&error.message);
        let separator = if message.is_empty() { "" } else { ": " };
        format!("{}{separator}{message}", part(&error.code))
    }

    fn redacted(&self, text: &str) -> String {
        redacted(text, &self.secrets)
    }
}

fn cluster_wording(status: u16, error: &GoogleError, cluster: &ClusterName<'_>) -> Wording {
    let ClusterName {
        project,
        location,
        name,
    } = cluster;
    match status {
        401 => (
            Kind::Denied,
            "Google Kubernetes Engine rejected the access token".to_owned(),
            "get a new access token: it may be expired or revoked".to_owned(),
        ),
        403 if error.reason == "ACCESS_TOKEN_SCOPE_INSUFFICIENT" => (
            Kind::Denied,
            "the access token lacks the scope to describe a GKE cluster".to_owned(),
            "get an access token with the scope `https://www.googleapis.com/auth/cloud-platform`"
                .to_owned(),
        ),
        403 => (
            Kind::Denied,
            format!("the environment's login is not allowed to describe the GKE cluster `{name}`"),
            format!(
                "check `--project`, and grant the login the role `roles/container.clusterViewer` in \
                 the project `{project}`, or pass `--server`"
            ),
        ),
        404 => (
            Kind::Configuration,
            format!("there is no GKE cluster `{name}` in `{location}` of the project `{project}`"),
            "check the name, `--location` and `--project`".to_owned(),
        ),
        _ => (
            Kind::Configuration,
            format!("Google Kubernetes Engine rejected the request for the cluster `{name}`"),
            "check the name, `--location` and `--project`".to_owned(),
        ),
    }
}

/// Google's clock decides, so the claim `exp` is quoted only if it agrees.
fn expired_wording(identity_token: &Secret<String>, response: &Response) -> Wording {
    let expiry = identity_token::expiry(identity_token);
    match expiry.filter(|expiry| response.date.is_some_and(|now| *expiry <= now)) {
        Some(expiry) => (
            Kind::Denied,
            format!("Google STS rejected the identity token: it expired at {expiry}"),
            "get a new identity token".to_owned(),
        ),
        None => (
            Kind::Denied,
            "Google STS rejected the identity token as expired or not yet valid".to_owned(),
            "get a new identity token, with the claims `iat` and `exp`".to_owned(),
        ),
    }
}

fn token_wording(error: &GoogleError, default_audience: &str) -> Wording {
    if error.mentions("audience") {
        return (
            Kind::Denied,
            "Google STS rejected the audience of the identity token".to_owned(),
            format!(
                "allow the audience in the workload identity provider, or get a token for the audience `{default_audience}`"
            ),
        );
    }
    if error.mentions("connecting to the given credential's issuer") {
        return (
            Kind::Unavailable,
            "Google STS cannot get the key that signed the identity token".to_owned(),
            "try again; if it persists, check that the issuer publishes the key and is reachable from the internet".to_owned(),
        );
    }
    let hint = if error.mentions("issuer") {
        "check the issuer of the workload identity provider"
    } else {
        "get a new identity token from the issuer of the workload identity provider"
    };
    (
        Kind::Denied,
        "Google STS rejected the identity token".to_owned(),
        hint.to_owned(),
    )
}

#[cfg(test)]
mod tests;
