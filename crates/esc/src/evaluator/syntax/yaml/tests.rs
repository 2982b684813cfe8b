//! What the reader makes of texts.

use super::*;

/// `line:column(byte)-line:column(byte)` of each scalar that is a value.
fn places(node: &Node) -> Vec<String> {
    match &node.kind {
        Kind::List(items) => items.iter().flat_map(places).collect(),
        Kind::Object(entries) => entries.iter().flat_map(|e| places(&e.value)).collect(),
        _ => {
            let Span { begin, end } = node.span;
            vec![format!(
                "{}:{}({})-{}:{}({})",
                begin.line, begin.column, begin.byte, end.line, end.column, end.byte
            )]
        }
    }
}

#[test]
fn scalars_have_places() {
    for (text, want) in [
        ("a: b\nc: d\n", "1:4(3)-1:5(4) 2:4(8)-2:5(9)"),
        (
            "a: \"b c\"\nx: 'y z'   # comment\n",
            "1:4(3)-1:7(8) 2:4(12)-2:7(17)",
        ),
        ("a: 'it''s'   # x\n", "1:4(3)-1:8(10)"),
        ("a: !!str \"x\\\"y\" # x\n", "1:4(3)-1:7(15)"),
        ("a: !!str xy\n", "1:4(3)-1:12(11)"),
        ("a: \"b\n  c\" # x\n", "1:4(3)-1:7(10)"),
        ("a: b c   # comment\n", "1:4(3)-1:7(6)"),
        (
            "a: |\n  one\n  two\nb: x\n",
            "1:4(3)-3:4(17) 4:4(20)-4:5(21)",
        ),
        ("a: |\n  one\n  two", "1:4(3)-2:7(16)"),
        ("a: !!str |\n  one\n", "1:4(3)-1:8(17)"),
        (
            "a: >- # x | y\n\n  one\n\n\nb: x\n",
            "1:4(3)-1:8(23) 6:4(26)-6:5(27)",
        ),
        ("- |+2\n   one\n- b\n", "1:3(2)-2:3(13) 3:3(15)-3:4(16)"),
        ("a: one\n  two\nb: x\n", "1:4(3)-1:11(12) 3:4(16)-3:5(17)"),
        (
            "é: [ü, \"ö\", x]\n",
            "1:5(5)-1:7(7) 1:8(9)-1:10(13) 1:13(15)-1:14(16)",
        ),
        ("\u{feff}a: b\n", "1:4(6)-1:5(7)"),
        ("\r\n\ra: |\r\n\r\n  x\r\n", "3:4(6)-5:4(16)"),
        ("a: \u{2028}\nb: c\n", "1:3(2)-1:3(2) 3:4(10)-3:5(11)"),
        ("a:\n- # - x\n- b\n", "2:2(4)-2:2(4) 3:3(13)-3:4(14)"),
        ("b: &x hello\n", "1:4(3)-1:9(11)"),
        ("a: b\r\nc: d\r\n", "1:4(3)-1:5(4) 2:4(9)-2:5(10)"),
    ] {
        let document = parse(text);
        assert_eq!(document.problems, [], "{text:?}");
        assert_eq!(places(&document.root.unwrap()).join(" "), want, "{text:?}");
    }
}

#[test]
fn marks_in_brackets_are_those_of_yaml_v3() {
    for (text, want) in [
        ("a: [-, {b: -}] # -]\n", "[-, {b=-}]"),
        ("a: [\"-,\", x]# c\n", "[-,, x]"),
        ("a: [?x, y]\n", "[{x=null}, y]"),
        ("a: {?x: 1, b: -x}\n", "{x=1, b=-x}"),
        (
            "a: [:x]\n",
            "yaml: line 1: did not find expected node content",
        ),
        (
            "a: {b: ?x}\n",
            "yaml: line 1: did not find expected node content",
        ),
        (
            "a: [x?y]\n",
            "yaml: line 1: did not find expected node content",
        ),
        ("{a: x}...", "x"),
        ("{a: ! 1}", "1"),
        ("a:\n- [x]\n- :x", "[[x], :x]"),
        ("a: \u{2028}\n", "null"),
        ("a: [\u{feff}x, -]", "[\u{feff}x, -]"),
        ("a: !<tag:yaml.org,2002:int> 1", "1"),
        (
            "a: [!]",
            "yaml: line 1: did not find expected whitespace or line break",
        ),
        (
            "a: [! :x]",
            "yaml: line 1: a mark right behind a tag or an anchor is not supported",
        ),
        (
            "a: [!, 1]",
            "yaml: line 1: a comma right behind a tag is a part of the tag",
        ),
        (
            "a: &# b",
            "yaml: line 1: did not find expected alphabetic or numeric character",
        ),
        ("a: [&x, &y-1 b]", "[null, b]"),
        (
            "a: [|]",
            "yaml: line 1: found character that cannot start any token",
        ),
    ] {
        let document = parse(text);
        let found = match &document.root {
            Some(root) => shape(&root.entries().unwrap()[0].value),
            None => document.problems[0].summary.clone(),
        };
        assert_eq!(found, want, "{text:?}");
    }
}

/// What was read, in short.
fn shape(node: &Node) -> String {
    match &node.kind {
        Kind::List(items) => {
            let items: Vec<_> = items.iter().map(shape).collect();
            format!("[{}]", items.join(", "))
        }
        Kind::Object(entries) => {
            let entry = |it: &Entry| format!("{}={}", it.key.name, shape(&it.value));
            let entries: Vec<_> = entries.iter().map(entry).collect();
            format!("{{{}}}", entries.join(", "))
        }
        Kind::Null => "null".to_owned(),
        Kind::Number(number) => number.as_str().to_owned(),
        _ => node.as_str().unwrap_or("?").to_owned(),
    }
}

#[test]
fn what_the_language_lacks_is_refused_at_its_place() {
    for (text, want) in [
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
            "fn::secret: !!int x\n",
            "1:13 yaml: cannot decode !!str as a !!int",
        ),
        (
            "a: !!int x\n",
            "1:4 yaml: cannot decode !!str `x` as a !!int",
        ),
        (
            "a: [b\n",
            "2:1 yaml: line 1: did not find expected ',' or ']'",
        ),
        (
            "a: `x\n",
            "1:4 yaml: line 1: found character that cannot start any token",
        ),
        (
            "a: \"x\n",
            "1:4 yaml: line 1: found unexpected end of stream",
        ),
        ("a: *x\n", "1:4 yaml: found unknown anchor"),
        (
            "# x\n%YAML 1.2\n---\na: b\n",
            "2:1 yaml: line 1: found incompatible YAML document",
        ),
        (
            "a: \"\\\\ \\/\"\n",
            "1:4 yaml: line 1: found unknown escape character",
        ),
    ] {
        let shown: Vec<_> = parse(text).problems.iter().map(show).collect();
        assert_eq!(shown, [want], "{text:?}");
    }
}

fn show(problem: &Problem) -> String {
    let Position { line, column, .. } = problem.span.begin;
    format!("{line}:{column} {}", problem.summary)
}

#[test]
fn deep_nesting_is_refused() {
    let block: String = (0..5_000).map(|depth| " ".repeat(depth) + "a:\n").collect();
    for text in [
        "[".repeat(1_000_000),
        "- ".repeat(1_000_000),
        "{a: ".repeat(500_000),
        block,
    ] {
        let document = parse(&text);
        assert!(document.root.is_none() && !document.readable);
        let summary = &document.problems[0].summary;
        assert!(summary.contains("nest"), "{summary}");
    }
}

#[test]
fn only_the_first_document_counts() {
    let document = parse("a: b\n---\nc: [\n");
    assert_eq!(document.problems, []);
    assert_eq!(document.root.unwrap().entries().unwrap().len(), 1);
    for empty in ["", "# nothing\n", "\n"] {
        let document = parse(empty);
        assert!(document.readable && document.root.is_none(), "{empty:?}");
    }
}
