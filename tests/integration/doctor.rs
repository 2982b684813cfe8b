//! `doctor` reports which step fails.

use stand_ins::proxy::Proxy;
use stand_ins::sts::RealNames;
use stand_ins::tls::Authority;

use crate::cloud::PulumiCloudFixture;
use crate::support::aws::Aws;
use crate::support::plugin::{self, Plugin, TIME_LIMIT};

/// Routes the real names of AWS STS to the stand-in.
fn with_real_names(plugin: Plugin, aws: &Aws) -> (Plugin, (Proxy, RealNames)) {
    let authority = Authority::new();
    let names = aws.sts.real_names(&authority);
    let proxy = Proxy::start(names.route());
    let plugin = plugin
        .file("authority.pem", authority.pem())
        .env("HTTPS_PROXY", proxy.url());
    let bundle = plugin.path("authority.pem");
    (plugin.env("AWS_CA_BUNDLE", bundle), (proxy, names))
}

/// Returns the names of the passed steps.
fn passed_steps(stdout: &str) -> Vec<&str> {
    let lines = stdout.lines();
    lines
        .map(|line| {
            let rest = line.strip_prefix("ok  ").expect("a passed step");
            rest.split_once(": ").expect("a name").0
        })
        .collect()
}

const ALL_STEPS: [&str; 8] = [
    "cache",
    "login",
    "environment",
    "cluster",
    "credentials",
    "token",
    "AWS STS",
    "clock",
];

#[test]
fn every_passing_step_is_listed() {
    let pulumi_cloud = PulumiCloudFixture::new();
    let aws = pulumi_cloud.aws();
    let (plugin, (proxy, _names)) = with_real_names(pulumi_cloud.plugin(), &aws);
    let plugin = plugin.args(["doctor", "acme/platform/prod", "-i", "prod"]);
    let output = plugin.run();
    assert_eq!((output.code, output.stderr.as_str()), (0, ""));
    assert_eq!(passed_steps(&output.stdout), ALL_STEPS);
    let clock = output.stdout.lines().last().unwrap();
    assert_eq!(clock, "ok  clock: agrees with that of AWS");
    let role = "arn:aws:sts::123456789012:assumed-role/esc-oidc/pulumi-esc";
    assert!(output.stdout.contains(role), "{}", output.stdout);
    assert_eq!(proxy.requested().len(), 1);
    for secret in [stand_ins::pulumi_cloud::configuration::TOKEN, "hunter2"] {
        assert!(!output.stdout.contains(secret), "{}", output.stdout);
    }
}

#[test]
fn clock_that_aws_corrects_is_reported() {
    for (skew, direction) in [(3600, "behind"), (-3600, "ahead of")] {
        let aws = Aws::new();
        aws.clock.advance(skew);
        let definition = "\
values:
  aws:
    fn::open::aws-login:
      oidc: {roleArn: arn:aws:iam::123456789012:role/cluster-admin, sessionName: ss, duration: 1h}
";
        let plugin = aws.plugin_with_identity().file("env.yaml", definition);
        let (plugin, _names) = with_real_names(plugin, &aws);
        let plugin = plugin.env("KUBECTL_ESC_ENVIRONMENT", "env.yaml");
        let plugin = plugin.env("KUBECTL_ESC_REGION", "eu-west-1");
        let plugin = plugin.env("KUBECTL_ESC_CLUSTER_NAME", "demo");
        let run = |command: &str| {
            let mut call = plugin.command();
            call.arg(command);
            plugin::run(call, TIME_LIMIT)
        };
        run("get-token").token();
        let output = run("doctor");
        assert_eq!(passed_steps(&output.stdout), ALL_STEPS, "{output:#?}");
        let lines: Vec<_> = output.stdout.lines().collect();
        for line in [lines[0], lines[ALL_STEPS.len() - 1]] {
            // A second may pass between reading two clocks.
            let line = line.replace("59m59s", "1h");
            let note = format!("this machine's clock is 1h {direction} that of AWS");
            assert!(line.ends_with(&note), "{line}");
        }
    }
}

#[test]
fn clock_that_nothing_corrects_is_the_cause() {
    // AWS is first asked about the token, which is signed by then.
    for (skew, code, message) in [
        (
            3600,
            4,
            "AWS STS rejected the time of the signature: this machine's clock is 1h behind that of AWS\n",
        ),
        (
            3 * 24 * 3600,
            2,
            "this machine's clock is wrong: it shows 20",
        ),
    ] {
        let pulumi_cloud = PulumiCloudFixture::new();
        let aws = pulumi_cloud.aws();
        aws.clock.advance(skew);
        let (plugin, _names) = with_real_names(pulumi_cloud.plugin(), &aws);
        let plugin = plugin.args(["doctor", "acme/platform/prod", "-i", "prod"]);
        let output = plugin.run_command(TIME_LIMIT);
        assert_eq!(passed_steps(&output.stdout), ALL_STEPS[..6], "{output:#?}");
        assert_eq!(output.code, code, "{output:#?}");
        let stderr = output.stderr.replace("59m59s", "1h");
        assert!(stderr.contains(message), "{output:#?}");
        assert!(
            stderr.contains("\n  hint: set this machine's clock"),
            "{output:#?}"
        );
    }
}

#[test]
fn first_failing_step_is_an_error() {
    let pulumi_cloud = PulumiCloudFixture::new();
    let aws = pulumi_cloud.aws();
    let arguments = ["doctor", "acme/platform/prod", "-i", "prod"];
    for (plugin, passed, code) in [
        (pulumi_cloud.plugin_without_login().args(arguments), 2, 4),
        (
            pulumi_cloud
                .plugin()
                .args(["doctor", "acme/platform/absent"]),
            2,
            4,
        ),
        (
            pulumi_cloud
                .plugin()
                .args(arguments)
                .args(["--credentials", "x"]),
            4,
            6,
        ),
        (pulumi_cloud.plugin().args(["doctor"]), 0, 2),
    ] {
        let (plugin, _names) = with_real_names(plugin, &aws);
        let output = plugin.run_command(TIME_LIMIT);
        assert_eq!(
            passed_steps(&output.stdout),
            ALL_STEPS[..passed],
            "{output:#?}"
        );
        assert_eq!(output.code, code, "{output:#?}");
        assert!(output.stderr.starts_with("kubectl-esc: "), "{output:#?}");
    }
}

#[test]
fn credentials_unknown_to_aws_are_reported() {
    let aws = Aws::new();
    let definition =
        "values:\n  aws: {accessKeyId: AKIAUNKNOWN, secretAccessKey: hunter2hunter2}\n";
    let plugin = aws.plugin().file("env.yaml", definition).args([
        "doctor",
        "env.yaml",
        "-i",
        "demo",
        "--region",
        "eu-west-1",
    ]);
    let (plugin, _names) = with_real_names(plugin, &aws);
    let output = plugin.run_command(TIME_LIMIT);
    assert_eq!(passed_steps(&output.stdout), ALL_STEPS[..6]);
    assert_eq!(output.code, 4);
    let message = "kubectl-esc: AWS STS rejected the token, so every cluster will too\n  caused by: InvalidClientTokenId: The security token included in the request is invalid";
    assert!(output.stderr.starts_with(message), "{}", output.stderr);
}
