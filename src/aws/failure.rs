//! The wording of failed calls to AWS STS and Amazon EKS: each error code's kind, message and hint.
//!
//! The codes are those of the API references: the common errors of both services, and the errors of
//! `AssumeRole`, `AssumeRoleWithWebIdentity` and `DescribeCluster`.

use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sts::operation::RequestId;
use http::uri::Authority;

use crate::aws::endpoint::{Region, Service};
use crate::aws::sdk;
use crate::clock::describe_skew;
use crate::context::Context;
use crate::error::{Error, Kind, one_line};
use crate::http::{is_busy, redacted, timed_out, unreachable};
use crate::identity_token;
use crate::secret::Secret;

pub(super) use crate::http::shortened;

/// A call to an AWS service, as its error messages describe it.
pub(super) struct ServiceCall<'a> {
    pub(super) context: Context<'a>,
    pub(super) operation: Operation<'a>,
    /// Whether a variable replaces the endpoint of AWS.
    pub(super) has_custom_endpoint: bool,
    /// Secrets that the service may quote in its response.
    pub(super) secrets: Vec<&'a str>,
}

/// What is called.
#[derive(Clone, Copy)]
pub(super) enum Operation<'a> {
    /// Also `AssumeRoleWithWebIdentity`.
    AssumeRole(RoleToAssume<'a>),
    DescribeCluster {
        name: &'a str,
        region: &'a str,
    },
    GetCallerIdentity,
}

#[derive(Clone, Copy)]
pub(super) struct RoleToAssume<'a> {
    /// Empty if it is not known.
    pub(super) arn: &'a str,
    /// The region of STS.
    pub(super) region: &'a str,
    /// For `AssumeRoleWithWebIdentity`.
    pub(super) identity_token: Option<&'a Secret<String>>,
}

impl Operation<'_> {
    fn service(self) -> Service {
        match self {
            Self::DescribeCluster { .. } => Service::Eks,
            Self::AssumeRole(_) | Self::GetCallerIdentity => Service::Sts,
        }
    }

    fn region(&self) -> Option<&str> {
        match self {
            Self::AssumeRole(role) => Some(role.region),
            Self::DescribeCluster { region, .. } => Some(region),
            Self::GetCallerIdentity => None,
        }
    }
}

/// A response with an error.
pub(super) struct ErrorResponse<'a> {
    pub(super) status: u16,
    /// The error code; AWS services always send one.
    pub(super) code: Option<&'a str>,
    pub(super) message: &'a str,
    pub(super) request_id: Option<&'a str>,
}

/// What an error code means.
#[derive(Clone, Copy)]
pub(super) enum Reason {
    Busy,
    ClockSkew,
    CredentialsRejected,
    Denied,
    DurationRejected,
    Expired,
    IssuerUnreachable,
    NotFound,
    PoliciesRejected,
    RegionDisabled,
    RequestRejected,
    TokenRejected,
    TokenRejectedByIssuer,
}

impl Reason {
    pub(super) fn of(code: &str, status: u16, message: &str) -> Self {
        let contains_any = |words: &[&str]| words.iter().any(|word| message.contains(word));
        match code {
            _ if is_busy(status) => Self::Busy,
            "InternalError"
            | "InternalFailure"
            | "RequestLimitExceeded"
            | "RequestThrottled"
            | "RequestThrottledException"
            | "ServerException"
            | "ServiceUnavailable"
            | "SlowDown"
            | "ThrottledException"
            | "Throttling"
            | "ThrottlingException"
            | "TooManyRequestsException" => Self::Busy,
            "InvalidSignatureException" | "RequestExpired" | "SignatureDoesNotMatch"
                if contains_any(&["expired", "not yet current"]) =>
            {
                Self::ClockSkew
            }
            "IncompleteSignature"
            | "InvalidClientTokenId"
            | "InvalidSignatureException"
            | "MissingAuthenticationToken"
            | "SignatureDoesNotMatch"
            | "UnrecognizedClientException" => Self::CredentialsRejected,
            "ExpiredToken" | "ExpiredTokenException" => Self::Expired,
            "IDPCommunicationError" => Self::IssuerUnreachable,
            "IDPRejectedClaim" => Self::TokenRejectedByIssuer,
            "InvalidIdentityToken" => Self::TokenRejected,
            "MalformedPolicyDocument" | "PackedPolicyTooLarge" => Self::PoliciesRejected,
            "RegionDisabledException" => Self::RegionDisabled,
            "ResourceNotFoundException" => Self::NotFound,
            "ValidationError"
                if contains_any(&["DurationSeconds", "durationSeconds", "MaxSessionDuration"]) =>
            {
                Self::DurationRejected
            }
            "AccessDenied" | "AccessDeniedException" => Self::Denied,
            _ if status == 401 || status == 403 => Self::Denied,
            _ => Self::RequestRejected,
        }
    }

    /// Whether the credentials or the identity token are the reason, whatever they were used for.
    fn rejects_login(self) -> bool {
        matches!(
            self,
            Self::CredentialsRejected
                | Self::Expired
                | Self::TokenRejected
                | Self::TokenRejectedByIssuer
        )
    }
}

/// The kind, the message and the hint of an error.
pub(super) type Wording = (Kind, String, &'static str);

impl ServiceCall<'_> {
    /// The error for a call to `server` that failed.
    pub(super) fn failure<E>(&self, server: &Authority, error: &SdkError<E>) -> Error
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
    {
        let service = self.operation.service();
        match error {
            SdkError::TimeoutError(_) => {
                timed_out(service, sdk::attempt_timeout(self.context.deadline))
            }
            SdkError::DispatchFailure(failure) => {
                let name = format!("{service} at `{server}`");
                let error = match failure.as_connector_error() {
                    Some(error) => unreachable(self.context.host, &name, server.host(), error),
                    None => Error::new(Kind::Unavailable, format!("cannot reach {name}")),
                };
                self.with_region_hint(error)
            }
            SdkError::ServiceError(response) => self.rejection(
                server,
                &ErrorResponse {
                    status: response.raw().status().as_u16(),
                    code: response.err().code(),
                    message: response.err().message().unwrap_or_default(),
                    request_id: error.request_id(),
                },
            ),
            SdkError::ResponseError(_) => self.not_from_aws(server, "an unreadable response"),
            // The SDK's messages for the remaining cases may quote the inputs.
            _ => Error::configuration(format!("cannot build the request to {service}"))
                .with_hint(self.wording(Reason::RequestRejected).2),
        }
    }

    /// The error of a server that cannot be reached, with the hint to check a region in its name that looks
    /// misspelled.
    pub(super) fn with_region_hint(&self, error: Error) -> Error {
        let region = self.operation.region();
        let region = region.filter(|_| !self.has_custom_endpoint);
        let warning = region.and_then(|region| Region::parse(region).ok()?.spelling_warning());
        match warning {
            Some(warning) => error.with_hint(format!("check the region: {warning}")),
            None => error,
        }
    }

    /// The error for a response of `server` with an error.
    pub(super) fn rejection(&self, server: &Authority, response: &ErrorResponse<'_>) -> Error {
        let status = response.status;
        let (reason, cause) = match response.code {
            Some(code) => (
                Reason::of(code, status, response.message),
                self.cause(code, response),
            ),
            None if is_busy(status) => (
                Reason::Busy,
                format!("`{server}` sent HTTP status {status} without an error code"),
            ),
            None if status == 200 => return self.not_from_aws(server, "an unreadable response"),
            None => {
                let sent = format!("HTTP status {status} without an error code");
                return self.not_from_aws(server, &sent);
            }
        };
        let (kind, message, hint) = self.wording(reason);
        let error = Error::new(kind, message)
            .with_hint(hint)
            .rejecting_login(reason.rejects_login());
        match self.claims(reason) {
            Some(claims) => error.caused_by(Error::new(kind, cause).caused_by(claims)),
            None => error.caused_by(cause),
        }
    }

    /// The claims of the identity token that a trust policy or an identity provider did not accept.
    fn claims(&self, reason: Reason) -> Option<String> {
        let Operation::AssumeRole(role) = self.operation else {
            return None;
        };
        let is_about_trust = matches!(
            reason,
            Reason::Denied
                | Reason::IssuerUnreachable
                | Reason::TokenRejected
                | Reason::TokenRejectedByIssuer
        );
        let token = role.identity_token.filter(|_| is_about_trust)?;
        // A secret input may be in the claims too.
        identity_token::describe_claims(token).map(|claims| self.redacted(&claims))
    }

    /// The error for a response of `server` that AWS cannot have sent.
    pub(super) fn not_from_aws(&self, server: &Authority, sent: &str) -> Error {
        let service = self.operation.service();
        let hint = if self.has_custom_endpoint {
            let variable = service.endpoint_variable();
            format!("check the endpoint in `{variable}` or `AWS_ENDPOINT_URL`")
        } else {
            "check the network: a proxy or a sign-in page may be answering for AWS".to_owned()
        };
        let message = format!("the response did not come from {service}");
        Error::new(Kind::Unavailable, message)
            .with_hint(hint)
            .caused_by(format!("`{server}` sent {sent}"))
    }

    /// The service's own words, such as `AccessDenied: … (request ID …)`.
    fn cause(&self, code: &str, response: &ErrorResponse<'_>) -> String {
        let code = one_line(&self.redacted(code));
        let message = shortened(&one_line(&self.redacted(response.message)));
        let separator = if message.is_empty() { "" } else { ": " };
        let id = match response.request_id {
            Some(id) if !id.is_empty() => {
                format!(" (request ID {})", one_line(&self.redacted(id)))
            }
            _ => String::new(),
        };
        format!("{code}{separator}{message}{id}")
    }

    pub(super) fn wording(&self, reason: Reason) -> Wording {
        let service = self.operation.service();
        match (reason, self.operation) {
            (Reason::Busy, _) => (
                Kind::Unavailable,
                format!("{service} is temporarily unavailable"),
                "try again in a moment",
            ),
            (Reason::ClockSkew, _) => (
                Kind::Denied,
                match describe_skew(self.context.http.aws_clock_offset(), "AWS") {
                    Some(skew) => format!("{service} rejected the time of the signature: {skew}"),
                    None => format!("{service} rejected the time of the signature"),
                },
                "set this machine's clock",
            ),
            (_, Operation::GetCallerIdentity) => (
                Kind::Denied,
                format!("{service} rejected the token, so every cluster will too"),
                "check the credentials: they may be wrong, expired or revoked",
            ),
            (Reason::CredentialsRejected, _) => (
                Kind::Denied,
                format!("{service} rejected the environment's AWS credentials"),
                "check the access key ID, the secret access key and the session token in the environment",
            ),
            (_, Operation::AssumeRole(role)) => self.role_wording(reason, role),
            (_, Operation::DescribeCluster { name, region }) => {
                cluster_wording(reason, name, region)
            }
        }
    }

    fn role_wording(&self, reason: Reason, role: RoleToAssume<'_>) -> Wording {
        let RoleToAssume {
            region,
            identity_token,
            ..
        } = role;
        let role = match role.arn {
            "" => "the role".to_owned(),
            arn => format!("the role `{}`", self.redacted(arn)),
        };
        match reason {
            Reason::Denied => (
                Kind::Denied,
                format!("AWS STS does not allow this identity to assume {role}"),
                if identity_token.is_some() {
                    "check the role's trust policy: the identity provider, audience and subject that it allows"
                } else {
                    "check that the role's trust policy allows this identity and external ID, and that the identity has the permission `sts:AssumeRole`"
                },
            ),
            Reason::DurationRejected => (
                Kind::Definition,
                format!("AWS STS rejected the session duration for {role}"),
                "set a shorter `duration`, such as `duration: 1h`, or raise the role's maximum session duration",
            ),
            Reason::Expired => self.expired_wording(identity_token),
            Reason::IssuerUnreachable => (
                Kind::Unavailable,
                "AWS STS cannot reach the issuer of the identity token".to_owned(),
                "try again; if it persists, check that the issuer is reachable from the internet",
            ),
            Reason::PoliciesRejected => (
                Kind::Definition,
                "AWS STS rejected the session policies".to_owned(),
                "check `policyArns`: at most 10 managed policies, owned by AWS or by the role's account",
            ),
            Reason::RegionDisabled => (
                Kind::Configuration,
                format!("AWS STS is not enabled in the region `{region}` for this account"),
                "enable it in the account settings of IAM, or use another region",
            ),
            Reason::TokenRejected => (
                Kind::Denied,
                "AWS STS rejected the identity token".to_owned(),
                "check that the role's account has an identity provider for the token's issuer and audience",
            ),
            Reason::TokenRejectedByIssuer => (
                Kind::Denied,
                "the identity provider rejected the identity token".to_owned(),
                "get a new identity token, and check its audience",
            ),
            _ => (
                Kind::Configuration,
                format!("AWS STS rejected the request to assume {role}"),
                "check the role ARN, the session name and the duration",
            ),
        }
    }

    /// STS decides by its own clock and rules, so the claim `exp` is quoted only if it agrees.
    fn expired_wording(&self, identity_token: Option<&Secret<String>>) -> Wording {
        let Some(token) = identity_token else {
            return expired_credentials();
        };
        let expiry =
            identity_token::expiry(token).filter(|expiry| *expiry <= self.context.http.aws_time());
        let message = match expiry {
            Some(expiry) => format!("AWS STS rejected the identity token: it expired at {expiry}"),
            None => "AWS STS rejected the identity token as expired".to_owned(),
        };
        (Kind::Denied, message, "get a new identity token")
    }

    /// The text without the secrets of this call.
    fn redacted(&self, text: &str) -> String {
        redacted(text, &self.secrets)
    }
}

fn cluster_wording(reason: Reason, name: &str, region: &str) -> Wording {
    match reason {
        Reason::Denied => (
            Kind::Denied,
            format!(
                "the environment's AWS credentials are not allowed to describe the EKS cluster `{name}`"
            ),
            "allow `eks:DescribeCluster`, or pass `--server` and `--certificate-authority`",
        ),
        Reason::Expired => expired_credentials(),
        Reason::NotFound => (
            Kind::Configuration,
            format!("there is no EKS cluster `{name}` in the region `{region}`"),
            "check the cluster name, the region, and the account of the credentials",
        ),
        _ => (
            Kind::Configuration,
            format!("Amazon EKS rejected the request for the cluster `{name}`"),
            "check the cluster name and the region",
        ),
    }
}

fn expired_credentials() -> Wording {
    (
        Kind::Denied,
        "the environment's AWS credentials have expired".to_owned(),
        "renew the AWS credentials in the environment",
    )
}

#[cfg(test)]
mod tests;
