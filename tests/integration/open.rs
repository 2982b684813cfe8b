//! The output formats of `open`.

use std::collections::BTreeMap;
#[cfg(unix)]
use std::process::Command;

use serde_json::json;

use crate::support::aws::project_file;
use crate::support::plugin::{Output, Plugin, TIME_LIMIT, run};

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
            assert_eq!((&output.stdout, output.code), (&case["dotenv"], 0));
        }
    }
}

/// As for imports, whose names have the project too.
#[test]
fn name_of_the_definition_has_its_project() {
    const NAMES: &str = "values:\n  root: ${context.rootEnvironment.name}\n  \
                         current: ${context.currentEnvironment.name}\n";
    for (folder, arguments, name) in [
        (".", &["Project/Env.yaml", "--root", "."][..], "Project/Env"),
        (".", &["./Project/Env.yaml", "--root=./"], "Project/Env"),
        ("Project", &["./Env.yaml", "--root", ".."], "Project/Env"),
        (
            "Project/Sub",
            &["../Env.yaml", "--root", "../.."],
            "Project/Env",
        ),
        (".", &["Project/Env.yaml"], "Env"),
        (".", &["Project/Env.yaml", "--root", "Project"], "Env"),
        (".", &["Project/Sub/Env.yaml", "--root", "."], "Env"),
    ] {
        let plugin = Plugin::new()
            .file("Project/Env.yaml", NAMES)
            .file("Project/Sub/Env.yaml", NAMES)
            .args(["open", "--format", "string"])
            .args(&arguments[1..])
            .arg(arguments[0]);
        for property in ["root", "current"] {
            let mut command = plugin.command();
            command.arg(property).current_dir(plugin.path(folder));
            let output = run(command, TIME_LIMIT);
            assert_eq!(
                output.stdout,
                format!("{name}\n"),
                "{arguments:?} in {folder}: {output:?}"
            );
        }
    }
    // An import of the definition itself is a cycle.
    let plugin = Plugin::new()
        .file(
            "Project/Env.yaml",
            "imports: [Project/Env]\nvalues: {a: 1}\n",
        )
        .args(["open", "Project/Env.yaml", "--root", "."]);
    let output = plugin.run();
    assert_eq!(output.code, 3, "{output:?}");
    assert!(
        output
            .stderr
            .contains("cyclic import of Project/Env\n --> Project/Env.yaml:1:11\n")
    );
    // Another definition of the same name in another project is none.
    let plugin = Plugin::new()
        .file("Project/Env.yaml", "imports: [Env]\n")
        .file("default/Env.yaml", "values: {a: 1}\n")
        .args(["open", "Project/Env.yaml", "a", "--root", "."]);
    plugin.run().assert("1\n", "", 0);
}

#[test]
fn user_and_organization_come_from_the_pulumi_login() {
    const URL: &str = "https://api.pulumi.com";
    let credentials = json!({
        "current": URL,
        "accounts": {URL: {"accessToken": "pul-stored", "username": "alice"}},
    });
    let config = json!({"backends": {URL: {"defaultOrg": "acme"}}}).to_string();
    let login = credentials.to_string();
    let nameless = login.replace("username", "other");
    let encrypted = r#"{"$pulumiSecureStore": {}}"#;
    let user = "user.login";
    let organization = "organization.login";
    // The property, credentials.json, config.json, PULUMI_ACCESS_TOKEN, and the value or the cause.
    for (property, credentials, config, token, want) in [
        (user, login.as_str(), "{}", "", Ok("alice")),
        (user, &login, "{}", "pul-stored", Ok("alice")),
        (
            user,
            &login,
            "{}",
            "pul-other",
            Err(
                "the user of the Pulumi login is not stored: it uses the variable `PULUMI_ACCESS_TOKEN`",
            ),
        ),
        (
            user,
            &nameless,
            "{}",
            "",
            Err("the user of the Pulumi login is not stored: it uses `pulumi login`"),
        ),
        (
            user,
            "{}",
            "{}",
            "",
            Err("not logged in to `https://api.pulumi.com`"),
        ),
        (
            user,
            encrypted,
            "{}",
            "",
            Err("only the Pulumi CLI can decrypt the login in `"),
        ),
        (
            user,
            "no JSON",
            "{}",
            "",
            Err("/home/.pulumi/credentials.json`\n  "),
        ),
        (organization, &login, &config, "", Ok("acme")),
        (organization, "{}", &config, "pul-other", Ok("acme")),
        (
            organization,
            &login,
            "{}",
            "",
            Err("no default organization is set"),
        ),
        (
            "token.type",
            &login,
            &config,
            "",
            Err("locally, only `context.pulumi.user.login` and"),
        ),
        (
            "user",
            &login,
            &config,
            "",
            Err("locally, only `context.pulumi.user.login` and"),
        ),
    ] {
        let plugin = Plugin::new()
            .file(
                "env.yaml",
                format!("values:\n  name: esc-${{context.pulumi.{property}}}\n"),
            )
            .file("home/.pulumi/credentials.json", credentials)
            .file("home/.pulumi/config.json", config);
        let plugin = match token {
            "" => plugin,
            token => plugin.env("PULUMI_ACCESS_TOKEN", token),
        };
        let case = format!("{property}, {credentials}, {config}, {token}");
        let mut open = plugin.command();
        open.args(["open", "env.yaml", "name", "--format", "string"]);
        let opened = run(open, TIME_LIMIT);
        let mut check = plugin.command();
        check.args(["check", "env.yaml"]);
        let checked = run(check, TIME_LIMIT);
        match want {
            Ok(value) => {
                assert_eq!(
                    opened.stdout,
                    format!("esc-{value}\n"),
                    "{case}: {opened:?}"
                );
                assert_eq!((checked.code, &*checked.stderr), (0, ""), "{case}");
            }
            Err(reason) => {
                let message = format!("`context.pulumi.{property}` is not known on this machine\n");
                assert!(
                    matches!(opened.code, 2 | 3) && checked.code == 3,
                    "{case}: {opened:?}"
                );
                for output in [opened, checked] {
                    assert!(
                        output.stderr.contains(&message),
                        "{case}: {}",
                        output.stderr
                    );
                    assert!(output.stderr.contains(reason), "{case}: {}", output.stderr);
                }
            }
        }
    }
    // The flag counts more, and each error says what to do.
    let plugin = Plugin::new()
        .file(
            "env.yaml",
            "values: {a: '${context.pulumi.organization.login}'}\n",
        )
        .args(["open", "env.yaml", "a", "--format", "string"]);
    let output = plugin.run();
    assert!(
        output
            .stderr
            .ends_with("or use `--remote` to evaluate the definition in Pulumi Cloud\n"),
        "{output:?}"
    );
    plugin
        .args(["--organization", "globex"])
        .run()
        .assert("globex\n", "", 0);
}

#[test]
fn files_that_are_not_text_are_warned_of_except_by_get_token() {
    const DEFINITION: &str = "\
values:
  eks: {clusterName: demo, region: eu-west-1}
  aws:
    fn::open::aws-login: {static: {accessKeyId: AKIAIOSFODNN7EXAMPLE, secretAccessKey: hunter2-hunter2}}
  kubeconfig: {kind: Config}
  files:
    KUBECONFIG: ${kubeconfig}
";
    const WARNING: &str = "\
warning: `files.KUBECONFIG` is not text but an object: the file is not created
 --> env.yaml:7:17
  |
7 |     KUBECONFIG: ${kubeconfig}
  |                 ^^^^^^^^^^^^^
  |
  = help: convert it to text with `fn::toJSON` or `fn::toYAML`
";
    let call = |arguments: &[&str]| {
        let plugin = Plugin::new().without_log().file("env.yaml", DEFINITION);
        plugin.args(arguments).run()
    };
    call(&["check", "env.yaml"]).assert("", WARNING, 0);
    call(&["open", "env.yaml", "eks.region", "-f", "string"]).assert("eu-west-1\n", WARNING, 0);
    #[cfg(unix)]
    call(&[
        "run",
        "env.yaml",
        "--",
        "/bin/sh",
        "-c",
        "echo [$KUBECONFIG]",
    ])
    .assert("[]\n", WARNING, 0);
    let output = call(&["get-token", "env.yaml"]);
    assert_eq!((output.code, output.stderr.as_str()), (0, ""));
    let output = call(&["get-token", "env.yaml", "-v"]);
    assert!(output.stderr.contains(WARNING), "{}", output.stderr);
}
