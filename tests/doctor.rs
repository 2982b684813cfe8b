//! `doctor`: which link of the chain fails.

use crate::cloud::Setting;
use crate::support::plugin::Plugin;
use crate::support::proxy::Proxy;
use crate::support::sts::RealNames;
use crate::support::tls::Authority;
use crate::support::world::World;

/// Lets the real names of AWS STS lead to the world's own.
fn with_real_names(plugin: Plugin, world: &World) -> (Plugin, (Proxy, RealNames)) {
    let authority = Authority::new();
    let names = world.sts.real_names(&authority);
    let proxy = Proxy::start(names.route());
    let plugin = plugin
        .file("authority.pem", authority.pem())
        .env("HTTPS_PROXY", proxy.url());
    let bundle = plugin.path("authority.pem");
    (plugin.env("AWS_CA_BUNDLE", bundle), (proxy, names))
}

/// The names of the links that hold.
fn links(stdout: &str) -> Vec<&str> {
    let lines = stdout.lines();
    lines
        .map(|line| {
            let rest = line.strip_prefix("ok  ").expect("a link that holds");
            rest.split_once(": ").expect("a name").0
        })
        .collect()
}

const ALL: [&str; 8] = [
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
fn a_chain_that_holds_is_told_link_by_link() {
    for skew in [0, 3600] {
        let setting = Setting::new();
        let world = setting.world();
        world.clock.advance(skew);
        let (plugin, (proxy, _names)) = with_real_names(setting.plugin(), &world);
        let plugin = plugin.args(["doctor", "acme/platform/prod", "-i", "prod"]);
        let output = plugin.run();
        assert_eq!((output.code, output.stderr.as_str()), (0, ""));
        assert_eq!(links(&output.stdout), ALL);
        let clock = output.stdout.lines().last().unwrap();
        assert_eq!(clock.contains("behind the servers'"), skew > 0, "{clock}");
        let role = "arn:aws:sts::123456789012:assumed-role/esc-oidc/pulumi-esc";
        assert!(output.stdout.contains(role), "{}", output.stdout);
        assert_eq!(proxy.asked().len(), 1);
        for secret in [
            crate::support::pulumi_cloud::configuration::TOKEN,
            "hunter2",
        ] {
            assert!(!output.stdout.contains(secret), "{}", output.stdout);
        }
    }
}

#[test]
fn the_first_link_that_fails_is_an_error() {
    let setting = Setting::new();
    let world = setting.world();
    let arguments = ["doctor", "acme/platform/prod", "-i", "prod"];
    for (plugin, held, code) in [
        (setting.stranger().args(arguments), 2, 2),
        (
            setting.plugin().args(["doctor", "acme/platform/absent"]),
            2,
            2,
        ),
        (
            setting
                .plugin()
                .args(arguments)
                .args(["--credentials", "x"]),
            4,
            6,
        ),
        (setting.plugin().args(["doctor"]), 0, 2),
    ] {
        let (plugin, _names) = with_real_names(plugin, &world);
        let output = plugin.run_command(crate::support::plugin::LIMIT);
        assert_eq!(links(&output.stdout), ALL[..held], "{output:#?}");
        assert_eq!(output.code, code, "{output:#?}");
        assert!(output.stderr.starts_with("kubectl-esc: "), "{output:#?}");
    }
}

#[test]
fn credentials_that_aws_does_not_know_are_noticed() {
    let world = World::new();
    let definition =
        "values:\n  aws: {accessKeyId: AKIAUNKNOWN, secretAccessKey: hunter2hunter2}\n";
    let plugin = world.plugin().file("env.yaml", definition).args([
        "doctor",
        "env.yaml",
        "-i",
        "demo",
        "--region",
        "eu-west-1",
    ]);
    let (plugin, _names) = with_real_names(plugin, &world);
    let output = plugin.run_command(crate::support::plugin::LIMIT);
    assert_eq!(links(&output.stdout), ALL[..6]);
    assert_eq!(output.code, 4);
    let told = "kubectl-esc: AWS STS rejected the token, so every cluster will too\n  caused by: InvalidClientTokenId: The security token included in the request is invalid";
    assert!(output.stderr.starts_with(told), "{}", output.stderr);
}
