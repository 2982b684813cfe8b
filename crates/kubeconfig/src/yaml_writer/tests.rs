use serde_json::json;

use super::*;

#[test]
fn values_are_written_like_kubectl() {
    let value = json!({
        "name": "demo",
        "user": {"exec": {"args": ["a", "--b", "1"], "env": [{"name": "X", "value": "é\n"}], "on": true}},
        "empty": {}, "none": [],
    });
    let expected = "\
- empty: {}
  name: demo
  none: []
  user:
    exec:
      args:
      - a
      - --b
      - \"1\"
      env:
      - name: X
        value: \"é\\n\"
      \"on\": true";
    let list = json!([value]);
    assert_eq!(block(&list, 0), expected);
    assert_eq!(serde_yaml::from_str::<Json>(expected).unwrap(), list);

    let one_line = flow(&value, &FlowLayout::default());
    assert!(one_line.starts_with("{\"empty\": {}, \"name\": \"demo\", "));
    let multi_line = FlowLayout {
        new_line: Some("\n\t".to_owned()),
        step: "\t".to_owned(),
    };
    let multi_line = flow(&value, &multi_line);
    assert!(multi_line.starts_with("{\n\t\t\"empty\": {},\n\t\t\"name\": \"demo\",\n"));
    assert!(multi_line.ends_with("\n\t}"));
    for text in [one_line, multi_line] {
        assert_eq!(serde_json::from_str::<Json>(&text).unwrap(), value);
    }
}

#[test]
fn every_character_is_read_back() {
    let text: String = (0..=0x2100_u32)
        .chain([0xfeff, 0xfffd, 0xfffe, 0x1f600])
        .filter_map(char::from_u32)
        .collect();
    let value = json!({"a": text});
    for written in [block(&value, 0), flow(&value, &FlowLayout::default())] {
        assert_eq!(serde_yaml::from_str::<Json>(&written).unwrap(), value);
    }
}

#[test]
fn strings_that_need_quotes() {
    for (text, plain) in [
        ("demo", true),
        ("https://a.test:6443", true),
        ("LS0tLS1CRUdJTiBD+/==", true),
        ("--cluster-name", true),
        ("~/.kube/env.yaml", true),
        ("client.authentication.k8s.io/v1", true),
        ("not installed, or not on the PATH", true),
        ("arn:aws:eks:eu-west-1:123456789012:cluster/demo", true),
        ("", false),
        ("true", false),
        ("No", false),
        ("123", false),
        ("1e3", false),
        ("a: b", false),
        ("a #b", false),
        ("a ", false),
        ("~", false),
        ("-", false),
        ("--", false),
        ("---", false),
        ("*a", false),
        ("é", false),
        ("a:", false),
        ("a\nb", false),
    ] {
        assert_eq!(is_plain_text(text), plain, "{text:?}");
    }
}
