//! `convert-kubeconfig` converts users of other credential plugins.

use std::fs;

use crate::support::aws::project_file;
use crate::support::plugin::Plugin;

fn data(name: &str) -> String {
    project_file(&format!("tests/data/kubeconfigs/{name}"))
}

fn convert(kubeconfig: &str, arguments: &[&str]) -> Plugin {
    Plugin::new()
        .without_log()
        .file("home/.kube/config", kubeconfig)
        .file("shop.yaml", "values: {}\n")
        .args(["convert-kubeconfig", "./shop.yaml"])
        .args(arguments)
}

/// The kubeconfig, with `[dir]` for the test's own directory.
fn written(plugin: &Plugin) -> String {
    let text = fs::read_to_string(plugin.path("home/.kube/config")).unwrap();
    text.replace(plugin.path("").to_str().unwrap(), "[dir]/")
}

fn changed(entries: &str) -> String {
    format!("changed [dir]/home/.kube/config: {entries}\n")
}

/// eksctl sets that variable for every user.
const REMOVED_VARIABLE: &str = "kubectl-esc: user `admin@shop.eu-west-1.eksctl.io`: removed variables \
    that kubectl-esc does not need: `AWS_STS_REGIONAL_ENDPOINTS`\n";

#[test]
fn eksctl_user_is_converted() {
    let before = data("eksctl.yaml");
    let plugin = convert(&before, &[]);
    let updated = changed("updated user `admin@shop.eu-west-1.eksctl.io`");
    plugin.run().assert(&updated, REMOVED_VARIABLE, 0);
    let (start, _) = before.split_once("      apiVersion: client").unwrap();
    let after = format!(
        "{start}      apiVersion: client.authentication.k8s.io/v1beta1
      args:
      - get-token
      - [dir]/shop.yaml
      - --cluster-name
      - shop
      - --region
      - eu-west-1
      - --api-version
      - v1beta1
      command: kubectl-esc
      provideClusterInfo: false
      installHint: Install kubectl-esc and put it on the PATH as described at https://github.com/kubectl-esc/kubectl-esc
      interactiveMode: Never
"
    );
    assert_eq!(written(&plugin), after);
    plugin.run().assert("nothing to change\n", "", 0);
}

#[test]
fn dropped_settings_are_reported() {
    let plugin = convert(&data("aws.yaml"), &["--credentials", "aws.creds"]);
    plugin.run().assert(
        &changed("updated user `arn:aws:eks:eu-central-1:123456789012:cluster/shop`"),
        "kubectl-esc: user `arn:aws:eks:eu-central-1:123456789012:cluster/shop`: dropped AWS profile \
         `operations`; credentials now come from the environment\n",
        0,
    );
    let after = written(&plugin);
    let args = "      args:
      - get-token
      - [dir]/shop.yaml
      - --cluster-name
      - shop
      - --region
      - eu-central-1
      - --role-arn
      - arn:aws:iam::123456789012:role/shop-admin
      - --credentials
      - aws.creds
      - --api-version
      - v1beta1
      command: kubectl-esc
";
    assert!(after.contains(args), "{after}");
    assert!(!after.contains("operations"), "{after}");
}

/// Users of every kind in one file: those that can be converted are, the others keep every byte.
#[test]
fn other_users_are_unchanged() {
    let before = "\
clusters:
- name: a
  cluster: {server: 'https://0123.gr7.eu-west-1.eks.amazonaws.com'}
contexts:
- {name: vault, context: {cluster: a, user: vault, namespace: apps}}
- {name: token, context: {cluster: a, user: token}}
users:
- name: token
  user: {token: hunter2}   # kept
- name: oidc
  user: {exec: {command: kubelogin, args: [get-token, --oidc-issuer-url=https://issuer.example]}}
# wrapped
- name: vault
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1beta1
      command: /usr/local/bin/aws-vault
      args: [exec, ops, --, aws, eks, get-token, --cluster-name, a]
      env:
      - {name: HTTPS_PROXY, value: 'http://proxy.test'}
- name: unclear
  user: {exec: {command: aws, args: [eks, get-token]}}
- name: ours
  user: {exec: {command: kubectl-esc, args: [get-token, x]}}
";
    let plugin = convert(before, &[]);
    plugin.run().assert(
        &changed("updated user `vault`"),
        "kubectl-esc: user `unclear`: not converted: it does not name a cluster\n\
         kubectl-esc: user `vault`: dropped AWS profile `ops`; credentials now come from the \
         environment\n",
        0,
    );
    let converted = before
        .replace("/usr/local/bin/aws-vault", "kubectl-esc")
        .replace(
            "      args: [exec, ops, --, aws, eks, get-token, --cluster-name, a]\n",
            "      args:\n      - get-token\n      - [dir]/shop.yaml\n      - --cluster-name\n      - a\n      - --region\n      - eu-west-1\n      - --api-version\n      - v1beta1\n",
        )
        .replace(
            "- name: unclear",
            "      installHint: Install kubectl-esc and put it on the PATH as described at https://github.com/kubectl-esc/kubectl-esc\n      interactiveMode: Never\n- name: unclear",
        );
    assert_eq!(written(&plugin), converted);
    plugin.run().assert(
        "nothing to change\n",
        "kubectl-esc: user `unclear`: not converted: it does not name a cluster\n",
        0,
    );
}

#[test]
fn context_is_converted_into_a_new_entry() {
    let before = data("eksctl.yaml");
    let context = "admin@shop.eu-west-1.eksctl.io";
    let plugin = convert(
        &before,
        &["--context", context, "--alias", "shop", "--set-current"],
    );
    let added = changed("added user `shop`, context `shop`");
    plugin.run().assert(&added, REMOVED_VARIABLE, 0);
    let after = written(&plugin);
    for part in [
        "- context:\n    cluster: shop.eu-west-1.eksctl.io\n    user: shop\n  name: shop\n",
        "- context:\n    cluster: shop.eu-west-1.eksctl.io\n    user: admin@shop.eu-west-1.eksctl.io\n",
        "current-context: shop\n",
        "      command: aws\n",
        "- name: shop\n  user:\n    exec:\n",
    ] {
        assert!(after.contains(part), "{part}: {after}");
    }
    let plugin = convert(&before, &["--context", context, "--user-alias", "shop"]);
    let edited = changed(&format!("added user `shop`; updated context `{context}`"));
    plugin.run().assert(&edited, REMOVED_VARIABLE, 0);
    let after = written(&plugin);
    let changed = format!("    user: shop\n  name: {context}\n");
    assert!(after.contains(&changed), "{after}");
    assert!(after.contains("      command: aws\n"), "{after}");
}

#[test]
fn unconvertible_users_are_an_error() {
    for (file, arguments, problem) in [
        (
            "kind.yaml",
            &[][..],
            "no user of the kubeconfig runs `aws eks get-token`",
        ),
        (
            "kind.yaml",
            &["--context", "kind-one"],
            "cannot convert user `kind-one`",
        ),
        ("kind.yaml", &["--context", "none"], "has no context `none`"),
        ("eksctl.yaml", &["--alias", "x"], "require `--context`"),
    ] {
        let before = data(file);
        let plugin = convert(&before, arguments);
        let output = plugin.run();
        assert_eq!(output.code, 2, "{output:?}");
        assert!(output.stderr.contains(problem), "{output:?}");
        assert_eq!(written(&plugin), before);
    }
    let output = convert("", &["--dry-run"]).run();
    assert_eq!(output.code, 2);
    let plugin = convert(&data("eksctl.yaml"), &["--dry-run"]);
    let difference = plugin.run().stdout;
    for line in ["\n-      command: aws\n", "\n+      command: kubectl-esc\n"] {
        assert!(difference.contains(line), "{difference}");
    }
    assert_eq!(written(&plugin), data("eksctl.yaml"));
}

const TWO_USERS: &str = "\
users:
- name: dev
  user: {exec: {command: aws, args: [--profile, dev, eks, get-token, --cluster-name, dev]}}
- name: prd
  user: {exec: {command: aws, args: [--profile, prd, eks, get-token, --cluster-name, prd]}}
";

#[test]
fn users_with_different_profiles_are_converted_only_on_request() {
    let plugin = convert(TWO_USERS, &[]);
    plugin.run().assert(
        "",
        "kubectl-esc: the users have different AWS profiles or roles\n  \
         user `dev`: AWS profile dev, role none\n  \
         user `prd`: AWS profile prd, role none\n  \
         hint: convert one user at a time with `--context NAME`, or all of them with `--all`\n",
        2,
    );
    assert_eq!(written(&plugin), TWO_USERS);
    let output = convert(TWO_USERS, &["--all"]).run();
    assert_eq!(output.code, 0, "{output:?}");
    let updated = "updated user `dev`, user `prd`\n";
    assert!(output.stdout.ends_with(updated), "{output:?}");
}

/// The lines of the arguments in a user that was in block style.
fn args(args: &[&str]) -> String {
    let args: Vec<_> = args.iter().map(|arg| format!("      - {arg}\n")).collect();
    let args = args.concat();
    format!("      args:\n      - get-token\n      - [dir]/shop.yaml\n{args}")
}

#[test]
fn user_of_gcloud_is_converted() {
    let before = data("gke.yaml");
    let plugin = convert(&before, &["--credentials", "gcp.login"]);
    let updated = changed("updated user `gke_acme_europe-west1_shop`");
    plugin.run().assert(&updated, "", 0);
    let (start, _) = before.split_once("      args: null").unwrap();
    let arguments = [
        "--provider",
        "gke",
        "--credentials",
        "gcp.login",
        "--api-version",
        "v1beta1",
    ];
    let after = format!(
        "{start}{}      command: kubectl-esc
      env: null
      installHint: Install kubectl-esc and put it on the PATH as described at https://github.com/kubectl-esc/kubectl-esc
      interactiveMode: Never
      provideClusterInfo: true
",
        args(&arguments)
    );
    assert_eq!(written(&plugin), after);
    plugin.run().assert("nothing to change\n", "", 0);
}

/// Users of all providers, as their tools write them.
const ALL_PROVIDERS: &str = "\
users:
- name: eks
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      args: [--region, eu-west-1, eks, get-token, --cluster-name, shop]
      command: aws
- name: gke
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      args: [--use_application_default_credentials]
      command: gke-gcloud-auth-plugin
- name: aks
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      args: [get-token, --environment, AzureUSGovernmentCloud, --server-id, 6dae42f8-4368-4678-94ff-3960e28e3630, --client-id, app, --tenant-id, acme, --login, workloadidentity, --federated-token-file, /token]
      command: kubelogin
- name: person
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      args: [get-token, --server-id, 6dae42f8-4368-4678-94ff-3960e28e3630, --login, devicecode]
      command: kubelogin
";

#[test]
fn users_of_several_providers_get_their_provider() {
    let plugin = convert(ALL_PROVIDERS, &[]);
    plugin.run().assert(
        &changed("updated user `eks`, user `gke`, user `aks`"),
        "kubectl-esc: user `person`: not converted: its login mode is `devicecode` (a person signs in), \
         not `workloadidentity` or `spn`\n\
         kubectl-esc: user `gke`: dropped flag `--use_application_default_credentials`; credentials \
         now come from the environment\n\
         kubectl-esc: user `aks`: dropped application `app`, tenant `acme`; credentials now come from \
         the environment\n",
        0,
    );
    let text = written(&plugin);
    let us = "https://login.microsoftonline.us";
    for arguments in [
        &[
            "--provider",
            "eks",
            "--cluster-name",
            "shop",
            "--region",
            "eu-west-1",
        ][..],
        &["--provider", "gke"],
        &["--provider", "aks", "--azure-authority-host", us],
    ] {
        let converted = format!("{}      command: kubectl-esc\n", args(arguments));
        assert!(text.contains(&converted), "{converted}{text}");
    }
    let env = "      env:\n      - name: AZURE_FEDERATED_TOKEN_FILE\n        value: /token\n";
    assert!(text.contains(env), "{text}");
    let (_, person) = ALL_PROVIDERS.split_once("- name: person").unwrap();
    assert!(text.ends_with(person), "{text}");
    // One context of such a file gets its provider too.
    let contexts = "contexts:\n- {name: eks, context: {cluster: c, user: eks}}\n\
                    - {name: person, context: {cluster: c, user: person}}\n";
    let kubeconfig = format!("{ALL_PROVIDERS}{contexts}");
    let plugin = convert(&kubeconfig, &["--context", "eks"]);
    plugin.run().assert(&changed("updated user `eks`"), "", 0);
    let text = written(&plugin);
    assert!(text.contains("      - --provider\n      - eks\n"), "{text}");
    convert(&kubeconfig, &["--context", "person"]).run().assert(
        "",
        "kubectl-esc: cannot convert user `person`: its login mode is `devicecode` (a person signs in), \
         not `workloadidentity` or `spn`\n  \
         hint: create an entry with `kubectl-esc update-kubeconfig`\n",
        2,
    );
}

#[test]
fn users_with_different_identities_are_converted_only_on_request() {
    let user = |name: &str, exec: &str| format!("- {{name: {name}, user: {{exec: {{{exec}}}}}}}\n");
    let gke = |account: &str| {
        format!("command: gke-gcloud-auth-plugin, args: [--account, {account}@acme.example]")
    };
    let aks = |id: &str| {
        format!(
            "command: kubelogin, args: [get-token, -l, spn, --client-id, {id}, --tenant-id, acme, \
             --server-id, 6dae42f8-4368-4678-94ff-3960e28e3630]"
        )
    };
    for (users, message) in [
        (
            user("a", &gke("a")) + &user("b", &gke("b")) + &user("c", &aks("c")),
            "the users have different Google Cloud accounts\n  \
             user `a`: flag `--account a@acme.example`\n  user `b`: flag `--account b@acme.example`\n",
        ),
        (
            user("a", &gke("a")) + &user("b", &aks("b")) + &user("c", &aks("c")),
            "the users have different Azure applications or tenants\n  \
             user `b`: application b, tenant acme\n  user `c`: application c, tenant acme\n",
        ),
    ] {
        let kubeconfig = format!("users:\n{users}");
        let hint =
            "hint: convert one user at a time with `--context NAME`, or all of them with `--all`";
        let message = format!("kubectl-esc: {message}  {hint}\n");
        let plugin = convert(&kubeconfig, &[]);
        plugin.run().assert("", &message, 2);
        assert_eq!(written(&plugin), kubeconfig);
        let output = convert(&kubeconfig, &["--all"]).run();
        let updated = "updated user `a`, user `b`, user `c`\n";
        assert!(output.stdout.ends_with(updated), "{output:?}");
    }
}

#[test]
fn environment_that_does_not_exist_or_is_invalid_is_refused() {
    for (definition, problem, code) in [
        (None, "the file `./other.yaml` does not exist", 2),
        (
            Some("values: [\n"),
            "`./other.yaml` cannot be used: its definition has 1 error",
            3,
        ),
    ] {
        let mut plugin = Plugin::new()
            .file("home/.kube/config", data("eksctl.yaml"))
            .args(["convert-kubeconfig", "./other.yaml"]);
        if let Some(definition) = definition {
            plugin = plugin.file("other.yaml", definition);
        }
        let output = plugin.run();
        assert!(output.stderr.contains(problem), "{output:?}");
        assert_eq!(output.code, code, "{output:?}");
        assert_eq!(written(&plugin), data("eksctl.yaml"));
    }
}

#[test]
fn missing_kubeconfig_is_named() {
    let output = convert("", &["--kubeconfig", "/none"]).run();
    assert_eq!(output.code, 2);
    assert!(
        output.stderr.contains(": `/none` does not exist\n"),
        "{output:?}"
    );
}

#[test]
fn arguments_that_some_clients_change_are_reported() {
    let plugin = convert(TWO_USERS, &["--all"])
        .args(["--pulumi-oidc-token", "file:///var/run/my token"])
        .run();
    assert_eq!(plugin.code, 0, "{plugin:?}");
    assert!(
        plugin.stderr.contains(
            "warning: fabric8 and the .NET client change arguments with blanks, quotes, `$` or `~`: \
             `file:///var/run/my token`\n"
        ),
        "{plugin:?}"
    );
}
