//! `docs/gke.md`.

use serde_json::json;
use stand_ins::api_server::ApiServer;
use stand_ins::controlled_server::{Behavior, ControlledServer};
use stand_ins::gcp::configuration::{Cluster, Provider, ServiceAccount};
use stand_ins::http::{Reply, Response};
use stand_ins::oidc::{GitHubActions, Issuer};
use stand_ins::pulumi_cloud::PulumiCloud;

use super::{Guide, Machine, NAMESPACES, example, flag};
use crate::cloud::PulumiCloudFixture;
use crate::gke::claims;
use crate::support::aws::project_file;
use crate::support::gcp::GoogleCloud;
use crate::support::plugin::Plugin;

const ACCOUNT: &str = "kubectl-esc@acme-platform.iam.gserviceaccount.com";
const GITHUB: &str = "https://token.actions.githubusercontent.com";
const CONTEXT: &str = "gke_acme-platform_europe-west1_prod";
const CLUSTER: &str = "/v1/projects/acme-platform/locations/europe-west1/clusters/prod";

fn guide() -> Guide {
    Guide::read("docs/gke.md")
}

/// Google Cloud after the administrator's commands in the guide.
fn google_cloud(calls: &[Vec<String>]) -> GoogleCloud {
    let created = |command: &'static str| {
        let calls = calls.iter();
        calls.filter(move |call| call.join(" ").starts_with(&format!("gcloud {command} ")))
    };
    let providers = created("iam workload-identity-pools providers create-oidc");
    let bindings = created("iam service-accounts add-iam-policy-binding");
    let clusters = created("projects add-iam-policy-binding");
    GoogleCloud::with(|configuration| {
        let provider = |call: &Vec<String>| {
            let issuer = Issuer::new(flag(call, "--issuer-uri"));
            let audiences = call.iter().position(|word| word == "--allowed-audiences");
            let condition = call.iter().any(|word| word == "--attribute-condition");
            Provider {
                name: format!(
                    "projects/123456789012/locations/{}/workloadIdentityPools/{}/providers/{}",
                    flag(call, "--location"),
                    flag(call, "--workload-identity-pool"),
                    call[5],
                ),
                jwks: issuer.jwks(),
                audiences: audiences
                    .map(|at| call[at + 1].clone())
                    .into_iter()
                    .collect(),
                subject_prefix: condition.then(|| "repo:acme/".to_owned()),
                issuer: issuer.url().to_owned(),
                disabled: false,
            }
        };
        configuration.providers = providers.map(provider).collect();
        let member = |call: &Vec<String>| {
            assert_eq!(flag(call, "--role"), "roles/iam.workloadIdentityUser");
            assert_eq!(call[4], ACCOUNT);
            flag(call, "--member").to_owned()
        };
        configuration.service_accounts = vec![ServiceAccount {
            email: ACCOUNT.to_owned(),
            unique_id: "103456789012345678901".to_owned(),
            impersonators: bindings.map(member).collect(),
            extended_lifetime: false,
        }];
        let viewer = |call: &Vec<String>| {
            assert_eq!(flag(call, "--role"), "roles/container.clusterViewer");
            flag(call, "--member").to_owned()
        };
        configuration.clusters = vec![Cluster {
            project: "acme-platform".to_owned(),
            location: "europe-west1".to_owned(),
            name: "prod".to_owned(),
            status: "RUNNING".to_owned(),
            endpoint: Some("203.0.113.7".to_owned()),
            authority_data: "QUJD".to_owned(),
            dns_endpoint: "gke-1a2b3c.europe-west1.gke.goog".to_owned(),
            allows_external_traffic: true,
            viewers: clusters.map(viewer).collect(),
        }];
    })
}

/// Runs the administrator's commands. `None` without kubectl.
fn set_up() -> Option<GoogleCloud> {
    let guide = guide().sections(&[
        "Trust the identity tokens",
        "Allow the account to use the cluster",
    ]);
    let machine = Machine::new(Plugin::new(), &guide, "")?;
    let output = machine.run(&guide.commands());
    assert!(
        output.stdout.contains("kubectl-esc created (dry run)"),
        "{output:?}"
    );
    Some(google_cloud(&machine.calls()))
}

#[test]
fn pulumi_cloud_may_impersonate_the_account() {
    let Some(google) = set_up() else { return };
    let subject = "pulumi:environments:org:acme:env:platform/gke";
    let pulumi = PulumiCloud::login_issuer();
    for (audience, subject, code) in [
        ("gcp:acme", subject, 0),
        (
            "gcp:acme",
            "pulumi:environments:org:acme:env:platform/dev",
            4,
        ),
        ("acme", subject, 4),
    ] {
        let token = pulumi.token(audience, subject, google.clock.now());
        let plugin = google
            .plugin()
            .file("gke.yaml", guide().file("gke.yaml"))
            .file("identity", token)
            .args([
                "get-token",
                "gke.yaml",
                "--web-identity-token-file",
                "identity",
            ]);
        let output = plugin.run();
        assert_eq!(output.code, code, "{audience} {subject}: {output:?}");
        if code == 0 {
            let user = google.services.authenticate(&output.token());
            assert_eq!(user.as_deref(), Ok(ACCOUNT));
        }
    }
}

#[test]
fn environment_in_pulumi_cloud() {
    let guide = guide().sections(&["An environment in Pulumi Cloud"]);
    let cloud = PulumiCloudFixture::with(|configuration| guide.create_environments(configuration));
    let containers = ControlledServer::in_front_of(Behavior::Answer, |request| {
        assert_eq!(request.path(), CLUSTER);
        let cluster = json!({
            "name": "prod",
            "status": "RUNNING",
            "endpoint": "203.0.113.7",
            "masterAuth": {"clusterCaCertificate": "QUJD"},
        });
        Reply::Answer(Response::new(200, "application/json", cluster.to_string()))
    });
    let server = ApiServer::authenticating(|token| {
        let user = claims(token)["sub"].as_str().map(str::to_owned);
        user.ok_or_else(|| "no user".to_owned())
    });
    let plugin = cloud.plugin().env(
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_CONTAINER",
        containers.url(),
    );
    let Some(machine) = Machine::new(plugin, &guide, "") else {
        return;
    };
    let machine = machine.with_api_server(&server);
    let output = machine.run(&guide.commands());
    assert!(output.stdout.contains(NAMESPACES), "{output:?}");
    assert!(output.stdout.contains(ACCOUNT), "{output:?}");
    assert_eq!(server.log().rejected, [""; 0]);
    let kubeconfig = machine.kubeconfig();
    assert_eq!(kubeconfig["current-context"], CONTEXT);
    assert_eq!(
        kubeconfig["users"][0]["user"],
        example("gke-pulumi-cloud.yaml")["users"][0]["user"]
    );
    assert_eq!(containers.requests(), 1);
}

#[test]
fn local_definition_in_github_actions() {
    let Some(google) = set_up() else { return };
    let guide = guide().sections(&["A local definition in GitHub Actions"]);
    let services = google.services.clone();
    let server = ApiServer::authenticating(move |token| services.authenticate(token));
    let clock = google.clock.clone();
    let subject = "repo:acme/platform:ref:refs/heads/main";
    let actions = GitHubActions::start(Issuer::new(GITHUB), subject, move || clock.now());
    let url = google.services.container_url();
    let plugin = google
        .plugin()
        .env("CLOUDSDK_API_ENDPOINT_OVERRIDES_CONTAINER", url);
    let Some(machine) = Machine::new(plugin, &guide, "") else {
        return;
    };
    let machine = machine.with_api_server(&server).with_job(&actions);
    let output = machine.run(&guide.workflow(".github/workflows/gke.yaml"));
    assert!(output.stdout.ends_with(NAMESPACES), "{output:?}");
    let accepted = server.log().accepted;
    let last = format!("GET /api/v1/namespaces as {ACCOUNT}");
    assert_eq!(accepted.last(), Some(&last));

    let subject = "repo:acme@1/platform@2:ref:refs/heads/main";
    let clock = google.clock.clone();
    let actions = GitHubActions::start(Issuer::new(GITHUB), subject, move || clock.now());
    machine
        .with_job(&actions)
        .assert_refused("./gke-ci.yaml", subject);
}

#[test]
fn users_of_gcloud_are_converted() {
    let whole = guide();
    let guide = whole.sections(&["Several logins"]);
    let cloud = PulumiCloudFixture::with(|configuration| whole.create_environments(configuration));
    let plugin = cloud.plugin().file(
        "home/.kube/config",
        project_file("tests/data/kubeconfigs/gke.yaml"),
    );
    let Some(machine) = Machine::new(plugin, &guide, "") else {
        return;
    };
    let output = machine.run(&guide.commands());
    assert!(
        output.stdout.contains("+      - acme/platform/gke\n"),
        "{output:?}"
    );
}
