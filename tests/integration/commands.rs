//! `open` and `check`, and what all commands have in common.

use crate::support::aws::{Aws, project_file};
use crate::support::plugin::Plugin;
use std::fs;

const DEFINITION: &str = "\
values:
  greeting: hello <world>
  count: 1.50
  list: [1, ~, true]
  password:
    fn::secret: hunter2-hunter2
  derived: ${greeting}, ${password}
";

#[test]
fn open_prints_the_values() {
    let open = |arguments: &[&str]| {
        Plugin::new()
            .file("env.yaml", DEFINITION)
            .args(["open", "env.yaml"])
            .args(arguments)
            .run()
    };
    open(&[]).assert(
        r#"{
  "count": 1.5,
  "derived": "hello \u003cworld\u003e, hunter2-hunter2",
  "greeting": "hello \u003cworld\u003e",
  "list": [
    1,
    null,
    true
  ],
  "password": "hunter2-hunter2"
}
"#,
        "",
        0,
    );
    open(&["password"]).assert("\"hunter2-hunter2\"\n", "", 0);
    open(&["list[0]"]).assert("1\n", "", 0);
    let redacted = open(&["--redact"]);
    assert!(!redacted.stdout.contains("hunter2"), "{}", redacted.stdout);
    assert!(
        redacted.stdout.contains("\"derived\": \"[secret]\""),
        "{}",
        redacted.stdout
    );
    open(&["passwd"]).assert_fails(
        "kubectl-esc: environment `env.yaml` has no value at `passwd`\n  hint: omit the path to see \
         all values\n",
        2,
    );
    open(&["a..b"]).assert_fails(
        "kubectl-esc: the second argument is not a property path\n  caused by: a name is empty at \
         character 3\n  hint: pass a path such as aws.creds\n",
        2,
    );
}

#[test]
fn open_shows_warnings_and_the_value() {
    let aws = Aws::new();
    let definition = project_file("examples/environments/oidc.yaml")
        .replace("${aws.creds.accessKeyId}", "${aws.creds.keyId}");
    let output = aws
        .plugin_with_identity()
        .file("env.yaml", definition)
        .args(["open", "env.yaml", "environmentVariables.AWS_ACCESS_KEY_ID"])
        .run();
    assert_eq!(output.code, 0);
    assert!(output.stdout.starts_with("\"ASIA"), "{}", output.stdout);
    assert_eq!(
        output.stderr.matches("warning: ").count(),
        1,
        "{}",
        output.stderr
    );
}

#[test]
fn check_calls_no_provider() {
    let aws = Aws::new();
    let check = |definition: &str| {
        aws.plugin()
            .file("env.yaml", definition)
            .args(["check", "env.yaml"])
            .run()
    };
    let oidc = project_file("examples/environments/oidc.yaml");
    check(&oidc).assert("", "", 0);
    let renamed = oidc.replace("${aws.creds.accessKeyId}", "${aws.creds.keyId}");
    check(&renamed).assert(
        "",
        "\
warning: `keyId` is `accessKeyId` in Pulumi Cloud; rename it
  --> env.yaml:11:35
   |
11 |     AWS_ACCESS_KEY_ID: ${aws.creds.keyId}
   |                                   ^^^^^^
",
        0,
    );
    check("values:\n  a: ${b}\n  c: ${d}\n").assert_fails(
        "\
kubectl-esc: `env.yaml` cannot be used: its definition has 2 errors
error: unknown property \"b\"
 --> env.yaml:2:8
  |
2 |   a: ${b}
  |        ^
  |
  = help: use one of the properties `a`, `c`
error: unknown property \"d\"
 --> env.yaml:3:8
  |
3 |   c: ${d}
  |        ^
  |
  = help: use one of the properties `a`, `c`
",
        3,
    );
    assert_eq!(aws.sts.actions(), Vec::<String>::new());
}

#[test]
fn imports_are_found_below_the_root_folder() {
    for (root, file) in [
        (None, "envs/team/aws.yaml"),
        (None, "envs/aws.yaml"),
        (Some("shared"), "shared/team/aws.yaml"),
        (Some("~/esc"), "home/esc/team/aws.yaml"),
    ] {
        let mut plugin = Plugin::new()
            .file(
                "envs/env.yaml",
                "imports: [team/aws]\nvalues: {b: '${a}'}\n",
            )
            .file(file, "values: {a: 1}\n")
            .args(["open", "envs/env.yaml", "b"]);
        if let Some(root) = root {
            plugin = plugin.args(["--root", root]);
        }
        plugin.run().assert("1\n", "", 0);
    }
}

#[test]
fn debug_output_hides_secrets() {
    use esc::{Data, Environment, Value};
    use kubectl_esc::aws::{Credentials, find_credentials};
    use kubectl_esc::secret::Secret;

    let entries = [
        ("accessKeyId".to_owned(), Value::secret("AKIDEXAMPLE")),
        (
            "secretAccessKey".to_owned(),
            Value::secret("hunter2-hunter2"),
        ),
    ];
    let environment = Environment {
        values: Value::new(Data::Object(entries.into())),
    };
    let found = find_credentials::find(&environment, None).unwrap();
    let credentials = Credentials {
        session_token: Some(Secret::from("hunter2-hunter2")),
        ..found.value.clone()
    };
    for shown in [
        format!("{environment:?}"),
        format!("{found:?}"),
        format!("{credentials:?}"),
        format!("{:?}", Value::from("hunter2-hunter2")),
        format!(
            "{:?}",
            esc::evaluator::Definition {
                name: "env".to_owned(),
                shown_as: "./env.yaml".to_owned(),
                text: "hunter2-hunter2".to_owned().into(),
            }
        ),
    ] {
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn variable_can_name_the_environment() {
    let kubeconfig = project_file("tests/data/kubeconfigs/eksctl.yaml");
    for (arguments, stdout, stderr) in [
        (&["open", "-f", "yaml"][..], "a: x\n", ""),
        (&["check"], "", ""),
        (
            &["convert-kubeconfig"],
            "changed [dir]/home/.kube/config: updated user `admin@shop.eu-west-1.eksctl.io`\n",
            "kubectl-esc: user `admin@shop.eu-west-1.eksctl.io`: removed variables that kubectl-esc does not \
             need: `AWS_STS_REGIONAL_ENDPOINTS`\n",
        ),
    ] {
        let plugin = Plugin::new()
            .without_log()
            .file("env.yaml", "values: {a: x}")
            .file("home/.kube/config", &kubeconfig)
            .args(arguments);
        plugin.run().assert_fails(
            "kubectl-esc: no environment specified\n  hint: pass ENVIRONMENT, such as \
             acme/platform/prod or ./env.yaml, or set KUBECTL_ESC_ENVIRONMENT\n",
            2,
        );
        let plugin = plugin.env("KUBECTL_ESC_ENVIRONMENT", "./env.yaml");
        plugin.run().assert(stdout, stderr, 0);
        if arguments == ["convert-kubeconfig"] {
            let written = fs::read_to_string(plugin.path("home/.kube/config")).unwrap();
            let definition = plugin.path("env.yaml");
            assert!(written.contains(definition.to_str().unwrap()), "{written}");
        }
    }
}
