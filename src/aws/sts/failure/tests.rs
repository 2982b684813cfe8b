//! The wire in, the error out.

use std::time::Duration;

use super::*;
use crate::aws::sts::tests::{TOKEN, assume_role, keys, sts_at, web_identity};
use crate::http::test_server::{TestServer, http_response};

/// An error as STS words it.
fn xml(code: &str, message: &str) -> String {
    format!(
        r#"<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
          <Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>
          <RequestId>request-1</RequestId>
        </ErrorResponse>"#
    )
}

/// The kind, message, causes and hint of what is made of an answer.
fn failure(token: bool, status: u16, body: &str) -> (Kind, String, String, String) {
    let server = TestServer::responding([http_response(
        status,
        "x-amzn-requestid: request-1\r\n",
        body,
    )]);
    let sts = sts_at(server.url(), Duration::from_secs(20));
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
#[expect(clippy::too_many_lines, reason = "it is a table")]
fn each_refusal_has_its_kind_message_cause_and_hint() {
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
            format!("AWS STS does not let this identity assume the role `{role}`"),
            "check the role's trust policy: the identity provider, the audience and the subject that it allows",
        ),
        (
            WITH_KEYS,
            403,
            "AccessDenied",
            "User is not authorized to perform: sts:AssumeRole",
            Kind::Denied,
            format!("AWS STS does not let this identity assume the role `{role}`"),
            "check that the role's trust policy names this identity and its external id, and that the identity may call sts:AssumeRole",
        ),
        (
            WITH_TOKEN,
            400,
            "ExpiredTokenException",
            "Token expired: current date/time …",
            Kind::Denied,
            "AWS STS refuses the identity token: the token expired at 2023-04-28T00:00:00Z"
                .to_owned(),
            "get a new identity token",
        ),
        (
            WITH_KEYS,
            403,
            "ExpiredToken",
            "The security token included in the request is expired",
            Kind::Denied,
            "the credentials that are to assume the role have expired".to_owned(),
            "get new credentials into the environment",
        ),
        (
            WITH_TOKEN,
            400,
            "InvalidIdentityToken",
            "No OpenIDConnect provider found in your account for https://issuer.example.com",
            Kind::Denied,
            "AWS STS does not accept the identity token".to_owned(),
            "check that the role's account has an identity provider for the token's issuer and audience",
        ),
        (
            WITH_TOKEN,
            403,
            "IDPRejectedClaim",
            "The claim is invalid",
            Kind::Denied,
            "the provider of the identity token rejected it".to_owned(),
            "get a new identity token, and check its audience",
        ),
        (
            WITH_TOKEN,
            400,
            "IDPCommunicationError",
            "The IdP could not be reached",
            Kind::Unavailable,
            "AWS STS cannot reach the provider of the identity token".to_owned(),
            "try again; if it persists, check that the token's issuer can be reached from the internet",
        ),
        (
            WITH_TOKEN,
            403,
            "RegionDisabledException",
            "STS is not activated in this region",
            Kind::Configuration,
            "AWS STS is not enabled in the region `eu-west-1` for this account".to_owned(),
            "enable it in the account settings of IAM, or choose another region",
        ),
        (
            WITH_TOKEN,
            400,
            "MalformedPolicyDocument",
            "The policy is not in the valid JSON format.",
            Kind::Configuration,
            "AWS STS does not accept the session policies".to_owned(),
            "check `policyArns`: at most 10 managed policies of the role's account or of AWS",
        ),
        (
            WITH_TOKEN,
            400,
            "PackedPolicyTooLarge",
            "Packed policy consumes 112% of allotted space",
            Kind::Configuration,
            "AWS STS does not accept the session policies".to_owned(),
            "check `policyArns`: at most 10 managed policies of the role's account or of AWS",
        ),
        (
            WITH_TOKEN,
            400,
            "ValidationError",
            too_long,
            Kind::Configuration,
            format!("AWS STS does not give a session of this length for the role `{role}`"),
            "write a shorter `duration`, such as `duration: 1h`, or raise the role's maximum session duration",
        ),
        (
            WITH_KEYS,
            400,
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
            Kind::Configuration,
            format!("AWS STS does not give a session of this length for the role `{role}`"),
            "ask for a shorter session: one hour at most where one role assumes another",
        ),
        (
            WITH_TOKEN,
            400,
            "ValidationError",
            "Request ARN is invalid",
            Kind::Configuration,
            format!("AWS STS does not accept the request for the role `{role}`"),
            "check the role's ARN, the session's name and the duration",
        ),
        (
            WITH_KEYS,
            403,
            "InvalidClientTokenId",
            "The security token included in the request is invalid.",
            Kind::Denied,
            "AWS STS does not accept the credentials that are to assume the role".to_owned(),
            "check the access key, its secret and its session token in the environment",
        ),
        (
            WITH_KEYS,
            403,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match",
            Kind::Denied,
            "AWS STS does not accept the credentials that are to assume the role".to_owned(),
            "check the access key, its secret and its session token in the environment",
        ),
        (
            WITH_KEYS,
            403,
            "SignatureDoesNotMatch",
            "Signature expired: 20230428T000001Z is now earlier than 20230501T000000Z",
            Kind::Denied,
            "AWS STS does not accept the time of the signature".to_owned(),
            "check this machine's clock",
        ),
        (
            WITH_KEYS,
            400,
            "Throttling",
            "Rate exceeded",
            Kind::Unavailable,
            "AWS STS cannot answer at the moment".to_owned(),
            "try again in a moment",
        ),
        (
            WITH_KEYS,
            503,
            "ServiceUnavailable",
            "Service is unavailable",
            Kind::Unavailable,
            "AWS STS cannot answer at the moment".to_owned(),
            "try again in a moment",
        ),
        (
            WITH_KEYS,
            500,
            "SomethingNew",
            "No",
            Kind::Unavailable,
            "AWS STS cannot answer at the moment".to_owned(),
            "try again in a moment",
        ),
        (
            WITH_KEYS,
            429,
            "SomethingNew",
            "No",
            Kind::Unavailable,
            "AWS STS cannot answer at the moment".to_owned(),
            "try again in a moment",
        ),
        (
            WITH_TOKEN,
            403,
            "SomethingNew",
            "No",
            Kind::Denied,
            format!("AWS STS does not let this identity assume the role `{role}`"),
            "check the role's trust policy: the identity provider, the audience and the subject that it allows",
        ),
    ] {
        let got = failure(call, status, &xml(code, text));
        let cause = format!("{code}: {text} (request id request-1)");
        assert_eq!(got, (kind, message, cause, hint.to_owned()));
    }
}

#[test]
fn an_answer_of_another_server_is_told_apart() {
    let message = "the answer of `HOST` is not one of AWS STS";
    let hint = "check the endpoint that `AWS_ENDPOINT_URL_STS` or `AWS_ENDPOINT_URL` names";
    let busy = "AWS STS cannot answer at the moment";
    for (status, body, message, cause, hint) in [
        (
            404,
            "<html>Not found</html>",
            message,
            "HTTP status 404",
            hint,
        ),
        (403, "", message, "HTTP status 403", hint),
        (302, "", message, "HTTP status 302", hint),
        (
            200,
            "<html>Sign in</html>",
            message,
            "it cannot be read",
            hint,
        ),
        (200, "", message, "it cannot be read", hint),
        (
            200,
            "<AssumeRoleResponse><AssumeRoleResult/></AssumeRoleResponse>",
            message,
            "it holds no credentials",
            hint,
        ),
        (
            502,
            "<html>Bad gateway</html>",
            busy,
            "`HOST` answered with HTTP status 502",
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
fn what_the_service_echoes_is_cleaned() {
    let [header, payload, signature] = [0, 1, 2].map(|part| TOKEN.split('.').nth(part).unwrap());
    let echo = format!("got {TOKEN}, {signature}\n and {payload}\u{7f}{header}x");
    let (_, _, cause, _) = failure(WITH_TOKEN, 400, &xml("ValidationError", &echo));
    assert_eq!(
        cause,
        "ValidationError: got [secret], [secret] and [secret] [secret]x (request id request-1)"
    );

    let echo = "secret/key/of/alice session/token/of/alice== session%2Ftoken%2Fof%2Falice%3D%3D";
    let (_, _, cause, _) = failure(WITH_KEYS, 403, &xml("SignatureDoesNotMatch", echo));
    assert_eq!(
        cause,
        "SignatureDoesNotMatch: [secret] [secret] [secret] (request id request-1)"
    );

    let long = "x".repeat(100_000);
    let (_, _, cause, _) = failure(WITH_KEYS, 403, &xml("AccessDenied", &long));
    assert!(
        cause.contains("x… (request id") && cause.len() < 1_100,
        "{cause}"
    );
}

#[test]
fn inputs_that_are_secret_are_not_shown() {
    let text = "arn:aws:iam::123456789012:role/kubectl is not yours";
    let body = xml("AccessDenied", text);
    let server =
        TestServer::responding([http_response(403, "x-amzn-requestid: request-1\r\n", &body)]);
    let sts = sts_at(server.url(), Duration::from_secs(20));
    let token = Secret::from(TOKEN);
    let mut request = web_identity(&token);
    let role = request.role_arn.clone();
    request.hidden.push(&role);
    let error = sts.assume_role_with_web_identity(&request).unwrap_err();
    assert_eq!(
        error.to_string(),
        "AWS STS does not let this identity assume the role `[secret]`"
    );
    assert!(!format!("{error:?}").contains("kubectl"), "{error:?}");
}

#[test]
fn an_expiry_to_come_is_not_claimed_to_have_passed() {
    // `{"exp":1682640002}`, a second after the test's time.
    let token = Secret::from("e30.eyJleHAiOjE2ODI2NDAwMDJ9.c2ln");
    let server = TestServer::responding([http_response(
        400,
        "",
        &xml("ExpiredTokenException", "Token"),
    )]);
    let sts = sts_at(server.url(), Duration::from_secs(20));
    let error = sts.assume_role_with_web_identity(&web_identity(&token));
    assert_eq!(
        error.unwrap_err().to_string(),
        "AWS STS refuses the identity token as expired"
    );
}

#[test]
fn an_external_id_is_not_shown() {
    let body = xml("AccessDenied", "the external id tenant-7731 is wrong");
    let server = TestServer::responding([http_response(403, "", &body)]);
    let sts = sts_at(server.url(), Duration::from_secs(20));
    let mut request = assume_role();
    request.external_id = Some("tenant-7731".to_owned());
    let error = sts.assume_role(&keys(), &request).unwrap_err();
    let causes: Vec<_> = error.causes().collect();
    assert_eq!(causes, ["AccessDenied: the external id [secret] is wrong"]);
}
