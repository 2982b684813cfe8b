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
fn too_long_token_is_an_error() {
    for (session_token_length, fits) in
        [(2_000, true), (2_600, true), (2_700, false), (4_096, false)]
    {
        let token = presign(
            &credentials(Some(&"x".repeat(session_token_length)), None),
            "c",
        );
        match token {
            Ok(token) => assert!(fits && token.token.expose().len() <= MAXIMUM_LENGTH),
            Err(error) => {
                assert!(!fits);
                assert_eq!(error.kind(), Kind::Credentials);
                assert!(
                    error
                        .to_string()
                        .contains("EKS rejects tokens longer than 4096"),
                    "{error}"
                );
            }
        }
    }
}

#[test]
fn invalid_cluster_names_are_errors() {
    for name in ["", " a", "a\nb", "a\0", "é"] {
        let error = presign(&credentials(None, None), name).unwrap_err();
        assert_eq!(error.kind(), Kind::Configuration, "{name:?}");
    }
}
