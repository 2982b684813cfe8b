//! The pages of `docs` about AWS, continuous integration and the kubeconfig.

use serde_yaml::Value;
use stand_ins::oidc::{GitHubActions, Issuer};
use stand_ins::pulumi_cloud::PulumiCloud;
use stand_ins::pulumi_cloud::configuration::Trust;

use super::amazon::{Amazon, SERVER};
use super::readme::{SET_UP, readme};
use super::{Guide, Machine, NAMESPACES};
use crate::support::plugin::Plugin;

const GITHUB: &str = "https://token.actions.githubusercontent.com";
const GITLAB: &str = "https://gitlab.com";

/// Pulumi Cloud with the environment of the README, which trusts this subject of an issuer.
fn trusting(amazon: &Amazon, issuer: &Issuer, subject: &str) -> PulumiCloud {
    amazon.pulumi_cloud_with(&readme(), |configuration| {
        configuration.trusts.push(Trust {
            organization: "acme".to_owned(),
            issuer: issuer.url().to_owned(),
            jwks: issuer.jwks(),
            subject: subject.to_owned(),
            grants: vec!["organization".to_owned()],
        });
    })
}

#[test]
fn trust_policies_allow_what_the_page_says() {
    let guide = Guide::read("docs/aws-setup.md");
    let Some(amazon) = Amazon::set_up(&guide, &["Trust policies", "Access entries"]) else {
        return;
    };
    let issuer = PulumiCloud::login_issuer();
    let alice = "pulumi:environments:pulumi.organization.login:acme:currentEnvironment.name:platform/alice:pulumi.user.login:alice";
    for (role, subject, code) in [
        (
            "esc-platform",
            "pulumi:environments:org:acme:env:platform/prod",
            0,
        ),
        (
            "esc-platform",
            "pulumi:environments:org:acme:env:shop/prod",
            4,
        ),
        ("esc-alice", alice, 0),
        ("esc-alice", &alice.replace(":alice", ":bob"), 4),
    ] {
        let definition = guide.file("alice.yaml").replace("esc-alice", role);
        let token = issuer.token("aws:acme", subject, amazon.clock.now());
        let plugin = amazon
            .plugin()
            .file("alice.yaml", definition)
            .file("identity", token)
            .args([
                "get-token",
                "alice.yaml",
                "--web-identity-token-file",
                "identity",
            ]);
        assert_eq!(plugin.run().code, code, "{role} {subject}");
    }
}

#[test]
fn subject_attributes_are_in_the_subject_of_pulumi_cloud() {
    let guide = Guide::read("docs/aws-setup.md");
    let Some(amazon) = Amazon::set_up(&guide, &["Trust policies", "Access entries"]) else {
        return;
    };
    let pulumi_cloud = amazon.pulumi_cloud_with(&readme(), |configuration| {
        let definition = guide.file("alice.yaml");
        *configuration = configuration
            .clone()
            .environment("platform", "alice", &definition);
    });
    let plugin = amazon.plugin_with(&pulumi_cloud);
    let output = plugin.args(["get-token", "acme/platform/alice"]).run();
    assert!(output.token().starts_with("k8s-aws-v1."));
}

#[test]
fn environment_in_pulumi_cloud_in_github_actions() {
    let Some(amazon) = Amazon::set_up(&readme(), &SET_UP) else {
        return;
    };
    let guide = Guide::read("docs/github-actions.md");
    let issuer = Issuer::new(GITHUB);
    let subject = "repo:acme/platform:ref:refs/heads/main";
    let pulumi_cloud = trusting(&amazon, &issuer, subject);
    let clock = amazon.clock.clone();
    let actions = GitHubActions::start(issuer, subject, move || clock.now());
    let plugin = amazon
        .plugin()
        .env("PULUMI_BACKEND_URL", pulumi_cloud.url());
    let machine = Machine::new(plugin, &guide, "").unwrap().with_job(&actions);
    let output = machine.run(&guide.workflow(".github/workflows/deploy.yaml"));
    assert!(output.stdout.ends_with(NAMESPACES), "{output:?}");
    amazon.assert_accepted("esc-prod");
}

/// The commands of the job in a pipeline of GitLab, and the variable and audience of its identity token.
fn gitlab_job(guide: &Guide, path: &str) -> (String, String, String) {
    let pipeline: Value = serde_yaml::from_str(&guide.file(path)).unwrap();
    let job = &pipeline["deploy"];
    let (variable, token) = job["id_tokens"]
        .as_mapping()
        .unwrap()
        .iter()
        .next()
        .unwrap();
    let commands = job["script"].as_sequence().unwrap().iter();
    let commands: Vec<_> = commands.map(|command| command.as_str().unwrap()).collect();
    (
        format!("set -eu\n{}\n", commands.join("\n")),
        variable.as_str().unwrap().to_owned(),
        token["aud"].as_str().unwrap().to_owned(),
    )
}

#[test]
fn jobs_of_gitlab() {
    let guide = Guide::read("docs/gitlab.md");
    let issuer = Issuer::new(GITLAB);
    let subject = "project_path:acme/platform:ref_type:branch:ref:main";
    for (path, role) in [
        (".gitlab-ci.yml", "gitlab-prod"),
        ("pulumi-cloud/.gitlab-ci.yml", "esc-prod"),
    ] {
        let is_local = role == "gitlab-prod";
        let set_up = if is_local {
            Amazon::set_up(&guide, &["With a definition file"])
        } else {
            Amazon::set_up(&readme(), &SET_UP)
        };
        let Some(amazon) = set_up else { return };
        let pulumi_cloud = trusting(&amazon, &issuer, subject);
        let (script, variable, audience) = gitlab_job(&guide, path);
        let token = issuer.token(&audience, subject, amazon.clock.now());
        let plugin = amazon
            .plugin()
            .env("PULUMI_BACKEND_URL", pulumi_cloud.url())
            .env(variable, token);
        let machine = Machine::new(plugin, &guide, "").unwrap();
        let output = machine.run(&script);
        assert!(output.stdout.ends_with(NAMESPACES), "{output:?}");
        amazon.assert_accepted(role);
    }
}

#[test]
fn kubeconfig_without_the_entries() {
    let guide = Guide::read("docs/uninstall.md");
    let plugin = Plugin::new().args(["update-kubeconfig", "acme/platform/prod", "--name", "prod"]);
    let plugin = plugin.args(["--server", SERVER]);
    assert_eq!(plugin.run().code, 0);
    let Some(machine) = Machine::new(plugin, &guide, "") else {
        return;
    };
    let output = machine.run(&guide.commands());
    assert!(output.stdout.starts_with("prod\n"), "{output:?}");
    let kubeconfig = machine.kubeconfig();
    for section in ["clusters", "contexts", "users"] {
        let is_empty = kubeconfig[section].as_sequence().is_none_or(Vec::is_empty);
        assert!(is_empty, "{kubeconfig:?}");
    }
    assert!(!machine.plugin.path("home/.kube/cache/kubectl-esc").exists());
}
