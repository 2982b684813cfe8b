//! The real kubectl reads the written kubeconfigs, and authenticates with them.

use std::fs;

use serde_json::Value;
use stand_ins::api_server::ApiServer;
use stand_ins::sts::configuration::{USER_KEY_ID, USER_SECRET_KEY, User};
use token_verifier::Verifier;

use crate::support::aws::{Aws, project_file};
use crate::support::kubectl::{Kubectl, oldest_and_newest};
use crate::support::plugin::{Output, Plugin};

fn run(kubectl: &Kubectl, plugin: &Plugin, arguments: &[&str]) -> Output {
    let home = plugin.path("home");
    kubectl.run(&home, &home.join(".kube/config"), &[], arguments)
}

fn update(kubeconfig: &str) -> Plugin {
    let plugin = Plugin::new().file("home/.kube/config", kubeconfig).args([
        "update-kubeconfig",
        "acme/prod",
        "--cluster-name",
        "demo",
        "--server",
        "https://0123.gr7.eu-west-1.eks.amazonaws.com",
    ]);
    assert_eq!(plugin.run().code, 0);
    plugin
}

#[test]
fn kubectl_reads_every_result() {
    let files = [
        "aws.yaml",
        "eksctl.yaml",
        "gke.yaml",
        "kind.yaml",
        "rancher.yaml",
        "tabbed.json",
    ];
    for kubectl in oldest_and_newest() {
        for file in files {
            let before = project_file(&format!("tests/data/kubeconfigs/{file}"));
            for before in [
                before.clone(),
                before.replace('\n', "\r\n"),
                before.trim_end().to_owned(),
                format!("{}\n---\nkind: Other\n", before.trim_end()),
            ] {
                if file == "tabbed.json" && before.contains("---") {
                    continue;
                }
                let plugin = update(&before);
                let view = run(
                    &kubectl,
                    &plugin,
                    &["config", "view", "--raw", "-o", "json"],
                );
                assert_eq!((view.code, view.stderr.as_str()), (0, ""), "{file}");
                let view: Value = serde_json::from_str(&view.stdout).unwrap();
                let entry_of = |section: &str| {
                    let mut list = view[section].as_array().unwrap().iter();
                    list.find(|item| item["name"] == "demo").unwrap().clone()
                };
                let exec = &entry_of("users")["user"]["exec"];
                assert_eq!(exec["command"], "kubectl-esc", "{file}");
                assert_eq!(exec["interactiveMode"], "Never", "{file}");
                assert_eq!(exec["args"].as_array().unwrap().len(), 6, "{file}");
                assert_eq!(entry_of("contexts")["context"]["user"], "demo", "{file}");
                let server = "https://0123.gr7.eu-west-1.eks.amazonaws.com";
                assert_eq!(entry_of("clusters")["cluster"]["server"], server, "{file}");
                let current = run(&kubectl, &plugin, &["config", "current-context"]);
                assert_ne!(current.stdout, "demo\n", "{file}");
            }
        }
    }
}

/// kubectl rewrites the file in its own layout, which ours has already.
#[test]
fn update_changes_nothing_in_a_file_rewritten_by_kubectl() {
    for kubectl in oldest_and_newest() {
        let plugin = update("# mine\n");
        let context = ["config", "set-context", "demo", "--namespace=apps"];
        assert_eq!(run(&kubectl, &plugin, &context).code, 0);
        let current = run(&kubectl, &plugin, &["config", "use-context", "demo"]);
        assert_eq!(current.code, 0, "{current:?}");
        let before = fs::read_to_string(plugin.path("home/.kube/config")).unwrap();
        let unchanged = "nothing to change\nthe current context is `demo`\n";
        plugin.run().assert(unchanged, "", 0);
        let after = fs::read_to_string(plugin.path("home/.kube/config")).unwrap();
        assert_eq!(before, after);
        let lock = plugin.path("home/.kube/config.lock");
        fs::write(&lock, "").unwrap();
        let refused = run(&kubectl, &plugin, &["config", "use-context", "demo2"]);
        assert_ne!(
            refused.code, 0,
            "kubectl ignored the lock file: {refused:?}"
        );
    }
}

#[test]
fn kubectl_authenticates_with_the_written_kubeconfig() {
    let aws = Aws::with(|configuration| {
        configuration.users.push(User {
            access_key_id: USER_KEY_ID.to_owned(),
            secret_access_key: USER_SECRET_KEY.to_owned(),
            session_token: None,
            arn: "arn:aws:iam::123456789012:user/alice".to_owned(),
            user_id: "AIDACKCEVSQ6C2EXAMPLE".to_owned(),
            expires_at: None,
        });
    });
    for kubectl in oldest_and_newest() {
        let verifier = Verifier::new("aws", "eu-west-1");
        let server = ApiServer::start("demo", verifier, &aws.sts);
        let environment = project_file("examples/environments/static.yaml");
        let plugin = Plugin::new().file("home/env.yaml", environment).args([
            "update-kubeconfig",
            "~/env.yaml",
            "--set-current",
            "--server",
            &server.url(),
            "--certificate-authority-data",
            &server.authority_data(),
        ]);
        assert_eq!(plugin.run().code, 0);
        let output = run(&kubectl, &plugin, &["get", "namespaces"]);
        assert_eq!(
            (output.code, output.stderr.as_str()),
            (0, ""),
            "{kubectl:?}"
        );
        assert!(output.stdout.contains("kube-system"), "{output:?}");
        let current = run(&kubectl, &plugin, &["config", "current-context"]);
        current.assert("demo\n", "", 0);
    }
}
