use super::*;
use esc::format::Secrets;

fn parse(text: &str) -> Value {
    json::parse(text.replace("SIG", SIGNATURE).as_bytes(), NESTING).unwrap()
}

fn read(text: &str) -> Result<Value, MalformedState> {
    let plaintexts = [
        ("one", r#"{"a":["hunter2",1.50]}"#),
        (
            "nested",
            &format!(r#"[{{"{SIGNATURE}":"{SECRET}","ciphertext":"\"hunter3\""}}]"#),
        ),
        ("broken", "{"),
    ];
    let plaintexts = plaintexts.map(|(key, text)| (key.to_owned(), Text::from(text)));
    convert(parse(text), &plaintexts.into())
}

#[test]
fn special_values_are_converted() {
    let asset = r#"{"4dabf18193072939515e22adb298388d":"c44067f5952c0a294b673a41bacd8c17","hash":"x","text":"y"}"#;
    for (text, revealed, redacted) in [
        (r#"{"a":1.0}"#.to_owned(), r#"{"a":1.0}"#, r#"{"a":1.0}"#),
        (
            format!(r#"{{"a":{{"SIG":"{SECRET}","ciphertext":"one"}}}}"#),
            r#"{"a":{"a":["hunter2",1.50]}}"#,
            r#"{"a":"[secret]"}"#,
        ),
        (
            format!(r#"[{{"SIG":"{SECRET}","ciphertext":"nested"}}]"#),
            r#"[["hunter3"]]"#,
            r#"["[secret]"]"#,
        ),
        (
            format!(r#"{{"SIG":"{SECRET}","plaintext":"null","ciphertext":""}}"#),
            "null",
            r#""[secret]""#,
        ),
        (
            format!(r#"[{{"SIG":"{BYTES}","value":"eP8="}}]"#),
            r#"["x\ufffd"]"#,
            r#"["x\ufffd"]"#,
        ),
        (
            format!(r#"["{UNKNOWN}"]"#),
            r#"["[unknown]"]"#,
            r#"["[unknown]"]"#,
        ),
        (asset.to_owned(), asset, asset),
    ] {
        let value = read(&text).unwrap();
        let shown = |secrets| json::compact(&value, secrets);
        assert_eq!(shown(Secrets::Revealed).as_str(), Some(revealed), "{text}");
        assert_eq!(shown(Secrets::Redacted).as_str(), Some(redacted), "{text}");
    }
    let bytes = read(&format!(r#"{{"SIG":"{BYTES}","value":"eP8="}}"#)).unwrap();
    assert_eq!(bytes.as_text().unwrap().as_bytes(), b"x\xff");
}

#[test]
fn unsupported_values_are_rejected() {
    let secret = "a secret in its outputs has an unsupported format";
    for (text, want) in [
        (
            r#"[{"SIG":"new"}]"#.to_owned(),
            "an output has an unsupported kind of value",
        ),
        (
            r#"{"SIG":7}"#.to_owned(),
            "an output has an unsupported kind of value",
        ),
        (format!(r#"{{"SIG":"{SECRET}"}}"#), secret),
        (
            format!(r#"{{"SIG":"{SECRET}","ciphertext":"one","plaintext":"2"}}"#),
            secret,
        ),
        (
            format!(r#"{{"SIG":"{SECRET}","ciphertext":"two"}}"#),
            secret,
        ),
        (
            format!(r#"{{"SIG":"{SECRET}","ciphertext":"broken"}}"#),
            "a decrypted secret in its outputs has an unsupported format",
        ),
        (
            format!(r#"{{"SIG":"{BYTES}","value":"?"}}"#),
            "a string in its outputs has an unsupported format",
        ),
    ] {
        let error = read(&text).unwrap_err();
        assert_eq!(error.to_string(), want, "{text}");
    }
}

#[test]
fn ciphertexts_are_distinct() {
    let text = format!(
        r#"{{"a":[{{"SIG":"{SECRET}","ciphertext":"one"}},1],
            "b":{{"c":{{"SIG":"{SECRET}","ciphertext":"one"}},
                  "d":{{"SIG":"{SECRET}","ciphertext":"two"}}}},
            "e":{{"SIG":"{SECRET}","plaintext":"3"}},"ciphertext":"four"}}"#
    );
    assert_eq!(ciphertexts(&parse(&text)), ["one", "two"]);
}
