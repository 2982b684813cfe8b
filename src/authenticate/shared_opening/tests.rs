use super::*;
use crate::context::test_context::test_context;
use crate::opener::Expiry;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use esc::Number;
use std::collections::BTreeMap;

fn object<const N: usize>(entries: [(&str, Value); N]) -> Value {
    let entries = entries.map(|(name, value)| (name.to_owned(), value));
    Value::new(Data::Object(BTreeMap::from(entries)))
}

fn opening(values: Value) -> Opening {
    Opening {
        environment: Environment { values },
        diagnostics: Vec::new(),
        sources: Sources::default(),
        keys: Vec::new(),
        tokens: Vec::new(),
        identity_token: None,
        files: Vec::new(),
    }
}

/// A value that nests this many lists.
fn nested(levels: usize) -> Value {
    let innermost = Value::from("x");
    (0..levels).fold(innermost, |value, _| Value::new(Data::Array(vec![value])))
}

#[test]
fn environments_survive_encoding() {
    let secret_object = Value {
        secret: true,
        ..object([("a", Value::secret("b\"\n<\u{1f600}"))])
    };
    let stored = Opening {
        keys: vec![
            KeyExpiry {
                access_key_id: "ASIAONE".to_owned(),
                expiry: Expiry::At(Timestamp::from_unix(7)),
            },
            KeyExpiry {
                access_key_id: "ASIATWO".to_owned(),
                expiry: Expiry::After(Duration::from_hours(2)),
            },
        ],
        tokens: vec![TokenLifetime {
            token: Secret::from("ya29.hunter2"),
            lifetime: Duration::from_mins(30),
        }],
        identity_token: Some("a[\"b.c\"][0]".parse().unwrap()),
        ..opening(object([
            ("secret", secret_object),
            ("unknown", Value::unknown()),
            ("null", Value::new(Data::Null)),
            ("value", Value::new(Data::Bool(true))),
            (
                "number",
                Value::new(Data::Number(Number::from_text("1.50e3"))),
            ),
            (
                "list",
                Value::new(Data::Array(vec![Value::secret(""), nested(50)])),
            ),
            ("empty", object([])),
        ]))
    };
    let text = encode(&stored).unwrap();
    let decoded = decode(text.expose(), Vec::new()).unwrap();
    assert!(decoded.environment.values == stored.environment.values);
    assert_eq!(decoded.keys, stored.keys);
    assert_eq!(decoded.identity_token, stored.identity_token);
    let [token] = decoded.tokens.as_slice() else {
        panic!("one token");
    };
    assert_eq!(token.token, Secret::from("ya29.hunter2"));
    assert_eq!(token.lifetime, Duration::from_mins(30));
}

#[test]
fn environments_that_would_be_decoded_differently_are_not_encoded() {
    let bytes = Value::new(Data::String(vec![0xff, 0xfe].into()));
    for value in [bytes, nested(500)] {
        assert!(encode(&opening(object([("a", value)]))).is_none());
    }
}

#[test]
fn other_texts_are_not_decoded() {
    let known = r#"{"keys":[],"tokens":[],"identity_token":null}"#;
    assert!(
        decode(
            format!("{known}\n{{\"value\":{{}}}}").as_bytes(),
            Vec::new()
        )
        .is_some()
    );
    for text in [
        String::new(),
        known.to_owned(),
        format!("{known}\n"),
        format!("{known}\n[]"),
        format!("{known}\n{{\"value\":{{\"a\":1}}}}"),
        "{}\n{}".to_owned(),
    ] {
        assert!(decode(text.as_bytes(), Vec::new()).is_none(), "{text}");
    }
}

/// A JSON Web Token that expires at this time.
fn identity_token(expiry: i64) -> Value {
    let payload = BASE64_URL_SAFE_NO_PAD.encode(format!(r#"{{"exp":{expiry}}}"#));
    Value::secret(format!("eyJhbGciOiJSUzI1NiJ9.{payload}.c2ln"))
}

#[test]
fn environments_are_shared_until_the_first_login_expires() {
    const MINUTE: i64 = 60;
    let context = test_context();
    let now = context.get().now();
    let at = |minutes: i64| now.shifted(minutes * MINUTE);
    let key = |id: &str| object([("accessKeyId", id.into()), ("secretAccessKey", "s".into())]);
    let google = |expiry: Value| {
        object([
            ("accessToken", "ya29.a".into()),
            ("tokenType", "Bearer".into()),
            ("expiry", expiry),
        ])
    };
    let rfc3339 = |minutes| Value::from(at(minutes).to_string().as_str());
    let jwt = |minutes| identity_token(at(minutes).unix());
    let variables = object([("AWS_ACCESS_KEY_ID", "AKIAUNKNOWN".into())]);
    for (name, values, minutes) in [
        ("nothing", object([]), 60),
        ("key at", key("AT"), 20),
        ("key after", key("AFTER"), 40),
        ("long key", key("LONG"), 60),
        ("unknown key", key("AKIAUNKNOWN"), 15),
        (
            "variables",
            object([("environmentVariables", variables)]),
            15,
        ),
        (
            "both keys",
            object([("a", key("AFTER")), ("b", key("AT"))]),
            20,
        ),
        ("stated", google(rfc3339(30)), 30),
        ("lifetime", google(Value::new(Data::Null)), 50),
        ("identity token", object([("a", jwt(10))]), 10),
        ("in a list", Value::new(Data::Array(vec![jwt(10)])), 10),
        ("expired", object([("a", jwt(-10)), ("b", key("PAST"))]), 60),
    ] {
        let expiry = |id: &str, expiry| KeyExpiry {
            access_key_id: id.to_owned(),
            expiry,
        };
        let opened = OpenedEnvironment {
            opening: Opening {
                keys: vec![
                    expiry("AT", Expiry::At(at(20))),
                    expiry("AFTER", Expiry::After(Duration::from_mins(40))),
                    expiry("LONG", Expiry::After(Duration::from_hours(12))),
                    expiry("PAST", Expiry::At(at(-20))),
                ],
                tokens: vec![TokenLifetime {
                    token: Secret::from("ya29.a"),
                    lifetime: Duration::from_mins(50),
                }],
                ..opening(object([("login", values)]))
            },
            started_at: now,
        };
        assert_eq!(opened.first_expiry(context.get()), at(minutes), "{name}");
    }
}
