//! From the response over the wire to the error.

use super::*;
use crate::aws::sts::tests::{TOKEN, assume_role, keys, web_identity};
use crate::context::test_context::test_context;
use crate::http::test_server::{TestServer, http_response};

/// An error response of STS.
fn xml(code: &str, message: &str) -> String {
    format!(
        r#"<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
          <Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>
          <RequestId>request-1</RequestId>
        </ErrorResponse>"#
    )
}

/// The kind, message, causes and hint of the error for a response.
fn failure(token: bool, status: u16, body: &str) -> (Kind, String, String, String) {
    let server = TestServer::responding([http_response(
        status,
        "x-amzn-requestid: request-1\r\n",
        body,
    )]);
    let context = test_context();
    let sts = context.sts_at(server.url());
    let result = if token {
        sts.assume_role_with_web_identity(&web_identity(&Secret::from(TOKEN)))
    } else {
        sts.assume_role(&keys(), &assume_role())
    };
    let error = result.unwrap_err();
    let authority = server.url().replace("http://", "");
    (
        error.kind(),
        error.to_string().replace(&authority, "HOST"),
        error
            .causes()
            .collect::<Vec<_>>()
            .join("|")
            .replace(&authority, "HOST"),
        error.hint().unwrap_or_default().to_owned(),
    )
}

const WITH_TOKEN: bool = true;
const WITH_KEYS: bool = false;

#[test]
fn error_codes_have_their_kind_message_cause_and_hint() {
    let role = "arn:aws:iam::123456789012:role/kubectl";
    let too_long =
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
    for (call, status, code, text, kind, message, hint) in [
        (
            WITH_TOKEN,
            403,
            "AccessDenied",
            "Not authorized to perform sts:AssumeRoleWithWebIdentity",
            Kind::Denied,
            format!("AWS STS does not allow this identity to assume the role `{role}`"),
            "check the role's trust policy: the identity provider, audience and subject that it allows",
        ),
        (
            WITH_KEYS,
            403,
            "AccessDenied",
            "User is not authorized to perform: sts:AssumeRole",
            Kind::Denied,
            format!("AWS STS does not allow this identity to assume the role `{role}`"),
            "check that the role's trust policy allows this identity and external ID, and that the identity has the permission `sts:AssumeRole`",
        ),
        (
            WITH_TOKEN,
            400,
            "ExpiredTokenException",
            "Token expired: current date/time …",
            Kind::Denied,
            "AWS STS rejected the identity token: it expired at 2023-04-28T00:00:00Z".to_owned(),
            "get a new identity token",
        ),
        (
            WITH_KEYS,
            403,
            "ExpiredToken",
            "The security token included in the request is expired",
            Kind::Denied,
            "the environment's AWS credentials have expired".to_owned(),
            "renew the AWS credentials in the environment",
        ),
        (
            WITH_TOKEN,
            400,
            "InvalidIdentityToken",
            "No OpenIDConnect provider found in your account for https://issuer.example.com",
            Kind::Denied,
            "AWS STS rejected the identity token".to_owned(),
            "check that the role's account has an identity provider for the token's issuer and audience",
        ),
        (
            WITH_TOKEN,
            403,
            "IDPRejectedClaim",
            "The claim is invalid",
            Kind::Denied,
            "the identity provider rejected the identity token".to_owned(),
            "get a new identity token, and check its audience",
        ),
        (
            WITH_TOKEN,
            400,
            "IDPCommunicationError",
            "The IdP could not be reached",
            Kind::Unavailable,
            "AWS STS cannot reach the issuer of the identity token".to_owned(),
            "try again; if it persists, check that the issuer is reachable from the internet",
        ),
        (
            WITH_TOKEN,
            403,
            "RegionDisabledException",
            "STS is not activated in this region",
            Kind::Configuration,
            "AWS STS is not enabled in the region `eu-west-1` for this account".to_owned(),
            "enable it in the account settings of IAM, or use another region",
        ),
        (
            WITH_TOKEN,
            400,
            "MalformedPolicyDocument",
            "The policy is not in the valid JSON format.",
            Kind::Definition,
            "AWS STS rejected the session policies".to_owned(),
            "check `policyArns`: at most 10 managed policies, owned by AWS or by the role's account",
        ),
        (
            WITH_TOKEN,
            400,
            "PackedPolicyTooLarge",
            "Packed policy consumes 112% of allotted space",
            Kind::Definition,
            "AWS STS rejected the session policies".to_owned(),
            "check `policyArns`: at most 10 managed policies, owned by AWS or by the role's account",
        ),
        (
            WITH_TOKEN,
            400,
            "ValidationError",
            too_long,
            Kind::Definition,
            format!("AWS STS rejected the session duration for the role `{role}`"),
            "set a shorter `duration`, such as `duration: 1h`, or raise the role's maximum session duration",
        ),
        (
            WITH_TOKEN,
            400,
            "ValidationError",
            "Request ARN is invalid",
            Kind::Configuration,
            format!("AWS STS rejected the request to assume the role `{role}`"),
            "check the role ARN, the session name and the duration",
        ),
        (
            WITH_KEYS,
            403,
            "InvalidClientTokenId",
            "The security token included in the request is invalid.",
            Kind::Denied,
            "AWS STS rejected the environment's AWS credentials".to_owned(),
            "check the access key ID, the secret access key and the session token in the environment",
        ),
        (
            WITH_KEYS,
            403,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match",
            Kind::Denied,
            "AWS STS rejected the environment's AWS credentials".to_owned(),
            "check the access key ID, the secret access key and the session token in the environment",
        ),
        (
            WITH_KEYS,
            403,
            "SignatureDoesNotMatch",
            "Signature expired: 20230428T000001Z is now earlier than 20230501T000000Z",
            Kind::Denied,
            "AWS STS rejected the time of the signature".to_owned(),
            "set this machine's clock",
        ),
        (
            WITH_KEYS,
            400,
            "Throttling",
            "Rate exceeded",
            Kind::Unavailable,
            "AWS STS is temporarily unavailable".to_owned(),
            "try again in a moment",
        ),
        (
            WITH_KEYS,
            503,
            "ServiceUnavailable",
            "Service is unavailable",
            Kind::Unavailable,
            "AWS STS is temporarily unavailable".to_owned(),
            "try again in a moment",
        ),
        (
            WITH_KEYS,
            500,
            "SomethingNew",
            "No",
            Kind::Unavailable,
            "AWS STS is temporarily unavailable".to_owned(),
            "try again in a moment",
        ),
        (
            WITH_KEYS,
            429,
            "SomethingNew",
            "No",
            Kind::Unavailable,
            "AWS STS is temporarily unavailable".to_owned(),
            "try again in a moment",
        ),
        (
            WITH_TOKEN,
            403,
            "SomethingNew",
            "No",
            Kind::Denied,
            format!("AWS STS does not allow this identity to assume the role `{role}`"),
            "check the role's trust policy: the identity provider, audience and subject that it allows",
        ),
    ] {
        let got = failure(call, status, &xml(code, text));
        // The claims are shown where the identity, and not its expiry or the request, is the problem.
        let is_about_identity = matches!(
            code,
            "AccessDenied"
                | "IDPCommunicationError"
                | "IDPRejectedClaim"
                | "InvalidIdentityToken"
                | "SomethingNew"
        );
        let claims = if call == WITH_TOKEN && is_about_identity && status < 429 {
            "|the identity token has sub `alice`"
        } else {
            ""
        };
        let cause = format!("{code}: {text} (request ID request-1){claims}");
        assert_eq!(got, (kind, message, cause, hint.to_owned()));
    }
}

#[test]
fn responses_of_other_servers_are_recognized() {
    let message = "the response did not come from AWS STS";
    let hint = "check the endpoint in `AWS_ENDPOINT_URL_STS` or `AWS_ENDPOINT_URL`";
    let busy = "AWS STS is temporarily unavailable";
    for (status, body, message, cause, hint) in [
        (
            404,
            "<html>Not found</html>",
            message,
            "`HOST` sent HTTP status 404 without an error code",
            hint,
        ),
        (
            403,
            "",
            message,
            "`HOST` sent HTTP status 403 without an error code",
            hint,
        ),
        (
            302,
            "",
            message,
            "`HOST` sent HTTP status 302 without an error code",
            hint,
        ),
        (
            200,
            "<html>Sign in</html>",
            message,
            "`HOST` sent an unreadable response",
            hint,
        ),
        (200, "", message, "`HOST` sent an unreadable response", hint),
        (
            200,
            "<AssumeRoleResponse><AssumeRoleResult/></AssumeRoleResponse>",
            message,
            "`HOST` sent a response without complete credentials",
            hint,
        ),
        (
            502,
            "<html>Bad gateway</html>",
            busy,
            "`HOST` sent HTTP status 502 without an error code",
            "try again in a moment",
        ),
    ] {
        let got = failure(WITH_KEYS, status, body);
        let want = (
            Kind::Unavailable,
            message.to_owned(),
            cause.to_owned(),
            hint.to_owned(),
        );
        assert_eq!(got, want, "{status} {body}");
    }
}

#[test]
fn secrets_are_redacted_from_messages() {
    let [header, payload, signature] = [0, 1, 2].map(|part| TOKEN.split('.').nth(part).unwrap());
    let echo = format!("got {TOKEN}, {signature}\n and {payload}\u{7f}{header}x");
    let (_, _, cause, _) = failure(WITH_TOKEN, 400, &xml("ValidationError", &echo));
    assert_eq!(
        cause,
        "ValidationError: got [secret], [secret] and [secret] [secret]x (request ID request-1)"
    );

    let echo = "secret/key/of/alice session/token/of/alice== session%2Ftoken%2Fof%2Falice%3D%3D";
    let (_, _, cause, _) = failure(WITH_KEYS, 403, &xml("SignatureDoesNotMatch", echo));
    assert_eq!(
        cause,
        "SignatureDoesNotMatch: [secret] [secret] [secret] (request ID request-1)"
    );

    let long = "x".repeat(100_000);
    let (_, _, cause, _) = failure(WITH_KEYS, 403, &xml("AccessDenied", &long));
    assert!(
        cause.contains("x… (request ID") && cause.len() < 1_100,
        "{cause}"
    );
}

#[test]
fn secret_inputs_are_redacted() {
    let text = "arn:aws:iam::123456789012:role/kubectl is not yours";
    let body = xml("AccessDenied", text);
    let server =
        TestServer::responding([http_response(403, "x-amzn-requestid: request-1\r\n", &body)]);
    let context = test_context();
    let sts = context.sts_at(server.url());
    let token = Secret::from(TOKEN);
    let mut request = web_identity(&token);
    let role = request.role_arn.clone();
    request.secret_inputs.push(&role);
    let error = sts.assume_role_with_web_identity(&request).unwrap_err();
    assert_eq!(
        error.to_string(),
        "AWS STS does not allow this identity to assume the role `[secret]`"
    );
    assert!(!format!("{error:?}").contains("kubectl"), "{error:?}");
}

#[test]
fn future_expiry_is_not_quoted() {
    // `{"exp":1682640002}`, a second after the test's time.
    let token = Secret::from("e30.eyJleHAiOjE2ODI2NDAwMDJ9.c2ln");
    let server = TestServer::responding([http_response(
        400,
        "",
        &xml("ExpiredTokenException", "Token"),
    )]);
    let context = test_context();
    let sts = context.sts_at(server.url());
    let error = sts.assume_role_with_web_identity(&web_identity(&token));
    assert_eq!(
        error.unwrap_err().to_string(),
        "AWS STS rejected the identity token as expired"
    );
}

#[test]
fn external_id_is_redacted() {
    let body = xml("AccessDenied", "the external ID tenant-7731 is wrong");
    let server = TestServer::responding([http_response(403, "", &body)]);
    let context = test_context();
    let sts = context.sts_at(server.url());
    let mut request = assume_role();
    request.external_id = Some("tenant-7731".to_owned());
    let error = sts.assume_role(&keys(), &request).unwrap_err();
    let causes: Vec<_> = error.causes().collect();
    assert_eq!(causes, ["AccessDenied: the external ID [secret] is wrong"]);
}

#[test]
fn token_counts_as_rejected_only_if_sts_sent_an_error_code() {
    let context = test_context();
    let call = ServiceCall {
        context: context.get(),
        operation: Operation::GetCallerIdentity,
        has_custom_endpoint: false,
        secrets: Vec::new(),
    };
    let rejected = "AWS STS rejected the token, so every cluster will too";
    let busy = "AWS STS is temporarily unavailable";
    let other = "the response did not come from AWS STS";
    for (status, code, kind, message) in [
        (403, Some("InvalidClientTokenId"), Kind::Denied, rejected),
        (400, Some("ValidationError"), Kind::Denied, rejected),
        (400, Some("Throttling"), Kind::Unavailable, busy),
        (503, None, Kind::Unavailable, busy),
        (403, None, Kind::Unavailable, other),
    ] {
        let response = ErrorResponse {
            status,
            code,
            message: "No",
            request_id: None,
        };
        let error = call.rejection(&Authority::from_static("sts.example.com"), &response);
        assert_eq!((error.kind(), error.to_string().as_str()), (kind, message));
        assert!(error.hint().is_some(), "{code:?}");
    }
}
