//! `doctor` reports which step fails.

use stand_ins::proxy::Proxy;
use stand_ins::sts::RealNames;
use stand_ins::tls::Authority;

use crate::cloud::PulumiCloudFixture;
use crate::support::aws::Aws;
use crate::support::plugin::Plugin;

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
    for skew in [0, 3600] {
        let pulumi_cloud = PulumiCloudFixture::new();
        let aws = pulumi_cloud.aws();
        aws.clock.advance(skew);
        let (plugin, (proxy, _names)) = with_real_names(pulumi_cloud.plugin(), &aws);
        let plugin = plugin.args(["doctor", "acme/platform/prod", "-i", "prod"]);
        let output = plugin.run();
        assert_eq!((output.code, output.stderr.as_str()), (0, ""));
        assert_eq!(passed_steps(&output.stdout), ALL_STEPS);
        let clock = output.stdout.lines().last().unwrap();
        assert_eq!(clock.contains("behind the servers'"), skew > 0, "{clock}");
        let role = "arn:aws:sts::123456789012:assumed-role/esc-oidc/pulumi-esc";
        assert!(output.stdout.contains(role), "{}", output.stdout);
        assert_eq!(proxy.requested().len(), 1);
        for secret in [stand_ins::pulumi_cloud::configuration::TOKEN, "hunter2"] {
            assert!(!output.stdout.contains(secret), "{}", output.stdout);
        }
    }
}

#[test]
fn first_failing_step_is_an_error() {
    let pulumi_cloud = PulumiCloudFixture::new();
    let aws = pulumi_cloud.aws();
    let arguments = ["doctor", "acme/platform/prod", "-i", "prod"];
    for (plugin, passed, code) in [
        (pulumi_cloud.plugin_without_login().args(arguments), 2, 2),
        (
            pulumi_cloud
                .plugin()
                .args(["doctor", "acme/platform/absent"]),
            2,
            2,
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
        let output = plugin.run_command(crate::support::plugin::TIME_LIMIT);
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
    let output = plugin.run_command(crate::support::plugin::TIME_LIMIT);
    assert_eq!(passed_steps(&output.stdout), ALL_STEPS[..6]);
    assert_eq!(output.code, 4);
    let message = "kubectl-esc: AWS STS rejected the token, so every cluster will too\n  caused by: InvalidClientTokenId: The security token included in the request is invalid";
    assert!(output.stderr.starts_with(message), "{}", output.stderr);
}
