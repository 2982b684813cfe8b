//! The hints for typical mistakes in a definition.

use super::*;
use crate::evaluator::ContextSource;

/// Each diagnostic with a hint as `line:column hint`.
fn hints(evaluation: &Evaluation) -> Vec<String> {
    let diagnostics = evaluation.diagnostics.iter();
    let hints = diagnostics.filter_map(|diagnostic| {
        let begin = diagnostic.range.as_ref()?.begin;
        let hint = diagnostic.hint()?;
        Some(format!("{}:{} {hint}", begin.line, begin.column))
    });
    hints.collect()
}

#[track_caller]
fn assert_hint(text: &str, want: &str) {
    let host = TestHost::default();
    for evaluation in [host.open(text), host.check(text)] {
        assert_eq!(hints(&evaluation), [want], "{text}");
    }
}

#[test]
fn text_that_is_not_yaml_has_a_hint() {
    const FLOW: &str = "inside `{…}` and `[…]`, put interpolations in quotes: `\"${name}\"`";
    const INDENTATION: &str =
        "check the indentation: entries of one map or list start in the same column";
    for (text, position, hint) in [
        ("values:\n  a: {x: ${b}, y: 1}\n", "2:11", FLOW),
        ("values:\n  a: [${b}]\n", "2:8", FLOW),
        ("values:\n  a: [1, pre-${b.c}]\n", "2:15", FLOW),
        ("values: {${b}: 1}\n", "1:11", FLOW),
        (
            "values:\n\ta: 1\n",
            "2:1",
            "replace the tab in line 2 with spaces: YAML does not allow tabs in indentation",
        ),
        (
            "values:\n  a: 1\n  \tb: 2\n",
            "3:3",
            "replace the tab in line 3 with spaces: YAML does not allow tabs in indentation",
        ),
        (
            "values:\n  a: @team\n",
            "2:6",
            "put text that starts with `@` in quotes",
        ),
        (
            "values:\n  a: %x\n",
            "2:6",
            "put text that starts with `%` in quotes",
        ),
        (
            "values:\n  a: *.example.com\n",
            "2:7",
            "put text that starts with `*` in quotes",
        ),
        (
            "values:\n  a: *team\n",
            "2:6",
            "put text that starts with `*` in quotes: YAML reads it as an alias",
        ),
        (
            "values:\n  a: b: c\n",
            "2:7",
            "put text that contains `: ` in quotes, or check the indentation",
        ),
        (
            "values:\n  a:1\n  b: 2\n",
            "3:4",
            "write a space after the colon in line 2",
        ),
        (
            "values:\n  a: 1\n  b\n  c: 2\n",
            "4:3",
            "write an entry of a map as `name: value`, with a space after the colon",
        ),
        ("values:\n  a: 1\n b: 2\n", "3:2", INDENTATION),
        ("values:\n  a:\n    - 1\n   - 2\n", "4:4", INDENTATION),
        (
            "values:\n  a: [1, 2\n  b: 3\n",
            "3:4",
            "separate the items with commas, and end the list with `]`",
        ),
        (
            "values:\n  a: 'text\n  b: 3\n",
            "2:6",
            "add the quote that ends the text",
        ),
        (
            "values:\n  a: \"\\d+\"\n",
            "2:7",
            "use single quotes: in double quotes, a backslash starts an escape sequence",
        ),
    ] {
        assert_hint(text, &format!("{position} {hint}"));
    }
}

#[test]
fn yaml_that_esc_does_not_have_has_a_hint() {
    let alias = "refer to another value with `${name}`, or put text that starts with `*` in quotes";
    let text = "values:\n  a: &x 1\n  b: *x\n";
    assert_hint(text, &format!("3:6 {alias}"));
    assert_hint("values:\n  8080: web\n", "2:3 put the name in quotes");
}

#[test]
fn misplaced_top_level_keys_have_a_hint() {
    let below = "indent it below `values:`";
    for (text, want) in [
        (
            "import: [a]\nvalues: {b: 1}\n",
            "1:1 did you mean `imports`?",
        ),
        ("value: {b: 1}\n", "1:1 did you mean `values`?"),
        ("environmentVariables: {A: b}\n", &format!("1:1 {below}")),
        ("values: {b: 1}\nfiles: {A: b}\n", &format!("2:1 {below}")),
        (
            "- values\n",
            "1:1 start the definition with `values:`, and indent the values below it",
        ),
        (
            "values: [a]\n",
            "1:9 indent the values below `values:`, each as `name: value`",
        ),
        (
            "imports: a\nvalues: {b: 1}\n",
            "1:10 write `imports: [NAME]`",
        ),
        (
            "imports: [{a: true}]\nvalues: {b: 1}\n",
            "1:15 write `- NAME`, or `- NAME: {merge: false}` to import without merging",
        ),
    ] {
        let host = TestHost::with_definitions(&[("a", "values: {}")]);
        assert_eq!(hints(&host.check(text)), [want], "{text}");
    }
}

#[test]
fn unknown_functions_have_a_hint() {
    const LIST: &str = "the functions are concat, final, fromBase64, fromJSON, join, open, rotate, secret, \
                        split, toBase64, toJSON, toString, toYAML, validate, each with the prefix `fn::`";
    for (call, want) in [
        (
            "fn::conform: {schema: {}, value: 1}",
            "`fn::conform` is now `fn::validate`".to_owned(),
        ),
        (
            "fn::tojson: x",
            format!("did you mean `fn::toJSON`? Otherwise, {LIST}"),
        ),
        (
            "Fn::Secret: x",
            format!("did you mean `fn::secret`? Otherwise, {LIST}"),
        ),
        ("fn::template: x", LIST.to_owned()),
    ] {
        let text = format!("values:\n  a: {{{call}}}\n");
        assert_hint(&text, &format!("2:7 {want}"));
    }
    // What is in a secret is not quoted.
    let evaluation = TestHost::default().open("values: {a: {fn::secret: {fn::hunter2: x}}}");
    assert!(
        !rendered(&evaluation).contains("hunter2"),
        "{}",
        rendered(&evaluation)
    );
    assert_eq!(hints(&evaluation).len(), 2);
}

#[test]
fn malformed_calls_have_an_example() {
    for (call, want) in [
        ("fn::join: [a]", "2:17 write `fn::join: [\",\", [a, b]]`"),
        ("fn::open: login", "2:17 write `fn::open::PROVIDER: INPUTS`"),
        (
            "fn::validate: 1",
            "2:21 write `fn::validate: {schema: SCHEMA, value: VALUE}`",
        ),
        ("fn:toJSON: x", "2:7 write two colons: `fn::`"),
        ("fn::split: a", "2:18 write `fn::split: [\",\", \"a,b\"]`"),
        ("fn::concat: 1", "2:19 write `fn::concat: [[1, 2], [3]]`"),
        (
            "fn::secret: 1",
            "2:19 write the text itself, and put a number or `true` in quotes; what is computed from a \
             secret is secret anyway",
        ),
        (
            "fn::toJSON: 1, b: 2",
            "2:6 move the function below a name of its own, such as `login:`",
        ),
        (
            "'${b}': 1",
            "2:7 write the name without `${…}`, or `$$` for a dollar sign",
        ),
        (
            "x: '${b'",
            "2:10 write `${name}`, `${name.part}` or `${list[0]}` without spaces, and `$$` for a dollar sign",
        ),
    ] {
        let text = format!("values:\n  a: {{{call}}}\n");
        let evaluation = TestHost::default().check(&text);
        assert_eq!(
            hints(&evaluation).first().map(String::as_str),
            Some(want),
            "{text}"
        );
    }
    assert_hint(
        "values:\n  fn::toJSON: 1\n",
        "2:3 put the function below a name, such as `aws:`",
    );
}

#[test]
fn accesses_that_fail_have_a_hint() {
    const VALUES: &str = "values:\n  map: {region: x}\n  list: [1]\n  text: '{\"a\": 1}'\n  secret: {fn::secret: \
                          '{\"hunter2\": 1}'}\n  hidden: {fn::fromJSON: '${secret}'}\n";
    for (path, want) in [
        ("map.zone", "the only property is `region`"),
        (
            "values.map.region",
            "leave out `values.`: paths start below it",
        ),
        (
            "map[0]",
            "write the name of a property, such as `.name` or `[\"name\"]`",
        ),
        ("list.first", "write the position of an item, such as `[0]`"),
        (
            "text.a",
            "the value before it is a string, which has no parts; if it is JSON, decode it with \
             `fn::fromJSON`",
        ),
        (
            "list[0].a",
            "the value before it is a number, which has no parts",
        ),
        (
            "x",
            "use one of the properties `a`, `hidden`, `list`, `map`, `secret`, `text`",
        ),
    ] {
        let evaluation = TestHost::default().open(&format!("{VALUES}  a: ${{{path}}}\n"));
        let hints: Vec<_> = evaluation
            .diagnostics
            .iter()
            .map(Diagnostic::hint)
            .collect();
        assert_eq!(hints, [Some(want)], "{path}");
    }
    // The suggestion is in the message, and the names in a secret are secret.
    for path in ["map.regoin", "hidden.x"] {
        let evaluation = TestHost::default().open(&format!("{VALUES}  a: ${{{path}}}\n"));
        let hints: Vec<_> = evaluation
            .diagnostics
            .iter()
            .map(Diagnostic::hint)
            .collect();
        assert_eq!(hints, [None], "{path}");
    }
    let many: Vec<_> = (0..20).map(|n| format!("n{n:02}: 1")).collect();
    let many = many.join(", ");
    let evaluation =
        TestHost::default().open(&format!("values: {{m: {{{many}}}, a: '${{m.xyz}}'}}\n"));
    let hint = evaluation.diagnostics[0].hint().unwrap();
    assert!(hint.ends_with("`n06`, `n07`, …"), "{hint}");
}

/// Inputs of a provider that explains mistakes.
const INPUTS: &str = r#"{"type": "object", "oneOf": [
    {"type": "object", "required": ["oidc"], "properties": {"oidc": {
        "type": "object", "required": ["role"], "properties": {
            "role": {"type": "string", "minLength": 3, "examples": ["arn:role"]},
            "duration": {"type": "string", "pattern": "^[0-9]+h$", "examples": ["1h"]},
            "account": {"type": "number", "examples": [123456789012]},
            "tags": {"type": "object", "additionalProperties": {"type": "string"}}
        }
    }}},
    {"type": "object", "required": ["static"], "properties": {"static": {"type": "object"}}}
]}"#;

#[test]
fn mistakes_in_inputs_have_a_hint() {
    let provider = TestProvider {
        explains_mistakes: true,
        check_inputs: |inputs| {
            let role = inputs
                .property("oidc")
                .and_then(|oidc| oidc.property("role"));
            let is_wrong = role
                .and_then(Value::as_str)
                .is_some_and(|role| role == "wrong");
            let invalid = is_wrong.then(|| InvalidInput {
                path: ["oidc", "role"].map(str::to_owned).to_vec(),
                failure: Error::new("`role` is wrong").with_hint("correct it").into(),
            });
            invalid.into_iter().collect()
        },
        ..TestProvider::echo(INPUTS, "true")
    };
    let host = TestHost::default().with_provider("login", provider);
    for (inputs, want) in [
        ("{oidc: {role: role}}", &[][..]),
        ("{oidc: {role: role, account: 1, tags: {any: thing}}}", &[]),
        (
            "{oidc: {role: role, account: mine}}",
            &["error expected a number such as 123456789012; -"],
        ),
        (
            "{oidc: {rolle: role}}",
            &[
                "error missing required properties: role; rename `rolle` to `role`",
                "warning unknown input \"rolle\", which has no effect; did you mean `role`?",
            ],
        ),
        (
            "{odic: {role: role}}",
            &[
                "error missing `oidc` or `static`; -",
                "warning unknown input \"odic\", which has no effect; remove it; the inputs here are `oidc`, `static`",
            ],
        ),
        (
            "{role: role}",
            &[
                "error missing `oidc` or `static`; -",
                "warning unknown input \"role\", which has no effect; indent it below `oidc:`",
            ],
        ),
        (
            "{oidc: {role: role, duration: 60}}",
            &["error expected text such as \"1h\"; -"],
        ),
        (
            "{oidc: {role: role, color: 1}}",
            &[
                "warning unknown input \"color\", which has no effect; remove it; the inputs here are \
               `account`, `duration`, `role`, `tags`",
            ],
        ),
        (
            "{oidc: {role: role, duration: 1 hour}}",
            &["error expected text such as \"1h\"; -"],
        ),
        (
            "{oidc: {role: r}}",
            &["error expected text such as \"arn:role\"; -"],
        ),
        (
            "{oidc: {role: wrong}}",
            &["error `role` is wrong; correct it"],
        ),
        // What else is unknown makes no difference.
        (
            "{oidc: {role: wrong, duration: '${unknown}'}}",
            &["error `role` is wrong; correct it"],
        ),
    ] {
        let text = format!(
            "values:\n  login: {{fn::open::login: {inputs}}}\n  unknown: {{fn::open::other: 1}}\n"
        );
        for evaluation in [host.check(&text), host.open(&text)] {
            let found = evaluation.diagnostics.iter().filter_map(|diagnostic| {
                let begin = diagnostic.range.as_ref()?.begin;
                let severity = if diagnostic.is_error() {
                    "error"
                } else {
                    "warning"
                };
                (begin.line == 2).then(|| {
                    let hint = diagnostic.hint().unwrap_or("-");
                    let summary = &diagnostic.summary;
                    format!("{severity} {summary}; {hint}")
                })
            });
            assert_eq!(found.collect::<Vec<_>>(), want, "{inputs}");
        }
    }
}

/// Knows the user, and that there are tokens.
struct Login;

impl ContextSource for Login {
    fn property(&self, path: &str) -> Option<HostResult<Value>> {
        match path {
            "pulumi.user.login" => Some(Ok("alice".into())),
            "pulumi.token.type" => Some(Err(Error::new("not known here").with_hint("ask").into())),
            _ => None,
        }
    }
}

#[test]
fn context_comes_from_its_source() {
    let host = TestHost::default();
    let evaluator = Evaluator::new(&host, &host).with_context_source(&Login);
    let text = "values:\n  a: x-${context.pulumi.user.login}\n  b: ${context[\"pulumi\"][\"user\"].login}\n  \
                c: ${context.rootEnvironment.name}\n";
    for evaluation in [evaluator.open(root(text)), evaluator.check(root(text))] {
        assert_eq!(diagnostics(&evaluation), [""; 0]);
        assert_eq!(
            revealed(&evaluation),
            r#"{"a":"x-alice","b":"alice","c":"root"}"#
        );
    }
    let text = "values:\n  a: ${context.pulumi.token.type}\n  b: ${context.pulumi.other}\n";
    for evaluation in [evaluator.open(root(text)), evaluator.check(root(text))] {
        assert_eq!(
            diagnostics(&evaluation),
            [
                "error root:2:28 not known here (values.a)",
                "error root:3:15 unknown property \"pulumi\" (values.b)",
            ]
        );
        assert_eq!(evaluation.diagnostics[0].hint(), Some("ask"));
    }
}

#[test]
fn hints_do_not_list_names_in_an_inherited_secret() {
    let secret = "fn::fromJSON: {fn::secret: '{\"hunter2\": [1], \"oidc\": {\"hunter3\": 1}}'}";
    let base =
        format!("values:\n  a: {{{secret}}}\n  files: {{{secret}}}\n  inputs: {{{secret}}}\n");
    let provider = TestProvider {
        explains_mistakes: true,
        ..TestProvider::echo(INPUTS, "true")
    };
    let host = TestHost::with_definitions(&[("base", &base)]).with_provider("login", provider);
    let text = "imports: [base]\nvalues:\n  a: {x: 1}\n  b: ${a}\n  c: ${b.zzz}\n  d: ${a.zzz}\n  \
                files: {x: {}}\n  inputs: {oidc: {x: 1}}\n  \
                e: {fn::open::login: '${inputs}'}\n";
    let evaluator = Evaluator::new(&host, &host).with_warnings_of_ignored_entries();
    let evaluation = evaluator.open(root(text));
    assert!(
        evaluation.diagnostics.len() > 5,
        "{:#?}",
        diagnostics(&evaluation)
    );
    for diagnostic in &evaluation.diagnostics {
        let shown = format!("{} {:?}", diagnostic.summary, diagnostic.hint());
        assert!(!shown.contains("hunter"), "{shown}");
    }
}
