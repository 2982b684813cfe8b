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
    for (exp, want) in [
        ("1700000000", Some(1_700_000_000)),
        ("1700000000.9", Some(1_700_000_000)),
        ("1.7e9", Some(1_700_000_000)),
        ("9.19e-122", Some(0)),
        ("-1.5", Some(-1)),
        ("1e300", Some(i64::MAX)),
        ("18446744073709551615", Some(i64::MAX)),
        (r#""1700000000""#, None),
        ("null", None),
    ] {
        let claims = BASE64_URL_SAFE_NO_PAD.encode(format!(r#"{{"exp":{exp}}}"#));
        let expiry = expiry(&Secret::from(&*format!("e30.{claims}.c2ln")));
        assert_eq!(expiry.map(Timestamp::unix), want, "{exp}");
    }
}
