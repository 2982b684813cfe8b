//! Opening environments: full and short names, versions, formats, diagnostics, requests.

use stand_ins::pulumi_cloud::configuration::TOKEN;

use super::{ENVIRONMENT, PulumiCloudFixture, assert_no_secrets};

#[test]
fn full_name_takes_two_requests_on_one_connection() {
    let pulumi_cloud = PulumiCloudFixture::new();
    let output = pulumi_cloud.get_token(ENVIRONMENT).run();
    pulumi_cloud.assert_token(&output);
    pulumi_cloud.assert_calls(&["open", "read session"]);
    let records = pulumi_cloud.stand_in.records();
    assert_eq!(
        records[0].target,
        "/api/esc/environments/acme/platform/prod/open?duration=2h0m0s"
    );
    for record in &records {
        for (name, value) in [
            ("authorization", "token [secret]"),
            ("accept", "application/vnd.pulumi+8"),
            ("content-type", "application/json"),
            (
                "user-agent",
                concat!("kubectl-esc/", env!("CARGO_PKG_VERSION")),
            ),
        ] {
            assert_eq!(record.header(name), Some(value), "{record:?}");
        }
        assert_eq!((record.login.as_str(), record.body), ("alice", 0));
    }
}

#[test]
fn versions_and_short_names_are_opened() {
    for (name, variables, revision, operations) in [
        (ENVIRONMENT, &[][..], "three", &["open", "read session"][..]),
        (
            "acme/platform/prod@1",
            &[],
            "one",
            &["open revision", "read session"],
        ),
        (
            "acme/platform/prod@stable",
            &[],
            "two",
            &["open revision", "read session"],
        ),
        (
            "platform/prod",
            &[("PULUMI_DEFAULT_ORGANIZATION", "acme")],
            "three",
            &["open", "read session"],
        ),
        (
            "platform/prod@2",
            &[],
            "two",
            &["default organization", "open revision", "read session"],
        ),
    ] {
        let pulumi_cloud = PulumiCloudFixture::new();
        let mut plugin = pulumi_cloud.plugin().args(["open", name, "revision"]);
        for (name, value) in variables {
            plugin = plugin.env(name, value);
        }
        plugin.run().assert(&format!("\"{revision}\"\n"), "", 0);
        pulumi_cloud.assert_calls(operations);
    }
}

#[test]
fn default_organization_is_found_as_in_esc() {
    let config = |pulumi_cloud: &PulumiCloudFixture| {
        format!(
            r#"{{"backends":{{"{}":{{"defaultOrg":"acme"}}}}}}"#,
            pulumi_cloud.stand_in.url()
        )
    };
    // From the flag, which takes precedence over the variable.
    let pulumi_cloud = PulumiCloudFixture::new();
    let plugin = pulumi_cloud
        .plugin()
        .env("PULUMI_DEFAULT_ORGANIZATION", "nobody")
        .args([
            "open",
            "platform/prod",
            "revision",
            "--organization",
            "acme",
        ]);
    plugin.run().assert("\"three\"\n", "", 0);
    pulumi_cloud.assert_calls(&["open", "read session"]);
    // From the CLI's configuration.
    let pulumi_cloud = PulumiCloudFixture::new();
    let plugin = pulumi_cloud
        .plugin()
        .file("home/.pulumi/config.json", config(&pulumi_cloud))
        .args(["open", "platform/prod", "revision"]);
    plugin.run().assert("\"three\"\n", "", 0);
    pulumi_cloud.assert_calls(&["open", "read session"]);
    // The user's own organization, if the server has no default. A name of one part is in the project
    // `default`.
    let pulumi_cloud = PulumiCloudFixture::with(|configuration| {
        configuration.users[0].default_organization = None;
        let definition = "values: {a: 1}";
        *configuration = configuration
            .clone()
            .environment("default", "own", definition);
        configuration.environments[1].organization = "alice".to_owned();
    });
    let plugin = pulumi_cloud.plugin().args(["open", "own", "a"]);
    plugin.run().assert("1\n", "", 0);
    pulumi_cloud.assert_calls(&[
        "default organization",
        "current user",
        "open",
        "read session",
    ]);
}

#[test]
fn values_are_preserved() {
    let pulumi_cloud = PulumiCloudFixture::with_definition(
        "values:\n  n: 12345678901234567890\n  l: [true, null, {a: b}]\n  s: {fn::secret: hunter2}\n  \
         e: '<&>'\n",
    );
    let open = |flags: &[&str]| {
        pulumi_cloud
            .plugin()
            .args(["open", "acme/test/env"])
            .args(flags)
            .run()
    };
    let text = |secret: &str| {
        format!(
            "{{\n  \"e\": \"\\u003c\\u0026\\u003e\",\n  \"l\": [\n    true,\n    null,\n    {{\n      \"a\": \
             \"b\"\n    }}\n  ],\n  \"n\": 12345678901234567890,\n  \"s\": \"{secret}\"\n}}\n"
        )
    };
    open(&[]).assert(&text("hunter2"), "", 0);
    open(&["--redact"]).assert(&text("[secret]"), "", 0);
}

#[test]
fn all_of_aws_login_is_secret() {
    let pulumi_cloud = PulumiCloudFixture::new();
    let output = pulumi_cloud
        .plugin()
        .args(["open", ENVIRONMENT, "aws.login", "--redact"])
        .run();
    output.assert(
        "{\n  \"accessKeyId\": \"[secret]\",\n  \"secretAccessKey\": \"[secret]\",\n  \
         \"sessionToken\": \"[secret]\"\n}\n",
        "",
        0,
    );
}

#[test]
fn diagnostics_are_shown_with_their_position() {
    let pulumi_cloud = PulumiCloudFixture::with_definition("values:\n  a: ${nothing}\n");
    let output = pulumi_cloud.get_token("acme/test/env").run();
    output.assert_fails(
        "kubectl-esc: cannot open the environment `acme/test/env`: its definition has 1 error
error: unknown property \"nothing\"
--> test/env:2:8
  hint: fix the definition; `kubectl-esc check acme/test/env` validates it without opening it
",
        3,
    );
    pulumi_cloud.assert_calls(&["open"]);
    let output = pulumi_cloud.plugin().args(["check", "acme/test/env"]).run();
    output.assert_fails(
        "kubectl-esc: `acme/test/env` cannot be used: its definition has 1 error
error: unknown property \"nothing\"
--> test/env:2:8
",
        3,
    );
    pulumi_cloud
        .plugin()
        .args(["check", ENVIRONMENT])
        .run()
        .assert("", "", 0);
    pulumi_cloud
        .plugin()
        .args(["check", "acme/platform/prod@stable"])
        .run()
        .assert("", "", 0);
}

#[test]
fn remote_flag_evaluates_a_local_definition_in_pulumi_cloud() {
    let pulumi_cloud = PulumiCloudFixture::new();
    let plugin = |command: &str, definition: &str| {
        pulumi_cloud
            .plugin()
            .file("env.yaml", definition)
            .args([command, "env.yaml", "--remote"])
    };
    let definition = "imports: [platform/prod]\nvalues: {b: '${revision}!'}\n";
    plugin("open", definition)
        .arg("b")
        .run()
        .assert("\"three!\"\n", "", 0);
    pulumi_cloud.assert_calls(&["default organization", "open yaml", "read yaml session"]);
    plugin("check", definition).run().assert("", "", 0);
    for (command, message, hint) in [
        (
            "open",
            "cannot open the environment `env.yaml`",
            "  hint: fix the definition; `kubectl-esc check env.yaml` validates it without opening it\n",
        ),
        ("check", "`env.yaml` cannot be used", ""),
    ] {
        plugin(command, "values:\n  a: ${nothing}\n")
            .run()
            .assert_fails(
                &format!(
                    "kubectl-esc: {message}: its definition has 1 error
error: unknown property \"nothing\"
 --> env.yaml:2:8
  |
2 |   a: ${{nothing}}
  |        ^^^^^^^
{hint}"
                ),
                3,
            );
    }
    pulumi_cloud
        .plugin()
        .args(["open", ENVIRONMENT, "--remote"])
        .run()
        .assert_fails(
            "kubectl-esc: `acme/platform/prod` is already in Pulumi Cloud: `--remote` is for local definitions
  hint: remove `--remote`
",
            2,
        );
}

#[test]
fn malformed_environment_names_are_not_sent() {
    let pulumi_cloud = PulumiCloudFixture::new();
    for name in [
        "acme/platform/..",
        "acme/platform/prod?x",
        "acme/platform%2f..%2f/prod",
        "acme/platform/prod@../../x",
        "acme//prod",
    ] {
        let output = pulumi_cloud.get_token(name).run();
        assert_eq!(output.code, 2, "{output:?}");
        let start = format!("kubectl-esc: `{name}` is not a valid environment name: ");
        assert!(output.stderr.starts_with(&start), "{output:?}");
    }
    assert_eq!(pulumi_cloud.calls(), []);
}

#[test]
fn secrets_are_not_logged_at_any_verbosity() {
    let pulumi_cloud = PulumiCloudFixture::new();
    let output = pulumi_cloud.get_token(ENVIRONMENT).arg("-vv").run();
    assert_eq!(output.code, 0, "{output:?}");
    for line in [
        "opening the environment `acme/platform/prod`",
        "access token from the variable `PULUMI_ACCESS_TOKEN`",
        "opening the environment: `127.0.0.1` responded with status 200",
        "reading the session: `127.0.0.1` responded with status 200",
    ] {
        assert!(output.stderr.contains(line), "{}", output.stderr);
    }
    assert!(!output.stderr.contains(TOKEN));
    assert_no_secrets(&pulumi_cloud, &output);
}

#[test]
fn files_that_are_not_text_are_warned_of() {
    let definition = "values: {kubeconfig: {kind: Config}, files: {KUBECONFIG: '${kubeconfig}'}}";
    let pulumi_cloud = PulumiCloudFixture::with_definition(definition);
    let open = |arguments: &[&str]| {
        let plugin = pulumi_cloud.plugin().without_log().arg("open");
        plugin.args(arguments).args(["--format", "string"]).run()
    };
    let output = open(&["acme/test/env", "kubeconfig.kind"]);
    let warning = "warning: `files.KUBECONFIG` is not text but an object: the file is not created";
    assert_eq!(output.stdout, "Config\n", "{output:?}");
    assert!(output.stderr.starts_with(warning), "{}", output.stderr);
    assert!(
        output.stderr.contains("help: convert it to text"),
        "{}",
        output.stderr
    );
    let output = open(&["acme/platform/prod", "eks.clusterName"]);
    assert_eq!(output.stderr, "", "{output:?}");
}
