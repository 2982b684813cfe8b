//! The output formats of `open`.

use std::collections::BTreeMap;
#[cfg(unix)]
use std::process::Command;

use crate::support::aws::project_file;
use crate::support::plugin::{Output, Plugin};

const DEFINITION: &str = r#"
values:
  text: "a <b> & \"c\"\n"
  number: 1.50
  list: [1, ~, true, [x]]
  password:
    fn::secret: hunter2
  environmentVariables:
    TEXT: ${text}
    PASSWORD: ${password}
    HOSTILE: "'; echo $HOME `id` \\ \"!\n"
    NUMBER: ${number}
    DROPPED: [1]
  files:
    KUBECONFIG: x
"#;

fn open(definition: &str, arguments: &[&str]) -> Output {
    let plugin = Plugin::new().without_log().file("env.yaml", definition);
    plugin.args(["open", "env.yaml"]).args(arguments).run()
}

const SKIPPED: &str =
    "kubectl-esc: skipped `KUBECONFIG`, which is a file; `kubectl-esc run` creates it\n";

#[test]
fn each_format_is_printed() {
    for (arguments, stdout) in [
        (
            &["list"][..],
            "[\n  1,\n  null,\n  true,\n  [\n    \"x\"\n  ]\n]\n",
        ),
        (
            &["-f", "json", "text"],
            "\"a \\u003cb\\u003e \\u0026 \\\"c\\\"\\n\"\n",
        ),
        (&["--format=string", "text"], "a <b> & \"c\"\n"),
        (&["--output", "string", "number"], "1.5\n"),
        (&["--format", "string", "password"], "hunter2\n"),
        (
            &["-o", "string", "list"],
            "\"1\",\"\",\"true\",\"\\\"x\\\"\"\n",
        ),
        (
            &["--format", "string", "--redact", "password"],
            "[secret]\n",
        ),
        (&["--format", "string", "list[1]"], "\n"),
        (
            &["--format", "detailed", "password"],
            "{\n  \"value\": \"hunter2\",\n  \"secret\": true\n}\n",
        ),
        (
            &["--format", "detailed", "--redact", "password"],
            "{\n  \"value\": \"[secret]\",\n  \"secret\": true\n}\n",
        ),
    ] {
        open(DEFINITION, arguments).assert(stdout, "", 0);
    }
}

#[test]
fn dotenv_and_shell_have_a_line_for_each_variable() {
    open(DEFINITION, &["--format", "dotenv"]).assert(
        "HOSTILE=\"'; echo $HOME `id` \\\\ \\\"!\\n\"\nNUMBER=\"1.5\"\nPASSWORD=\"hunter2\"\n\
         TEXT=\"a <b> & \\\"c\\\"\\n\"\n",
        SKIPPED,
        0,
    );
    open(DEFINITION, &["--format", "shell", "--redact"]).assert(
        "export HOSTILE=''\\''; echo $HOME `id` \\ \"!\n'\nexport NUMBER='1.5'\nexport \
         PASSWORD='[secret]'\nexport TEXT='a <b> & \"c\"\n'\n",
        SKIPPED,
        0,
    );
    open("values: {a: b}", &["--format", "shell"]).assert("", "", 0);
}

/// A real shell reads every value back, byte for byte.
#[cfg(unix)]
#[test]
fn shell_format_is_valid_in_a_shell() {
    let lines = open(DEFINITION, &["--format", "shell"]).stdout;
    let mut sh = Command::new("sh");
    let script = r#"eval "$1"; printf '%s|' "$HOSTILE" "$PASSWORD" "$TEXT" "$NUMBER""#;
    let output = sh.args(["-c", script, "sh", &lines]).output().unwrap();
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "'; echo $HOME `id` \\ \"!\n|hunter2|a <b> & \"c\"\n|1.5|"
    );
}

#[test]
fn unprintable_values_are_an_error() {
    for (definition, arguments, stderr, code) in [
        (
            DEFINITION,
            &["--format", "shell", "text"][..],
            "kubectl-esc: `-o dotenv` and `-o shell` cannot be used with a property \
             path\n  hint: omit the path, or use `-o string` for a single value\n",
            2,
        ),
        (
            "values: {environmentVariables: {\"A;id\": 1}}",
            &["--format", "shell"],
            "kubectl-esc: `A;id` in `environmentVariables` is not a valid name for `shell`\n  \
             hint: rename it, or use `-o json`; `kubectl-esc run` accepts any name\n",
            3,
        ),
    ] {
        open(definition, arguments).assert_fails(stderr, code);
    }
    let output = open(DEFINITION, &["--format", "flat"]);
    assert_eq!(output.code, 2);
    assert!(output.stderr.contains("'flat'"), "{}", output.stderr);
    let output = open("values: {a: \"${b}\"}", &["--format", "dotenv"]);
    assert_eq!((output.code, output.stdout.as_str()), (3, ""));
}

/// `tests/data/open_formats.json` has what ESC 0.26.0 prints for its values, with Go's `encoding/json` and
/// `strconv.Quote` and yaml.v3 3.0.1. `detailed` lacks the `trace` of each value.
#[test]
fn formats_match_those_of_esc() {
    let cases = project_file("tests/data/open_formats.json");
    let cases: Vec<BTreeMap<String, String>> = serde_json::from_str(&cases).unwrap();
    assert!(cases.len() > 5);
    for case in cases {
        // As JSON text in a string, because a YAML reader could change its numbers.
        let text = serde_json::to_string(&case["values"]).unwrap();
        for format in ["json", "yaml", "string", "detailed"] {
            let definition = format!("values: {{case: {{fn::fromJSON: {text}}}}}");
            let output = open(&definition, &["--format", format, "case"]);
            output.assert(&case[format], "", 0);
        }
        let definition = format!(
            "values: {{case: {{fn::fromJSON: {text}}}, environmentVariables: \
             '${{case.environmentVariables}}'}}"
        );
        if case["values"].contains("environmentVariables") {
            let output = open(&definition, &["--format", "dotenv"]);
            output.assert(&case["dotenv"], "", 0);
        }
    }
}
