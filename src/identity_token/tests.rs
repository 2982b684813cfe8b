use super::*;

#[test]
fn claims_are_described_without_the_rest_of_the_token() {
    let long = "x".repeat(1_000);
    for (payload, want) in [
        (
            r#"{"iss":"https://a","aud":["b","c"],"sub":"d\n","exp":1,"jti":"hunter2"}"#.to_owned(),
            Some("the identity token has iss `https://a`, aud `b` and `c`, sub `d`".to_owned()),
        ),
        (
            r#"{"aud":"b"}"#.to_owned(),
            Some("the identity token has aud `b`".to_owned()),
        ),
        (
            format!(r#"{{"sub":"{long}"}}"#),
            Some(format!(
                "the identity token has sub `{}`",
                &long[..MAXIMUM_CLAIM]
            )),
        ),
        (r#"{"exp":1}"#.to_owned(), None),
        (r#"{"sub":1}"#.to_owned(), None),
        ("x".to_owned(), None),
    ] {
        let payload = BASE64_URL_SAFE_NO_PAD.encode(payload);
        let token = Secret::new(format!("e30.{payload}.c2ln"));
        assert_eq!(describe_claims(&token), want);
    }
    assert_eq!(describe_claims(&Secret::from("opaque")), None);
}

#[test]
fn expiry_is_a_whole_number_of_seconds() {
    let token = |claims: &str| {
        let payload = BASE64_URL_SAFE_NO_PAD.encode(claims);
        Secret::new(format!("e30.{payload}.c2ln"))
    };
    for (claims, want) in [
        (r#"{"exp":1700000000}"#, Some(1_700_000_000)),
        (r#"{"sub":"ä","exp":1700000000.9}"#, Some(1_700_000_000)),
        (r#"{"exp":1.7e9}"#, Some(1_700_000_000)),
        (r#"{"exp":9.19e-122}"#, Some(0)),
        (r#"{"exp":-1}"#, Some(-1)),
        (r#"{"exp":-1.5}"#, Some(-1)),
        (r#"{"exp":1e300}"#, Some(i64::MAX)),
        (r#"{"exp":18446744073709551615}"#, Some(i64::MAX)),
        (r#"{"exp":"1700000000"}"#, None),
        (r#"{"exp":null}"#, None),
        ("{}", None),
        ("[]", None),
        ("hunter2", None),
    ] {
        let expiry = expiry(&token(claims)).map(Timestamp::unix);
        assert_eq!(expiry, want, "{claims}");
    }
    for text in ["", "e30", "e30.!.c2ln", "e30..c2ln"] {
        assert_eq!(expiry(&Secret::from(text)), None, "{text}");
    }
}
