use super::*;
use crate::context::test_context::TestContext;
use crate::gcp::endpoint::Service;
use crate::http::test_server::{TestServer, http_response};

/// The time of the tests' context is 2023-04-28T00:00:01Z.
const NOW: i64 = 1_682_640_001;

fn generate(server: &TestServer, lifetime: Duration) -> Result<AccessToken> {
    let variable = "CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS";
    let url = server.url();
    let context = TestContext::new(&[(variable, &url)], Duration::from_secs(20));
    let endpoint = Endpoint::of(Service::IamCredentials, &context.host)?;
    let request = GenerateAccessToken {
        service_account: "deployer@acme.iam.gserviceaccount.com",
        lifetime,
        caller: &Secret::from("ya29.caller"),
        identity_token: None,
        secret_inputs: &[],
    };
    generate_access_token(context.get(), &endpoint, &request)
}

fn issued(date: &str, expire_time: &str) -> String {
    let body = format!(r#"{{"accessToken":"ya29.issued","expireTime":"{expire_time}"}}"#);
    http_response(200, date, &body)
}

#[test]
fn request_has_the_lifetime_the_scopes_and_the_caller() {
    let server = TestServer::responding([issued("", "2023-04-28T01:30:01Z")]);
    let token = generate(&server, Duration::from_mins(90)).unwrap();
    assert_eq!(token.token.expose(), "ya29.issued");
    let request = server.requests().pop().unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let line = "POST /v1/projects/-/serviceAccounts/deployer@acme.iam.gserviceaccount.com:generateAccessToken HTTP/1.1\r\n";
    assert!(head.starts_with(line), "{head}");
    assert!(
        head.contains("\r\nauthorization: Bearer ya29.caller"),
        "{head}"
    );
    assert!(
        head.contains("\r\ncontent-type: application/json"),
        "{head}"
    );
    assert_eq!(
        body,
        r#"{"lifetime":"5400s","scope":["https://www.googleapis.com/auth/cloud-platform","https://www.googleapis.com/auth/userinfo.email"]}"#
    );
}

#[test]
fn expiry_is_by_the_clock_of_this_machine() {
    const HOUR: i64 = 3600;
    for (date, expire_time, lifetime) in [
        ("", "2023-04-28T01:00:01Z", HOUR),
        ("", "2023-04-28T00:30:01.5+00:00", HOUR / 2),
        // Google's clock is an hour ahead.
        (
            "date: Fri, 28 Apr 2023 01:00:01 GMT\r\n",
            "2023-04-28T01:30:01Z",
            HOUR / 2,
        ),
        // It is not believed that the token lives longer than requested.
        (
            "date: Thu, 27 Apr 2023 00:00:00 GMT\r\n",
            "2023-04-28T01:30:01Z",
            HOUR,
        ),
        ("", "2022-01-01T00:00:00Z", 0),
    ] {
        let server = TestServer::responding([issued(date, expire_time)]);
        let token = generate(&server, Duration::from_hours(1)).unwrap();
        let expected = Timestamp::from_unix(NOW + lifetime);
        assert_eq!(token.expires_at, Some(expected), "{date}{expire_time}");
    }
}
