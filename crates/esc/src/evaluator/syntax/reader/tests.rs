//! What the reader makes of texts: values, spans and errors.

use super::*;
use crate::report::Style;
use crate::{Diagnostic, Position, Range, Severity, Sources};

/// The span of each value that is a scalar: `line:column(byte)-line:column(byte)`.
fn scalar_spans(node: &Node<'_>) -> Vec<String> {
    match &node.kind {
        NodeKind::Sequence(items) => items.iter().flat_map(scalar_spans).collect(),
        NodeKind::Mapping(entries) => entries
            .iter()
            .flat_map(|(_, value)| scalar_spans(value))
            .collect(),
        _ => {
            let (begin, end) = (span(node).begin(), span(node).end());
            vec![format!(
                "{}:{}({})-{}:{}({})",
                begin.line, begin.column, begin.byte, end.line, end.column, end.byte
            )]
        }
    }
}

/// The value without its spans: `[a, {b=null}]`.
fn shape(node: &Node<'_>) -> String {
    match &node.kind {
        NodeKind::Sequence(items) => {
            let items: Vec<_> = items.iter().map(shape).collect();
            format!("[{}]", items.join(", "))
        }
        NodeKind::Mapping(entries) => {
            let entry = |(key, value): &(_, _)| format!("{}={}", name(key), shape(value));
            let entries: Vec<_> = entries.iter().map(entry).collect();
            format!("{{{}}}", entries.join(", "))
        }
        _ => match resolve(node) {
            Some(Scalar::Null) => "null".to_owned(),
            Some(Scalar::Number(number)) => number,
            Some(Scalar::Text) => name(node).to_owned(),
            _ => "?".to_owned(),
        },
    }
}

/// `line:column summary` of each error.
fn errors(document: &SyntaxTree<'_>) -> Vec<String> {
    let show = |error: &SyntaxError| {
        let Position { line, column, .. } = error.span.begin();
        format!("{line}:{column} {}", error.summary)
    };
    document.errors.iter().map(show).collect()
}

#[test]
fn scalars_have_the_spans_of_esc() {
    for (text, expected) in [
        ("a: b\nc: d\n", "1:4(3)-1:5(4) 2:4(8)-2:5(9)"),
        (
            "a: \"b c\"\nx: 'y z'   # comment\n",
            "1:4(3)-1:7(8) 2:4(12)-2:7(17)",
        ),
        ("a: 'it''s'   # x\n", "1:4(3)-1:8(10)"),
        ("a: !!str \"x\\\"y\" # x\n", "1:4(3)-1:7(15)"),
        ("a: !!str xy\n", "1:4(3)-1:12(11)"),
        ("a: !<tag:yaml.org,2002:str> xy\n", "1:4(3)-1:12(30)"),
        ("a: ! xy\n", "1:4(3)-1:6(7)"),
        ("a: \"b\n  c\" # x\n", "1:4(3)-1:7(10)"),
        ("a: b c   # comment\n", "1:4(3)-1:7(6)"),
        (
            "a: |\n  one\n  two\nb: x\n",
            "1:4(3)-3:4(16) 4:4(20)-4:5(21)",
        ),
        ("a: |\n  one\n  two", "1:4(3)-2:7(16)"),
        ("a: !!str |\n  one\n", "1:4(3)-1:8(16)"),
        (
            "a: >- # x | y\n\n  one\n\n\nb: x\n",
            "1:4(3)-1:8(20) 6:4(26)-6:5(27)",
        ),
        ("- |+2\n   one\n- b\n", "1:3(2)-2:3(12) 3:3(15)-3:4(16)"),
        ("a: one\n  two\nb: x\n", "1:4(3)-1:11(12) 3:4(16)-3:5(17)"),
        (
            "é: [ü, \"ö\", x]\n",
            "1:5(5)-1:7(7) 1:8(9)-1:10(13) 1:13(15)-1:14(16)",
        ),
        ("\u{feff}a: b\n", "1:4(6)-1:5(7)"),
        ("\r\n\ra: |\r\n\r\n  x\r\n", "3:4(6)-5:4(14)"),
        ("b: &x hello\n", "1:4(3)-1:9(11)"),
        ("a: b\r\nc: d\r\n", "1:4(3)-1:5(4) 2:4(9)-2:5(10)"),
    ] {
        let document = parse(text);
        assert_eq!(document.errors, [], "{text:?}");
        let spans = scalar_spans(&document.root.unwrap()).join(" ");
        assert_eq!(spans, expected, "{text:?}");
    }
}

#[test]
fn empty_value_is_right_after_its_dash_or_colon() {
    for (text, expected) in [
        ("- \n- b\n", "1:2(1)-1:2(1) 2:3(5)-2:4(6)"),
        ("a:\n  - \n  -\n", "2:4(6)-2:4(6) 3:4(11)-3:4(11)"),
        ("a:\n- # - x\n- b\n", "2:2(4)-2:2(4) 3:3(13)-3:4(14)"),
        ("a: \nb: \t # c\n", "1:3(2)-1:3(2) 2:3(6)-2:3(6)"),
        ("a: \u{2028}\nb: c\n", "1:3(2)-1:3(2) 3:4(10)-3:5(11)"),
    ] {
        let document = parse(text);
        assert_eq!(document.errors, [], "{text:?}");
        let spans = scalar_spans(&document.root.unwrap()).join(" ");
        assert_eq!(spans, expected, "{text:?}");
    }
}

#[test]
fn lists_and_maps_end_with_their_last_child() {
    for (text, expected) in [
        ("- {a: [b] }\n", (1, 9, 8)),
        ("- []\n", (1, 3, 3)),
        ("-\n  a: b\n  c:\n    - d  # e\n", (4, 8, 21)),
        ("- {a: b, 1: cd}\n", (1, 15, 14)),
    ] {
        let root = parse(text).root.unwrap();
        let Position { line, column, byte } = span(&root.items()[0]).end();
        assert_eq!((line, column, byte), expected, "{text:?}");
    }
}

#[test]
fn indicators_in_flow_style_are_those_of_yaml_v3() {
    for (text, expected) in [
        ("[-, {b: -}] # -]\n", "[-, {b=-}]"),
        ("[\"-,\", x]# c\n", "[-,, x]"),
        ("[?x, y]\n", "[{x=null}, y]"),
        ("{?x: 1, b: -x}\n", "{x=1, b=-x}"),
        ("[\na,\nb: c\n]", "[a, {b=c}]"),
        ("{a: ! 1}", "{a=1}"),
        ("- [x]\n- :x", "[[x], :x]"),
        ("[\u{feff}x, -]", "[\u{feff}x, -]"),
        ("[!a,b c]", "[c]"),
        ("[&x, &y-1 b]", "[null, b]"),
        ("!<tag:yaml.org,2002:int> 1", "1"),
    ] {
        let document = parse(text);
        assert_eq!(document.errors, [], "{text:?}");
        assert_eq!(shape(&document.root.unwrap()), expected, "{text:?}");
    }
}

#[test]
fn unsupported_yaml_is_reported_where_it_is() {
    for (text, expected) in [
        ("a: &x b\nc: *x\n", "2:4 alias nodes are not supported"),
        ("1: x\n", "1:1 mapping keys must be strings"),
        ("true: x\n", "1:1 mapping keys must be strings"),
        ("? [a]\n: x\n", "1:3 mapping keys must be strings"),
        (
            "a: .inf\n",
            "1:4 a number must be finite: JSON has no infinity",
        ),
        (
            "a: !!int 1.5\n",
            "1:4 yaml: cannot decode !!float `1.5` as a !!int",
        ),
        (
            "a: !!bool 1\n",
            "1:4 yaml: cannot decode !!int `1` as a !!bool",
        ),
        (
            "a: !!int x\n",
            "1:4 yaml: cannot decode !!str `x` as a !!int",
        ),
        (
            "a: !!binary x\n",
            "1:4 yaml: !!binary value contains invalid base64 data",
        ),
    ] {
        let document = parse(text);
        assert!(document.is_valid, "{text:?}");
        assert_eq!(errors(&document), [expected], "{text:?}");
    }
}

#[test]
fn error_has_the_path_of_its_node() {
    let document = parse("a: &x\nb: [c, {d-e: *x}]\n[f]: *x\n2: {g: *x}\n");
    let paths: Vec<_> = document
        .errors
        .iter()
        .map(|error| error.path.as_deref().unwrap())
        .collect();
    let expected = ["b[1][\"d-e\"]", "", "", "[\"2\"]", "[\"2\"].g"];
    assert_eq!(paths, expected);
}

#[test]
fn message_has_no_text_of_a_secret() {
    for (text, expected) in [
        (
            "fn::secret: !!int hunter2\n",
            "1:13 yaml: cannot decode !!str as a !!int",
        ),
        (
            "FN::Secret: {a: [!!int hunter2]}\n",
            "1:18 yaml: cannot decode !!str as a !!int",
        ),
        (
            "fn::secret: *hunter2\n",
            "1:13 yaml: unknown anchor referenced",
        ),
    ] {
        assert_eq!(errors(&parse(text)), [expected], "{text:?}");
    }
}

#[test]
fn syntax_errors_have_the_text_of_yaml_v3() {
    for (text, expected) in [
        (
            "a: [b\n",
            "2:1 yaml: line 1: did not find expected ',' or ']'",
        ),
        (
            "a: `x\n",
            "1:4 yaml: found character that cannot start any token",
        ),
        (
            "a: \"x\n",
            "1:4 yaml: line 2: found unexpected end of stream",
        ),
        (
            "# %YAML 1.2\n%YAML 1.2\n---\na: b\n",
            "2:1 yaml: line 1: found incompatible YAML document",
        ),
        ("[:x]\n", "1:2 yaml: did not find expected node content"),
        (
            "[!a\"b\"]",
            "1:4 yaml: did not find expected whitespace or line break",
        ),
    ] {
        let document = parse(text);
        assert!(!document.is_valid && document.root.is_none(), "{text:?}");
        assert_eq!(errors(&document), [expected], "{text:?}");
    }
}

#[test]
fn deep_nesting_is_rejected() {
    let block: String = (0..5_000).map(|depth| " ".repeat(depth) + "a:\n").collect();
    for text in [
        "[".repeat(1_000_000),
        "- ".repeat(1_000_000),
        "{a: ".repeat(500_000),
        block,
    ] {
        let document = parse(&text);
        assert!(document.root.is_none() && !document.is_valid);
        let summary = &document.errors[0].summary;
        assert!(summary.contains("nest"), "{summary}");
    }
}

#[test]
fn only_the_first_document_is_read() {
    let document = parse("a: b\n---\nc: [\n");
    assert_eq!(document.errors, []);
    assert_eq!(document.root.unwrap().entries().len(), 1);
    for empty in ["", "# nothing\n", "\n"] {
        let document = parse(empty);
        assert!(document.is_valid && document.root.is_none(), "{empty:?}");
    }
}

#[test]
fn keys_and_values_are_counted() {
    for (text, nodes) in [("a", 1), ("a: [b, {c: }]", 7), ("[a: b]", 4), ("1: x", 3)] {
        assert_eq!(parse_within(text, nodes).nodes, nodes, "{text}");
        let document = parse_within(text, nodes - 1);
        assert_eq!((document.is_valid, document.nodes), (false, nodes - 1));
    }
}

#[test]
fn caret_of_a_syntax_error_is_under_its_line() {
    for (text, expected) in [
        (
            "a: |\n\tb\n",
            "error: yaml: line 2: found a tab character where an indentation space is expected\n \
             --> ./env.yaml:2:1\n  |\n2 |     b\n  | ^^^^",
        ),
        (
            "# %YAML 1.2\n%YAML 1.2\n---\na: b\n",
            "error: yaml: line 1: found incompatible YAML document\n \
             --> ./env.yaml:2:1\n  |\n2 | %YAML 1.2\n  | ^",
        ),
    ] {
        let mut sources = Sources::default();
        let environment = sources.add("env", "./env.yaml", text.to_owned().into());
        let SyntaxError { summary, span, .. } = parse(text).errors.remove(0);
        let diagnostic = Diagnostic {
            severity: Severity::Error,
            summary,
            range: Some(Range {
                environment,
                begin: span.begin(),
                end: span.end(),
            }),
            path: None,
            hint: None,
            failure: None,
        };
        assert_eq!(sources.render(&[diagnostic], Style::Plain), expected);
    }
}
