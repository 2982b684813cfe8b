//! `README.md`.

use serde_json::Value;
use stand_ins::oidc::{GitHubActions, Issuer};

use super::amazon::{Amazon, SERVER};
use super::{Guide, Machine, NAMESPACES};
use crate::support::aws::project_file;
use crate::support::plugin::Plugin;

const IN_PULUMI_CLOUD: &str = "EKS with an environment in Pulumi Cloud";
const IN_GITHUB_ACTIONS: &str = "EKS with a definition file, in GitHub Actions";
const COMING_FROM: &str = "Coming from `aws eks get-token` or aws-iam-authenticator";
/// The administrator's part of [`IN_PULUMI_CLOUD`].
pub(super) const SET_UP: [&str; 2] = ["Trust the environment", "Let the cluster accept the role"];
const CARGO: &str = "'cargo run --quiet --locked -- '*) shift 4; exec kubectl-esc \"$@\" ;;";

pub(super) fn readme() -> Guide {
    Guide::read("README.md")
}

#[test]
fn commands_without_an_account() {
    let readme = readme();
    let guide = Guide(format!(
        "{}{}",
        readme.introduction().0,
        readme.section("Install")
    ));
    let path = "examples/environments/static.yaml";
    let plugin = Plugin::new().file(path, project_file(path));
    let Some(machine) = Machine::new(plugin, &guide, CARGO) else {
        return;
    };
    let output = machine.run(&guide.commands());
    let credential: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(credential["kind"], "ExecCredential");
}

#[test]
fn environment_in_pulumi_cloud() {
    let Some(amazon) = Amazon::set_up(&readme(), &SET_UP) else {
        return;
    };
    let guide = readme().sections(&[
        "Create the environment",
        "Use the cluster",
        "Troubleshooting",
    ]);
    let pulumi_cloud = amazon.pulumi_cloud(&guide);
    let machine = Machine::new(amazon.plugin_with(&pulumi_cloud), &guide, "").unwrap();
    let output = machine.run(&guide.commands());
    assert!(output.stdout.contains(NAMESPACES), "{output:?}");
    assert!(output.stdout.contains("ok      api-server: "), "{output:?}");
    assert_eq!(machine.kubeconfig()["current-context"], "prod");
    amazon.assert_accepted("esc-prod");
}

#[test]
fn definition_file_in_github_actions() {
    let Some(amazon) = Amazon::set_up(&readme(), &[IN_GITHUB_ACTIONS]) else {
        return;
    };
    let guide = readme().sections(&[IN_GITHUB_ACTIONS]);
    let clock = amazon.clock.clone();
    let issuer = Issuer::new("https://token.actions.githubusercontent.com");
    let subject = "repo:acme/platform:ref:refs/heads/main";
    let actions = GitHubActions::start(issuer, subject, move || clock.now());
    let machine = Machine::new(amazon.plugin(), &guide, "").unwrap();
    let machine = machine.with_job(&actions);
    let output = machine.run(&guide.workflow(".github/workflows/deploy.yaml"));
    assert!(output.stdout.ends_with(NAMESPACES), "{output:?}");
    amazon.assert_accepted("github-prod");

    let subject = "repo:acme@1/platform@2:ref:refs/heads/main";
    let clock = amazon.clock.clone();
    let actions = GitHubActions::start(
        Issuer::new("https://token.actions.githubusercontent.com"),
        subject,
        move || clock.now(),
    );
    machine
        .with_job(&actions)
        .assert_refused("./kubernetes.yaml", subject);
}

#[test]
fn users_of_other_plugins_are_converted() {
    for exec in [
        "{apiVersion: client.authentication.k8s.io/v1beta1, command: aws, args: [--region, eu-west-1, eks, \
         get-token, --cluster-name, prod, --output, json], env: [{name: AWS_PROFILE, value: operations}]}",
        "{apiVersion: client.authentication.k8s.io/v1beta1, command: aws-iam-authenticator, args: [token, -i, prod]}",
    ] {
        let Some(amazon) = Amazon::set_up(&readme(), &SET_UP) else {
            return;
        };
        let whole = readme();
        let guide = whole.sections(&[COMING_FROM]);
        let pulumi_cloud = amazon.pulumi_cloud(&whole);
        let kubeconfig = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: prod\n\
             clusters: [{{name: prod, cluster: {{server: {SERVER}, certificate-authority-data: {}}}}}]\n\
             contexts: [{{name: prod, context: {{cluster: prod, user: prod}}}}]\n\
             users:\n- name: prod\n  user:\n    exec: {exec}\n",
            amazon.api_server.authority_data()
        );
        let plugin = amazon
            .plugin_with(&pulumi_cloud)
            .file("home/.kube/config", &kubeconfig);
        let machine = Machine::new(plugin, &guide, "").unwrap();
        let output = machine.run(&guide.commands());
        assert!(output.stdout.ends_with(NAMESPACES), "{output:?}");
        amazon.assert_accepted("esc-prod");
        let backup = std::fs::read_to_string(machine.plugin.path("home/.kube/config.backup"));
        assert_eq!(backup.unwrap(), kubeconfig);
    }
}

#[test]
fn every_command_is_run_by_a_test() {
    let readme = readme();
    let sections = [
        "Install",
        IN_PULUMI_CLOUD,
        IN_GITHUB_ACTIONS,
        COMING_FROM,
        "Troubleshooting",
    ];
    let tested = Guide(format!(
        "{}{}",
        readme.introduction().0,
        readme.sections(&sections).0
    ));
    assert_eq!(tested.commands(), readme.commands());
}

#[test]
fn pictures_differ_in_their_style_only() {
    let [light, dark] = ["light", "dark"].map(|variant| {
        let picture = project_file(&format!("docs/images/flow-{variant}.svg"));
        let (start, rest) = picture.split_once("<style>").unwrap();
        let (_, end) = rest.split_once("</style>").unwrap();
        format!("{start}{end}")
    });
    assert_eq!(light, dark);
}
