//! `check` reports every mistake at once, with its position, as text and as JSON.

use serde_json::{Value, json};

use crate::support::plugin::{Output, Plugin, TIME_LIMIT};

/// A definition with ten mistakes.
const MISTAKES: &str = "\
values:
  region: eu-west-1
  misspelled: ${regoin}
  list: [a, b]
  beyond: é ${list[2]}
  byName: ${list.first}
  joined:
    fn::join: [',', one]
  decoded:
    fn::fromJSON: 7
  loop: ${loop}
  unclosed: ${region
  password:
    fn::secret: [hunter2-hunter2]
  region: again
  context: {}
";

/// Its diagnostics: the text at whose start each is reported, the property, the summary.
const EXPECTED: [(&str, &str, &str); 10] = [
    (
        "regoin}",
        "values.misspelled",
        "unknown property \"regoin\"; did you mean \"region\"?",
    ),
    (
        "[2]}",
        "values.beyond",
        "array index 2 out-of-bounds for array of length 2",
    ),
    (
        ".first}",
        "values.byName",
        "cannot access an array element using a property name",
    ),
    (
        "one]",
        "values.joined[\"fn::join\"][1]",
        "expected array, got string",
    ),
    (
        "7\n",
        "values.decoded[\"fn::fromJSON\"]",
        "expected string, got number",
    ),
    ("${loop}", "values.loop", "cyclic reference to loop"),
    (
        "\n  password",
        "values.unclosed",
        "missing closing brace '}' in interpolation",
    ),
    (
        "[hunter2",
        "values.password[\"fn::secret\"]",
        "secret values must be string literals",
    ),
    ("region: again", "values.region", "duplicate key \"region\""),
    (
        "context: {}",
        "values.context",
        "\"context\" is a reserved key",
    ),
];

fn check(arguments: &[&str], files: &[(&str, &str)]) -> Output {
    let plugin = Plugin::new().arg("check").args(arguments);
    let plugin = files
        .iter()
        .fold(plugin, |plugin, (path, text)| plugin.file(path, text));
    plugin.run_command(TIME_LIMIT)
}

fn document(output: &Output) -> Value {
    serde_json::from_str(&output.stdout).expect("a JSON document on standard output")
}

/// The line and column of a byte, counted from 1.
fn line_and_column(text: &str, byte: usize) -> (usize, usize) {
    let before = &text[..byte];
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (line, before[start..].chars().count() + 1)
}

#[test]
fn ten_mistakes_are_ten_diagnostics() {
    let output = check(&["env.yaml"], &[("env.yaml", MISTAKES)]);
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (3, ""),
        "{output:#?}"
    );
    let mut blocks = output.stderr.split("\nerror: ");
    assert_eq!(
        blocks.next(),
        Some("kubectl-esc: `env.yaml` cannot be used: its definition has 10 errors")
    );
    let blocks: Vec<_> = blocks.collect();
    assert_eq!(blocks.len(), EXPECTED.len(), "{}", output.stderr);
    for (text, _, summary) in EXPECTED {
        let byte = MISTAKES.find(text).expect("the mistake");
        let (line, column) = line_and_column(MISTAKES, byte);
        let block = blocks
            .iter()
            .find(|block| block.starts_with(summary))
            .unwrap_or_else(|| panic!("{summary}: {}", output.stderr));
        let at = format!("--> env.yaml:{line}:{column}\n");
        assert!(block.contains(&at), "{summary} {at}: {block}");
        // The caret is under the position.
        let mut lines = block
            .lines()
            .skip_while(|line| !line.trim_start().starts_with("-->"));
        let shown = lines.nth(2).expect("the line");
        let carets = lines.next().expect("the carets");
        let caret = carets
            .chars()
            .position(|char| char == '^')
            .expect("a caret");
        let width = shown
            .chars()
            .position(|char| char == '|')
            .expect("a margin")
            + 2;
        assert_eq!(caret, width + column - 1, "{block}");
    }
    assert!(!output.stderr.contains("hunter2"), "{}", output.stderr);
}

#[test]
fn ten_mistakes_are_ten_entries_of_the_document() {
    for flag in ["--format=json", "--output=json", "-ojson"] {
        let output = check(&["env.yaml", flag], &[("env.yaml", MISTAKES)]);
        assert_eq!(output.code, 3);
        assert_eq!(
            output.stderr,
            "kubectl-esc: `env.yaml` cannot be used: its definition has 10 errors\n"
        );
        let document = document(&output);
        let entries = document["diagnostics"].as_array().expect("a list");
        assert_eq!(entries.len(), EXPECTED.len(), "{document:#}");
        for (text, path, summary) in EXPECTED {
            let byte = MISTAKES.find(text).expect("the mistake");
            let (line, column) = line_and_column(MISTAKES, byte);
            let entry = entries
                .iter()
                .find(|entry| entry["summary"] == summary)
                .unwrap_or_else(|| panic!("{summary}: {document:#}"));
            assert_eq!(entry["severity"], "error", "{entry:#}");
            assert_eq!(entry["path"], path, "{entry:#}");
            let range = &entry["range"];
            let begin = json!({"line": line, "column": column, "byte": byte});
            assert_eq!(range["begin"], begin, "{entry:#}");
            assert_eq!(range["environment"], "env", "{entry:#}");
            assert_eq!(range["file"], "env.yaml", "{entry:#}");
            assert!(range["end"]["byte"].as_u64() >= range["begin"]["byte"].as_u64());
        }
        assert!(!output.stdout.contains("hunter2"), "{}", output.stdout);
    }
}

#[test]
fn mistakes_in_imports_are_shown_in_the_files_of_the_imports() {
    let files = [
        ("env.yaml", "imports: [team/base, absent]\nvalues: {}\n"),
        ("team/base.yaml", "imports: [nested]\nvalues:\n  a: ${b}\n"),
        ("nested.yaml", "values:\n  c: d\n  e: ${c.f}\n"),
    ];
    let output = check(&["env.yaml"], &files);
    assert_eq!(output.code, 3);
    for shown in [
        "error: unknown property \"b\"\n --> team/base.yaml:3:8\n",
        "error: receiver must be an array or an object\n --> nested.yaml:3:9\n",
        "error: environment \"absent\" not found\n --> env.yaml:1:22\n",
        "= help: looked for ",
    ] {
        assert!(output.stderr.contains(shown), "{shown}: {}", output.stderr);
    }
    let output = check(&["env.yaml", "--format", "json"], &files);
    let document = document(&output);
    let entries = document["diagnostics"].as_array().expect("a list");
    let places: Vec<_> = entries
        .iter()
        .map(|entry| {
            let range = &entry["range"];
            (range["environment"].as_str(), range["file"].as_str())
        })
        .collect();
    assert_eq!(
        places,
        [
            (Some("env"), Some("env.yaml")),
            (Some("nested"), Some("nested.yaml")),
            (Some("team/base"), Some("team/base.yaml")),
        ]
    );
    let hint = entries[0]["hint"].as_str().expect("a hint");
    assert!(hint.starts_with("looked for "), "{hint}");
}

#[test]
fn warnings_alone_exit_with_0() {
    let files = [("env.yaml", "valeus: {}\nvalues: {a: 1}\n")];
    let summary = "Field 'valeus' does not exist on Object 'environment'. Existing fields are: \
                   'values', 'imports', 'description'";
    let text = check(&["env.yaml"], &files);
    assert_eq!((text.code, text.stdout.as_str()), (0, ""));
    assert!(
        text.stderr.contains("warning: Field 'valeus'"),
        "{}",
        text.stderr
    );
    let json = check(&["env.yaml", "--format=json"], &files);
    assert_eq!((json.code, json.stderr.as_str()), (0, ""));
    let expected = json!({"diagnostics": [{
        "severity": "warning",
        "summary": summary,
        "path": "valeus",
        "range": {
            "environment": "env",
            "file": "env.yaml",
            "begin": {"line": 1, "column": 1, "byte": 0},
            "end": {"line": 1, "column": 7, "byte": 6},
        },
        "hint": "did you mean `values`?",
    }]});
    assert_eq!(document(&json), expected);
}

#[test]
fn a_definition_without_mistakes_is_an_empty_list() {
    let files = [("env.yaml", "values: {a: 1}\n")];
    check(&["env.yaml"], &files).assert("", "", 0);
    let output = check(&["env.yaml", "--format=json"], &files);
    output.assert("{\n  \"diagnostics\": []\n}\n", "", 0);
    // A missing file is an error, not a diagnostic.
    let output = check(&["env.yaml", "--format=json"], &[]);
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (2, ""),
        "{output:#?}"
    );
}

#[test]
fn pipe_gets_colors_only_on_request() {
    let run = |variables: &[(&str, &str)]| {
        let plugin = Plugin::new()
            .file("env.yaml", MISTAKES)
            .args(["check", "env.yaml"]);
        let plugin = variables
            .iter()
            .fold(plugin, |plugin, (name, value)| plugin.env(name, value));
        plugin.run_command(TIME_LIMIT)
    };
    let is_colored = |variables| run(variables).stderr.contains('\u{1b}');
    assert!(!is_colored(&[("TERM", "xterm-256color")]));
    assert!(is_colored(&[("CLICOLOR_FORCE", "1")]));
    assert!(!is_colored(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    let json = Plugin::new()
        .file("env.yaml", MISTAKES)
        .args(["check", "env.yaml", "--format=json"])
        .env("CLICOLOR_FORCE", "1")
        .run_command(TIME_LIMIT);
    assert!(!json.stdout.contains('\u{1b}') && !json.stderr.contains('\u{1b}'));
}

#[test]
fn password_in_a_url_is_hidden() {
    let definition = "values: {url: 'postgres://app:hunter2@${nowhere}'}\n";
    let output = check(&["env.yaml"], &[("env.yaml", definition)]);
    let line = "1 | values: {url: 'postgres://app:*******@${nowhere}'}\n";
    assert!(output.stderr.contains(line), "{}", output.stderr);
    assert_eq!(output.code, 3);
}

/// Mistakes in the inputs of `aws-login` that only opening would report.
#[test]
fn inputs_of_aws_login_are_validated() {
    const LOGIN: &str = "roleArn: arn:aws:iam::123456789012:role/ops, sessionName: dev";
    for (inputs, want) in [
        (LOGIN.to_owned(), None),
        (
            LOGIN.replace("sessionName: dev", "sessionName: '${open}'"),
            None,
        ),
        (
            LOGIN.replace("123456789012", "1234567890"),
            Some("error: `roleArn` is not the ARN of an IAM role\n --> env.yaml:2:47\n"),
        ),
        (
            LOGIN.replace("123456789012", "<account-id>"),
            Some("error: `roleArn` is not the ARN of an IAM role\n --> env.yaml:2:47\n"),
        ),
        (
            LOGIN.replace(
                "arn:aws:iam::123456789012:role/ops",
                "'arn:aws:iam::${number}:role/ops'",
            ),
            Some("error: `roleArn` is not the ARN of an IAM role\n --> env.yaml:2:47\n"),
        ),
        (
            LOGIN.replace("dev", "pulumi/dev"),
            Some(
                "error: `sessionName` contains characters that AWS does not allow\n --> env.yaml:2:96\n",
            ),
        ),
        (
            LOGIN.replace("sessionName", "sesionName"),
            Some("= help: rename `sesionName` to `sessionName`\n"),
        ),
        (
            LOGIN.replace("sessionName", "sesionName"),
            Some("warning: unknown input \"sesionName\", which has no effect\n"),
        ),
        (
            format!("{LOGIN}, duration: 1 hour"),
            Some("error: expected text such as \"1h30m\"\n"),
        ),
        (
            format!("{LOGIN}, duration: 5m"),
            Some("error: `duration` must be between 15 minutes and 12 hours\n"),
        ),
        (
            "roleArn: ops, sessionName: dev".to_owned(),
            Some("error: expected text such as \"arn:aws:iam::123456789012:role/NAME\"\n"),
        ),
    ] {
        let definition = format!(
            "values:\n  aws: {{fn::open::aws-login: {{oidc: {{{inputs}}}}}}}\n  number: 23\n  \
             open: ${{stacks.s.name}}\n  stacks: {{fn::open::pulumi-stacks: {{stacks: {{s: {{stack: a/b}}}}}}}}\n"
        );
        let output = check(&["env.yaml"], &[("env.yaml", &definition)]);
        match want {
            None => output.assert("", "", 0),
            Some(want) => {
                assert_eq!(output.code, 3, "{inputs}: {output:?}");
                assert!(output.stderr.contains(want), "{inputs}: {}", output.stderr);
            }
        }
        let output = check(&["env.yaml", "-o", "json"], &[("env.yaml", &definition)]);
        let document = document(&output);
        let entries = document["diagnostics"].as_array().expect("a list");
        assert_eq!(entries.is_empty(), want.is_none(), "{document:#}");
    }
}

#[test]
fn misspelled_outputs_of_aws_login_are_errors() {
    let definition = "values:\n  aws: {fn::open::aws-login: {static: {accessKeyId: a, secretAccessKey: b}}}\n  \
                      a: ${aws.acessKeyId}\n  b: ${aws.region}\n";
    let output = check(&["env.yaml"], &[("env.yaml", definition)]);
    assert_eq!(output.code, 3, "{output:?}");
    for shown in [
        "error: unknown property \"acessKeyId\"; did you mean \"accessKeyId\"?\n --> env.yaml:3:11\n",
        "= help: use one of the properties `accessKeyId`, `secretAccessKey`, `sessionToken`\n",
    ] {
        assert!(output.stderr.contains(shown), "{shown}: {}", output.stderr);
    }
}

#[test]
fn hints_are_in_the_text_and_in_the_document() {
    let files = [("env.yaml", "values:\n  a: 1\n  b: {x: ${a}}\n")];
    let hint = "inside `{…}` and `[…]`, put interpolations in quotes: `\"${name}\"`";
    let text = check(&["env.yaml"], &files);
    assert!(
        text.stderr.ends_with(&format!("  = help: {hint}\n")),
        "{}",
        text.stderr
    );
    let document = document(&check(&["env.yaml", "-o", "json"], &files));
    assert_eq!(document["diagnostics"][0]["hint"], hint);
}

#[test]
fn unknown_providers_have_a_suggestion() {
    for (provider, hint) in [
        ("aws_login", "did you mean `aws-login`?"),
        ("aws-secret", "did you mean `aws-secrets`?"),
        (
            "vault-login",
            "only `aws-login`, `azure-login`, `gcp-login` and `pulumi-stacks` work locally; use",
        ),
        (
            "mine",
            "only `aws-login`, `azure-login`, `gcp-login` and `pulumi-stacks` work locally; use",
        ),
    ] {
        let definition = format!("values:\n  a: {{fn::open::{provider}: {{}}}}\n");
        let output = check(&["env.yaml"], &[("env.yaml", &definition)]);
        assert_eq!(output.code, 3, "{output:?}");
        let shown = format!("= help: {hint}");
        assert!(output.stderr.contains(&shown), "{shown}: {}", output.stderr);
    }
}

#[test]
fn standard_input_is_checked_like_a_file() {
    let plugin = |arguments: &[&str]| {
        Plugin::new()
            .file("base.yaml", "values: {base: 1}\n")
            .args(["check", "-"])
            .args(arguments)
    };
    plugin(&[])
        .run_with_stdin("imports: [base]\nvalues: {a: '${base}'}\n")
        .assert("", "", 0);
    plugin(&[])
        .run_with_stdin("values:\n  a: ${b}\n")
        .assert_fails(
            "\
kubectl-esc: `<stdin>` cannot be used: its definition has 1 error
error: unknown property \"b\"
 --> <stdin>:2:8
  |
2 |   a: ${b}
  |        ^
  |
  = help: the only property is `a`
",
            3,
        );
    let json = plugin(&["-o", "json"]).run_with_stdin("values: {a: '${b}'}\n");
    assert_eq!(json.code, 3);
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["diagnostics"][0]["range"]["file"], "<stdin>");
    // A file of that name is not standard input.
    Plugin::new()
        .file("./-", "values: {a: '${b}'}\n")
        .args(["check", "./-"])
        .run_with_stdin("values: {}\n")
        .assert_fails(
            "\
kubectl-esc: `./-` cannot be used: its definition has 1 error
error: unknown property \"b\"
 --> ./-:1:13
  |
1 | values: {a: '${b}'}
  |             ^^^^^^
  |
  = help: the only property is `a`
",
            3,
        );
    // Other commands read no standard input.
    let open = Plugin::new()
        .args(["open", "-"])
        .run_with_stdin("values: {}\n");
    assert_ne!(open.code, 0, "{open:?}");
}

#[test]
fn standard_input_has_a_limit_and_a_deadline() {
    let plugin = Plugin::new().args(["check", "-"]);
    let output = plugin.run_with_stdin(vec![b'#'; 40 << 20]);
    assert_eq!(output.code, 2, "{output:?}");
    assert!(
        output.stderr.contains("`<stdin>` is larger than "),
        "{output:?}"
    );

    let plugin = Plugin::new().args(["check", "-", "--timeout", "1s"]);
    let (reader, _writer) = std::io::pipe().unwrap();
    let mut command = plugin.command();
    let output = command.stdin(reader).output().unwrap();
    assert_eq!(output.status.code(), Some(5));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.contains("its writer did not finish within 1s"),
        "{stderr}"
    );
}

#[cfg(unix)]
#[test]
fn success_is_reported_only_on_a_terminal() {
    use crate::support::terminal::Terminal;

    for (definition, arguments, want) in [
        ("values: {a: 1}\n", &[][..], "no problems in `env.yaml`\r\n"),
        ("values: {a: 1}\n", &["-o", "json"], ""),
    ] {
        let plugin = Plugin::new().file("env.yaml", definition);
        let plugin = plugin.args(["check", "env.yaml"]).args(arguments);
        let terminal = Terminal::open();
        let mut command = plugin.command();
        command.stdin(std::process::Stdio::null());
        let output = command.stderr(terminal.stream()).output().unwrap();
        drop(command);
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(terminal.finish(), want);
    }
    let warning = Plugin::new().file("env.yaml", "valeus: {a: 1}\n");
    let warning = warning.args(["check", "env.yaml"]);
    let terminal = Terminal::open();
    let mut command = warning.command();
    command.stderr(terminal.stream()).output().unwrap();
    drop(command);
    let shown = terminal.finish();
    assert!(
        shown.contains("valeus") && !shown.contains("no problems"),
        "{shown}"
    );
}
