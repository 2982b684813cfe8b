use super::*;

fn credentials(session_token: Option<&str>, expires_at: Option<i64>) -> Credentials {
    Credentials {
        access_key_id: "ASIAEXAMPLE".to_owned(),
        secret_access_key: Secret::from("wJalrXUtnFEMI"),
        session_token: session_token.map(Secret::from),
        expires_at: expires_at.map(Timestamp::from_unix),
    }
}

fn presign(credentials: &Credentials, cluster_name: &str) -> Result<EksToken> {
    EksToken::presign(&PresignRequest {
        cluster_name,
        region: &Region::parse("eu-west-1")?,
        endpoint_mode: EndpointMode::default(),
        credentials,
        signed_at: Timestamp::from_unix(1_000_000),
    })
}

#[test]
fn token_expires_before_its_credentials() {
    for (credentials_expiry, want) in [
        (None, Ok(1_000_840)),
        (Some(1_010_000), Ok(1_000_840)),
        (Some(1_000_900), Ok(1_000_840)),
        (Some(1_000_600), Ok(1_000_540)),
        (Some(1_000_061), Ok(1_000_001)),
        (
            Some(1_000_060),
            Err("the AWS credentials expire too soon, at 1970-01-12T13:47:40Z"),
        ),
        (
            Some(1_000_000),
            Err("the AWS credentials expired at 1970-01-12T13:46:40Z"),
        ),
        (
            Some(999_999),
            Err("the AWS credentials expired at 1970-01-12T13:46:39Z"),
        ),
    ] {
        let token = presign(&credentials(Some("s"), credentials_expiry), "c");
        let got = token
            .map(|token| token.expires_at.unix())
            .map_err(|error| error.to_string());
        assert_eq!(got, want.map_err(str::to_owned), "{credentials_expiry:?}");
    }
}

#[test]
fn long_token_is_a_warning_and_too_long_token_an_error() {
    for (session_token_length, want) in [
        (2_000, ""),
        (2_600, ""),
        (2_700, "most clusters reject tokens longer than 4096 bytes"),
        (11_800, "most clusters reject tokens longer than 4096 bytes"),
        (12_100, "clusters reject tokens longer than 16384 bytes"),
    ] {
        let token = presign(
            &credentials(Some(&"x".repeat(session_token_length)), None),
            "c",
        );
        let message = match &token {
            Ok(token) => token.length_warning().unwrap_or_default(),
            Err(error) => error.to_string(),
        };
        assert!(message.contains(want), "{session_token_length}: {message}");
        assert_eq!(
            message.is_empty(),
            want.is_empty(),
            "{session_token_length}"
        );
        assert_eq!(token.is_err(), session_token_length > 12_000);
    }
}

#[test]
fn invalid_cluster_names_are_errors() {
    for name in [
        "",
        " a",
        "a b",
        "a\nb",
        "a\0",
        "é",
        "-a",
        "arn:aws:eks:eu-west-1:123456789012:cluster/a",
    ] {
        let error = presign(&credentials(None, None), name).unwrap_err();
        assert_eq!(error.kind(), Kind::Configuration, "{name:?}");
    }
}
