//! The sources of the cluster for `update-kubeconfig`: the environment, flags, Amazon EKS.

use std::fs;

use stand_ins::clock::Clock;
use stand_ins::eks::{Configuration, Eks};
use stand_ins::sts::configuration::{USER_KEY_ID, USER_SECRET_KEY};
use stand_ins::tls::Authority;

use super::new_file;
use crate::support::aws::project_file;
use crate::support::plugin::Plugin;

const SERVER: &str = "https://0123.gr7.eu-west-1.eks.amazonaws.com";
const AUTHORITY: &str = "    certificate-authority-data: QUJD\n";
const ARGS: [&str; 5] = [
    "~/env.yaml",
    "--cluster-name",
    "demo",
    "--region",
    "eu-west-1",
];

/// An environment with kubeconfigs in all supported forms.
const ENVIRONMENT: &str = r#"values:
  stack:
    kubeconfig:
      apiVersion: v1
      current-context: aws
      clusters: [{name: c, cluster: {server: "https://0123.gr7.eu-west-1.eks.amazonaws.com", certificate-authority-data: QUJD}}]
      contexts: [{name: aws, context: {cluster: c, user: u}}]
      users: [{name: u, user: {token: {"fn::secret": hunter2-hunter2}}}]
  several: |
    clusters:
    - {name: a, cluster: {server: "https://a.gr7.us-east-1.eks.amazonaws.com"}}
    - {name: b, cluster: {server: "https://0123.gr7.eu-west-1.eks.amazonaws.com", certificate-authority-data: QUJD}}
    contexts:
    - {name: one, context: {cluster: a}}
    - {name: two, context: {cluster: b}}
  files:
    KUBECONFIG: {"fn::toJSON": "${stack.kubeconfig}"}
"#;

fn update(environment: &str, arguments: &[&str]) -> (Plugin, crate::support::plugin::Output) {
    let plugin = Plugin::new()
        .file("home/env.yaml", environment)
        .args(["update-kubeconfig", "~/env.yaml"])
        .args(arguments);
    let output = plugin.run();
    (plugin, output)
}

/// The kubeconfig, with `~` for the home directory.
fn written(plugin: &Plugin) -> String {
    let text = fs::read_to_string(plugin.path("home/.kube/config")).unwrap();
    text.replace(plugin.path("home").to_str().unwrap(), "~")
}

const ADDED: &str = "\
changed [dir]/home/.kube/config: added cluster `demo`, user `demo`, context `demo`
the current context is `demo`
";

#[test]
fn kubeconfig_of_the_environment_is_used() {
    let expected = new_file("demo", SERVER, AUTHORITY, &ARGS);
    for arguments in [
        &["--cluster-name", "demo"][..],
        &["--cluster-name", "demo", "--context", "aws"],
        &["--cluster-name", "demo", "--from", "stack.kubeconfig"],
        &["-i", "demo", "--from", "several", "--context", "two"],
    ] {
        let (plugin, output) = update(ENVIRONMENT, arguments);
        output.assert(ADDED, "", 0);
        assert_eq!(written(&plugin), expected, "{arguments:?}");
        let unchanged = "nothing to change\nthe current context is `demo`\n";
        plugin.run().assert(unchanged, "", 0);
        assert_eq!(written(&plugin), expected, "{arguments:?}");
    }
    for (arguments, code, problem) in [
        (&["--from", "several"][..], 2, "several contexts"),
        (
            &["--from", "several", "--context", "x"],
            2,
            "no context `x`",
        ),
        (&["--from", "nothing"], 2, "has no value at `nothing`"),
        (&["--from", "a..b"], 2, "not a property path"),
        (&["--from", "stack"], 2, "it has no cluster"),
        (&["--from", "stack.kubeconfig.apiVersion"], 2, "cannot read"),
    ] {
        let arguments = [&["--cluster-name", "demo"], arguments].concat();
        let (plugin, output) = update(ENVIRONMENT, &arguments);
        assert_eq!(output.code, code, "{output:?}");
        assert!(output.stderr.contains(problem), "{output:?}");
        assert!(!plugin.path("home/.kube/config").exists());
    }
}

#[test]
fn settings_of_the_environment_and_flags_become_arguments() {
    let environment = format!(
        "{ENVIRONMENT}  eks: {{clusterName: demo, region: eu-west-1, roleArn: not-written}}\n"
    );
    let (plugin, output) = update(&environment, &[]);
    assert_eq!(output.code, 0, "{output:?}");
    assert_eq!(written(&plugin), new_file("demo", SERVER, AUTHORITY, &ARGS));

    let (plugin, output) = update(
        &environment,
        &[
            "--role-arn",
            "arn:aws:iam::123456789012:role/x",
            "--credentials",
            "aws.creds",
            "--web-identity-token-file",
            "~/token",
            "--timeout",
            "30s",
            "--root",
            "~",
        ],
    );
    assert_eq!(output.code, 0, "{output:?}");
    let further = [
        "--role-arn",
        "arn:aws:iam::123456789012:role/x",
        "--credentials",
        "aws.creds",
        "--root",
        "~/",
        "--web-identity-token-file",
        "~/token",
        "--timeout",
        "\"30s\"",
    ];
    let args = [&ARGS[..], &further].concat();
    assert_eq!(written(&plugin), new_file("demo", SERVER, AUTHORITY, &args));

    let secret = ENVIRONMENT.to_owned() + "  eks: {clusterName: {fn::secret: hunter2-hunter2}}\n";
    let (_, output) = update(&secret, &[]);
    assert_eq!(output.code, 2);
    assert!(output.stderr.contains("is a secret"), "{output:?}");
    assert!(!output.stderr.contains("hunter2"), "{output:?}");
}

#[test]
fn flags_alone_need_no_environment() {
    let authority = Authority::new();
    let pem = authority.pem();
    let base = |plugin: Plugin| {
        plugin.args([
            "update-kubeconfig",
            "acme/platform/prod@3",
            "--cluster-name",
            "demo",
            "--server",
            "https://api.example.com:6443",
        ])
    };
    let plugin = base(Plugin::new().file("ca.pem", &pem)).args([
        "--certificate-authority",
        "ca.pem",
        "--stdout",
    ]);
    let output = plugin.run();
    assert_eq!((output.code, output.stderr.as_str()), (0, ""));
    let data = output
        .stdout
        .lines()
        .find_map(|line| line.trim().strip_prefix("certificate-authority-data: "));
    let data = data.unwrap().to_owned();
    assert_eq!(
        encodings::base64::decode_standard(&data).unwrap(),
        pem.as_bytes()
    );
    let expected = new_file(
        "demo",
        "https://api.example.com:6443",
        &format!("    certificate-authority-data: {data}\n"),
        &["acme/platform/prod@3", "--cluster-name", "demo"],
    );
    assert_eq!(output.stdout, expected);
    assert!(!plugin.path("home/.kube").exists());
    // The authority from another source gives the same bytes.
    let again = base(Plugin::new())
        .args(["--certificate-authority-data", &data, "--stdout"])
        .run();
    assert_eq!(again.stdout, expected);

    for (arguments, problem) in [
        (
            &["--certificate-authority-data", "x"][..],
            "not a PEM certificate in Base64",
        ),
        (&["--certificate-authority", "none.pem"], "cannot read"),
        (&["--stdout", "--dry-run"], "cannot be used with"),
        (&["--from", "a"], "cannot be used with"),
        (&["--alias", ""], "the name in `--alias` is empty"),
        (
            &["--user-alias", " "],
            "the name in `--user-alias` is empty",
        ),
        (
            &["--region", "nowhere at all"],
            "is not a valid AWS region name",
        ),
    ] {
        let output = base(Plugin::new()).args(arguments).run();
        assert_eq!(output.code, 2, "{output:?}");
        assert!(output.stderr.contains(problem), "{output:?}");
    }
    for name in ["", " demo", "dé"] {
        let output = Plugin::new()
            .args([
                "update-kubeconfig",
                "acme/prod",
                "--server",
                "https://a.test",
                "-i",
                name,
            ])
            .run();
        assert_eq!(output.code, 2, "{output:?}");
        assert!(
            output.stderr.contains("is not a valid cluster name"),
            "{output:?}"
        );
    }
    for server in [
        "http://api.example.com",
        "https://user:hunter2@api.example.com",
        "api.example.com",
    ] {
        let output = Plugin::new()
            .args([
                "update-kubeconfig",
                "acme/prod",
                "-i",
                "demo",
                "--server",
                server,
            ])
            .run();
        assert_eq!(output.code, 2, "{output:?}");
        assert!(!output.stderr.contains("hunter2"), "{output:?}");
    }
}

#[test]
fn kubeconfig_of_the_documentation_is_printed_by_its_command() {
    let documentation = project_file("docs/pulumi.md");
    let (_, environment) = documentation.split_once("```yaml\n").unwrap();
    let (environment, _) = environment.split_once("```").unwrap();
    let environment: serde_yaml::Value = serde_yaml::from_str(environment).unwrap();
    let output = Plugin::new()
        .file("ca.pem", "-----BEGIN CERTIFICATE-----")
        .args([
            "update-kubeconfig",
            "acme/platform/prod-access",
            "--cluster-name",
            "prod",
        ])
        .args([
            "--region",
            "eu-west-1",
            "--certificate-authority",
            "ca.pem",
            "--stdout",
        ])
        .args([
            "--server",
            "https://0123456789ABCDEF.gr7.eu-west-1.eks.amazonaws.com",
        ])
        .run();
    assert_eq!(output.code, 0, "{output:?}");
    let documented = environment["values"]["kubeconfig"].as_str().unwrap();
    assert_eq!(output.stdout, documented);
}

fn eks(change: impl FnOnce(&mut Configuration)) -> Eks {
    eks_at(Clock::system(), change)
}

fn eks_at(clock: Clock, change: impl FnOnce(&mut Configuration)) -> Eks {
    let mut configuration = Configuration {
        credentials: (USER_KEY_ID.to_owned(), USER_SECRET_KEY.to_owned(), None),
        region: "eu-west-1".to_owned(),
        name: "demo".to_owned(),
        status: "ACTIVE".to_owned(),
        endpoint: SERVER.to_owned(),
        authority_data: "QUJD".to_owned(),
        error: None,
    };
    change(&mut configuration);
    Eks::start(configuration, clock)
}

#[test]
fn amazon_eks_is_called_with_the_environments_credentials() {
    let environment = project_file("examples/environments/static.yaml");
    let session = environment.replace(
        "          secretAccessKey:",
        "          sessionToken: {fn::secret: a-session-token}\n          secretAccessKey:",
    );
    let with_token = |configuration: &mut Configuration| {
        configuration.credentials.2 = Some("a-session-token".to_owned());
        configuration.status = "UPDATING".to_owned();
    };
    for (environment, eks) in [(&environment, eks(|_| ())), (&session, eks(with_token))] {
        let plugin = Plugin::new()
            .file("home/env.yaml", environment)
            .args(["update-kubeconfig", "~/env.yaml"])
            .env("AWS_ENDPOINT_URL_EKS", eks.url());
        plugin.run().assert(ADDED, "", 0);
        assert_eq!(written(&plugin), new_file("demo", SERVER, AUTHORITY, &ARGS));
        assert_eq!(eks.log(), ["GET /clusters/demo 200"]);
    }
}

#[test]
fn amazon_eks_is_called_again_with_its_own_time() {
    let environment = project_file("examples/environments/static.yaml");
    for skew in [3600, -3600] {
        let clock = Clock::system();
        clock.advance(skew);
        let eks = eks_at(clock, |_| ());
        let plugin = Plugin::new()
            .file("home/env.yaml", &environment)
            .args(["update-kubeconfig", "~/env.yaml"])
            .env("AWS_ENDPOINT_URL_EKS", eks.url());
        plugin.run().assert(ADDED, "", 0);
        assert_eq!(
            eks.log(),
            ["GET /clusters/demo 403", "GET /clusters/demo 200"]
        );
    }
}

#[test]
fn errors_of_amazon_eks_are_reported() {
    let environment = project_file("examples/environments/static.yaml");
    let rows: [(Change, &[&str], i32, &str); 6] = [
        (
            |_| (),
            &["-i", "other"],
            2,
            "there is no EKS cluster `other` in the region `eu-west-1`",
        ),
        (
            |eks| eks.status = "CREATING".to_owned(),
            &[],
            5,
            "is not active: its status is `CREATING`",
        ),
        (
            |eks| eks.error = Some((403, "AccessDeniedException")),
            &[],
            4,
            "are not allowed to describe the EKS cluster `demo`",
        ),
        (
            |eks| eks.credentials.1 = "another".to_owned(),
            &[],
            4,
            "rejected the environment's AWS credentials",
        ),
        (
            |eks| eks.error = Some((500, "ServerException")),
            &[],
            5,
            "is temporarily unavailable",
        ),
        (
            |eks| eks.error = Some((400, "InvalidParameterException")),
            &[],
            2,
            "rejected the request",
        ),
    ];
    for (change, arguments, code, problem) in rows {
        let eks = eks(change);
        let plugin = Plugin::new()
            .file("home/env.yaml", &environment)
            .args(["update-kubeconfig", "~/env.yaml"])
            .args(arguments)
            .env("AWS_ENDPOINT_URL_EKS", eks.url());
        let output = plugin.run();
        assert_eq!(output.code, code, "{output:?}");
        assert!(output.stderr.contains(problem), "{output:?}");
        assert!(output.stderr.contains("\n  hint: "), "{output:?}");
        assert!(!output.stderr.contains(USER_SECRET_KEY), "{output:?}");
        assert!(!plugin.path("home/.kube").exists());
    }
}

type Change = fn(&mut Configuration);
