//! The builtins: the results of upstream ESC for the same definitions, and intended differences.

use std::fmt::Write as _;

use super::*;
use crate::evaluator::Decrypter;
use crate::text::Text;

/// Evaluates a definition. Returns the redacted values as JSON, and the diagnostics.
fn opened(host: &TestHost, text: &str) -> (String, String) {
    let evaluation = host.open(text);
    (redacted(&evaluation), diagnostics(&evaluation).join("; "))
}

fn host() -> TestHost {
    let rotator = TestRotator {
        inputs: r#"{"type":"object","properties":{"next":{"type":"string"}},"rotateOnly":["next"]}"#,
        state: r#"{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}"#,
    };
    let record = r#"{"type":"object","properties":{"s":{"type":"string"},
        "o":{"type":"object","properties":{"n":{"type":"number"}}},
        "t":{"type":"array","prefixItems":[{"type":"string"}],"items":false},
        "u":{"oneOf":[{"type":"string"},{"type":"null"}]}}}"#;
    TestHost::default()
        .with_rotator("turn", rotator)
        .with_provider("record", TestProvider::echo("true", record))
        .with_provider("any", TestProvider::echo("true", "true"))
}

#[test]
fn rotators_read_their_state() {
    let host = host();
    for (call, want, problem) in [
        (
            "fn::rotate::turn: {inputs: {}, state: {a: x}}",
            r#"{"inputs":{},"state":{"a":"x"}}"#,
            "",
        ),
        (
            "fn::rotate: {provider: turn, inputs: {}}",
            r#"{"inputs":{},"state":"no state"}"#,
            "",
        ),
        // Inputs that only a rotation reads are not evaluated.
        (
            "fn::rotate::turn: {inputs: {next: '${nothing}'}, state: {a: x}}",
            r#"{"inputs":{"next":"[unknown]"},"state":{"a":"x"}}"#,
            "",
        ),
        (
            "fn::rotate::turn: {inputs: {other: '${nothing}'}, state: {a: x}}",
            r#""[unknown]""#,
            "error root:2:42 unknown property \"nothing\" (values.a[\"fn::rotate::turn\"].inputs.other)",
        ),
        (
            "fn::rotate::turn: {inputs: {}, state: {b: x}}",
            r#""[unknown]""#,
            "error root:2:45 missing required properties: a (values.a[\"fn::rotate::turn\"].state); \
             error root:2:45 expected null, got object (values.a[\"fn::rotate::turn\"].state); \
             error root:2:45 exactly one subschema must match (values.a[\"fn::rotate::turn\"].state)",
        ),
        (
            "fn::rotate::turn: {inputs: {}, state: null}",
            r#"{"inputs":{},"state":"no state"}"#,
            "error root:2:45 rotation state must be an object literal (values.a[\"fn::rotate::turn\"].state)",
        ),
        (
            "fn::rotate::turn: 1",
            r#""[unknown]""#,
            "error root:2:25 the argument to fn::rotate must be an object containing 'inputs' and 'state' (values.a[\"fn::rotate::turn\"])",
        ),
        (
            "fn::rotate: [1]",
            r#""[unknown]""#,
            "error root:2:19 the argument to fn::rotate must be an object containing 'provider', 'inputs' and 'state' (values.a[\"fn::rotate\"])",
        ),
    ] {
        let got = opened(&host, &format!("values:\n  a: {{{call}}}\n"));
        assert_eq!(
            got,
            (format!(r#"{{"a":{want}}}"#), problem.to_owned()),
            "{call}"
        );
    }
    let checked = host.check("values:\n  a: {fn::rotate::turn: {inputs: {next: '${b}'}}}\n");
    assert_eq!(redacted(&checked), r#"{"a":"[unknown]"}"#);
    assert_eq!(
        diagnostics(&checked),
        ["error root:2:41 unknown property \"b\" (values.a[\"fn::rotate::turn\"].inputs.next)"]
    );
}

struct Rot128;

impl Decrypter for Rot128 {
    fn decrypt(&self, ciphertext: &[u8]) -> HostResult<Text> {
        let bytes: Vec<u8> = ciphertext.iter().map(|byte| byte ^ 128).collect();
        Ok(Text::from(bytes))
    }
}

#[test]
fn ciphertexts_are_decrypted_by_the_decrypter() {
    let host = host();
    let text = "values:\n  a: {fn::secret: {ciphertext: ZXNjeAAAAAHo5ezs7zMLzeI=}}\n  b: ${a.c}\n";
    let evaluator = Evaluator::new(&host, &host).with_decrypter(&Rot128);
    let evaluation = evaluator.open(root(text));
    assert_eq!(revealed(&evaluation), r#"{"a":"hello","b":"[unknown]"}"#);
    assert_eq!(redacted(&evaluation), r#"{"a":"[secret]","b":"[unknown]"}"#);
    assert_eq!(
        diagnostics(&evaluation),
        ["error root:3:6 internal error: no receiver (values.b)"]
    );
    let text = "values:\n  a: {fn::secret: {ciphertext: ZXNjeAAAAAHo5ezs7zMLzeI=}}\n";
    let checked = evaluator.check(root(text));
    assert_eq!(revealed(&checked), r#"{"a":"[unknown]"}"#);
    let evaluator = evaluator.with_secrets_in_checks(true);
    assert_eq!(revealed(&evaluator.check(root(text))), r#"{"a":"hello"}"#);
    let evaluation = host.open(text);
    let hint = evaluation.diagnostics[0].failure.as_ref().unwrap().hint();
    assert!(hint.unwrap().contains("Pulumi Cloud"), "{hint:?}");
    assert_eq!(diagnostics(&host.check(text)), [""; 0]);
}

#[test]
fn validate_returns_its_value() {
    let host = host();
    for (argument, want, problem) in [
        ("{schema: {type: string}, value: x}", r#""x""#, ""),
        (
            "{schema: {type: string}, value: 1}",
            "1",
            "2:53 expected string, got number (values.a[\"fn::validate\"].value)",
        ),
        (
            "{schema: {type: text}, value: 1}",
            "1",
            "2:30 expected boolean, got object (values.a[\"fn::validate\"].schema); \
             error root:2:30 at least one subschema must match (values.a[\"fn::validate\"].schema); \
             error root:2:37 expected one of [\"string\",\"number\",\"boolean\",\"array\",\"object\",\"null\"] (values.a[\"fn::validate\"].schema.type)",
        ),
        (
            "{schema: {pattern: '('}, value: 1}",
            "1",
            "2:30 invalid schema: error parsing regexp: found open group without closing ')': `(` (values.a[\"fn::validate\"].schema)",
        ),
        (
            "{schema: {secret: 1}, value: 1}",
            "1",
            "2:30 invalid schema: failed to parse schema: json: cannot unmarshal number into Go struct field rawSchema.secret of type bool (values.a[\"fn::validate\"].schema)",
        ),
        (
            "{schema: true, value: {b: {fn::secret: x}, c: 1}}",
            r#""[secret]""#,
            "",
        ),
        // As in ESC, `false` rejects without a message.
        (
            "{schema: {additionalProperties: false}, value: {b: 1}}",
            r#"{"b":1}"#,
            "",
        ),
        (
            "{schema: '${b}', value: 1}",
            "1",
            "2:30 unknown property \"b\" (values.a[\"fn::validate\"].schema)",
        ),
        (
            "{value: 1}",
            "1",
            "2:21 missing required property 'schema' (values.a[\"fn::validate\"])",
        ),
        (
            "1",
            r#""[unknown]""#,
            "2:21 the argument to fn::validate must be an object containing 'schema' and 'value' (values.a[\"fn::validate\"])",
        ),
    ] {
        let got = opened(
            &host,
            &format!("values:\n  a: {{fn::validate: {argument}}}\n"),
        );
        let problem = match problem {
            "" => String::new(),
            problem => format!("error root:{problem}"),
        };
        assert_eq!(got.0, format!(r#"{{"a":{want}}}"#), "{argument}");
        let sorted = |text: &str| {
            let mut lines: Vec<_> = text.split("; ").map(str::to_owned).collect();
            lines.sort();
            lines
        };
        assert_eq!(sorted(&got.1), sorted(&problem), "{argument}");
    }
}

#[test]
fn accesses_to_unknown_values_are_checked_against_their_schema() {
    let host = host();
    for (expression, problem) in [
        ("${r.s}", ""),
        ("${r.none}", ""),
        ("${any.a[0].b}", ""),
        ("{fn::toBase64: '${any.a}'}", ""),
        (
            "${r.none.x}",
            "14 receiver must be an array or an object (values.a)",
        ),
        (
            "${r.u.x}",
            "11 receiver must be an array or an object (values.a)",
        ),
        (
            "${r.o[0]}",
            "11 cannot access an object property using an integer index (values.a)",
        ),
        (
            "${r.t[1]}",
            "11 array index 1 out-of-bounds for array of length 1 (values.a)",
        ),
        (
            "${r.t.x}",
            "11 cannot access an array element using a property name (values.a)",
        ),
        (
            "{fn::toBase64: '${r.o}'}",
            "21 expected string, got object (values.a[\"fn::toBase64\"])",
        ),
        ("{fn::join: [',', '${r.t}']}", ""),
        (
            "{fn::concat: ['${r.o}']}",
            "20 expected array, got object (values.a[\"fn::concat\"][0])",
        ),
        (
            "{fn::validate: {schema: {required: [s, z], properties: {s: {type: number}}}, value: '${r}'}}",
            "90 s: expected number, got string (values.a[\"fn::validate\"].value); \
             error root:2:90 s: missing required property (values.a[\"fn::validate\"].value); \
             error root:2:90 z: missing required property (values.a[\"fn::validate\"].value)",
        ),
    ] {
        let text = format!(
            "values:\n  a: {expression}\n  r: {{fn::open::record: {{}}}}\n  any: {{fn::open::any: {{}}}}\n"
        );
        let checked = host.check(&text);
        let problem = match problem {
            "" => String::new(),
            // The columns are those after `${`.
            problem => format!("error root:2:{problem}"),
        };
        assert_eq!(diagnostics(&checked).join("; "), problem, "{expression}");
    }
}

#[test]
fn arguments_are_parsed_as_in_esc() {
    let host = host();
    for (text, want, problem) in [
        // The last entry of a repeated name counts, and unknown names are ignored.
        (
            "a: {fn::open: {provider: none, provider: any, inputs: {x: 1}, more: {y: 1, y: 2}}}",
            r#"{"a":{"x":1}}"#,
            "",
        ),
        (
            "a: {fn::join: {b: 1, b: 2}}",
            r#"{"a":"[unknown]"}"#,
            "error root:2:17 the argument to fn::join must be a two-valued list (values.a[\"fn::join\"])",
        ),
        (
            "a: {fn::secret: {b: 1, b: '${'}}",
            r#"{"a":"[secret]"}"#,
            "error root:2:19 secret values must be string literals (values.a[\"fn::secret\"]); \
             error root:2:29 missing closing brace '}' in interpolation (values.a[\"fn::secret\"].b)",
        ),
        (
            "a: {fn::open: {provider: '${b}', inputs: '${c}'}}",
            r#"{"a":"[unknown]"}"#,
            "error root:2:28 provider name must be a string literal (values.a[\"fn::open\"].provider)",
        ),
        // The result of a failed call is not secret, even if its arguments are.
        (
            "a: {fn::join: [',', [1, {fn::secret: x}]]}",
            r#"{"a":"[unknown]"}"#,
            "error root:2:24 expected string, got number (values.a[\"fn::join\"][1][0])",
        ),
        (
            "a: {fn::toYAML: {b: [1, x], a: null}}",
            "{\"a\":\"a: null\\nb:\\n    - \\\"1\\\"\\n    - x\\n\"}",
            "",
        ),
        (
            "a: {fn::toYAML: {fn::secret: x}}",
            r#"{"a":"[secret]"}"#,
            "",
        ),
        // Unlike in ESC, each part of a secret is itself a secret.
        (
            "a: {fn::split: [':', {fn::secret: 'user:x'}]}\n  b: ${a[1]}",
            r#"{"a":"[secret]","b":"[secret]"}"#,
            "",
        ),
        // Messages do not quote characters of secrets.
        (
            "a: {fn::fromJSON: {fn::secret: x}}\n  b: {fn::fromJSON: x}",
            r#"{"a":"[secret]","b":"[unknown]"}"#,
            "error root:2:6 decoding JSON string: invalid character looking for beginning of value at byte 0 (values.a); \
             error root:3:6 decoding JSON string: invalid character 'x' looking for beginning of value (values.b)",
        ),
    ] {
        let got = opened(&host, &format!("values:\n  {text}\n"));
        assert_eq!(got.0, want, "{text}");
        assert_eq!(got.1, problem, "{text}");
    }
}

#[test]
fn inherited_properties_of_final_values_are_listed_only_in_copies() {
    let mut host = host();
    let base = "values: {o: {x: 1}, s: {y: {z: 1}}}".to_owned();
    host.definitions.insert("base".to_owned(), base);
    let over = "imports: [base]\nvalues: {s: text}".to_owned();
    host.definitions.insert("over".to_owned(), over);
    let got = opened(
        &host,
        "imports: [base]\nvalues: {o: {fn::final: {y: 2}}, p: '${o}', q: '${o.x}'}",
    );
    let want = r#"{"o":{"y":2},"p":{"x":1,"y":2},"q":1,"s":{"y":{"z":1}}}"#;
    assert_eq!(got, (want.to_owned(), String::new()));
    // A call without properties lists what it inherits.
    for call in [
        "{fn::final: {}}",
        "{fn::validate: {schema: true, value: {}}}",
    ] {
        let (got, problems) = opened(&host, &format!("imports: [base]\nvalues: {{o: {call}}}"));
        assert_eq!(
            got, r#"{"o":{"x":1},"s":{"y":{"z":1}}}"#,
            "{call}: {problems}"
        );
    }
    // An object does not inherit through a scalar.
    let got = opened(&host, "imports: [over]\nvalues: {s: {a: 1}, t: '${s.y}'}");
    let want = r#"{"o":{"x":1},"s":{"a":1},"t":"[unknown]"}"#;
    let problem = "error root:2:24 unknown property \"y\" (values.t)";
    assert_eq!(got, (want.to_owned(), problem.to_owned()));
}

#[test]
fn shared_unknown_values_stay_within_the_step_limit() {
    let mut base = "values:\n  a0: {k: '${nothing}'}\n".to_owned();
    for level in 1..60 {
        let below = level - 1;
        writeln!(
            base,
            "  a{level}: {{x: '${{a{below}}}', y: '${{a{below}}}'}}"
        )
        .unwrap();
    }
    base += "  b: {fn::final: '${a59}'}\n  c: {fn::validate: {schema: true, value: '${a59}'}}\n";
    let mut host = host();
    host.definitions.insert("base".to_owned(), base.clone());
    let text = base.replace("values:", "imports: [base]\nvalues:") + "  d: '${c.x.y}'\n";
    let evaluation = host.open(&text);
    let summaries = evaluation
        .diagnostics
        .iter()
        .map(|diagnostic| diagnostic.summary.as_str());
    let summaries = summaries.collect::<Vec<_>>().join("; ");
    assert!(summaries.contains("too many steps"), "{summaries}");
}
