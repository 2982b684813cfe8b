use super::*;
use crate::format::json;

fn written(json: &str) -> String {
    let value = json::parse(json.as_bytes(), 100).unwrap();
    text(&value, FUNCTION_INDENT).as_str().unwrap().to_owned()
}

/// What yaml.v3 3.0.1 writes.
#[test]
fn values_are_written_as_yaml_v3_does() {
    for (json, want) in [
        ("null", "null\n"),
        ("true", "true\n"),
        ("42", "\"42\"\n"),
        ("\"\"", "\"\"\n"),
        ("[]", "[]\n"),
        ("{}", "{}\n"),
        (r#"{"a":"b","c":"d"}"#, "a: b\nc: d\n"),
        (
            r#"{"a":{"b":[1,{"c":[],"d":{"e":null}}]}}"#,
            "a:\n    b:\n        - \"1\"\n        - c: []\n          d:\n            e: null\n",
        ),
        (
            "[[1,[2]],{\"a\":[3]}]",
            "- - \"1\"\n  - - \"2\"\n- a:\n    - \"3\"\n",
        ),
        ("\"a\\nb\"", "|-\n    a\n    b\n"),
        (r#"{"a":"x\n\ny\n"}"#, "a: |\n    x\n\n    y\n"),
        (r#"["x\n\n"]"#, "- |+\n  x\n\n"),
        (r#"{"a":" x\ny"}"#, "a: |4-\n     x\n    y\n"),
        (r#"{"a":"x \ny"}"#, "a: \"x \\ny\"\n"),
    ] {
        assert_eq!(written(json), want, "{json}");
    }
}

#[test]
fn strings_that_resolve_to_another_type_are_quoted() {
    for (text, want) in [
        ("plain text", "plain text"),
        ("true", "\"true\""),
        ("yes", "\"yes\""),
        ("12:30", "\"12:30\""),
        ("2001-12-14", "\"2001-12-14\""),
        ("2001-13-14", "2001-13-14"),
        ("0x1F", "\"0x1F\""),
        ("~", "\"~\""),
        ("<<", "<<"),
        ("a: b", "'a: b'"),
        ("a:b", "a:b"),
        ("it's", "it's"),
        ("'it", "'''it'"),
        ("# x", "'# x'"),
        ("a#b", "a#b"),
        ("- x", "'- x'"),
        ("-x", "-x"),
        ("*x", "'*x'"),
        (" x", "' x'"),
        ("a\tb", "\"a\\tb\""),
        ("\u{1f600}", "\"\\U0001F600\""),
        ("é\u{a0}", "é\u{a0}"),
        ("\u{feff}", "\"\\uFEFF\""),
        ("\u{7f}", "\"\\x7F\""),
        ("---", "'---'"),
    ] {
        let value = Value::from(text);
        let written = super::text(&value, FUNCTION_INDENT);
        assert_eq!(written.as_str(), Some(&*format!("{want}\n")), "{text}");
    }
}

#[test]
fn names_are_sorted_naturally() {
    let mut names = [
        "a10", "a2", "b", "A", "_", "a", "a02", "1", "é", "a-b", "ab",
    ];
    names.sort_by(|one, other| natural_order(one, other));
    assert_eq!(
        names,
        [
            "_", "1", "A", "a", "a-b", "a2", "a02", "a10", "ab", "b", "é"
        ]
    );
}
