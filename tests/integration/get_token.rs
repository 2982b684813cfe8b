//! `get-token` without failures.

use encodings::timestamp::{Seconds, rfc3339};
use serde_json::{Value, json};
use stand_ins::oidc::GitHubActions;
use stand_ins::sts::Failure;

use crate::support::aws::{ADMIN, Aws, SUBJECT, VIEWER, parse, project_file};
use crate::support::plugin::Plugin;

/// The `aws-login` environment of Pulumi's documentation on Kubernetes, with account, role and session
/// name filled in.
const PULUMI_DOCS: &str = "\
values:
  aws:
    creds:
      fn::open::aws-login:
        oidc:
          duration: 1h
          roleArn: arn:aws:iam::123456789012:role/cluster-admin
          sessionName: docs
  environmentVariables:
    AWS_ACCESS_KEY_ID: ${aws.creds.keyId}
    AWS_SECRET_ACCESS_KEY: ${aws.creds.secretAccessKey}
    AWS_SESSION_TOKEN: ${aws.creds.sessionToken}
";

fn seconds_until(expiration: &Value, now: Seconds) -> Seconds {
    let expiration = expiration.as_str().expect("an expirationTimestamp");
    (now - 5..now + 7200)
        .find(|at| rfc3339(*at) == expiration)
        .unwrap_or_else(|| panic!("{expiration} is not within two hours"))
        - now
}

#[test]
fn first_command_of_the_readme_prints_a_token() {
    let output = Plugin::new()
        .file(
            "static.yaml",
            project_file("examples/environments/static.yaml"),
        )
        .args(["get-token", "static.yaml"])
        .run();
    let token = parse(&output.token()).unwrap();
    assert_eq!(token.host, "sts.eu-west-1.amazonaws.com");
    assert_eq!(token.access_key_id, "AKIAIOSFODNN7EXAMPLE");
    assert_eq!(token.session_token, None);
    assert_eq!(
        output.credential()["apiVersion"],
        "client.authentication.k8s.io/v1"
    );
}

#[test]
fn api_version_of_the_exec_info_is_used() {
    for version in ["v1", "v1beta1"] {
        let output = Plugin::new()
            .file(
                "static.yaml",
                project_file("examples/environments/static.yaml"),
            )
            .args(["get-token", "static.yaml"])
            .exec_info(version, false, None)
            .run();
        let credential = output.credential();
        assert_eq!(credential["kind"], "ExecCredential");
        let api_version = format!("client.authentication.k8s.io/{version}");
        assert_eq!(credential["apiVersion"], json!(api_version));
    }
}

#[test]
fn api_version_of_the_setting_is_used_without_exec_info() {
    let variable = "KUBECTL_ESC_API_VERSION";
    let call = |arguments: &[&str], value: &str, requested: Option<&str>| {
        let plugin = Plugin::new()
            .file(
                "static.yaml",
                project_file("examples/environments/static.yaml"),
            )
            .args(["get-token", "static.yaml"])
            .args(arguments)
            .env(variable, value);
        match requested {
            Some(version) => plugin.exec_info(version, false, None).run(),
            None => plugin.run(),
        }
    };
    let full = "client.authentication.k8s.io/v1beta1";
    for (arguments, value, requested, want) in [
        (&[][..], "", None, "v1"),
        (&[], "v1beta1", None, "v1beta1"),
        (&[], full, None, "v1beta1"),
        (&["--api-version", "v1beta1"], "v1", None, "v1beta1"),
        (&["--api-version", full], "", None, "v1beta1"),
        (&["--api-version", "v1beta1"], "", Some("v1"), "v1"),
        (&["--api-version", "v1"], "", Some("v1beta1"), "v1beta1"),
    ] {
        let credential = call(arguments, value, requested).credential();
        let api_version = format!("client.authentication.k8s.io/{want}");
        assert_eq!(
            credential["apiVersion"],
            json!(api_version),
            "{arguments:?}"
        );
    }
    call(&["--api-version", "v2"], "", None).assert(
        "",
        "kubectl-esc: cannot use the flag `--api-version`: unsupported exec API version `v2`\n  \
         hint: use `v1` or `v1beta1`, as in the user's `exec` entry\n",
        2,
    );
}

/// Clients such as fabric8 read standard error together with standard output. `log` is a part of the warning,
/// which `-v` shows.
#[test]
fn nothing_but_the_credential_is_printed_whatever_the_warnings() {
    type Change = fn(Plugin) -> Plugin;
    let same: Change = |plugin| plugin;
    let cases: [(&str, i64, Change, &str); 9] = [
        (
            "a deprecated output and an unknown top-level key",
            0,
            |plugin| plugin.file("env.yaml", format!("{PULUMI_DOCS}extra: 1\n")),
            "Field 'extra' does not exist",
        ),
        (
            "a long token",
            0,
            same,
            "most clusters reject tokens longer than 4096 bytes",
        ),
        ("a slow clock", 3_600, same, "this machine's clock is"),
        ("a fast clock", -3_600, same, "this machine's clock is"),
        (
            "a misspelled region",
            0,
            |plugin| plugin.env("KUBECTL_ESC_REGION", "eu-wst-1"),
            "did you mean `eu-west-1`?",
        ),
        (
            "a cache folder that is a file",
            0,
            |plugin| {
                let file = plugin.path("env.yaml");
                plugin.env("KUBECTL_ESC_CACHE_DIR", file)
            },
            "the cache cannot use",
        ),
        (
            "a damaged login for Pulumi Cloud",
            0,
            |plugin| plugin.file("home/.pulumi/credentials.json", "{"),
            "",
        ),
        (
            "no home directory",
            0,
            |plugin| plugin.env_remove("HOME").env_remove("USERPROFILE"),
            "",
        ),
        (
            "arguments that some clients change",
            0,
            |plugin| {
                plugin
                    .file("my env.yaml", PULUMI_DOCS)
                    .env("KUBECTL_ESC_ENVIRONMENT", "./my env.yaml")
            },
            "",
        ),
    ];
    for (name, skew, change, log) in cases {
        let aws = Aws::with(|aws| aws.session_token_length = 3_500);
        aws.clock.advance(skew);
        let plugin = aws
            .plugin_with_identity()
            .without_log()
            .file("env.yaml", PULUMI_DOCS)
            .arg("get-token")
            .env("KUBECTL_ESC_ENVIRONMENT", "./env.yaml")
            .env("KUBECTL_ESC_CLUSTER_NAME", "demo")
            .env("KUBECTL_ESC_REGION", "eu-west-1");
        let plugin = change(plugin);
        for _ in ["cold", "warm"] {
            let output = plugin.run();
            assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{name}");
            assert!(output.token().len() > 4_096, "{name}");
        }
        let logged = plugin.args(["-v", "--refresh"]).run().stderr;
        assert!(logged.contains(log), "{name}: {logged}");
    }
}

#[test]
fn environment_of_pulumis_documentation_authenticates() {
    let aws = Aws::new();
    let plugin = aws
        .plugin_with_identity()
        .file("env.yaml", PULUMI_DOCS)
        .args([
            "get-token",
            "./env.yaml",
            "--cluster-name",
            "demo",
            "--region",
            "eu-west-1",
        ]);
    let output = plugin.run();
    let token = output.token();
    let session = "arn:aws:sts::123456789012:assumed-role/cluster-admin/docs";
    assert_eq!(aws.caller(&token, "demo").as_deref(), Ok(session));
    assert!(
        aws.caller(&token, "other")
            .unwrap_err()
            .contains("SignatureDoesNotMatch")
    );
    let now = aws.clock.now();
    let left = seconds_until(&output.credential()["status"]["expirationTimestamp"], now);
    assert!((830..=840).contains(&left), "{left}");

    let records = aws.sts.records();
    assert_eq!(records[0].action, "AssumeRoleWithWebIdentity");
    assert_eq!(records[0].parameters["RoleArn"], ADMIN);
    assert_eq!(records[0].parameters["DurationSeconds"], "3600");
    assert_eq!(
        aws.sts
            .actions()
            .iter()
            .filter(|action| action.starts_with("Assume"))
            .count(),
        1
    );
}

#[test]
fn deprecated_key_name_is_logged_with_v() {
    let aws = Aws::new();
    let output = aws
        .plugin_with_identity()
        .file("env.yaml", PULUMI_DOCS)
        .args([
            "get-token",
            "./env.yaml",
            "-i",
            "demo",
            "--region",
            "eu-west-1",
            "-v",
        ])
        .run();
    assert_eq!(output.code, 0);
    assert!(output.stderr.contains("accessKeyId"), "{}", output.stderr);
    assert!(
        output.stderr.contains("env.yaml:10:35"),
        "{}",
        output.stderr
    );
}

#[test]
fn import_of_pulumis_documentation_authenticates() {
    let aws = Aws::new();
    let output = aws
        .plugin_with_identity()
        .file("aws-access.yaml", PULUMI_DOCS)
        .file(
            "cluster.yaml",
            "imports:\n  - aws-access\nvalues:\n  kubeconfig: {'fn::toJSON': {kind: Config}}\n  \
             pulumiConfig:\n    kubernetes:kubeconfig: ${kubeconfig}\n  files:\n    \
             KUBECONFIG: ${kubeconfig}\n",
        )
        .args([
            "get-token",
            "cluster.yaml",
            "--cluster-name=demo",
            "--region=eu-west-1",
        ])
        .run();
    let session = "arn:aws:sts::123456789012:assumed-role/cluster-admin/docs";
    assert_eq!(aws.caller(&output.token(), "demo").as_deref(), Ok(session));
}

#[test]
fn role_to_assume_signs_the_token_and_the_shorter_session_limits_it() {
    for (lifetime, expected) in [(None, 830..=840), (Some(600), 530..=540)] {
        let aws = Aws::with(|configuration| configuration.lifetime = lifetime);
        let output = aws
            .plugin_with_identity()
            .file("oidc.yaml", project_file("examples/environments/oidc.yaml"))
            .args([
                "get-token",
                "oidc.yaml",
                "--cluster-name",
                "demo",
                "--region",
                "eu-west-1",
            ])
            .args([
                "--role-arn",
                VIEWER,
                "--external-id",
                "demo",
                "--session-name",
                "viewer-session",
            ])
            .run();
        let session = "arn:aws:sts::210987654321:assumed-role/cluster-viewer/viewer-session";
        assert_eq!(aws.caller(&output.token(), "demo").as_deref(), Ok(session));
        let now = aws.clock.now();
        let left = seconds_until(&output.credential()["status"]["expirationTimestamp"], now);
        assert!(expected.contains(&left), "{left}");
    }
}

#[test]
fn identity_token_source_can_be_chosen() {
    let aws = Aws::new();
    let issuer = aws.issuer.clone();
    let clock = aws.clock.clone();
    let actions = GitHubActions::start(issuer, SUBJECT, move || clock.now());
    let plugin = || {
        aws.plugin()
            .file("oidc.yaml", project_file("examples/environments/oidc.yaml"))
            .file("home/token", format!("{}\n", aws.identity()))
            .file("wrong", "not a token")
            .args([
                "get-token",
                "oidc.yaml",
                "-i",
                "demo",
                "--region",
                "eu-west-1",
            ])
    };
    let on_actions = |plugin: Plugin| {
        plugin
            .env("ACTIONS_ID_TOKEN_REQUEST_URL", actions.url())
            .env(
                "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
                GitHubActions::REQUEST_TOKEN,
            )
    };
    for (source, plugin) in [
        (
            "flag",
            plugin().args(["--web-identity-token-file", "~/token"]),
        ),
        (
            "flag before variable",
            plugin()
                .args(["--web-identity-token-file", "~/token"])
                .env("AWS_WEB_IDENTITY_TOKEN_FILE", "wrong"),
        ),
        (
            "named variable",
            plugin()
                .args(["--web-identity-token-env", "MY_TOKEN"])
                .env("MY_TOKEN", aws.identity())
                .env("AWS_WEB_IDENTITY_TOKEN_FILE", "wrong"),
        ),
        (
            "AWS's variable",
            plugin().env("AWS_WEB_IDENTITY_TOKEN_FILE", "home/token"),
        ),
        ("GitHub Actions", on_actions(plugin())),
        (
            "AWS's variable before GitHub Actions",
            on_actions(plugin()).env("AWS_WEB_IDENTITY_TOKEN_FILE", "home/token"),
        ),
    ] {
        let token = plugin.run().token();
        let caller = aws.caller(&token, "demo");
        let session = "arn:aws:sts::123456789012:assumed-role/cluster-admin/kubectl-esc";
        assert_eq!(caller.as_deref(), Ok(session), "{source}");
    }
}

#[test]
fn settings_follow_the_documented_precedence() {
    let environment = |eks: &str| {
        format!(
            "values:\n  aws:\n    fn::open::aws-login:\n      static: {{accessKeyId: AKIDEXAMPLE, \
             secretAccessKey: s3cr3t-s3cr3t}}\n{eks}"
        )
    };
    let eks = "  eks: {clusterName: in-env, region: eu-north-1}\n";
    let variables = "  environmentVariables: {AWS_REGION: eu-south-1}\n";
    let kubeconfig = "  files:\n    KUBECONFIG: |\n      clusters: [{cluster: {server: \
                      'https://AB.gr7.ca-west-1.eks.amazonaws.com'}}]\n";
    let server = "https://AB.gr7.ap-south-1.eks.amazonaws.com";
    let cluster = json!({
        "server": server,
        "config": {"clusterName": "in-extension", "region": "sa-east-1", "environment": "env.yaml"},
    });
    let bare = json!({"server": server, "config": null});
    let name = ["-i", "flag"];
    let region = ["--region", "eu-west-1"];
    let with_variables = |plugin: Plugin| {
        plugin
            .env("KUBECTL_ESC_CLUSTER_NAME", "variable")
            .env("KUBECTL_ESC_REGION", "eu-west-2")
    };
    let plugin = |eks: &str| Plugin::new().file("env.yaml", environment(eks));
    let get = |eks: &str| plugin(eks).args(["get-token", "env.yaml"]);
    for (row, plugin, want_cluster, want_region) in [
        (
            "flags",
            with_variables(get(eks)).args(name).args(region).exec_info(
                "v1",
                false,
                Some(cluster.clone()),
            ),
            "flag",
            "eu-west-1",
        ),
        (
            "variables",
            with_variables(get(eks)).exec_info("v1", false, Some(cluster.clone())),
            "variable",
            "eu-west-2",
        ),
        (
            "environment",
            get(eks).exec_info("v1", false, Some(cluster.clone())),
            "in-env",
            "eu-north-1",
        ),
        (
            "extension",
            plugin(variables)
                .arg("get-token")
                .exec_info("v1", false, Some(cluster)),
            "in-extension",
            "sa-east-1",
        ),
        (
            "environmentVariables",
            get(variables)
                .args(name)
                .exec_info("v1", false, Some(bare.clone())),
            "flag",
            "eu-south-1",
        ),
        (
            "API server",
            get(kubeconfig)
                .args(name)
                .env("AWS_REGION", "us-east-2")
                .exec_info("v1", false, Some(bare)),
            "flag",
            "ap-south-1",
        ),
        (
            "kubeconfig",
            get(kubeconfig).args(name).env("AWS_REGION", "us-east-2"),
            "flag",
            "ca-west-1",
        ),
        (
            "AWS_REGION",
            get("").args(name).env("AWS_REGION", "us-east-2"),
            "flag",
            "us-east-2",
        ),
        (
            "AWS_DEFAULT_REGION",
            plugin("")
                .arg("get-token")
                .args(name)
                .env("KUBECTL_ESC_ENVIRONMENT", "env.yaml")
                .env("AWS_DEFAULT_REGION", "us-west-1"),
            "flag",
            "us-west-1",
        ),
    ] {
        let token = plugin.run().token();
        let parsed = parse(&token).unwrap_or_else(|error| panic!("{row}: {error}"));
        assert_eq!(parsed.region, want_region, "{row}");
        let aws = Aws::with(|configuration| {
            configuration.users.push(
                serde_json::from_value(json!({
                    "accessKeyId": "AKIDEXAMPLE",
                    "secretAccessKey": "s3cr3t-s3cr3t",
                    "arn": "arn:aws:iam::123456789012:user/alice",
                    "userId": "AIDACKCEVSQ6C2EXAMPLE",
                }))
                .unwrap(),
            );
        });
        let caller = aws.caller(&token, want_cluster);
        assert_eq!(
            caller.as_deref(),
            Ok("arn:aws:iam::123456789012:user/alice"),
            "{row}"
        );
    }
}

#[test]
fn credentials_without_expiry_get_a_default_expiry() {
    let environment = |session: &str| {
        format!(
            "values:\n  environmentVariables:\n    AWS_ACCESS_KEY_ID: AKIDEXAMPLE\n    \
             AWS_SECRET_ACCESS_KEY: s3cr3t-s3cr3t\n{session}"
        )
    };
    let session = "    AWS_SESSION_TOKEN: a-session-token\n";
    for (session, lifetime, expected) in [
        ("", None, 830..=840),
        (session, None, 830..=840),
        (session, Some("10m"), 530..=540),
        ("", Some("5m"), 230..=240),
        (session, Some("1h"), 830..=840),
    ] {
        let mut plugin = Plugin::new().file("env.yaml", environment(session)).args([
            "get-token",
            "env.yaml",
            "-i",
            "demo",
            "--region",
            "eu-west-1",
        ]);
        if let Some(lifetime) = lifetime {
            plugin = plugin.args(["--credential-lifetime", lifetime]);
        }
        let now = stand_ins::clock::Clock::system().now();
        let credential = plugin.run().credential();
        let left = seconds_until(&credential["status"]["expirationTimestamp"], now);
        assert!(
            (*expected.start()..=*expected.end() + 5).contains(&left),
            "{lifetime:?}: {left}"
        );
    }
}

#[test]
fn token_only_prints_just_the_token() {
    let output = Plugin::new()
        .file(
            "static.yaml",
            project_file("examples/environments/static.yaml"),
        )
        .args(["get-token", "static.yaml", "--token-only"])
        .run();
    assert_eq!((output.code, output.stderr.as_str()), (0, ""));
    parse(output.stdout.strip_suffix('\n').unwrap()).unwrap();
}

#[test]
fn custom_sts_endpoints_are_not_in_the_token() {
    for (variables, host) in [
        (
            &[("AWS_ENDPOINT_URL", "http://127.0.0.1:9")][..],
            "sts.eu-west-1.amazonaws.com",
        ),
        (
            &[("AWS_ENDPOINT_URL_STS", "https://sts.example")],
            "sts.eu-west-1.amazonaws.com",
        ),
        (
            &[("AWS_USE_FIPS_ENDPOINT", "true")],
            "sts-fips.eu-west-1.amazonaws.com",
        ),
        (
            &[("AWS_USE_DUALSTACK_ENDPOINT", "TRUE")],
            "sts.eu-west-1.api.aws",
        ),
        (
            &[
                ("AWS_USE_FIPS_ENDPOINT", "true"),
                ("AWS_USE_DUALSTACK_ENDPOINT", "true"),
            ],
            "sts-fips.eu-west-1.api.aws",
        ),
    ] {
        let plugin = Plugin::new()
            .file(
                "static.yaml",
                project_file("examples/environments/static.yaml"),
            )
            .args(["get-token", "static.yaml"]);
        let plugin = variables
            .iter()
            .fold(plugin, |plugin, (name, value)| plugin.env(name, value));
        assert_eq!(parse(&plugin.run().token()).unwrap().host, host);
    }
}

/// Like the AWS SDK: another connection may reach a server that works.
#[test]
fn a_failing_sts_is_called_again_on_another_connection() {
    let aws = Aws::new();
    aws.sts.fail(Failure::internal(), 1);
    let output = aws
        .plugin_with_identity()
        .file("env.yaml", project_file("examples/environments/oidc.yaml"))
        .args([
            "get-token",
            "env.yaml",
            "-i",
            "demo",
            "--region",
            "eu-west-1",
        ])
        .run();
    assert!(parse(&output.token()).is_ok());
    let records = aws.sts.records();
    let connections: Vec<_> = records.iter().map(|record| record.connection).collect();
    assert_eq!(connections, [1, 2], "{records:?}");
}
