//! Requests and responses over the wire, and the choice of the endpoint.

use super::*;
use crate::aws::endpoint::EndpointMode;
use crate::context::test_context::{TestContext, test_context};
use crate::error::Kind;
use crate::http::test_server::{TestServer, closed_port, http_response};

/// The claims are `{"sub":"alice","exp":1682640000}`.
pub(crate) const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.\
    eyJzdWIiOiJhbGljZSIsImV4cCI6MTY4MjY0MDAwMH0.c2lnbmF0dXJlLXRoYXQtaXMtc2VjcmV0";

pub(crate) const ROLE: &str = "arn:aws:iam::123456789012:role/kubectl";

impl TestContext {
    /// STS in `eu-west-1` behind another endpoint.
    pub(crate) fn sts_at(&self, endpoint: String) -> Sts<'_> {
        let settings = EndpointSettings {
            endpoint: Some(endpoint),
            ..EndpointSettings::default()
        };
        Sts::new(self.get(), "eu-west-1".to_owned(), settings)
    }
}

/// The response of STS to `operation`.
pub(crate) fn issued(operation: &str) -> String {
    let body = format!(
        r#"<{operation}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
          <{operation}Result><Credentials>
            <AccessKeyId>ASIAISSUED</AccessKeyId>
            <SecretAccessKey>issued/secret+key</SecretAccessKey>
            <SessionToken>issued//token==</SessionToken>
            <Expiration>2023-04-28T01:00:01Z</Expiration>
          </Credentials></{operation}Result>
          <ResponseMetadata><RequestId>request-1</RequestId></ResponseMetadata>
        </{operation}Response>"#
    );
    http_response(200, "content-type: text/xml\r\n", &body)
}

#[test]
fn incomplete_credentials_are_refused() {
    let complete = issued("AssumeRole");
    for (field, value) in [
        ("AccessKeyId", "ASIAISSUED"),
        ("SecretAccessKey", "issued/secret+key"),
        ("SessionToken", "issued//token=="),
        ("Expiration", "2023-04-28T01:00:01Z"),
    ] {
        let whole = format!("<{field}>{value}</{field}>");
        assert!(complete.contains(&whole));
        let (_, body) = complete.split_once("\r\n\r\n").unwrap();
        for incomplete in ["", &format!("<{field}></{field}>"), &format!("<{field}/>")] {
            let body = body.replace(&whole, incomplete);
            let server = TestServer::responding([http_response(200, "", &body)]);
            let context = test_context();
            let result = context
                .sts_at(server.url())
                .assume_role(&keys(), &assume_role());
            let error = result.unwrap_err();
            assert_eq!(error.kind(), Kind::Unavailable, "{field} {incomplete}");
            let message = "the response did not come from AWS STS";
            assert_eq!(error.to_string(), message, "{field} {incomplete}");
        }
    }
}

fn expected() -> Credentials {
    Credentials {
        access_key_id: "ASIAISSUED".to_owned(),
        secret_access_key: Secret::from("issued/secret+key"),
        session_token: Some(Secret::from("issued//token==")),
        expires_at: Timestamp::from_rfc3339("2023-04-28T01:00:01Z"),
    }
}

pub(crate) fn web_identity(token: &Secret<String>) -> AssumeRoleWithWebIdentity<'_> {
    AssumeRoleWithWebIdentity {
        role_arn: ROLE.to_owned(),
        session_name: "alice@example.com".to_owned(),
        duration: None,
        policy_arns: Vec::new(),
        identity_token: token,
        secret_inputs: Vec::new(),
    }
}

pub(crate) fn assume_role() -> AssumeRole<'static> {
    AssumeRole {
        role_arn: ROLE.to_owned(),
        session_name: DEFAULT_SESSION_NAME.to_owned(),
        external_id: None,
        secret_inputs: Vec::new(),
    }
}

pub(crate) fn keys() -> Credentials {
    Credentials {
        access_key_id: "ASIAEXAMPLE".to_owned(),
        secret_access_key: Secret::from("secret/key/of/alice"),
        session_token: Some(Secret::from("session/token/of/alice==")),
        expires_at: None,
    }
}

/// The form of a request's body, in the order of the names.
fn form(request: &str) -> Vec<String> {
    let (_, body) = request.split_once("\r\n\r\n").unwrap();
    let mut fields: Vec<_> = body.split('&').map(str::to_owned).collect();
    fields.sort();
    fields
}

#[test]
fn identity_token_is_exchanged_unsigned() {
    let server = TestServer::responding([issued("AssumeRoleWithWebIdentity")]);
    let context = test_context();
    let sts = context.sts_at(server.url());
    let token = Secret::from(TOKEN);
    let credentials = sts.assume_role_with_web_identity(&web_identity(&token));
    assert_eq!(credentials.unwrap(), expected());
    let full = AssumeRoleWithWebIdentity {
        duration: Some(Duration::from_mins(15)),
        policy_arns: vec!["arn:aws:iam::aws:policy/ReadOnlyAccess".to_owned()],
        ..web_identity(&token)
    };
    sts.assume_role_with_web_identity(&full).unwrap();

    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    let head = requests[0].to_ascii_lowercase();
    assert!(head.starts_with("post / http/1.1\r\n"), "{head}");
    assert!(head.contains("app/kubectl-esc"), "{head}");
    assert!(!head.contains("authorization:"), "{head}");
    let always = [
        "Action=AssumeRoleWithWebIdentity".to_owned(),
        "RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fkubectl".to_owned(),
        "RoleSessionName=alice%40example.com".to_owned(),
        "Version=2011-06-15".to_owned(),
        format!("WebIdentityToken={TOKEN}"),
    ];
    assert_eq!(form(&requests[0]), always);
    let mut all = always.to_vec();
    all.push("DurationSeconds=900".to_owned());
    all.push(
        "PolicyArns.member.1.arn=arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2FReadOnlyAccess".to_owned(),
    );
    all.sort();
    assert_eq!(form(&requests[1]), all);
}

#[test]
fn role_is_assumed_with_a_signature_by_the_hosts_clock() {
    let server = TestServer::responding([issued("AssumeRole")]);
    let context = test_context();
    let sts = context.sts_at(server.url());
    let request = AssumeRole {
        external_id: Some("tenant 1".to_owned()),
        ..assume_role()
    };
    assert_eq!(sts.assume_role(&keys(), &request).unwrap(), expected());
    let requests = server.requests();
    let head = requests[0].to_ascii_lowercase();
    let scope = "credential=asiaexample/20230428/eu-west-1/sts/aws4_request";
    assert!(head.contains(scope), "{head}");
    assert!(head.contains("x-amz-date: 20230428t000001z\r\n"), "{head}");
    assert!(
        head.contains("x-amz-security-token: session/token/of/alice==\r\n"),
        "{head}"
    );
    assert_eq!(
        form(&requests[0]),
        [
            "Action=AssumeRole",
            "ExternalId=tenant%201",
            "RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fkubectl",
            "RoleSessionName=kubectl-esc",
            "Version=2011-06-15",
        ]
    );
}

#[test]
fn server_errors_are_retried() {
    let server = TestServer::responding([
        http_response(503, "", ""),
        http_response(500, "", ""),
        issued("AssumeRole"),
    ]);
    let context = test_context();
    let sts = context.sts_at(server.url());
    assert_eq!(
        sts.assume_role(&keys(), &assume_role()).unwrap(),
        expected()
    );
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn silent_server_times_out_at_the_deadline() {
    let server = TestServer::silent();
    let context = TestContext::new(&[], Duration::from_millis(100));
    let sts = context.sts_at(server.url());
    let error = sts.assume_role(&keys(), &assume_role()).unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert_eq!(error.to_string(), "AWS STS did not respond within 100ms");
    assert_eq!(
        error.hint().unwrap(),
        "check the network, or increase `--timeout`"
    );
}

#[test]
fn unreachable_server_is_named() {
    let authority = format!("127.0.0.1:{}", closed_port());
    let context = test_context();
    let sts = context.sts_at(format!("http://{authority}"));
    let error = sts.assume_role(&keys(), &assume_role()).unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert_eq!(
        error.to_string(),
        format!("cannot reach AWS STS at `{authority}`")
    );
    assert_eq!(error.causes().next().unwrap(), "the connection was refused");
}

#[test]
fn endpoint_depends_on_region_fips_and_dual_stack() {
    let context = test_context();
    for (region, fips, dual_stack, want) in [
        ("eu-west-1", false, false, Ok("sts.eu-west-1.amazonaws.com")),
        ("us-east-1", false, false, Ok("sts.us-east-1.amazonaws.com")),
        (
            "us-east-1",
            true,
            false,
            Ok("sts-fips.us-east-1.amazonaws.com"),
        ),
        ("us-east-1", false, true, Ok("sts.us-east-1.api.aws")),
        (
            "us-gov-west-1",
            true,
            false,
            Ok("sts.us-gov-west-1.amazonaws.com"),
        ),
        (
            "cn-north-1",
            false,
            false,
            Ok("sts.cn-north-1.amazonaws.com.cn"),
        ),
        (
            "us-iso-east-1",
            false,
            false,
            Ok("sts.us-iso-east-1.c2s.ic.gov"),
        ),
        (
            "not a region",
            false,
            false,
            Err("AWS STS has no endpoint in the region `not a region`"),
        ),
    ] {
        let settings = EndpointSettings {
            endpoint: None,
            endpoint_mode: EndpointMode { fips, dual_stack },
        };
        let sts = Sts::new(context.get(), region.to_owned(), settings);
        let server = sts
            .context
            .http
            .block_on(sts.context.deadline, sts.server());
        let server = server.unwrap().unwrap();
        match want {
            Ok(host) => assert_eq!(server.unwrap().as_str(), host),
            Err(problem) => {
                let error = server.unwrap_err();
                assert_eq!(error.kind(), Kind::Configuration);
                assert_eq!(error.to_string(), problem);
            }
        }
    }
}

#[test]
fn unencrypted_endpoint_is_not_called() {
    let context = test_context();
    let sts = context.sts_at("http://sts.example.com".to_owned());
    let error = sts.assume_role(&keys(), &assume_role()).unwrap_err();
    assert_eq!(error.kind(), Kind::Configuration);
    assert_eq!(
        error.to_string(),
        "the connection to `sts.example.com` would not be encrypted"
    );
}

#[test]
fn custom_endpoint_and_fips_exclude_each_other() {
    let settings = EndpointSettings {
        endpoint: Some("https://sts.example.com".to_owned()),
        endpoint_mode: EndpointMode {
            fips: true,
            dual_stack: false,
        },
    };
    let context = test_context();
    let sts = Sts::new(context.get(), "eu-west-1".to_owned(), settings);
    let error = sts.assume_role(&keys(), &assume_role()).unwrap_err();
    assert_eq!(error.kind(), Kind::Configuration);
    let cause = error.causes().next().unwrap();
    assert!(
        cause.contains("FIPS and custom endpoint are not supported"),
        "{cause}"
    );
}
