//! The files in `examples/` work unchanged: makes the plugin call of each kubeconfig, in a home directory
//! with the example environments.

use std::path::Path;

use serde_json::{Value, json};
use stand_ins::azure::configuration::{OBJECT, SUBJECT as AZURE_SUBJECT};
use stand_ins::controlled_server::Behavior;
use stand_ins::gcp::configuration as google;
use stand_ins::oidc::GitHubActions;
use stand_ins::pulumi_cloud::configuration::TOKEN;

use crate::cloud::PulumiCloudFixture;
use crate::support::aws::{Aws, SUBJECT, parse, project_file};
use crate::support::azure::Entra;
use crate::support::gcp::GoogleCloud;
use crate::support::plugin::Plugin;
use crate::{aks, gke};

const ENVIRONMENTS: [&str; 6] = [
    "aws-access.yaml",
    "azure.yaml",
    "gcp.yaml",
    "imported.yaml",
    "oidc.yaml",
    "static.yaml",
];

/// Adds the example environments to the home directory.
fn with_home(plugin: Plugin, identity: &str) -> Plugin {
    let plugin = plugin.file("home/.kube/esc/token", identity);
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
            let exec = &entry("user", "users")["exec"];
            assert_eq!(exec["command"], "kubectl-esc", "{name}");
            assert_eq!(exec["interactiveMode"], "Never", "{name}");
            match name.split('-').next().unwrap() {
                "gke" => call_for_gke(&name, exec),
                "aks" => call_for_aks(&name, exec),
                _ => call_for_eks(&name, exec, &entry("cluster", "clusters")),
            }
            count += 1;
        }
    }
    assert_eq!(count, 16);
}

/// The call that client-go makes for this `exec` entry.
fn exec_call(plugin: Plugin, exec: &Value, cluster: Option<Value>) -> Plugin {
    let mut plugin = plugin;
    for argument in exec["args"].as_array().unwrap() {
        plugin = plugin.arg(argument.as_str().unwrap());
    }
    for variable in exec["env"].as_array().unwrap_or(&Vec::new()) {
        let text = |field: &str| variable[field].as_str().unwrap().to_owned();
        plugin = plugin.env(text("name"), text("value"));
    }
    let api_version = exec["apiVersion"].as_str().unwrap();
    let version = api_version.rsplit('/').next().unwrap();
    plugin.exec_info(version, false, cluster)
}

/// A job of GitHub Actions.
fn in_job(plugin: Plugin, actions: &GitHubActions) -> Plugin {
    let token = GitHubActions::REQUEST_TOKEN;
    plugin
        .env("ACTIONS_ID_TOKEN_REQUEST_URL", actions.url())
        .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", token)
}

fn call_for_gke(name: &str, exec: &Value) {
    if name == "gke-pulumi-cloud.yaml" {
        let pulumi_cloud = gke::pulumi_cloud(gke::LOGIN);
        let token = exec_call(pulumi_cloud.plugin(), exec, None).run().token();
        assert_eq!(gke::claims(&token)["sub"], gke::SERVICE_ACCOUNT);
        return;
    }
    let google_cloud = GoogleCloud::new();
    let clock = google_cloud.clock.clone();
    let issuer = google_cloud.issuer.clone();
    let actions = GitHubActions::start(issuer, google::SUBJECT, move || clock.now());
    let plugin = in_job(with_home(google_cloud.plugin(), ""), &actions);
    let token = exec_call(plugin, exec, None).run().token();
    let user = google_cloud.services.authenticate(&token);
    assert_eq!(user.as_deref(), Ok(google::SERVICE_ACCOUNT), "{name}");
}

fn call_for_aks(name: &str, exec: &Value) {
    if name == "aks-pulumi-cloud.yaml" {
        let entra = aks::Entra::new(Behavior::Answer);
        let pulumi_cloud = PulumiCloudFixture::with(|configuration| {
            let environment = configuration
                .clone()
                .environment("platform", "aks", aks::LOGIN);
            *configuration = environment;
        });
        let plugin = pulumi_cloud
            .plugin()
            .env("AZURE_AUTHORITY_HOST", entra.server.url());
        let token = exec_call(plugin, exec, None).run().token();
        assert_eq!(entra.azure.authenticate(&token).as_deref(), Ok(OBJECT));
        return;
    }
    let entra = Entra::new();
    let plugin = with_home(Plugin::new(), &entra.token(AZURE_SUBJECT));
    let identity = plugin.path("home/.kube/esc/token");
    let plugin = plugin
        .env("AZURE_AUTHORITY_HOST", entra.service.url())
        .env("AZURE_FEDERATED_TOKEN_FILE", identity);
    let token = exec_call(plugin, exec, None).run().token();
    let user = entra.service.authenticate(&token);
    assert_eq!(user.as_deref(), Ok(OBJECT), "{name}");
}

fn call_for_eks(name: &str, exec: &Value, cluster: &Value) {
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

    let mut plugin = with_home(aws.plugin(), &aws.identity());
    plugin = if name == "github-actions.yaml" {
        in_job(plugin, &actions)
    } else {
        let path = plugin.path("home/.kube/esc/token");
        plugin.env("AWS_WEB_IDENTITY_TOKEN_FILE", path)
    };
    if let Some(pulumi_cloud) = &cloud {
        plugin = plugin
            .env("PULUMI_BACKEND_URL", pulumi_cloud.url())
            .env("PULUMI_ACCESS_TOKEN", TOKEN);
    }
    let provided = (exec["provideClusterInfo"] == true)
        .then(|| json!({"server": cluster["server"], "config": null}));
    let output = exec_call(plugin, exec, provided).run();

    assert_eq!(
        output.credential()["apiVersion"],
        exec["apiVersion"],
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
