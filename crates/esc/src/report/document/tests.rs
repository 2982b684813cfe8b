use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::error::Error;

#[test]
fn members_without_a_value_are_left_out() {
    let mut sources = Sources::default();
    sources.add("env", "./env.yaml", "a: 1\n".to_owned().into());
    let begin = Position {
        line: 1,
        column: 4,
        byte: 3,
    };
    let failure = Error::new("no").caused_by("why").with_hint("do");
    let bare = Diagnostic {
        severity: Severity::Warning,
        summary: "odd".to_owned(),
        range: None,
        path: None,
        hint: None,
        failure: None,
    };
    let full = Diagnostic {
        severity: Severity::Error,
        range: Some(Range {
            environment: "env".into(),
            begin,
            end: Position { column: 5, ..begin },
        }),
        path: Some("values.a".to_owned()),
        failure: Some(Arc::new(failure)),
        ..bare.clone()
    };
    let document = sources.render_json(&[bare, full]);
    let document: serde_json::Value = serde_json::from_str(&document).unwrap();
    let want = json!({"diagnostics": [
        {"severity": "warning", "summary": "odd"},
        {
            "severity": "error",
            "summary": "odd",
            "path": "values.a",
            "range": {
                "environment": "env",
                "file": "./env.yaml",
                "begin": {"line": 1, "column": 4, "byte": 3},
                "end": {"line": 1, "column": 5, "byte": 3},
            },
            "hint": "do",
            "causes": ["why"],
        },
    ]});
    assert_eq!(document, want);
    assert_eq!(sources.render_json(&[]), "{\n  \"diagnostics\": []\n}");
}
