//! The language: the values of definitions, and their diagnostics.

use super::*;

/// Evaluates the lines below `values:`. Returns the values as JSON, and the diagnostics.
fn values(text: &str) -> (String, Vec<String>) {
    let host = TestHost::with_definitions(&[]);
    let evaluation = host.open(&format!("values:\n  {}\n", text.replace('\n', "\n  ")));
    (revealed(&evaluation), diagnostics(&evaluation))
}

#[test]
fn values_are_evaluated() {
    for (text, want) in [
        (
            "a: null\nb: yes\nc: 0x1f\nd: 1.50\ne: 'x'",
            r#"{"a":null,"b":"yes","c":31,"d":1.5,"e":"x"}"#,
        ),
        (
            "a: 2001-12-14\nb: !!str 42\nc: !own x\nd: !!float 1000000",
            r#"{"a":"2001-12-14","b":"42","c":"x","d":1e+06}"#,
        ),
        (
            "a: ${b}\nb: [1, {c: '${d}'}]\nd: x",
            r#"{"a":[1,{"c":"x"}],"b":[1,{"c":"x"}],"d":"x"}"#,
        ),
        ("a: 'x ${b} $${c} $'\nb: 1", r#"{"a":"x 1 ${c} $","b":1}"#),
        (
            "a: '${b}${c}${d}'\nb: true\nc: null\nd: [1, x, {k: v}]",
            r#"{"a":"true\"1\",\"x\",\"\\\"k\\\"=\\\"v\\\"\"","b":true,"c":null,"d":[1,"x",{"k":"v"}]}"#,
        ),
        (
            "a: ${b[1].c[\"d.e\"]}\nb: [0, {c: {d.e: 5}}]",
            r#"{"a":5,"b":[0,{"c":{"d.e":5}}]}"#,
        ),
        ("$${a}: {'$${b}': 1}", r#"{"$${a}":{"${b}":1}}"#),
        (
            "a: {fn::toJSON: {b: [1, '<x>'], a: null}}",
            r#"{"a":"{\"a\":null,\"b\":[1,\"\\u003cx\\u003e\"]}"}"#,
        ),
        (
            "a: {fn::fromJSON: '{\"n\": 1.10, \"l\": []} trailing'}",
            r#"{"a":{"l":[],"n":1.10}}"#,
        ),
        (
            "a: {fn::toString: 1.5}\nb: {fn::toString: [a, 1]}",
            r#"{"a":"1.5","b":"\"a\",\"1\""}"#,
        ),
        (
            "a: {fn::toBase64: hello}\nb: {fn::fromBase64: aGVsbG8=}",
            r#"{"a":"aGVsbG8=","b":"hello"}"#,
        ),
        (
            "a: {fn::fromBase64: '/w=='}\nb: {fn::toBase64: '${a}'}",
            r#"{"a":"\ufffd","b":"/w=="}"#,
        ),
        (
            "a: {fn::join: ['-', [x, '${b}', z]]}\nb: y",
            r#"{"a":"x-y-z","b":"y"}"#,
        ),
        (
            "a: {fn::join: ['', '${b}']}\nb: [x, y]",
            r#"{"a":"xy","b":["x","y"]}"#,
        ),
        (
            "a: {fn::split: [',', 'x,y']}\nb: {fn::concat: [[1], '${a}']}",
            r#"{"a":["x","y"],"b":[1,"x","y"]}"#,
        ),
        (
            "a: {fn::final: {b: 1}}\nc: ${a.b}",
            r#"{"a":{"b":1},"c":1}"#,
        ),
        ("a: ${context.currentEnvironment.name}", r#"{"a":"root"}"#),
        ("a: |\n  x\n  ${b}\nb: y", r#"{"a":"x\ny\n","b":"y"}"#),
    ] {
        assert_eq!(values(text), (want.to_owned(), Vec::new()), "{text}");
    }
}

#[test]
fn failed_expressions_are_unknown_and_the_rest_is_evaluated() {
    for (text, want, diagnostic) in [
        (
            "a: ${b}\nc: 1",
            r#"{"a":"[unknown]","c":1}"#,
            "error root:2:8 unknown property \"b\" (values.a)",
        ),
        (
            "a: ${bar.baz}\nbar: {bax: 1}",
            r#"{"a":"[unknown]","bar":{"bax":1}}"#,
            "error root:2:11 unknown property \"baz\"; did you mean \"bax\"? (values.a)",
        ),
        (
            "a: x ${b[2]}\nb: [1]",
            r#"{"a":"[unknown]","b":[1]}"#,
            "error root:2:11 array index 2 out-of-bounds for array of length 1 (values.a)",
        ),
        (
            "a: ${b[-1]}\nb: [1]",
            r#"{"a":"[unknown]","b":[1]}"#,
            "error root:2:9 array indices must not be negative (values.a)",
        ),
        (
            "a: ${b.c}\nb: [1]",
            r#"{"a":"[unknown]","b":[1]}"#,
            "error root:2:9 cannot access an array element using a property name (values.a)",
        ),
        (
            "a: ${b[0]}\nb: {c: 1}",
            r#"{"a":"[unknown]","b":{"c":1}}"#,
            "error root:2:9 cannot access an object property using an integer index (values.a)",
        ),
        (
            "a: ${b.c}\nb: x",
            r#"{"a":"[unknown]","b":"x"}"#,
            "error root:2:9 receiver must be an array or an object (values.a)",
        ),
        (
            "a: \"${b}\"",
            r#"{"a":"[unknown]"}"#,
            "error root:2:6 unknown property \"b\" (values.a)",
        ),
        (
            "a: {b: '${a}'}",
            r#"{"a":{"b":"[unknown]"}}"#,
            "error root:2:6 cyclic reference to a (values.a)",
        ),
        (
            "a: 1\na: 2",
            r#"{"a":1}"#,
            "error root:3:3 duplicate key \"a\" (values.a)",
        ),
        (
            "context: 1",
            "{}",
            "error root:2:3 \"context\" is a reserved key (values.context)",
        ),
        (
            "fn::toJSON: 1",
            r#"{"fn::toJSON":1}"#,
            "error root:2:3 builtin function call \"fn::toJSON\" not allowed at the top level (values[\"fn::toJSON\"])",
        ),
        (
            "a: {fn::toJSON: 1, b: 2}",
            r#"{"a":{"b":2,"fn::toJSON":1}}"#,
            "error root:2:6 illegal call to builtin function: \"fn::toJSON\" must be the only key within its containing object (values.a)",
        ),
        (
            "a: {FN::x: 1}",
            r#"{"a":{"FN::x":1}}"#,
            "error root:2:7 'fn::' is a reserved prefix (values.a)",
        ),
        (
            "a: {'${b}': 1}\nb: 2",
            r#"{"a":{},"b":2}"#,
            "error root:2:7 object keys must be strings (values.a[\"${b}\"])",
        ),
    ] {
        assert_eq!(
            values(text),
            (want.to_owned(), vec![diagnostic.to_owned()]),
            "{text}"
        );
    }
}

#[test]
fn failed_calls_are_unknown() {
    for (text, want, diagnostic) in [
        (
            "a: {fn::secret: 1}",
            r#"{"a":""}"#,
            "error root:2:19 secret values must be string literals (values.a[\"fn::secret\"])",
        ),
        (
            "a: {fn::toBase64: 1}",
            r#"{"a":"[unknown]"}"#,
            "error root:2:21 expected string, got number (values.a[\"fn::toBase64\"])",
        ),
        (
            "a: {fn::fromBase64: 'x'}",
            r#"{"a":"[unknown]"}"#,
            "error root:2:6 decoding base64 string: illegal base64 data at input byte 0 (values.a)",
        ),
        (
            "a: {fn::fromJSON: '{'}",
            r#"{"a":"[unknown]"}"#,
            "error root:2:6 decoding JSON string: unexpected EOF (values.a)",
        ),
        (
            "a: {fn::join: [',', [x, 1]]}",
            r#"{"a":"[unknown]"}"#,
            "error root:2:27 expected string, got number (values.a[\"fn::join\"][1][1])",
        ),
        (
            "a: {fn::join: [',', '${b}']}\nb: [1]",
            r#"{"a":"[unknown]","b":[1]}"#,
            "error root:3:7 expected string, got number (values.b[0])",
        ),
        (
            "a: {fn::split: x}",
            r#"{"a":"[unknown]"}"#,
            "error root:2:18 the argument to fn::split must be a two-valued list (values.a[\"fn::split\"])",
        ),
        (
            "a: {fn::open: x}",
            r#"{"a":"[unknown]"}"#,
            "error root:2:17 the argument to fn::open must be an object containing 'provider' and 'inputs' (values.a[\"fn::open\"])",
        ),
        (
            "a: {fn::open::x: {}}",
            r#"{"a":"[unknown]"}"#,
            "error root:2:6 unknown provider \"x\" (values.a)",
        ),
        (
            "a: {fn::rotate::x: {inputs: {}}}",
            r#"{"a":"[unknown]"}"#,
            "error root:2:6 unknown rotator \"x\" (values.a)",
        ),
        (
            "a: {fn::secret: {ciphertext: x}}",
            r#"{"a":"[unknown]"}"#,
            "error root:2:6 invalid ciphertext: illegal base64 data at input byte 0 (values.a)",
        ),
        (
            "a: {fn::secret: {ciphertext: ZXNjeAAAAAHo5ezs7zMLzeI=}}",
            r#"{"a":"[unknown]"}"#,
            "error root:2:6 decrypting: only Pulumi Cloud has the key of this secret (values.a)",
        ),
    ] {
        assert_eq!(
            values(text),
            (want.to_owned(), vec![diagnostic.to_owned()]),
            "{text}"
        );
    }
}

#[test]
fn top_level_keys_are_validated() {
    let host = TestHost::with_definitions(&[]);
    for (text, want, diagnostic) in [
        ("", "{}", ""),
        (
            "# nothing\n",
            "{}",
            "error - environment must be an object ()",
        ),
        ("x", "{}", "error root:1:1 environment must be an object ()"),
        (
            "values: x",
            "{}",
            "error root:1:9 values must be an object (values)",
        ),
        (
            "imports: x",
            "{}",
            "error root:1:10 imports must be a list (imports)",
        ),
        (
            "imports: [1]",
            "{}",
            "error root:1:11 import must be a string or an object (imports[0])",
        ),
        (
            "imports: [{a: {}, b: {}}]",
            "{}",
            "error root:1:11 import must have a single key (imports[0])",
        ),
        (
            "imports: [{a: {merge: x}}]",
            "{}",
            "error root:1:12 environment \"a\" not found (imports[0].a); error root:1:23 merge must be a boolean value (imports[0].a.merge)",
        ),
        ("VALUES: {a: 1}", r#"{"a":1}"#, ""),
        (
            "values: {a: 1}\nvalues: {a: 2}",
            r#"{"a":2}"#,
            "warning root:2:1 duplicate key \"values\" (values)",
        ),
        (
            "valeus: {a: 1}",
            "{}",
            "warning root:1:1 Field 'valeus' does not exist on Object 'environment'. Existing fields are: 'values', 'imports', 'description' (valeus)",
        ),
        (
            "description: x\nvalues: {a: &b 1, c: *b}",
            "{}",
            "error root:2:22 alias nodes are not supported (values.c)",
        ),
        (
            "values: {1: x, a: 2}",
            "{}",
            "error root:1:10 mapping keys must be strings (values[\"1\"])",
        ),
        (
            "values:\n  a: [b\n",
            "{}",
            "error root:3:1 yaml: line 1: did not find expected ',' or ']' (-)",
        ),
    ] {
        let evaluation = host.open(text);
        let diagnostics = diagnostics(&evaluation).join("; ");
        assert_eq!(
            (revealed(&evaluation).as_str(), diagnostics.as_str()),
            (want, diagnostic),
            "{text}"
        );
    }
}

#[test]
fn failed_imports_are_dropped() {
    let host = TestHost::with_definitions(&[
        ("broken", "values: {a: ["),
        ("wrong", "values: {a: {fn::join: x}, b: 1}"),
        ("odd", "values: {a: '${x}', b: 1}"),
        ("one", "imports: [two]\nvalues: {a: 1}"),
        ("two", "imports: [one]\nvalues: {b: 2}"),
        ("final", "values: {a: {fn::final: {b: 1}}}"),
    ]);
    for (text, want, wanted) in [
        (
            "imports: [none, none]\nvalues: {a: '${imports.none.x}'}",
            r#"{"a":"[unknown]"}"#,
            &[
                "error root:1:11 environment \"none\" not found (imports[0])",
                "error root:1:17 environment \"none\" not found (imports[1])",
                "error root:2:13 unknown property \"none\" (values.a)",
            ][..],
        ),
        (
            "imports: [broken]",
            "{}",
            &["error broken:1:14 yaml: line 1: did not find expected node content (-)"],
        ),
        (
            "imports: [wrong]",
            "{}",
            &[
                "error wrong:1:24 the argument to fn::join must be a two-valued list (values.a[\"fn::join\"])",
            ],
        ),
        (
            "imports: [odd]",
            r#"{"a":"[unknown]","b":1}"#,
            &["error odd:1:13 unknown property \"x\" (values.a)"],
        ),
        (
            "imports: [one]",
            r#"{"a":1,"b":2}"#,
            &["error two:1:11 cyclic import of one (imports[0])"],
        ),
        (
            "imports: [final]\nvalues: {a: {b: 2}, c: '${a.b}'}",
            // As in ESC, a reference to a property finds the overriding value.
            r#"{"a":{"b":1},"c":2}"#,
            &["warning root:2:13 cannot override final value (values.a)"],
        ),
    ] {
        let evaluation = host.open(text);
        assert_eq!(diagnostics(&evaluation), wanted, "{text}");
        assert_eq!(revealed(&evaluation), want, "{text}");
    }
    let error = &host.open("imports: [none]").diagnostics[0];
    assert_eq!(
        error.failure.as_ref().unwrap().hint(),
        Some("look elsewhere")
    );
}

#[test]
fn reserved_properties_are_exported() {
    let host = TestHost::with_definitions(&[]);
    let evaluation = host.open(
        "values:\n  environmentVariables: {A: 1, B: null, C: [x], D: {e: f}, E: true, F: x}\n  \
         files: {KUBECONFIG: text, LIST: [x]}\n  pulumiConfig: {a: 1}\n",
    );
    let shown = |entries: Vec<crate::EnvironmentEntry<'_>>| {
        let entries = entries
            .iter()
            .map(|entry| format!("{}={}", entry.name, entry.text.as_str().unwrap()));
        entries.collect::<Vec<_>>().join(" ")
    };
    let environment = &evaluation.environment;
    assert_eq!(shown(environment.variables()), "A=1 B= E=true F=x");
    assert_eq!(shown(environment.files()), "KUBECONFIG=text");
    assert!(
        environment
            .values
            .property("pulumiConfig")
            .unwrap()
            .property("a")
            .is_some()
    );
}

#[test]
fn diagnostics_show_their_source_line() {
    let host = TestHost::with_definitions(&[("other", "values:\n  a: ${nothing}\n")]);
    let shown = rendered(&host.open("imports:\n  - other\nvalues:\n  b: a ${a.b.c} d\n"));
    let want = "\
error: unknown property \"nothing\"
 --> ./other.yaml:2:8
  |
2 |   a: ${nothing}
  |        ^^^^^^^
  |
  = help: the only property is `a`";
    assert_eq!(shown, want);
    let shown = rendered(&host.open("values:\n  b: a ${a.b.c} d\n  a: {bx: 1}\n"));
    let want = "\
error: unknown property \"b\"
 --> ./root.yaml:2:11
  |
2 |   b: a ${a.b.c} d
  |           ^^
  |
  = help: the only property is `bx`";
    assert_eq!(shown, want);
}

#[test]
fn whitespace_in_names_is_kept_in_diagnostics() {
    let opened = TestHost::default().open("imports: [\"a  b\\n\"]\nvalues: {a: 1}\n");
    let summaries: Vec<_> = opened
        .diagnostics
        .iter()
        .map(|diagnostic| &diagnostic.summary)
        .collect();
    assert_eq!(summaries, ["environment \"a  b\n\" not found"]);
}
