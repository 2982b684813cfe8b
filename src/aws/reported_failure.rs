//! Failed calls to AWS that Pulumi Cloud made for a provider. Its diagnostics quote the AWS SDK for Go:
//! `operation error STS: AssumeRole, https response error StatusCode: 403, RequestID: …, api error
//! AccessDenied: …`.

use crate::aws::failure::{Operation, Reason, RoleToAssume, ServiceCall, Wording};
use crate::context::Context;
use crate::error::{Error, Kind};
use crate::secret::Secret;

/// The error for the failure that a diagnostic reports, as for a call from this machine. `None` if it reports
/// none, or one that only a change to the definition can correct.
pub(crate) fn read(text: &str, context: Context<'_>) -> Option<Error> {
    let (_, failure) = text.split_once("operation error ")?;
    let (service, failure) = failure.split_once(": ")?;
    let (operation, failure) = failure.split_once(", ")?;
    let reason = reason(failure, text);
    let is_about_role = !matches!(reason, Reason::ClockSkew | Reason::RegionDisabled);
    let (kind, message, hint) = if is_about_role && operation.starts_with("AssumeRole") {
        role_wording(reason, context)
    } else {
        service_wording(reason, service, operation)?
    };
    Some(
        Error::new(kind, message)
            .with_hint(hint)
            .caused_by(text.to_owned()),
    )
}

fn reason(failure: &str, text: &str) -> Reason {
    let Some((_, response)) = failure.split_once("StatusCode: ") else {
        // The request was not sent.
        return Reason::Busy;
    };
    let mut parts = response.split(", ");
    let status = parts.next().and_then(|status| status.parse().ok());
    let code = parts.find_map(|part| {
        let (code, _) = part
            .strip_prefix("api error ")
            .unwrap_or(part)
            .split_once(": ")?;
        let is_code = code != "RequestID" && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_code.then_some(code)
    });
    match (status, code) {
        (Some(status), Some(code)) if status != 0 => Reason::of(code, status, text),
        _ => Reason::Busy,
    }
}

fn role_wording(reason: Reason, context: Context<'_>) -> Wording {
    let call = ServiceCall {
        context,
        operation: Operation::AssumeRole(RoleToAssume {
            arn: "",
            region: "",
            // Pulumi Cloud's own.
            identity_token: Some(&Secret::from("")),
        }),
        has_custom_endpoint: false,
        secrets: Vec::new(),
    };
    call.wording(reason)
}

fn service_wording(reason: Reason, service: &str, operation: &str) -> Option<Wording> {
    match reason {
        Reason::Busy => Some((
            Kind::Unavailable,
            format!("{service} of AWS is temporarily unavailable"),
            "try again in a moment",
        )),
        Reason::CredentialsRejected | Reason::Denied | Reason::Expired => Some((
            Kind::Denied,
            format!("{service} of AWS denied `{operation}`"),
            "check the credentials that the provider uses, and their permissions",
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::{Clock, Timestamp};
    use crate::host::Host;
    use crate::http::HttpClient;
    use crate::log::Log;

    #[test]
    fn failures_in_the_words_of_the_sdk_for_go_have_their_kind() {
        const ASSUME: &str =
            "unable to assume role: operation error STS: AssumeRoleWithWebIdentity, ";
        let response = |status, error| {
            format!("{ASSUME}https response error StatusCode: {status}, RequestID: 1-2, {error}")
        };
        let host = Host::with([("", ""); 0], Clock::fixed(Timestamp::from_unix(0)));
        let (http, log) = (HttpClient::new(&host), Log::disabled());
        let context = Context::new(&host, &http, &log, Duration::from_secs(1));
        for (text, want) in [
            (
                response(403, "api error AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity"),
                Some((Kind::Denied, "AWS STS does not allow this identity to assume the role")),
            ),
            (
                response(400, "InvalidIdentityToken: No OpenIDConnect provider found in your account, for https://a"),
                Some((Kind::Denied, "AWS STS rejected the identity token")),
            ),
            (
                response(400, "api error ValidationError: The requested DurationSeconds exceeds the MaxSessionDuration set for this role."),
                Some((Kind::Definition, "AWS STS rejected the session duration for the role")),
            ),
            (
                response(503, "api error ServiceUnavailable: x"),
                Some((Kind::Unavailable, "AWS STS is temporarily unavailable")),
            ),
            (
                format!("{ASSUME}exceeded maximum number of attempts, 3, https response error StatusCode: 0, RequestID: , request send failed, Post \"https://sts.amazonaws.com/\": dial tcp: i/o timeout"),
                Some((Kind::Unavailable, "AWS STS is temporarily unavailable")),
            ),
            (
                "operation error Secrets Manager: GetSecretValue, https response error StatusCode: 400, RequestID: 1, api error AccessDeniedException: no".to_owned(),
                Some((Kind::Denied, "Secrets Manager of AWS denied `GetSecretValue`")),
            ),
            (
                "operation error Secrets Manager: GetSecretValue, https response error StatusCode: 400, RequestID: 1, ResourceNotFoundException: no".to_owned(),
                None,
            ),
            ("unknown property \"operation error \"".to_owned(), None),
        ] {
            let error = read(&text, context);
            let got = error.as_ref().map(|error| (error.kind(), error.to_string()));
            assert_eq!(got, want.map(|(kind, message)| (kind, message.to_owned())), "{text}");
            let causes: Vec<_> = error.iter().flat_map(Error::causes).collect();
            assert!(error.is_none() || causes == [text], "{causes:?}");
        }
    }
}
