//! Both calls over the wire, and how STS is addressed.

use super::*;
use crate::clock::Clock;
use crate::error::Kind;
use crate::http::test_server::{TestServer, closed_port, http_response};

/// The claims are `{"sub":"alice","exp":1682640000}`.
pub(crate) const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.\
    eyJzdWIiOiJhbGljZSIsImV4cCI6MTY4MjY0MDAwMH0.c2lnbmF0dXJlLXRoYXQtaXMtc2VjcmV0";

pub(crate) const ROLE: &str = "arn:aws:iam::123456789012:role/kubectl";

/// 2023-04-28T00:00:01Z, a second after the token's expiry.
const NOW: i64 = 1_682_640_001;

pub(crate) fn host(variables: &[(&str, &str)]) -> Host {
    let clock = Clock::fixed(Timestamp::from_unix(NOW));
    Host::with(variables.iter().copied(), clock)
}

pub(crate) fn sts_at(endpoint: String, allowed: Duration) -> Sts {
    let settings = Settings {
        endpoint: Some(endpoint),
        ..Settings::default()
    };
    let http = HttpClient::new(&host(&[]));
    Sts::new(
        &http,
        "eu-west-1".to_owned(),
        settings,
        Deadline::after(allowed),
    )
}

/// What STS answers to `operation`.
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
        hidden: Vec::new(),
    }
}

pub(crate) fn assume_role() -> AssumeRole<'static> {
    AssumeRole {
        role_arn: ROLE.to_owned(),
        session_name: DEFAULT_SESSION_NAME.to_owned(),
        external_id: None,
        hidden: Vec::new(),
        duration: None,
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
fn an_identity_token_is_exchanged_without_a_signature() {
    let server = TestServer::responding([issued("AssumeRoleWithWebIdentity")]);
    let sts = sts_at(server.url(), Duration::from_secs(20));
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
fn a_role_on_top_is_assumed_with_a_signature_at_the_hosts_time() {
    let server = TestServer::responding([issued("AssumeRole")]);
    let sts = sts_at(server.url(), Duration::from_secs(20));
    let request = AssumeRole {
        external_id: Some("tenant 1".to_owned()),
        hidden: Vec::new(),
        duration: Some(Duration::from_mins(30)),
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
            "DurationSeconds=1800",
            "ExternalId=tenant%201",
            "RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fkubectl",
            "RoleSessionName=kubectl-esc",
            "Version=2011-06-15",
        ]
    );
}

#[test]
fn a_failure_that_may_pass_is_tried_again() {
    let server = TestServer::responding([
        http_response(503, "", ""),
        http_response(500, "", ""),
        issued("AssumeRole"),
    ]);
    let sts = sts_at(server.url(), Duration::from_secs(20));
    assert_eq!(
        sts.assume_role(&keys(), &assume_role()).unwrap(),
        expected()
    );
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn a_silent_sts_is_left_at_the_deadline() {
    let server = TestServer::silent();
    let sts = sts_at(server.url(), Duration::from_millis(100));
    let error = sts.assume_role(&keys(), &assume_role()).unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert_eq!(error.to_string(), "AWS STS did not respond within 100ms");
    assert_eq!(
        error.hint().unwrap(),
        "check the network, or increase `--timeout`"
    );
}

#[test]
fn an_sts_that_cannot_be_reached_is_named() {
    let authority = format!("127.0.0.1:{}", closed_port());
    let sts = sts_at(format!("http://{authority}"), Duration::from_secs(20));
    let error = sts.assume_role(&keys(), &assume_role()).unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert_eq!(
        error.to_string(),
        format!("cannot reach AWS STS at `{authority}`")
    );
    assert_eq!(error.causes().next().unwrap(), "the connection was refused");
}

#[test]
fn variables_say_how_sts_is_addressed() {
    let settings = |endpoint: Option<&str>, fips, dual_stack| Settings {
        endpoint: endpoint.map(str::to_owned),
        endpoint_mode: EndpointMode { fips, dual_stack },
    };
    let (a, b) = ("https://a.example.com", "http://127.0.0.1:4566/x");
    for (variables, want) in [
        (vec![], settings(None, false, false)),
        (
            vec![("AWS_ENDPOINT_URL_STS", a), ("AWS_ENDPOINT_URL", b)],
            settings(Some(a), false, false),
        ),
        (
            vec![("AWS_ENDPOINT_URL", b)],
            settings(Some(b), false, false),
        ),
        (
            vec![
                ("AWS_ENDPOINT_URL", "http://example.com"),
                ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "True"),
            ],
            settings(None, false, false),
        ),
        (
            vec![
                ("AWS_USE_FIPS_ENDPOINT", "TRUE"),
                ("AWS_USE_DUALSTACK_ENDPOINT", "false"),
            ],
            settings(None, true, false),
        ),
        (
            vec![("AWS_USE_DUALSTACK_ENDPOINT", "true")],
            settings(None, false, true),
        ),
    ] {
        assert_eq!(
            Settings::from_host(&host(&variables)).unwrap(),
            want,
            "{variables:?}"
        );
    }
    for (variable, value, problem) in [
        (
            "AWS_ENDPOINT_URL_STS",
            "http://sts.example.com",
            "`AWS_ENDPOINT_URL_STS` names no usable endpoint",
        ),
        (
            "AWS_ENDPOINT_URL",
            "x",
            "`AWS_ENDPOINT_URL` names no usable endpoint",
        ),
        (
            "AWS_USE_FIPS_ENDPOINT",
            "1",
            "`AWS_USE_FIPS_ENDPOINT` is neither `true` nor `false`",
        ),
        (
            "AWS_USE_DUALSTACK_ENDPOINT",
            "yes",
            "`AWS_USE_DUALSTACK_ENDPOINT` is neither `true` nor `false`",
        ),
    ] {
        let error = Settings::from_host(&host(&[(variable, value)])).unwrap_err();
        assert_eq!(error.kind(), Kind::Configuration);
        assert_eq!(error.to_string(), problem);
        assert!(
            error.hint().is_some_and(|hint| !hint.is_empty()),
            "{variable}"
        );
    }
}

#[test]
fn the_endpoint_follows_region_fips_and_dual_stack() {
    let http = HttpClient::new(&host(&[]));
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
            Err("there is no endpoint of AWS STS for the region `not a region`"),
        ),
    ] {
        let settings = Settings {
            endpoint: None,
            endpoint_mode: EndpointMode { fips, dual_stack },
        };
        let deadline = Deadline::after(Duration::from_secs(20));
        let sts = Sts::new(&http, region.to_owned(), settings, deadline);
        let server = http.block_on(deadline, sts.server()).unwrap().unwrap();
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
fn an_endpoint_without_encryption_is_not_called() {
    let sts = sts_at("http://sts.example.com".to_owned(), Duration::from_secs(20));
    let error = sts.assume_role(&keys(), &assume_role()).unwrap_err();
    assert_eq!(error.kind(), Kind::Configuration);
    assert_eq!(
        error.to_string(),
        "the connection to `sts.example.com` would not be encrypted"
    );
}

#[test]
fn an_endpoint_cannot_go_with_fips() {
    let settings = Settings {
        endpoint: Some("https://sts.example.com".to_owned()),
        endpoint_mode: EndpointMode {
            fips: true,
            dual_stack: false,
        },
    };
    let http = HttpClient::new(&host(&[]));
    let deadline = Deadline::after(Duration::from_secs(20));
    let sts = Sts::new(&http, "eu-west-1".to_owned(), settings, deadline);
    let error = sts.assume_role(&keys(), &assume_role()).unwrap_err();
    assert_eq!(error.kind(), Kind::Configuration);
    let cause = error.causes().next().unwrap();
    assert!(
        cause.contains("FIPS and custom endpoint are not supported"),
        "{cause}"
    );
}
