//! The files in `examples/` work unchanged: makes the plugin call of each kubeconfig, in a home directory
//! with the example environments.

use std::path::Path;

use serde_json::{Value, json};
use stand_ins::oidc::GitHubActions;
use stand_ins::pulumi_cloud::configuration::TOKEN;

use crate::cloud::PulumiCloudFixture;
use crate::support::aws::{Aws, SUBJECT, parse, project_file};
use crate::support::plugin::Plugin;

const ENVIRONMENTS: [&str; 4] = [
    "aws-access.yaml",
    "imported.yaml",
    "oidc.yaml",
    "static.yaml",
];

/// Adds the example environments to the home directory.
fn with_home(plugin: Plugin, aws: &Aws) -> Plugin {
    let plugin = plugin.file("home/.kube/esc/token", aws.identity());
    ENVIRONMENTS.iter().fold(plugin, |plugin, name| {
        let text = project_file(&format!("examples/environments/{name}"));
        plugin.file(Path::new("home/.kube/esc").join(name), text)
    })
}

#[test]
fn each_example_kubeconfig_authenticates_each_user() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/kubeconfigs");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let kubeconfig: Value =
            serde_yaml::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let contexts = kubeconfig["contexts"].as_array().unwrap();
        for context in contexts {
            let entry = |kind: &str, list: &str| {
                let name = &context["context"][kind];
                let list = kubeconfig[list].as_array().unwrap();
                list.iter().find(|item| item["name"] == *name).unwrap()[kind].clone()
            };
            call(
                &name,
                &entry("user", "users")["exec"],
                &entry("cluster", "clusters"),
            );
            count += 1;
        }
    }
    assert_eq!(count, 12);
}

/// Makes the call that client-go makes for this `exec` entry.
fn call(name: &str, exec: &Value, cluster: &Value) {
    let cloud = name
        .starts_with("pulumi-cloud")
        .then(PulumiCloudFixture::new);
    let aws = match &cloud {
        Some(pulumi_cloud) => pulumi_cloud.aws(),
        None => Aws::new(),
    };
    let issuer = aws.issuer.clone();
    let clock = aws.clock.clone();
    let actions = GitHubActions::start(issuer, SUBJECT, move || clock.now());
    assert_eq!(exec["command"], "kubectl-esc", "{name}");
    assert_eq!(exec["interactiveMode"], "Never", "{name}");

    let mut plugin = with_home(aws.plugin(), &aws);
    plugin = if name == "github-actions.yaml" {
        plugin
            .env("ACTIONS_ID_TOKEN_REQUEST_URL", actions.url())
            .env(
                "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
                GitHubActions::REQUEST_TOKEN,
            )
    } else {
        let path = plugin.path("home/.kube/esc/token");
        plugin.env("AWS_WEB_IDENTITY_TOKEN_FILE", path)
    };
    if let Some(pulumi_cloud) = &cloud {
        plugin = plugin
            .env("PULUMI_BACKEND_URL", pulumi_cloud.url())
            .env("PULUMI_ACCESS_TOKEN", TOKEN);
    }
    for argument in exec["args"].as_array().unwrap() {
        plugin = plugin.arg(argument.as_str().unwrap());
    }
    for variable in exec["env"].as_array().unwrap_or(&Vec::new()) {
        let text = |field: &str| variable[field].as_str().unwrap().to_owned();
        plugin = plugin.env(text("name"), text("value"));
    }
    let api_version = exec["apiVersion"].as_str().unwrap();
    let version = api_version.rsplit('/').next().unwrap();
    let provided = (exec["provideClusterInfo"] == true)
        .then(|| json!({"server": cluster["server"], "config": null}));
    let output = plugin.exec_info(version, false, provided).run();

    assert_eq!(
        output.credential()["apiVersion"],
        json!(api_version),
        "{name}"
    );
    let token = output.token();
    let parsed = parse(&token).unwrap_or_else(|error| panic!("{name}: {error}"));
    let server = cluster["server"].as_str().unwrap();
    assert!(
        server.contains(&parsed.region),
        "{name}: {} for {server}",
        parsed.region
    );
    if parsed.access_key_id != "AKIAIOSFODNN7EXAMPLE" {
        let role = match name {
            "role-to-assume.yaml" => "cluster-viewer",
            _ if cloud.is_some() => "esc-oidc",
            _ => "cluster-admin",
        };
        let cluster = match server {
            _ if cloud.is_some() => "prod",
            _ if server.contains("FEDCBA") => "other",
            _ => "demo",
        };
        let caller = aws.caller(&token, cluster).unwrap();
        assert!(caller.contains(role), "{name}: {caller}");
    }
}
