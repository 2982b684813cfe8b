//! `update-kubeconfig` for GKE and AKS clusters.

use std::fs;

use stand_ins::gcp::Failure;
use stand_ins::gcp::configuration::{Cluster, user_token};
use stand_ins::gcp::error::GoogleError;
use stand_ins::http::Response;

use super::new_file;
use crate::support::gcp::GoogleCloud;
use crate::support::plugin::Plugin;

const GOOGLE: &str = "gcp: {accessToken: {fn::secret: TOKEN}, tokenType: Bearer}";
const AZURE: &str =
    "azure: {clientId: c, tenantId: t, clientSecret: {fn::secret: hunter2-hunter2}}";
const AWS: &str = "aws: {accessKeyId: AKIAEXAMPLE, secretAccessKey: {fn::secret: hunter2-hunter2}}";
/// As gcloud, `az` and Pulumi write them.
const KUBECONFIG: &str = r#"kube: {clusters: [{name: shop, cluster: {server: "https://shop-1a2b.hcp.usgovvirginia.azmk8s.us:443", certificate-authority-data: QUJD}}], contexts: [{name: admin, context: {cluster: shop, user: u, namespace: apps}}], current-context: admin}"#;
const SERVER: &str = "https://203.0.113.7";
const AKS_SERVER: &str = "https://prod-1a2b.hcp.westeurope.azmk8s.io:443";
const AUTHORITY: &str = "    certificate-authority-data: QUJD\n";
const PEM: &str = "-----BEGIN CERTIFICATE-----";

fn environment(values: &[&str]) -> String {
    let values: Vec<_> = values.iter().map(|value| format!("  {value}\n")).collect();
    let values = values.concat().replace("TOKEN", &user_token());
    format!("values:\n{values}")
}

/// A call and its result: values, arguments, name, server, cluster lines, arguments of the entry.
type Row<'a> = (
    &'a [&'a str],
    &'a [&'a str],
    &'a str,
    &'a str,
    &'a str,
    &'a [&'a str],
);

type Change = fn(&mut Cluster);

/// A call of a plugin that opens `~/env.yaml`.
fn update(plugin: Plugin, values: &[&str], arguments: &[&str]) -> Plugin {
    plugin
        .without_log()
        .file("home/env.yaml", environment(values))
        .file("ca.pem", PEM)
        .args(["update-kubeconfig", "~/env.yaml"])
        .args(arguments)
}

/// The kubeconfig, with `~` for the home directory.
fn written(plugin: &Plugin) -> String {
    let text = fs::read_to_string(plugin.path("home/.kube/config")).unwrap();
    text.replace(plugin.path("home").to_str().unwrap(), "~")
}

fn added(name: &str) -> String {
    format!(
        "changed [dir]/home/.kube/config: added cluster `{name}`, user `{name}`, context `{name}`\n\
         the current context is `{name}`\n"
    )
}

/// Google Cloud, where the environment's user may see the cluster `prod`.
fn google(change: impl FnOnce(&mut Cluster)) -> GoogleCloud {
    GoogleCloud::with(|configuration| {
        let mut cluster = Cluster {
            project: "acme-platform".to_owned(),
            location: "europe-west1".to_owned(),
            name: "prod".to_owned(),
            status: "RUNNING".to_owned(),
            endpoint: Some("203.0.113.7".to_owned()),
            authority_data: "QUJD".to_owned(),
            dns_endpoint: "gke-1a2b.europe-west1.gke.goog".to_owned(),
            allows_external_traffic: true,
            viewers: vec!["user:alice@acme.example".to_owned()],
        };
        change(&mut cluster);
        configuration.clusters = vec![cluster];
    })
}

fn calling(google: &GoogleCloud) -> Plugin {
    let url = google.services.container_url();
    Plugin::new().env("CLOUDSDK_API_ENDPOINT_OVERRIDES_CONTAINER", url)
}

const NAMED: [&str; 6] = [
    "--name",
    "prod",
    "--location",
    "europe-west1",
    "--project",
    "acme-platform",
];

#[test]
fn gke_cluster_is_looked_up_with_the_environments_token() {
    let dns = "https://gke-1a2b.europe-west1.gke.goog";
    let rows: [(Change, &[&str], &str, &str); 5] = [
        (|_| (), &[], SERVER, AUTHORITY),
        (
            |it| it.status = "RECONCILING".to_owned(),
            &[],
            SERVER,
            AUTHORITY,
        ),
        (|_| (), &["--dns-endpoint"], dns, ""),
        (|it| it.endpoint = None, &[], dns, ""),
        (
            |it| it.endpoint = Some("2600:1900::7".to_owned()),
            &[],
            "\"https://[2600:1900::7]\"",
            AUTHORITY,
        ),
    ];
    let name = "gke_acme-platform_europe-west1_prod";
    for (change, arguments, server, authority) in rows {
        let google = google(change);
        // Neither the kubeconfig nor the other login is meant.
        let values = [
            GOOGLE,
            AZURE,
            "files: {KUBECONFIG: {fn::toJSON: \"${kube}\"}}",
            KUBECONFIG,
        ];
        let plugin = update(calling(&google), &values, &NAMED).args(arguments);
        plugin.run().assert(&added(name), "", 0);
        let args = ["~/env.yaml", "--provider", "gke"];
        assert_eq!(written(&plugin), new_file(name, server, authority, &args));
        let unchanged = format!("nothing to change\nthe current context is `{name}`\n");
        plugin.run().assert(&unchanged, "", 0);
        let records = google.services.records();
        assert_eq!(records.len(), 2);
        assert_eq!(records[0].parameters["name"], "prod");
        assert_eq!(records[0].outcome, "OK");
    }
}

#[test]
fn failed_lookups_of_gke_clusters_are_explained() {
    let rows: [(Change, &[&str], &str, i32); 8] = [
        (
            |it| it.name = "dev".to_owned(),
            &NAMED,
            "there is no GKE cluster `prod` in `europe-west1` of the project `acme-platform`\n  \
             caused by: NOT_FOUND: Not found: projects/acme-platform/locations/europe-west1/clusters/prod.\n  \
             hint: check the name, `--location` and `--project`\n",
            2,
        ),
        (
            |it| it.viewers.clear(),
            &NAMED,
            "the environment's login is not allowed to describe the GKE cluster `prod`\n  \
             caused by: PERMISSION_DENIED: Required \"container.clusters.get\" permission(s) for \
             \"projects/acme-platform/locations/europe-west1/clusters/prod\".\n  \
             hint: check `--project`, and grant the login the role `roles/container.clusterViewer` in \
             the project `acme-platform`, or pass `--server`\n",
            4,
        ),
        (
            |it| it.status = "PROVISIONING".to_owned(),
            &NAMED,
            "the GKE cluster `prod` is not running: its status is `PROVISIONING`\n  \
             hint: wait until its status is `RUNNING`, then try again\n",
            5,
        ),
        (
            |it| it.allows_external_traffic = false,
            &[&NAMED[..], &["--dns-endpoint"]].concat(),
            "the GKE cluster `prod` has no DNS-based endpoint for external traffic\n  \
             hint: allow external traffic with `gcloud container clusters update prod \
             --enable-dns-access`, or pass `--server`\n",
            2,
        ),
        (
            |_| (),
            &["--provider", "gke"],
            "no API server specified for the GKE cluster\n  \
             hint: pass `--name`, `--location` and `--project` to look it up, pass `--server URL` with \
             `--certificate-authority FILE`, or add `files.KUBECONFIG` to the environment\n",
            2,
        ),
        (
            |_| (),
            &["--location", "europe-west1"],
            "cannot look up the GKE cluster without `--name` and `--project`\n  \
             hint: pass `--name` and `--project`, or the API server with `--server`\n",
            2,
        ),
        (
            |_| (),
            &["--location", "x", "--project", "y", "--name", "a/b"],
            "the environment's login is not allowed to describe the GKE cluster `a/b`\n  \
             caused by: PERMISSION_DENIED: Required \"container.clusters.get\" permission(s) for \
             \"projects/y/locations/x/clusters/a/b\".\n  \
             hint: check `--project`, and grant the login the role `roles/container.clusterViewer` in \
             the project `y`, or pass `--server`\n",
            4,
        ),
        (
            |_| (),
            &["--provider", "gke", "--server", SERVER, "--name", "a/b"],
            "`a/b` is not a valid cluster name\n  \
             hint: use a name that `gcloud container clusters list` prints\n",
            2,
        ),
    ];
    for (change, arguments, message, code) in rows {
        let google = google(change);
        let plugin = update(calling(&google), &[GOOGLE], arguments);
        let stderr = format!("kubectl-esc: {message}");
        plugin.run().assert("", &stderr, code);
        assert!(!plugin.path("home/.kube").exists());
    }
}

#[test]
fn rejected_access_token_and_unusable_endpoint_are_explained() {
    let google = google(|_| ());
    let other = GOOGLE.replace("TOKEN", "ya29.other");
    update(calling(&google), &[&other], &NAMED).run().assert(
        "",
        "kubectl-esc: Google Kubernetes Engine rejected the access token\n  \
         caused by: UNAUTHENTICATED: Request had invalid authentication credentials. Expected OAuth 2 \
         access token, login cookie or other valid authentication credential.\n  \
         hint: get a new access token: it may be expired or revoked\n",
        4,
    );
    let name = "CLOUDSDK_API_ENDPOINT_OVERRIDES_CONTAINER";
    let plugin = Plugin::new().env(name, "http://container.example/");
    let output = update(plugin, &[GOOGLE], &NAMED).run();
    assert_eq!(output.code, 2, "{output:?}");
    let message = format!("kubectl-esc: `{name}` is not a usable endpoint URL\n");
    assert!(output.stderr.starts_with(&message), "{output:?}");
}

#[test]
fn failures_of_the_kubernetes_engine_api_are_explained() {
    let page = |body: &str| Failure::Answer(Response::new(200, "application/json", body));
    let disabled = "Kubernetes Engine API has not been used in project 1 before or it is disabled.";
    let not_from_google = "the response did not come from Google Kubernetes Engine\n  caused by: \
         `127.0.0.1` sent a response without a cluster and its endpoint\n  hint: check the endpoint in \
         `CLOUDSDK_API_ENDPOINT_OVERRIDES_CONTAINER`\n";
    for (failure, code, message) in [
        (
            Failure::Error(GoogleError::api(
                400,
                "INVALID_ARGUMENT",
                format!("what is {}?", user_token()),
            )),
            2,
            "Google Kubernetes Engine rejected the request for the cluster `prod`\n  caused by: \
             INVALID_ARGUMENT: what is [secret]?\n  hint: check the name, `--location` and `--project`\n",
        ),
        (
            Failure::Error(
                GoogleError::api(403, "PERMISSION_DENIED", disabled).because(
                    "SERVICE_DISABLED",
                    "googleapis.com",
                    &serde_json::json!({}),
                ),
            ),
            4,
            "the Kubernetes Engine API is not enabled in the Google Cloud project\n  caused by: \
             PERMISSION_DENIED: Kubernetes Engine API has not been used in project 1 before or it is \
             disabled.\n  hint: run `gcloud services enable container.googleapis.com`, and try again \
             after a few minutes\n",
        ),
        (page("{}"), 5, not_from_google),
        (
            page(r#"{"status": "RUNNING", "endpoint": ""}"#),
            5,
            not_from_google,
        ),
        (
            page(r#"{"status": "RUNNING", "endpoint": "1.2.3.4"}"#),
            5,
            not_from_google,
        ),
    ] {
        let google = google(|_| ());
        google.services.fail(failure, 1);
        let plugin = update(calling(&google), &[GOOGLE], &NAMED);
        plugin
            .run()
            .assert("", &format!("kubectl-esc: {message}"), code);
    }
    // A response that is worth another attempt.
    let google = google(|_| ());
    let busy = GoogleError::api(503, "UNAVAILABLE", "Try again.");
    google.services.fail(Failure::Error(busy), 1);
    let plugin = update(calling(&google), &[GOOGLE], &NAMED);
    assert_eq!(plugin.run().code, 0);
    assert_eq!(google.services.calls().len(), 2);
}

#[test]
fn names_are_those_of_the_vendors_or_of_the_user() {
    let files = "files: {KUBECONFIG: {fn::toJSON: \"${kube}\"}}";
    let gke = ["~/env.yaml", "--provider", "gke"];
    let aks = ["~/env.yaml", "--provider", "aks"];
    let us = "https://login.microsoftonline.us";
    let aks_us = [&aks[..], &["--azure-authority-host", us]].concat();
    let shop = "https://shop-1a2b.hcp.usgovvirginia.azmk8s.us:443";
    let no_authority = "";
    let rows: &[Row<'_>] = &[
        // With a server, the environment is not opened.
        (
            &["broken: ${nothing}"],
            &[
                "--provider",
                "aks",
                "--server",
                AKS_SERVER,
                "--name",
                "prod",
            ],
            "prod",
            AKS_SERVER,
            no_authority,
            &aks,
        ),
        (
            &["broken: ${nothing}"],
            &["--server", AKS_SERVER, "--name", "prod"],
            "prod",
            AKS_SERVER,
            no_authority,
            &aks,
        ),
        (
            &["broken: ${nothing}"],
            &[
                "--server",
                SERVER,
                "--name",
                "prod",
                "--location",
                "x",
                "--project",
                "p",
            ],
            "gke_p_x_prod",
            SERVER,
            no_authority,
            &gke,
        ),
        // The login in the environment decides.
        (
            &[GOOGLE],
            &["--server", SERVER, "--alias", "g"],
            "g",
            SERVER,
            no_authority,
            &gke,
        ),
        (
            &[AZURE, KUBECONFIG, files],
            &["--namespace", "apps"],
            "shop",
            shop,
            AUTHORITY,
            &aks_us,
        ),
        (
            &[AZURE, KUBECONFIG],
            &["--from", "kube", "--name", "prod"],
            "prod",
            shop,
            AUTHORITY,
            &aks_us,
        ),
        (
            &[
                AZURE,
                GOOGLE,
                AWS,
                KUBECONFIG,
                "kubernetes: {provider: aks}",
            ],
            &["--from", "kube", "--name", "prod"],
            "prod",
            shop,
            AUTHORITY,
            &aks_us,
        ),
    ];
    for (values, arguments, name, server, authority, args) in rows {
        let plugin = update(Plugin::new(), values, arguments);
        plugin.run().assert(&added(name), "", 0);
        let mut expected = new_file(name, server, authority, args);
        if values.contains(&KUBECONFIG) {
            let with_namespace = format!("    cluster: {name}\n    namespace: apps\n");
            expected = expected.replace(&format!("    cluster: {name}\n"), &with_namespace);
        }
        assert_eq!(written(&plugin), expected, "{arguments:?}");
    }
}

#[test]
fn settings_are_written_if_flags_set_them() {
    let common = [
        "--server",
        AKS_SERVER,
        "--name",
        "prod",
        "--credentials",
        "azure",
    ];
    let plugin = update(Plugin::new(), &[AZURE], &common)
        .args(["--azure-authority-host", "https://login.example"])
        .args([
            "--certificate-authority",
            "ca.pem",
            "--alias",
            "ops",
            "--set-current",
        ])
        .env("KUBECTL_ESC_PROVIDER", "aks");
    let output = plugin.run();
    let changed = "changed [dir]/home/.kube/config: added cluster `prod`, user `ops`, context `ops`\n\
                   the current context is `ops`\n";
    output.assert(changed, "", 0);
    let text = written(&plugin);
    let args = "      args:\n      - get-token\n      - ~/env.yaml\n      - --provider\n      - aks\n      \
                - --credentials\n      - azure\n      - --azure-authority-host\n      \
                - https://login.example\n      command: kubectl-esc\n";
    assert!(text.contains(args), "{text}");
    assert!(
        text.contains("    certificate-authority-data: LS0tLS1C"),
        "{text}"
    );
    // Settings from variables are used, but not written.
    let us = ["--server", "https://a.usgov.azmk8s.us", "--name", "prod"];
    let plugin =
        update(Plugin::new(), &[AZURE], &us).env("AZURE_AUTHORITY_HOST", "https://login.example/");
    assert_eq!(plugin.run().code, 0);
    assert!(!written(&plugin).contains("authority-host"));
    let plugin = plugin.env("AZURE_AUTHORITY_HOST", "http://login.example/");
    let output = plugin.run();
    assert_eq!(output.code, 2, "{output:?}");
    assert!(
        output
            .stderr
            .contains("cannot use the variable `AZURE_AUTHORITY_HOST`"),
        "{output:?}"
    );
}

#[test]
fn mistaken_flags_are_usage_errors() {
    let wrong = |flag: &str, owner: &str, provider: &str| {
        format!(
            "`{flag}` is for {owner}, but the provider is {provider}\n  hint: remove `{flag}`\n"
        )
    };
    let server = ["--server", SERVER, "--name", "prod"];
    for (values, arguments, message) in [
        (
            &[GOOGLE][..],
            &["--provider", "gke", "--role-arn", "arn:aws:iam::123456789012:role/x"][..],
            wrong("--role-arn", "EKS", "GKE"),
        ),
        (
            &[AZURE],
            &["--provider", "aks", "--session-name", "x"],
            wrong("--session-name", "EKS", "AKS"),
        ),
        (
            &[AZURE],
            &["--provider", "aks", "--web-identity", "x"],
            wrong("--web-identity", "EKS", "AKS"),
        ),
        (
            &[GOOGLE],
            &["--azure-authority-host", "https://login.example"],
            wrong("--azure-authority-host", "AKS", "GKE"),
        ),
        (
            &[AZURE],
            &["--provider", "aks", "--location", "westeurope"],
            wrong("--location", "GKE", "AKS"),
        ),
        (
            &[AWS],
            &["--provider", "eks", "--project", "x"],
            wrong("--project", "GKE", "EKS"),
        ),
        (
            &[AZURE],
            &["--provider", "aks", "--name", "prod"],
            "no API server specified for the AKS cluster\n  hint: pass `--server URL` with \
             `--certificate-authority FILE`, or add `files.KUBECONFIG` to the environment\n"
                .to_owned(),
        ),
        (
            &[AZURE],
            &["--provider", "aks", "--server", SERVER],
            "no name specified for the cluster\n  hint: pass `--name NAME`, or `--alias NAME`\n"
                .to_owned(),
        ),
        (
            &[GOOGLE, AZURE],
            &["--server", SERVER, "--alias", "x"],
            "the environment contains logins to several clouds: Google Cloud (`gcp`), Azure (`azure`)\n  \
             hint: choose one with `--provider gke` or `--provider aks`, or with `kubernetes.provider` \
             in the environment\n"
                .to_owned(),
        ),
    ] {
        let plugin = update(Plugin::new(), values, arguments);
        let code = if message.contains("several clouds") { 6 } else { 2 };
        plugin.run().assert("", &format!("kubectl-esc: {message}"), code);
        assert!(!plugin.path("home/.kube").exists());
    }
    let output = update(Plugin::new(), &[GOOGLE], &server)
        .arg("--dns-endpoint")
        .run();
    assert_eq!(output.code, 2, "{output:?}");
    assert!(output.stderr.contains("cannot be used with"), "{output:?}");
}

/// A user of each kind is overwritten only by the provider that it is for.
#[test]
fn users_of_other_kinds_are_kept() {
    let user = |exec: &str| format!("users:\n- {{name: prod, user: {{exec: {{{exec}}}}}}}\n");
    let eks = "command: aws, args: [eks, get-token, --cluster-name, prod]";
    let own = |more: &str| format!("command: kubectl-esc, args: [get-token, x{more}]");
    let rows = [
        (user(eks), ["eks"].as_slice()),
        (user("command: gke-gcloud-auth-plugin"), &["gke"]),
        (
            user("command: kubelogin, args: [get-token, -l, azurecli]"),
            &["aks"],
        ),
        (
            user("command: kubelogin, args: [get-token, --oidc-issuer-url=https://x]"),
            &[],
        ),
        (user(&own(", --cluster-name, prod")), &["eks"]),
        (user(&own(", --provider, gke")), &["gke"]),
        (
            user(&(own("") + ", env: [{name: KUBECTL_ESC_PROVIDER, value: aks}]")),
            &["aks"],
        ),
        (user(&own(", --provider=aks")), &["aks"]),
        (user(&own("")), &["eks", "gke", "aks"]),
        (user("command: oidc-login, args: [get-token]"), &[]),
        (
            "users:\n- {name: prod, user: {token: hunter2}}\n".to_owned(),
            &[],
        ),
    ];
    for (kubeconfig, providers) in rows {
        for provider in ["eks", "gke", "aks"] {
            let arguments = ["--provider", provider, "--server", SERVER, "--name", "prod"];
            let plugin =
                update(Plugin::new(), &[AZURE], &arguments).file("home/.kube/config", &kubeconfig);
            let output = plugin.run();
            if providers.contains(&provider) {
                assert_eq!(output.code, 0, "{kubeconfig}: {output:?}");
                continue;
            }
            let message = format!(
                "kubectl-esc: the kubeconfig already has a user `prod`, which is not for {}\n  \
                 hint: choose another name with `--alias` or `--user-alias`\n",
                provider.to_uppercase()
            );
            output.assert("", &message, 2);
            assert_eq!(written(&plugin), kubeconfig);
        }
    }
}
