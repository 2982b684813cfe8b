//! Providers: inputs, results, renamed outputs.

use super::*;

const LOGIN_INPUTS: &str = r#"{
    "type": "object",
    "oneOf": [
        {"type": "object", "required": ["oidc"], "additionalProperties": false, "properties": {
            "oidc": {"type": "object", "required": ["roleArn", "sessionName"], "properties": {
                "roleArn": {"type": "string", "minLength": 20},
                "sessionName": {"type": "string", "pattern": "^[\\w+=,.@-]*$"},
                "duration": {"type": "string", "pattern": "^([0-9]+h)?([0-9]+m)?$"}
            }}
        }},
        {"type": "object", "required": ["static"], "additionalProperties": false, "properties": {
            "static": {"type": "object", "required": ["accessKeyId", "secretAccessKey"],
                "additionalProperties": false, "properties": {
                    "accessKeyId": {"type": "string"},
                    "secretAccessKey": {"type": "string", "secret": true},
                    "sessionToken": {"type": "string", "secret": true}
            }}
        }}
    ]
}"#;

const LOGIN_OUTPUTS: &str = r#"{
    "type": "object", "required": ["accessKeyId", "secretAccessKey"], "properties": {
        "accessKeyId": {"type": "string"},
        "secretAccessKey": {"type": "string", "secret": true}
}}"#;

fn login() -> TestProvider {
    TestProvider {
        inputs: LOGIN_INPUTS,
        outputs: LOGIN_OUTPUTS,
        renamed: &[("keyId", "accessKeyId")],
        explains_mistakes: true,
        check_inputs: |_| Vec::new(),
        open: |_| {
            Ok(object(&[
                ("accessKeyId", "AKIA".into()),
                ("secretAccessKey", Value::secret("hunter2")),
            ]))
        },
    }
}

fn host() -> TestHost {
    let failing = TestProvider {
        open: |_| Err(Error::new("no entry").with_hint("knock").into()),
        ..TestProvider::echo("true", "true")
    };
    let broken = TestProvider::echo(r#"{"type": 1}"#, "true");
    TestHost::default()
        .with_provider("login", login())
        .with_provider("failing", failing)
        .with_provider("broken", broken)
        .with_provider("test", TestProvider::echo("true", "true"))
}

const STATIC: &str = "{static: {accessKeyId: a, secretAccessKey: b}}";

#[test]
fn both_forms_of_open_call_the_provider() {
    let host = host();
    for call in [
        format!("{{fn::open::login: {STATIC}}}"),
        format!("{{fn::open: {{provider: login, inputs: {STATIC}}}}}"),
    ] {
        let evaluation = host.open(&format!("values:\n  a: {call}\n  b: ${{a.accessKeyId}}\n"));
        assert_eq!(diagnostics(&evaluation), [""; 0]);
        let want = r#"{"a":{"accessKeyId":"AKIA","secretAccessKey":"[secret]"},"b":"AKIA"}"#;
        assert_eq!(redacted(&evaluation), want);
        let checked = host.check(&format!("values:\n  a: {call}\n  b: ${{a.accessKeyId}}\n"));
        assert_eq!(redacted(&checked), r#"{"a":"[unknown]","b":"[unknown]"}"#);
        assert_eq!(diagnostics(&checked), [""; 0]);
    }
}

#[test]
fn old_output_names_work_with_a_warning() {
    let host = host();
    let text = format!(
        "values:\n  aws:\n    login: {{fn::open::login: {STATIC}}}\n    copy: ${{aws.login}}\n  \
         a: ${{aws.login.keyId}}\n  b: ${{aws.copy.keyId}}\n  c: x ${{aws.login[\"keyId\"]}}\n"
    );
    let warnings = [
        "warning root:5:17 `keyId` is `accessKeyId` in Pulumi Cloud; rename it (values.a)",
        "warning root:6:16 `keyId` is `accessKeyId` in Pulumi Cloud; rename it (values.b)",
        "warning root:7:19 `keyId` is `accessKeyId` in Pulumi Cloud; rename it (values.c)",
    ];
    let opened = host.open(&text);
    assert_eq!(diagnostics(&opened), warnings);
    let path = |path: &str| path.parse().unwrap();
    let value = |at: &str| {
        opened
            .environment
            .get(&path(at))
            .unwrap()
            .as_str()
            .map(str::to_owned)
    };
    assert_eq!(value("a").unwrap(), "AKIA");
    assert_eq!(value("b").unwrap(), "AKIA");
    assert_eq!(value("c").unwrap(), "x AKIA");
    assert_eq!(diagnostics(&host.check(&text)), warnings);
}

#[test]
fn unknown_output_names_are_errors() {
    let host = host();
    let text = format!(
        "values:\n  a: {{fn::open::login: {STATIC}}}\n  b: ${{a.kyeId}}\n  c: {{x: 1}}\n  \
         d: ${{c.keyId}}\n  e: {{fn::open::test: {{keyId: own}}}}\n  f: ${{e.keyId}}\n"
    );
    let evaluation = host.open(&text);
    assert_eq!(
        diagnostics(&evaluation),
        [
            "error root:3:9 unknown property \"kyeId\" (values.b)",
            "error root:5:9 unknown property \"keyId\" (values.d)",
        ]
    );
    assert!(revealed(&evaluation).ends_with(r#""f":"own"}"#));
    assert_eq!(diagnostics(&host.check(&text)), diagnostics(&evaluation));
}

/// While checking, the outputs of a provider are known from its schema alone.
#[test]
fn unopened_outputs_are_merged_with_the_imports_below_them() {
    let mut host = host();
    let login = format!("a: {{fn::open::login: {STATIC}}}");
    for (name, text) in [
        ("low", "values: {a: {region: eu-west-1}}".to_owned()),
        ("login", format!("values: {{{login}}}")),
        (
            "over-login",
            "imports: [login]\nvalues: {a: {own: 1}}".to_owned(),
        ),
    ] {
        host.definitions.insert(name.to_owned(), text);
    }
    for (imports, own) in [
        ("low", login.as_str()),
        ("low, login", ""),
        ("low, login", "a: {own: 1}"),
        ("low, over-login", ""),
    ] {
        let text = format!(
            "imports: [{imports}]\nvalues:\n  b: ['${{a.region}}', '${{a.accessKeyId}}', '${{a.x}}']\n  {own}\n"
        );
        let want = ["error root:3:42 unknown property \"x\" (values.b[2])"];
        assert_eq!(diagnostics(&host.check(&text)), want, "{imports}; {own}");
        assert_eq!(diagnostics(&host.open(&text)), want, "{imports}; {own}");
    }
}

#[test]
fn invalid_inputs_are_reported_at_their_position() {
    let host = host();
    for (inputs, wanted) in [
        ("{}", "2:24 missing `oidc` or `static`"),
        ("x", "2:24 expected object, got string"),
        (
            "{oidc: {}, static: {}}",
            "2:24 expected `oidc` or `static`, not both",
        ),
        (
            "{static: {accessKeyId: a}}",
            "2:33 missing required properties: secretAccessKey",
        ),
        (
            "{static: {accessKeyId: 1, secretAccessKey: b}}",
            "2:47 expected string, got number",
        ),
        (
            "{static: {accessKeyId: a, secretAccessKey: b, x: 1}}",
            "2:73 unexpected property \"x\"",
        ),
        (
            "{oidc: {roleArn: short, sessionName: ok}}",
            "2:41 expected a string of at least length 20",
        ),
        (
            "{oidc: {roleArn: '${r}', sessionName: a/b}}",
            "2:62 string must match the pattern \"^[\\\\w+=,.@-]*$\"",
        ),
        (
            "{static: '${s}'}",
            // At the invalid value, not at the reference to it.
            "4:40 expected string, got number",
        ),
        ("'${t}'", "4:40 expected string, got number"),
    ] {
        let text = format!(
            "values:\n  a: {{fn::open::login: {inputs}}}\n  \
             r: arn:aws:iam::123456789012:role/x\n  s: {{accessKeyId: a, secretAccessKey: 1}}\n  \
             t: {{static: '${{s}}'}}\n"
        );
        for evaluation in [host.open(&text), host.check(&text)] {
            let shown = diagnostics(&evaluation).join("; ");
            let start = format!("error root:{wanted} (");
            assert!(shown.starts_with(&start), "{inputs}: {shown}");
            assert!(!shown.contains("; error"), "{inputs}: {shown}");
        }
    }
}

#[test]
fn exclusive_alternatives_are_named_in_messages() {
    let inputs = r#"{"oneOf": [
        {"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}},
        {"type": "object", "required": ["b"], "properties": {"b": {"type": "string"}}},
        {"type": "null"}
    ]}"#;
    let either = TestProvider {
        explains_mistakes: true,
        ..TestProvider::echo(inputs, "true")
    };
    let host = TestHost::default().with_provider("either", either);
    for (inputs, want) in [
        ("{a: x}", ""),
        ("null", ""),
        ("{a: x, b: 1}", ""),
        ("{a: x, b: y}", "expected `a` or `b`, not both"),
        ("{a: 1, b: 2}", "expected `a` or `b`, not both"),
        (
            "{c: 1}",
            "missing `a` or `b`; unknown input \"c\", which has no effect",
        ),
        ("{b: 1}", "expected string, got number"),
        ("x", "exactly one subschema must match"),
    ] {
        let evaluation = host.open(&format!("values:\n  v: {{fn::open::either: {inputs}}}\n"));
        let summaries: Vec<_> = evaluation
            .diagnostics
            .iter()
            .map(|diagnostic| diagnostic.summary.as_str())
            .collect();
        assert_eq!(summaries.join("; "), want, "{inputs}");
    }
}

#[test]
fn every_schema_keyword_has_its_message() {
    for (schema, value, want) in [
        (r#"{"type":"string"}"#, "1", "expected string, got number"),
        (
            r#"{"const":[1,{"a":true}]}"#,
            "[1]",
            r#"expected [1,{"a":true}]"#,
        ),
        (r#"{"const":[1,{"a":true}]}"#, "[1.0, {a: true}]", ""),
        (
            r#"{"const":1.0}"#,
            "1",
            // Numbers are compared as text.
            "expected 1.0",
        ),
        (
            r#"{"const":"a","type":"string"}"#,
            "1",
            r#"expected "a"; expected string, got number"#,
        ),
        (
            r#"{"enum":["a",1,null]}"#,
            "b",
            r#"expected one of ["a",1,null]"#,
        ),
        (r#"{"enum":["a"]}"#, "b", r#"expected "a""#),
        (r#"{"enum":[]}"#, "b", ""),
        (r#"{"enum":["a",1,null]}"#, "null", ""),
        (
            r#"{"anyOf":[{"type":"string"},{"minimum":3}]}"#,
            "2",
            "expected string, got number; expected a number greater than or equal to 3; \
             at least one subschema must match",
        ),
        (r#"{"anyOf":[{"type":"string"},{"minimum":3}]}"#, "3", ""),
        (
            r#"{"oneOf":[{"type":"string"},{"minimum":3}]}"#,
            "2",
            "expected string, got number; expected a number greater than or equal to 3; \
             exactly one subschema must match",
        ),
        (
            r#"{"oneOf":[{"type":"string"},{"minLength":1},{"const":1}]}"#,
            "x",
            "exactly one subschema may match",
        ),
        (r#"{"multipleOf":3}"#, "4", "expected a multiple of 3"),
        (r#"{"multipleOf":0.1}"#, "0.3", ""),
        (
            r#"{"minimum":1}"#,
            "0",
            "expected a number greater than or equal to 1",
        ),
        (
            r#"{"exclusiveMinimum":1}"#,
            "1",
            "expected a number greater than 1",
        ),
        (
            r#"{"maximum":1.5}"#,
            "2",
            "expected a number less than or equal to1.5",
        ),
        (
            r#"{"exclusiveMaximum":1}"#,
            "1",
            "expected a number less than 1",
        ),
        (
            r#"{"minLength":3}"#,
            "é",
            "expected a string of at least length 3",
        ),
        (
            r#"{"maxLength":1}"#,
            "é",
            "expected a string of at most length 1",
        ),
        (
            r#"{"pattern":"^a\"$"}"#,
            "b",
            r#"string must match the pattern "^a\"$""#,
        ),
        (r#"{"pattern":"[0-9]"}"#, "a1b", ""),
        (
            r#"{"minItems":2}"#,
            "[1]",
            "expected an array with at least 2 items",
        ),
        (
            r#"{"maxItems":0}"#,
            "[1]",
            "expected an array with at most 0 items",
        ),
        (
            r#"{"prefixItems":[{"type":"string"}],"items":{"type":"number"}}"#,
            "[a, b]",
            "expected number, got string",
        ),
        // As in ESC, `false` rejects without a message.
        (
            r#"{"prefixItems":[{"type":"string"}],"items":false}"#,
            "[a, b]",
            "",
        ),
        (
            r#"{"minProperties":2}"#,
            "{a: 1}",
            "expected an object with at least 2 properties",
        ),
        (
            r#"{"maxProperties":0}"#,
            "{a: 1}",
            "expected an object with at most 0 properties",
        ),
        (
            r#"{"required":["a","b","c"]}"#,
            "{b: 1}",
            "missing required properties: a, c",
        ),
        (
            r#"{"dependentRequired":{"a":["b"]},"required":["b"]}"#,
            "{a: 1}",
            "missing required properties: b, b",
        ),
        (r#"{"dependentRequired":{"a":["b"]}}"#, "{c: 1}", ""),
        (
            r#"{"additionalProperties":{"type":"string"}}"#,
            "{a: 1}",
            "expected string, got number",
        ),
        (r#"{"additionalProperties":false}"#, "{a: 1}", ""),
        (
            r##"{"$ref":"#/$defs/x","$defs":{"x":{"type":"null"}}}"##,
            "1",
            "expected null, got number",
        ),
        (
            r##"{"$ref":"#/$defs/x","$defs":{"x":{"anyOf":[{"$ref":"#/$defs/x"}]}}}"##,
            "1",
            "a check against a schema goes deeper than 512 levels",
        ),
        ("false", "1", ""),
        ("true", "1", ""),
    ] {
        let host = TestHost::default().with_provider("it", TestProvider::echo(schema, "true"));
        let evaluation = host.open(&format!("values:\n  v: {{fn::open::it: {value}}}\n"));
        let summaries: Vec<_> = evaluation
            .diagnostics
            .iter()
            .map(|diagnostic| diagnostic.summary.as_str())
            .collect();
        assert_eq!(summaries.join("; "), want, "{schema} {value}");
    }
}

#[test]
fn provider_failures_are_reported_at_the_call() {
    let host = host();
    let evaluation = host.open("values:\n  a: {fn::open::failing: {}}\n  b: ${a.x}\n");
    assert_eq!(
        diagnostics(&evaluation),
        ["error root:2:6 no entry (values.a)"]
    );
    let failure = evaluation.diagnostics[0].failure.as_ref().unwrap();
    assert_eq!(failure.hint(), Some("knock"));
    assert_eq!(
        revealed(&evaluation),
        r#"{"a":"[unknown]","b":"[unknown]"}"#
    );
    assert_eq!(
        diagnostics(&host.check("values:\n  a: {fn::open::failing: {}}\n")),
        [""; 0]
    );
    let evaluation = host.open("values:\n  a: {fn::open::broken: {}}\n");
    assert_eq!(
        diagnostics(&evaluation),
        [
            "error root:2:6 provider \"broken\" has an invalid schema: `type` is not a string (values.a)"
        ]
    );
}

#[test]
fn providers_are_not_called_with_unknown_inputs() {
    let host = host();
    let evaluation = host.open("values:\n  a: {fn::open::failing: {x: '${nothing}'}}\n");
    assert_eq!(
        diagnostics(&evaluation),
        ["error root:2:30 unknown property \"nothing\" (values.a[\"fn::open::failing\"].x)"]
    );
}

#[test]
fn unknown_inputs_are_checked_against_their_schema() {
    let host = host();
    let evaluation = host.check(
        "values:\n  a: {fn::open::login: {static: {accessKeyId: x, secretAccessKey: y}}}\n  \
         b: {fn::open::login: {static: '${a}'}}\n  c: {fn::open::login: '${a}'}\n  \
         d: {fn::toBase64: '${a}'}\n  e: ${a.accessKeyId.x}\n",
    );
    assert_eq!(
        diagnostics(&evaluation),
        [
            "error root:4:24 at least one subschema must match (values.c[\"fn::open::login\"])",
            "error root:5:21 expected string, got object (values.d[\"fn::toBase64\"])",
            "error root:6:21 receiver must be an array or an object (values.e)",
        ]
    );
}
