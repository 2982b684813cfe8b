//! Asks the API server of a cluster who a token belongs to: `SelfSubjectReview`.
//!
//! API: <https://kubernetes.io/docs/reference/access-authn-authz/authentication/#self-subject-review>

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::bounded_read::{read_until, unreadable};
use crate::clock::Deadline;
use crate::context::Context;
use crate::error::{Error, Kind, Result, one_line};
use crate::http::{
    FailureReason, Method, Request, Response, SendError, ServerTls, host_of, timed_out,
};
use crate::secret::{REDACTED, Secret};
use kubeconfig::ClusterServer;

/// The largest response and file with certificates that are read, in bytes.
const MAX_BYTES: usize = 1024 * 1024;

/// The length up to which a text of the server is shown, in characters.
const MAX_TEXT: usize = 300;

/// The versions of the API, newest first: since Kubernetes 1.28, 1.27 and 1.26.
const VERSIONS: [&str; 3] = ["v1", "v1beta1", "v1alpha1"];

/// The API server of a cluster. A token is sent only there.
pub(crate) struct ApiServer {
    url: String,
    tls: ServerTls,
    terms: ProviderTerms,
}

/// The terms of the cluster's provider, for hints.
#[derive(Clone, Copy)]
pub(crate) struct ProviderTerms {
    /// Which command shows the certificate authority of a cluster.
    pub certificate_source: &'static str,
    /// The setting of a cluster with the addresses that may connect.
    pub allowed_addresses: &'static str,
}

/// What the API server says about a token that it accepts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Review {
    /// Who the token belongs to.
    User {
        /// The user name in the cluster.
        name: String,
        /// The groups.
        groups: Vec<String>,
    },
    /// RBAC forbids the question; the server's message.
    Forbidden(String),
    /// The server is too old for the question.
    Unsupported,
}

#[derive(Deserialize)]
struct ReviewJson {
    status: ReviewStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReviewStatus {
    user_info: UserInfo,
}

#[derive(Deserialize)]
struct UserInfo {
    username: String,
    #[serde(default)]
    groups: Vec<String>,
}

impl ApiServer {
    /// Takes the settings from the cluster of a kubeconfig, and reads its file with certificates.
    pub(crate) fn new(
        cluster: &ClusterServer,
        terms: ProviderTerms,
        deadline: Deadline,
    ) -> Result<Self> {
        if cluster.url.is_empty() {
            return Err(
                Error::configuration("the cluster in the kubeconfig has no `server`")
                    .with_hint("add the URL of the API server to the cluster's entry"),
            );
        }
        if cluster.insecure_skip_tls_verify
            && (cluster.certificate_authority_data.is_some()
                || cluster.certificate_authority.is_some())
        {
            // As in client-go.
            let message =
                "the cluster has both `insecure-skip-tls-verify` and a certificate authority";
            return Err(Error::configuration(message).with_hint("remove one of them"));
        }
        Ok(Self {
            url: cluster.url.trim_end_matches('/').to_owned(),
            tls: ServerTls {
                authority: authority(cluster, terms, deadline)?,
                skip_verification: cluster.insecure_skip_tls_verify,
                server_name: cluster.tls_server_name.clone(),
                proxy_url: cluster.proxy_url.clone(),
            },
            terms,
        })
    }

    /// The host name, for messages.
    pub(crate) fn host(&self) -> String {
        host_of(&self.url)
    }

    /// Asks who the token belongs to.
    ///
    /// Fails with [`Kind::Denied`] if the server rejects the token, and with [`Kind::Unavailable`] if
    /// there is no usable response.
    pub(crate) fn who_am_i(&self, token: &Secret<String>, context: Context<'_>) -> Result<Review> {
        for version in VERSIONS {
            let response = self
                .post_review(version, token, context)
                .map_err(|failure| self.unreachable(failure, context))?;
            match response.status {
                404 => {}
                200 | 201 => return self.read(&response),
                401 => return Err(self.rejected()),
                403 => {
                    let message = status_message(&response, token);
                    return Ok(Review::Forbidden(message.unwrap_or_default()));
                }
                _ => return Err(self.unexpected(&response, token)),
            }
        }
        Ok(Review::Unsupported)
    }

    fn post_review(
        &self,
        version: &str,
        token: &Secret<String>,
        context: Context<'_>,
    ) -> Result<Response, SendError> {
        let url = format!(
            "{}/apis/authentication.k8s.io/{version}/selfsubjectreviews",
            self.url
        );
        let body = format!(
            r#"{{"kind":"SelfSubjectReview","apiVersion":"authentication.k8s.io/{version}"}}"#
        );
        let authorization = Zeroizing::new(format!("Bearer {}", token.expose()));
        let request = Request {
            method: Method::Post,
            url: &url,
            headers: &[
                ("authorization", authorization.as_str()),
                ("accept", "application/json"),
                ("content-type", "application/json"),
            ],
            body: body.as_bytes(),
            limit: MAX_BYTES,
        };
        let http = context.http;
        http.send_to_server(&self.tls, &request, context.deadline)
    }

    fn read(&self, response: &Response) -> Result<Review> {
        let Ok(review) = serde_json::from_slice::<ReviewJson>(response.body.expose()) else {
            return Err(self.not_an_api_server(response.status));
        };
        let UserInfo { username, groups } = review.status.user_info;
        if username == "system:anonymous" {
            let message = format!("the API server `{}` did not receive the token", self.host());
            return Err(Error::new(Kind::Denied, message).with_hint(
                "check whether a proxy in front of it removes the header `Authorization`",
            ));
        }
        Ok(Review::User {
            name: shortened(&username),
            groups: groups.iter().map(|group| shortened(group)).collect(),
        })
    }

    fn rejected(&self) -> Error {
        let message = format!("the API server `{}` rejected the token", self.host());
        Error::new(Kind::Denied, message).caused_by("HTTP status 401 (Unauthorized)")
    }

    fn unexpected(&self, response: &Response, token: &Secret<String>) -> Error {
        match (response.status, status_message(response, token)) {
            (status, Some(message)) => {
                let what = format!("the API server `{}` failed", self.host());
                Error::new(Kind::Unavailable, what)
                    .with_hint("try again in a moment")
                    .caused_by(format!("HTTP status {status}: {message}"))
            }
            (status, None) => self.not_an_api_server(status),
        }
    }

    fn not_an_api_server(&self, status: u16) -> Error {
        let host = self.host();
        let message = "the response did not come from a Kubernetes API server";
        Error::new(Kind::Unavailable, message)
            .with_hint("check `server` of the cluster in the kubeconfig, and whether a proxy answers for it")
            .caused_by(format!("`{host}` sent HTTP status {status} without a Kubernetes object"))
    }

    /// Adds a hint for what the kubeconfig can be wrong about.
    fn unreachable(&self, failure: SendError, context: Context<'_>) -> Error {
        // It was not sent: the settings are unusable.
        if failure.error.kind() == Kind::Configuration {
            return failure.error;
        }
        let proxy = self.tls.proxy_url.as_ref();
        let ProviderTerms {
            certificate_source,
            allowed_addresses,
        } = self.terms;
        let hint = match failure.reason {
            FailureReason::UnknownAuthority => &format!(
                "update the certificate authority of the cluster in the kubeconfig: {certificate_source}; \
                 a proxy that inspects TLS has the same effect"
            ),
            FailureReason::WrongHostName => {
                "check `server` and `tls-server-name` of the cluster in the kubeconfig"
            }
            FailureReason::CertificateDates => "check this machine's clock",
            FailureReason::Tls => "check `server` of the cluster: it may not be an API server",
            FailureReason::Dns if proxy.is_none() => {
                "check `server` of the cluster: it may belong to a cluster that was deleted, or resolve \
                 only within its network"
            }
            FailureReason::Timeout if proxy.is_none() => &format!(
                "check the network: the endpoint may be private, or not allow this address \
                 ({allowed_addresses}); connect from its network or through its VPN"
            ),
            FailureReason::Refused if proxy.is_none() => {
                "check `server` and its port: nothing listens there"
            }
            FailureReason::CaCertificate | FailureReason::InvalidCertificate => {
                return failure.error;
            }
            FailureReason::Other
            | FailureReason::Dns
            | FailureReason::ProxyAuthentication
            | FailureReason::ProxyRejection
            | FailureReason::Timeout
            | FailureReason::Refused => match proxy {
                Some(_) => "check `proxy-url` of the cluster in the kubeconfig",
                None => return failure.error,
            },
        };
        if context.deadline.is_over() && failure.reason == FailureReason::Timeout {
            let server = format!("the API server `{}`", self.host());
            return timed_out(server, context.deadline.allowed()).with_hint(hint);
        }
        failure.error.with_hint(hint)
    }
}

/// The CA certificates in PEM; `None` if those of the system are meant.
fn authority(
    cluster: &ClusterServer,
    terms: ProviderTerms,
    deadline: Deadline,
) -> Result<Option<Vec<u8>>> {
    if let Some(data) = &cluster.certificate_authority_data {
        let decoded = BASE64_STANDARD.decode(data);
        return decoded.map(Some).map_err(|_| {
            Error::configuration("`certificate-authority-data` of the cluster is not Base64")
                .with_hint(format!("copy it again: {}", terms.certificate_source))
        });
    }
    let Some(path) = &cluster.certificate_authority else {
        return Ok(None);
    };
    let content = read_until(path, MAX_BYTES, deadline);
    content.map(|pem| Some(pem.to_vec())).map_err(|error| {
        let path = path.display();
        let message = format!("cannot read the certificate authority in `{path}`");
        unreadable(
            message,
            "check `certificate-authority` of the cluster",
            error,
        )
    })
}

fn shortened(text: &str) -> String {
    one_line(&text.chars().take(MAX_TEXT).collect::<String>())
}

/// The message in a `Status` object, without the token.
fn status_message(response: &Response, token: &Secret<String>) -> Option<String> {
    #[derive(Deserialize)]
    struct Status {
        message: String,
    }
    let status: Status = serde_json::from_slice(response.body.expose()).ok()?;
    let message = status.message.replace(token.expose().as_str(), REDACTED);
    Some(shortened(&message))
}
