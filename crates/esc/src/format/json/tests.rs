use std::collections::BTreeMap;

use super::*;

fn rewritten(text: &str) -> String {
    let value = parse(text.as_bytes(), 8).unwrap();
    let text = compact(&value, Secrets::Revealed);
    text.as_str().unwrap().to_owned()
}

#[test]
fn texts_round_trip_as_in_go() {
    for (text, want) in [
        (" null ", "null"),
        ("true false", "true"),
        (r#"{"b":1,"a":[]}x"#, r#"{"a":[],"b":1}"#),
        (r#"{"a":1,"a":2}"#, r#"{"a":2}"#),
        ("[1.50, -0, 1E+3,{}]", "[1.50,-0,1E+3,{}]"),
        ("12345678901234567890.5", "12345678901234567890.5"),
        (
            r#""<&>\u2028\/\u00e9\t\b\u0001""#,
            r#""\u003c\u0026\u003e\u2028/é\t\b\u0001""#,
        ),
        (
            r#""\ud83d\ude00 \ud83d \ud83dA""#,
            "\"😀 \u{fffd} \u{fffd}A\"",
        ),
        ("[[[[[[[[]]]]]]]]", "[[[[[[[[]]]]]]]]"),
    ] {
        assert_eq!(rewritten(text), want, "{text}");
    }
}

#[test]
fn errors_do_not_quote_the_text() {
    for (text, want) in [
        ("", "unexpected end of JSON input at byte 0"),
        (
            "hunter2",
            "invalid character looking for beginning of value at byte 0",
        ),
        ("nul", "unexpected end of JSON input at byte 3"),
        (
            "nuxl",
            "invalid character in literal null (expecting 'l') at byte 2",
        ),
        ("[1 2]", "invalid character after array element at byte 3"),
        (
            "[1,]",
            "invalid character looking for beginning of value at byte 3",
        ),
        (
            "{a:1}",
            "invalid character looking for beginning of object key string at byte 1",
        ),
        (r#"{"a" 1}"#, "invalid character after object key at byte 5"),
        (
            r#"{"a":1 1}"#,
            "invalid character after object key:value pair at byte 7",
        ),
        (r#""a"#, "unexpected end of JSON input at byte 2"),
        ("\"a\nb\"", "invalid character in string literal at byte 2"),
        (
            r#""\x""#,
            "invalid character in string escape code at byte 2",
        ),
        (
            r#""\u12g4""#,
            r"invalid character in \u hexadecimal character escape at byte 5",
        ),
        ("-x", "invalid character in numeric literal at byte 1"),
        (
            "1.x",
            "invalid character after decimal point in numeric literal at byte 2",
        ),
        (
            "1e+x",
            "invalid character in exponent of numeric literal at byte 3",
        ),
        (
            "[[[[[[[[[]]]]]]]]]",
            "lists and objects nest too deep at byte 8",
        ),
    ] {
        let error = parse(text.as_bytes(), 8).unwrap_err();
        assert_eq!(error.to_string(), want, "{text}");
    }
}

#[test]
fn go_messages_quote_the_invalid_character() {
    for (text, want) in [
        ("", "EOF"),
        (" \n", "EOF"),
        ("[", "unexpected EOF"),
        ("x", "invalid character 'x' looking for beginning of value"),
        (
            "'",
            r"invalid character '\'' looking for beginning of value",
        ),
        ("[\"", "unexpected EOF"),
        (
            "[\u{1}",
            r"invalid character '\x01' looking for beginning of value",
        ),
        ("é", "invalid character 'Ã' looking for beginning of value"),
        (
            "tru,",
            "invalid character ',' in literal true (expecting 'e')",
        ),
    ] {
        let error = parse(text.as_bytes(), 8).unwrap_err();
        assert_eq!(error.go_message(text.as_bytes()), want, "{text}");
    }
}

#[test]
fn secrets_and_unknown_values_are_replaced() {
    let mut unknown_secret = Value::unknown();
    unknown_secret.secret = true;
    let value = Value::new(Data::Object(BTreeMap::from([
        ("a".to_owned(), Value::secret("hunter2")),
        ("b".to_owned(), Value::unknown()),
        ("c".to_owned(), unknown_secret),
        (
            "d".to_owned(),
            Value::new(Data::String(vec![b'x', 0xff].into())),
        ),
    ])));
    let shown = |text: Text| text.as_str().unwrap().to_owned();
    assert_eq!(
        shown(compact(&value, Secrets::Redacted)),
        r#"{"a":"[secret]","b":"[unknown]","c":"[secret]","d":"x\ufffd"}"#
    );
    assert_eq!(
        shown(compact(&value, Secrets::Revealed)),
        r#"{"a":"hunter2","b":"[unknown]","c":"[unknown]","d":"x\ufffd"}"#
    );
}

#[test]
fn detailed_format_marks_secrets_and_unknown_values() {
    let mut value = parse(br#"{"a":[null,false],"b":{}}"#, 8).unwrap();
    if let Data::Object(entries) = &mut value.data {
        entries.insert("c".to_owned(), Value::secret("hunter2"));
        entries.insert("d".to_owned(), Value::unknown());
    }
    let want = r#"{
  "value": {
    "a": {
      "value": [
        {},
        {
          "value": false
        }
      ]
    },
    "b": {
      "value": {}
    },
    "c": {
      "value": "hunter2",
      "secret": true
    },
    "d": {
      "unknown": true
    }
  }
}"#;
    let shown = |secrets| detailed(&value, secrets).as_str().unwrap().to_owned();
    assert_eq!(shown(Secrets::Revealed), want);
    assert_eq!(
        shown(Secrets::Redacted),
        want.replace("hunter2", "[secret]")
    );
}

#[test]
fn indentation_is_two_spaces_per_level() {
    let value = parse(br#"{"a":[1,{"b":{}}],"c":[]}"#, 8).unwrap();
    let text = indented(&value, Secrets::Revealed);
    let want = "{\n  \"a\": [\n    1,\n    {\n      \"b\": {}\n    }\n  ],\n  \"c\": []\n}";
    assert_eq!(text.as_str().unwrap(), want);
}

#[test]
fn only_selected_parts_are_kept_and_counted() {
    static TREE: Selection = Selection::Entries(&[
        ("value", &Selection::All),
        ("children", &Selection::Each(&TREE)),
    ]);
    let text = br#"{"value":1,"trace":{"line":[1,2]},"children":[{"value":{"a":[2]},"x":0},
        "leaf",{"children":{"b":{"value":3},"c":{"trace":4}}}]}"#;
    let mut count = 0;
    let value = parse_selected(text, 8, &TREE, |is_kept| {
        count += usize::from(is_kept);
        true
    });
    let kept = r#"{"children":[{"value":{"a":[2]}},"leaf",{"children":{"b":{"value":3},"c":{}}}],"value":1}"#;
    assert_eq!(
        compact(&value.unwrap(), Secrets::Revealed).as_str(),
        Some(kept)
    );
    assert_eq!(count, 13);

    let mut left = 12;
    let stopped = parse_selected(text, 8, &TREE, |is_kept| {
        left -= i32::from(is_kept);
        left >= 0
    });
    let message = stopped.unwrap_err().to_string();
    assert!(
        message.starts_with("the reader stopped at byte "),
        "{message}"
    );
    let invalid = parse_selected(br#"{"trace":{"a" 1}}"#, 8, &TREE, |_| true);
    assert!(invalid.is_err());
    assert!(parse_selected(br#"{"x":[[[1]]]}"#, 3, &TREE, |_| true).is_err());
}
