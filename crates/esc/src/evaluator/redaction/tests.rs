use super::*;
use crate::evaluator::syntax;

/// The text with `*` for each hidden character.
fn masked(text: &str) -> String {
    let hidden = hidden_ranges(text);
    let characters = text.char_indices().map(|(byte, character)| {
        let is_hidden = hidden.iter().any(|range| range.contains(&byte));
        if is_hidden && !character.is_whitespace() {
            '*'
        } else {
            character
        }
    });
    characters.collect()
}

#[test]
fn secrets_and_comments_in_yaml_are_hidden() {
    for (text, want) in [
        ("a: {fn::secret: hunter2}", "a: {fn::secret: *******}"),
        (
            "a: {fn::rotate::x: {inputs: {state: a}, state: {b: [hunter2]}}, state: c}",
            "a: {fn::rotate::x: {inputs: {state: a}, state: {*: [*******]}}, state: c}",
        ),
        (
            "password: a\n  b ${c} d\n  e",
            "password: *\n  * **** *\n  *",
        ),
        (
            "a: {fn::secret: 'hunter2'} # old: h",
            "a: {fn::secret: *********} * **** *",
        ),
        (
            "fn::secret: |\n  hun\n  ter\nb: x",
            "fn::secret: *\n  ***\n  ***\nb: x",
        ),
        (
            "fn::secret: {a: hunter2, b: [c]}",
            "fn::secret: {*: *******, *: [*]}",
        ),
        ("fn::secret: ${x}", "fn::secret: ****"),
        ("Fn::Secrets: hunter2", "Fn::Secrets: *******"),
        ("secretAccessKey: hunter2", "secretAccessKey: *******"),
        ("session_token: ${aws.tokn}", "session_token: ${aws.tokn}"),
        ("token: Bearer ${a.b}x${c}y", "token: ****** **a.b****c**"),
        ("token: \"a ${b}\"", "token: ** *****"),
        ("password: {a: [b, 1]}", "password: {a: [*, *]}"),
        (
            "? [hunter2]\n: hunter3\na: b",
            "? ********]\n: *******\na: b",
        ),
        ("a: b # c\n# d\ne: \"#f\" #g", "a: b * *\n* *\ne: \"#f\" **"),
        ("a: b#c", "a: b#c"),
        ("clusterName: prod", "clusterName: prod"),
        ("tokenLifetime: 1 hour", "tokenLifetime: 1 hour"),
    ] {
        let document = syntax::parse(text);
        assert!(document.is_valid, "{text}");
        assert_eq!(masked(text), want);
    }
}

#[test]
fn secrets_in_invalid_yaml_are_hidden() {
    for text in [
        "fn::secret: hunter2 [\n",
        "{fn::secret: hunter2, a: [",
        "{\"fn::secret\":\"hunter2\", a: [",
        "fn::secret: |\n  x\n\n  hunter2\n a: [",
        "  fn::secret:\n    - a\n    - hunter2: [",
        "fn::secret:\n- hunter2\nb: [",
        "fn::secret: \"a\nhunter2\nb: [",
        "fn::secret: {ciphertext:\nhunter2\n, b: [",
        "? fn::secret\n: hunter2\n[",
        "- fn::secret: >\n    hunter2\n  a: [",
        "password=hunter2: [",
        "token:hunter2 [",
        "api_key: hunter2 [",
        "secretAccessKey: 'it''s\n hunter2\n[",
        "a: [ # hunter2\n",
        "fn::secert: hunter2 [",
        "fn::secret: !!str \"a\nhunter2\"\nb: [",
        "fn::secret: it's\n  hunter2\nb: [",
    ] {
        let text = text.to_owned() + "\nx: {";
        assert!(!syntax::parse(&text).is_valid, "{text}");
        let masked = masked(&text);
        assert!(!masked.contains("hunter2"), "{masked}");
    }
}

#[test]
fn other_values_in_invalid_yaml_are_shown() {
    let text = "values:\n  fn::secret: hunter2\n  region: eu\n  name: x [\n a: b";
    let want = "values:\n  fn::secret: *******\n  region: eu\n  name: x [\n a: b";
    assert!(!syntax::parse(text).is_valid);
    assert_eq!(masked(text), want);
}

#[test]
fn passwords_in_urls_are_hidden() {
    for (text, want) in [
        ("a: postgres://u:pw@h/db", "a: postgres://u:**@h/db"),
        ("a: \"https://abcde@h\"", "a: \"https://*****@h\""),
        ("a: [x://u:p@ss:w/o#rd@h, y]", "a: [x://u:***********@h, y]"),
        ("a: x://u:p@h,y://v:q@i", "a: x://u:***********@i"),
        (
            "a: x://${db.user}:${db.pass}@h",
            "a: x://${db.user}:${db.pass}@h",
        ),
        ("a: x://u:p-${b}-q@h", "a: x://u:**${b}**@h"),
        ("a: x://u:p-${b@h", "a: x://u:*****@h"),
        ("a: https://h:8443/b?c=d", "a: https://h:8443/b?c=d"),
        ("a: https://h/b@c", "a: https://h/b@c"),
        ("a: me@h.com", "a: me@h.com"),
        ("a: x:// b:c@d", "a: x:// b:c@d"),
    ] {
        assert_eq!(masked(text), want);
        let invalid = |text| format!("{text}\nb: [");
        assert!(!syntax::parse(&invalid(text)).is_valid, "{text}");
        assert_eq!(masked(&invalid(text)), invalid(want));
    }
}
