use super::*;
use crate::format::json;

fn value(text: &str) -> Value {
    json::parse(text.as_bytes(), 64).unwrap()
}

/// What `esc.Value.ToString` of ESC 0.26.0 gives.
#[test]
fn values_are_written_as_in_esc() {
    for (json, want) in [
        ("null", ""),
        ("true", "true"),
        ("1.50", "1.50"),
        (r#""a\nb""#, "a\nb"),
        ("[]", ""),
        (r#"[1,"a\"b",null,[true]]"#, r#""1","a\"b","","\"true\"""#),
        (
            r#"{"b":{"c":"d"},"a":"é\u0000"}"#,
            r#""a"="é\x00","b"="\"c\"=\"d\"""#,
        ),
    ] {
        let text = plain(&value(json), Secrets::Revealed).unwrap();
        assert_eq!(text.as_str(), Some(want), "{json}");
    }
}

#[test]
fn secrets_and_unknown_values_are_replaced() {
    let list = Value::new(Data::Array(vec![
        Value::secret("hunter2"),
        Value::unknown(),
    ]));
    let text = |secrets| plain(&list, secrets).unwrap();
    assert_eq!(
        text(Secrets::Redacted).as_str(),
        Some(r#""[secret]","[unknown]""#)
    );
    assert_eq!(
        text(Secrets::Revealed).as_str(),
        Some(r#""hunter2","[unknown]""#)
    );
}

#[test]
fn nested_quotes_are_limited() {
    let nested = value(&format!("{}{}", "[".repeat(60), "]".repeat(60)));
    assert_eq!(plain(&nested, Secrets::Revealed), Err(TooLong));
}

/// What `strconv.Quote` of Go 1.26 gives.
#[test]
fn strings_are_quoted_as_in_go() {
    for (text, want) in [
        (&b"a\"b\\c $`'"[..], r#""a\"b\\c $`'""#),
        (
            b"\x00\x07\x08\x0c\n\r\t\x0b\x1b\x7f",
            r#""\x00\a\b\f\n\r\t\v\x1b\x7f""#,
        ),
        ("é😀 e\u{301}".as_bytes(), "\"é😀 e\u{301}\""),
        (
            "\u{a0}\u{ad}\u{2028}\u{feff}\u{e000}".as_bytes(),
            r#""\u00a0\u00ad\u2028\ufeff\ue000""#,
        ),
        ("\u{e0001}".as_bytes(), r#""\U000e0001""#),
        (b"x\xff\xfey", r#""x\xff\xfey""#),
    ] {
        let mut builder = TextBuilder::default();
        quote(text, &mut builder);
        assert_eq!(builder.finish().as_str(), Some(want));
    }
}
