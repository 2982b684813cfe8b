//! What a call to STS that failed means to the user.
//!
//! The codes are those of STS's API reference (its common errors and those of both operations).

use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sts::operation::RequestId;
use http::uri::Authority;
use percent_encoding::utf8_percent_encode;

use crate::aws::sts::Sts;
use crate::error::{Error, Kind, one_line};
use crate::http::{RESERVED, timed_out, unreachable};
use crate::identity_token;
use crate::secret::{REDACTED, Secret};

/// Longer texts of the service are cut off: they are for a person.
const LONGEST_MESSAGE: usize = 1000;

/// Shorter secrets are not looked for in texts: they would match by chance.
const SHORTEST_SECRET: usize = 8;

/// The error type of an operation.
pub(super) trait ServiceFailure: std::error::Error + ProvideErrorMetadata + 'static {}

impl<T: std::error::Error + ProvideErrorMetadata + 'static> ServiceFailure for T {}

/// A call to STS: what its error messages speak of.
pub(super) struct Call<'a> {
    /// Which call.
    pub(super) operation: Operation<'a>,
    /// The role.
    pub(super) role_arn: &'a str,
    /// Where it goes.
    pub(super) sts: &'a Sts,
    /// What the service may echo and nobody may see.
    pub(super) secrets: Vec<&'a str>,
}

/// The operations.
pub(super) enum Operation<'a> {
    /// `AssumeRole`, with credentials.
    AssumeRole,
    /// `AssumeRoleWithWebIdentity`, with this identity token.
    WebIdentity(&'a Secret<String>),
}

/// A kind of failure, its message and its hint.
type Verdict = (Kind, String, &'static str);

impl Call<'_> {
    /// The error for a call that `server` refused, or that did not get there.
    pub(super) fn failed<E: ServiceFailure>(
        &self,
        server: &Authority,
        error: &SdkError<E>,
    ) -> Error {
        match error {
            SdkError::TimeoutError(_) => timed_out("AWS STS", self.sts.attempt_timeout()),
            SdkError::DispatchFailure(failure) => {
                let who = format!("AWS STS at `{server}`");
                let machine = self.sts.http.host();
                match failure.as_connector_error() {
                    Some(error) => unreachable(machine, &who, server.host(), error),
                    None => Error::new(Kind::Unavailable, format!("cannot reach {who}")),
                }
            }
            SdkError::ServiceError(answer) => {
                let status = answer.raw().status().as_u16();
                let request_id = error.request_id();
                match answer.err().code() {
                    Some(code) => {
                        let message = answer.err().message().unwrap_or_default();
                        self.refused(code, status, message, request_id)
                    }
                    None if status >= 500 => {
                        let (kind, sentence, hint) = busy();
                        let cause = format!("`{server}` answered with HTTP status {status}");
                        Error::new(kind, sentence).with_hint(hint).caused_by(cause)
                    }
                    None if status == 200 => self.not_from_sts(server, "it cannot be read"),
                    None => self.not_from_sts(server, &format!("HTTP status {status}")),
                }
            }
            SdkError::ResponseError(_) => self.not_from_sts(server, "it cannot be read"),
            // The texts of the remaining cases are the SDK's own and may quote the inputs.
            _ => Error::configuration("cannot build the request to AWS STS")
                .with_hint("check the role's ARN, the session's name and the credentials"),
        }
    }

    /// The error for an answer that is none of STS's.
    pub(super) fn not_from_sts(&self, server: &Authority, why: &str) -> Error {
        let message = format!("the answer of `{server}` is not one of AWS STS");
        let hint = match self.sts.settings.endpoint {
            Some(_) => "check the endpoint that `AWS_ENDPOINT_URL_STS` or `AWS_ENDPOINT_URL` names",
            None => "check the network: a proxy or a sign-in page may answer in the place of AWS",
        };
        Error::new(Kind::Unavailable, message)
            .with_hint(hint)
            .caused_by(why)
    }

    /// The error for what STS answered.
    fn refused(&self, code: &str, status: u16, message: &str, request_id: Option<&str>) -> Error {
        let (kind, sentence, hint) = self.verdict(code, status, message);
        let mut cause = one_line(&self.scrubbed(code));
        for part in [
            shortened(&one_line(&self.scrubbed(message))),
            request_id.map_or_else(String::new, |id| {
                format!("(request id {})", one_line(&self.scrubbed(id)))
            }),
        ] {
            if !part.is_empty() {
                cause.push_str(if part.starts_with('(') { " " } else { ": " });
                cause.push_str(&part);
            }
        }
        Error::new(kind, sentence).with_hint(hint).caused_by(cause)
    }

    fn verdict(&self, code: &str, status: u16, message: &str) -> Verdict {
        let role = self.scrubbed(self.role_arn);
        match code {
            _ if status == 429 || status >= 500 => busy(),
            "Throttling"
            | "ThrottlingException"
            | "ThrottledException"
            | "RequestThrottled"
            | "RequestThrottledException"
            | "RequestLimitExceeded"
            | "TooManyRequestsException"
            | "SlowDown"
            | "ServiceUnavailable"
            | "InternalFailure"
            | "InternalError" => busy(),
            "IDPCommunicationError" => (
                Kind::Unavailable,
                "AWS STS cannot reach the provider of the identity token".to_owned(),
                "try again; if it persists, check that the token's issuer can be reached from the internet",
            ),
            "RegionDisabledException" => (
                Kind::Configuration,
                format!(
                    "AWS STS is not enabled in the region `{}` for this account",
                    self.sts.region
                ),
                "enable it in the account settings of IAM, or choose another region",
            ),
            "MalformedPolicyDocument" | "PackedPolicyTooLarge" => (
                Kind::Configuration,
                "AWS STS does not accept the session policies".to_owned(),
                "check `policyArns`: at most 10 managed policies of the role's account or of AWS",
            ),
            "ValidationError" if is_about_duration(message) => (
                Kind::Configuration,
                format!("AWS STS does not give a session of this length for the role `{role}`"),
                match self.operation {
                    Operation::WebIdentity(_) => {
                        "write a shorter `duration`, such as `duration: 1h`, or raise the role's maximum session duration"
                    }
                    Operation::AssumeRole => {
                        "ask for a shorter session: one hour at most where one role assumes another"
                    }
                },
            ),
            "ExpiredTokenException" | "ExpiredToken" => self.expired(),
            "InvalidIdentityToken" => (
                Kind::Denied,
                "AWS STS does not accept the identity token".to_owned(),
                "check that the role's account has an identity provider for the token's issuer and audience",
            ),
            "IDPRejectedClaim" => (
                Kind::Denied,
                "the provider of the identity token rejected it".to_owned(),
                "get a new identity token, and check its audience",
            ),
            "RequestExpired" | "SignatureDoesNotMatch" if is_about_time(message) => (
                Kind::Denied,
                "AWS STS does not accept the time of the signature".to_owned(),
                "check this machine's clock",
            ),
            "InvalidClientTokenId"
            | "UnrecognizedClientException"
            | "SignatureDoesNotMatch"
            | "IncompleteSignature"
            | "MissingAuthenticationToken" => (
                Kind::Denied,
                "AWS STS does not accept the credentials that are to assume the role".to_owned(),
                "check the access key, its secret and its session token in the environment",
            ),
            "AccessDenied" | "AccessDeniedException" => self.denied(),
            _ if status == 401 || status == 403 => self.denied(),
            _ => (
                Kind::Configuration,
                format!("AWS STS does not accept the request for the role `{role}`"),
                "check the role's ARN, the session's name and the duration",
            ),
        }
    }

    fn denied(&self) -> Verdict {
        let hint = match self.operation {
            Operation::WebIdentity(_) => {
                "check the role's trust policy: the identity provider, the audience and the subject that it allows"
            }
            Operation::AssumeRole => {
                "check that the role's trust policy names this identity and its external id, and that the identity may call sts:AssumeRole"
            }
        };
        let role = self.scrubbed(self.role_arn);
        let message = format!("AWS STS does not let this identity assume the role `{role}`");
        (Kind::Denied, message, hint)
    }

    fn expired(&self) -> Verdict {
        let Operation::WebIdentity(token) = self.operation else {
            return (
                Kind::Denied,
                "the credentials that are to assume the role have expired".to_owned(),
                "get new credentials into the environment",
            );
        };
        // STS decides, not the local clock: the claim only explains its answer. STS also calls a
        // token expired that it deems too old, whatever the claim says.
        let now = self.sts.http.host().clock().now();
        let message = match identity_token::expiry(token).filter(|expiry| *expiry <= now) {
            Some(expiry) => {
                format!("AWS STS refuses the identity token: the token expired at {expiry}")
            }
            None => "AWS STS refuses the identity token as expired".to_owned(),
        };
        (Kind::Denied, message, "get a new identity token")
    }

    /// The text without the secrets of this call, as they are or escaped. The parts of an identity
    /// token are secrets as well.
    fn scrubbed(&self, text: &str) -> String {
        let mut clean = text.to_owned();
        for secret in &self.secrets {
            let parts = secret.split('.').filter(|part| part.len() < secret.len());
            for part in std::iter::once(*secret).chain(parts) {
                if part.len() >= SHORTEST_SECRET {
                    let escaped = utf8_percent_encode(part, RESERVED).to_string();
                    clean = clean.replace(part, REDACTED).replace(&escaped, REDACTED);
                }
            }
        }
        clean
    }
}

fn busy() -> Verdict {
    let message = "AWS STS cannot answer at the moment".to_owned();
    (Kind::Unavailable, message, "try again in a moment")
}

fn is_about_duration(message: &str) -> bool {
    ["DurationSeconds", "durationSeconds", "MaxSessionDuration"]
        .iter()
        .any(|word| message.contains(word))
}

fn is_about_time(message: &str) -> bool {
    ["expired", "not yet current"]
        .iter()
        .any(|word| message.contains(word))
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST_MESSAGE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
