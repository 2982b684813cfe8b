//! `credential-process`: AWS credentials for the AWS CLI and SDKs.

use encodings::timestamp::rfc3339;
use serde_json::{Value, json};

use crate::cloud::PulumiCloudFixture;
use crate::support::aws::{ADMIN, Aws, VIEWER};
use crate::support::plugin::{Output, Plugin};

const OIDC: &str = "\
values:
  aws:
    fn::open::aws-login:
      oidc: {roleArn: arn:aws:iam::123456789012:role/cluster-admin, sessionName: demo, duration: 1h}
";

fn with_identity(aws: &Aws) -> Plugin {
    let plugin = aws.plugin_with_identity().file("env.yaml", OIDC);
    plugin.args(["credential-process", "env.yaml"])
}

/// The one line of JSON on standard output.
#[track_caller]
fn credentials(output: &Output) -> Value {
    let credentials = output.credential();
    assert_eq!(credentials["Version"], 1, "{credentials}");
    credentials
}

#[test]
fn credentials_without_an_expiry_have_no_expiration() {
    for (login, expected) in [
        (
            "accessKeyId: AKIDEXAMPLE, secretAccessKey: wJalr",
            json!({"Version": 1, "AccessKeyId": "AKIDEXAMPLE", "SecretAccessKey": "wJalr"}),
        ),
        (
            "accessKeyId: AKID\\u0022, secretAccessKey: \"a\\u0022b\"",
            json!({"Version": 1, "AccessKeyId": "AKID\\u0022", "SecretAccessKey": "a\"b"}),
        ),
    ] {
        let definition =
            format!("values: {{aws: {{fn::open::aws-login: {{static: {{{login}}}}}}}}}");
        let plugin = Plugin::new().file("env.yaml", definition);
        let output = plugin.args(["credential-process", "env.yaml"]).run();
        assert_eq!(credentials(&output), expected);
    }
}

/// Neither a cluster nor a region is set. A Kubernetes client may run the AWS CLI.
#[test]
fn issued_credentials_are_cached_and_belong_to_the_role() {
    let aws = Aws::new();
    let plugin = with_identity(&aws).exec_info("v1", false, Some(json!({"server": "https://x"})));
    let first = credentials(&plugin.run());
    let issued = aws.sts.actions();
    assert_eq!(issued, ["AssumeRoleWithWebIdentity"]);
    assert_eq!(credentials(&plugin.run()), first);
    assert_eq!(
        aws.sts.actions(),
        issued,
        "the second call is served from the cache"
    );

    let key = first["AccessKeyId"].as_str().unwrap();
    assert!(key.starts_with("ASIA"), "{key}");
    assert!(!first["SessionToken"].as_str().unwrap().is_empty());
    let expiration = first["Expiration"].as_str().unwrap();
    let hour = aws.clock.now() + 3600;
    assert!(
        (hour - 30..=hour).any(|at| rfc3339(at) == expiration),
        "{expiration}"
    );

    let list = plugin
        .command()
        .get_envs()
        .fold(Plugin::new(), |list, (name, value)| {
            list.env(name, value.unwrap_or_default())
        });
    let list = list.args(["cache", "list"]).run().stdout;
    assert!(list.contains("env.yaml   credentials   -  "), "{list}");
    let refreshed = credentials(&plugin.arg("--refresh").run());
    assert_ne!(refreshed["AccessKeyId"], first["AccessKeyId"]);
}

#[test]
fn cluster_settings_are_not_needed_and_not_used() {
    let aws = Aws::new();
    let definition = format!("{OIDC}  eks: {{clusterName: [not, a, string]}}\n");
    let plugin = with_identity(&aws)
        .file("env.yaml", definition)
        .env("KUBECTL_ESC_CLUSTER_NAME", "not a name");
    credentials(&plugin.run());
    let output = plugin.args(["--cluster-name", "demo"]).run();
    assert_eq!(output.code, 2, "{output:?}");
}

#[test]
fn role_is_assumed_with_the_credentials_of_the_environment() {
    let aws = Aws::new();
    let plugin = with_identity(&aws).args(["--role-arn", VIEWER, "--external-id", "demo"]);
    credentials(&plugin.run());
    assert_eq!(
        aws.sts.actions(),
        ["AssumeRoleWithWebIdentity", "AssumeRole"]
    );
    assert_eq!(aws.sts.records()[1].parameters["RoleArn"], VIEWER);
    assert_eq!(aws.sts.records()[0].parameters["RoleArn"], ADMIN);
}

/// The programs that read it compare it with this machine's clock.
#[test]
fn expiration_is_by_the_local_clock() {
    for skew in [3600, -3600] {
        let aws = Aws::new();
        let local = aws.clock.now();
        aws.clock.advance(skew);
        let plugin = with_identity(&aws);
        for _ in ["cold", "warm"] {
            let credentials = credentials(&plugin.run());
            let expiration = credentials["Expiration"].as_str().unwrap();
            let hour = local + 3600;
            assert!(
                (hour - 5..=hour + 60).any(|at| rfc3339(at) == expiration),
                "{skew}: {expiration}"
            );
        }
    }
}

#[test]
fn environment_in_pulumi_cloud_provides_credentials() {
    let pulumi_cloud = PulumiCloudFixture::new();
    let plugin = pulumi_cloud
        .plugin()
        .args(["credential-process", "acme/platform/prod"]);
    let first = credentials(&plugin.run());
    assert!(first["Expiration"].is_string(), "{first}");
    let calls = pulumi_cloud.operations().len();
    assert_eq!(credentials(&plugin.run()), first);
    assert_eq!(pulumi_cloud.operations().len(), calls);
}

#[test]
fn role_in_another_partition_is_assumed_in_a_region_of_it() {
    let role = "arn:aws-cn:iam::123456789012:role/cluster-admin";
    let aws = Aws::new();
    let definition = format!(
        "values: {{aws: {{fn::open::aws-login: {{static: {{accessKeyId: A, secretAccessKey: b}}}}}}, eks: \
         {{roleArn: '{role}'}}}}"
    );
    // No stand-in has the name of this region's STS.
    let output = with_identity(&aws)
        .file("env.yaml", definition)
        .env("AWS_ENDPOINT_URL_STS", "")
        .env("HTTPS_PROXY", "http://127.0.0.1:1")
        .run();
    assert_eq!(output.code, 5, "{output:?}");
    let host = "sts.cn-north-1.amazonaws.com.cn";
    assert!(output.stderr.contains(host), "{}", output.stderr);
}

#[test]
fn failure_prints_no_credentials() {
    let aws = Aws::new();
    for (arguments, definition, code) in [
        (&[][..], "values: {}", 6),
        (&["--role-arn", "ops"], OIDC, 2),
        (&["--web-identity-token-file", "none"], OIDC, 2),
        (&[], "values: {a: \"${b}\"}", 3),
        (&["--role-arn", VIEWER, "--external-id", "wrong"], OIDC, 4),
    ] {
        let plugin = with_identity(&aws)
            .file("env.yaml", definition)
            .args(arguments);
        let output = plugin.run();
        assert_eq!(
            (output.stdout.as_str(), output.code),
            ("", code),
            "{output:?}"
        );
        assert!(output.stderr.starts_with("kubectl-esc: "), "{output:?}");
    }
}
