//! How `get-token` chooses the provider of a cluster, and the requests that GKE and AKS need.

use serde_json::{Value, json};
use stand_ins::controlled_server::Behavior;

use crate::aks::{self, Entra};
use crate::cloud::PulumiCloudFixture;
use crate::gke::{LOGIN, get_token, local, pulumi_cloud};
use crate::support::aws::project_file;
use crate::support::gcp::GoogleCloud;
use crate::support::plugin::Plugin;

/// Logins to two clouds in a local definition, which opens without a request.
const TWO_CLOUDS: &str = "\
values:
  aws: {accessKeyId: AKIDEXAMPLE, secretAccessKey: wJalr-example}
  gcp: {accessToken: ya29.example, tokenType: Bearer}
";

#[test]
fn provider_comes_from_the_first_place_that_names_it() {
    const GKE: &str = "ya29.example";
    const EKS: &str = "k8s-aws-v1.";
    const NOTHING: &str = "{}";
    let more = |more: &str| format!("{TWO_CLOUDS}  {more}\n");
    let two = TWO_CLOUDS.to_owned();
    let eks = more("eks: {clusterName: prod, region: eu-west-1}");
    let gke_flag = &["--provider", "gke"][..];
    let variable = ("KUBECTL_ESC_PROVIDER", "gke");
    let cluster_name = ("KUBECTL_ESC_CLUSTER_NAME", "prod");
    // The definition, arguments, variables, the cluster extension, and how the token starts.
    for (definition, arguments, variables, extension, token) in [
        (&two, gke_flag, &[][..], NOTHING, GKE),
        (&two, &[], &[variable], NOTHING, GKE),
        (&more("kubernetes: {provider: gke}"), &[], &[], NOTHING, GKE),
        (&two, &[], &[], r#"{"provider": "gke"}"#, GKE),
        // Each of them overrides the next ones.
        (
            &two,
            &["--provider", "eks"],
            &[variable, cluster_name],
            NOTHING,
            EKS,
        ),
        (
            &more("kubernetes: {provider: eks}"),
            &[],
            &[variable],
            NOTHING,
            GKE,
        ),
        (
            &more("kubernetes: {provider: gke}"),
            &[],
            &[],
            r#"{"provider": "eks"}"#,
            GKE,
        ),
        (&eks, gke_flag, &[cluster_name], NOTHING, GKE),
        // What names an EKS cluster.
        (&eks, &[], &[], NOTHING, EKS),
        (&two, &["--cluster-name", "prod"], &[], NOTHING, EKS),
        (&two, &[], &[cluster_name], NOTHING, EKS),
        (&two, &[], &[], r#"{"clusterName": "prod"}"#, EKS),
        // The path of a login, and the only kind of login.
        (&two, &["--credentials", "gcp"], &[], NOTHING, GKE),
        (
            &more("kubernetes: {credentials: gcp}"),
            &[],
            &[],
            NOTHING,
            GKE,
        ),
        (
            &TWO_CLOUDS.replace("  aws", "  # aws"),
            &[],
            &[],
            NOTHING,
            GKE,
        ),
    ] {
        let extension: Value = serde_json::from_str(extension).unwrap();
        let cluster = json!({"server": "https://k8s.example", "config": extension});
        let plugin = local(definition)
            .env("AWS_REGION", "eu-west-1")
            .exec_info("v1", false, Some(cluster))
            .args(arguments);
        let set = |plugin: Plugin, (name, value): &(&str, &str)| plugin.env(name, value);
        let output = variables.iter().fold(plugin, set).run();
        let case = format!("{definition} {arguments:?} {variables:?} {extension}: {output:?}");
        assert!(output.token().starts_with(token), "{case}");
    }
}

#[test]
fn several_kinds_of_logins_are_listed() {
    local(TWO_CLOUDS).run().assert_fails(
        "kubectl-esc: the environment contains logins to several clouds: AWS (`aws`), Google Cloud \
         (`gcp`)\n  hint: choose one with `--provider eks` or `--provider gke`, or with \
         `kubernetes.provider` in the environment\n",
        6,
    );
    let several = "kubectl-esc: the environment contains logins to several clouds:";
    let place = "or with `kubernetes.provider` in the environment";
    let variables = "values:\n  environmentVariables: {AWS_ACCESS_KEY_ID: AKIDEXAMPLE}\n  \
                     gcp: {a: {accessToken: x, tokenType: Bearer}, b: {accessToken: y, tokenType: \
                     Bearer}}\n";
    local(variables).run().assert_fails(
        &format!(
            "{several} AWS (`environmentVariables`), Google Cloud (`gcp.a`, `gcp.b`)\n  hint: choose one \
             with `--provider eks` or `--provider gke`, {place}\n"
        ),
        6,
    );
    let three = format!("{TWO_CLOUDS}  azure: {{clientId: a, tenantId: b, clientSecret: c}}\n");
    local(&three).run().assert_fails(
        &format!(
            "{several} AWS (`aws`), Google Cloud (`gcp`), Azure (`azure`)\n  hint: choose one with \
             `--provider eks`, `--provider gke` or `--provider aks`, {place}\n"
        ),
        6,
    );

    // The identity token is a login to AWS only if a role is known.
    let identity_token = format!(
        "{LOGIN}  token:\n    fn::open::oidc: {{audience: sts.amazonaws.com, identityToken: {{version: \
         v2}}}}\n"
    );
    let pulumi_cloud = pulumi_cloud(&identity_token);
    let plugin = get_token(&pulumi_cloud);
    assert!(plugin.run().token().starts_with("ya29."));
    let plugin = plugin.env("KUBECTL_ESC_ROLE_ARN", "arn:aws:iam::123456789012:role/r");
    let output = plugin.run();
    let listed = "AWS (`token`), Google Cloud (`gcp.login`)";
    assert!(
        output.code == 6 && output.stderr.contains(listed),
        "{output:?}"
    );
}

#[test]
fn environment_without_a_login_needs_an_eks_cluster_name() {
    local("values: {a: 1}").run().assert_fails(
        "kubectl-esc: no EKS cluster name specified\n  hint: pass `--cluster-name NAME`, set \
         KUBECTL_ESC_CLUSTER_NAME, or add `eks.clusterName` to the environment\n",
        2,
    );
}

#[test]
fn unknown_providers_are_rejected() {
    let invalid = "is not a provider of Kubernetes clusters\n  hint: use eks, gke or aks\n";
    let plugin = local(TWO_CLOUDS).env("KUBECTL_ESC_PROVIDER", "gcp");
    plugin.run().assert_fails(
        &format!("kubectl-esc: cannot use the variable `KUBECTL_ESC_PROVIDER`: `gcp` {invalid}"),
        2,
    );
    let plugin = local(&format!("{TWO_CLOUDS}  kubernetes: {{provider: GKE}}\n"));
    plugin.run().assert_fails(
        &format!(
            "kubectl-esc: cannot use `kubernetes.provider` in the environment: `GKE` {invalid}"
        ),
        2,
    );
    let output = local(TWO_CLOUDS).args(["--provider", "gcp"]).run();
    assert_eq!(output.code, 2);
    assert!(
        output
            .stderr
            .contains("invalid value 'gcp' for '--provider <PROVIDER>'"),
        "{output:?}"
    );
}

#[test]
fn flags_of_other_providers_are_rejected_and_their_variables_ignored() {
    let gke = "values: {gcp: {accessToken: ya29.example, tokenType: Bearer}}";
    for flag in ["--role-arn", "--external-id", "--session-name"] {
        let output = local(gke)
            .args([flag, "arn:aws:iam::123456789012:role/r"])
            .run();
        output.assert_fails(
            &format!(
                "kubectl-esc: `{flag}` is for EKS, but the provider is GKE\n  hint: remove `{flag}`\n"
            ),
            2,
        );
    }
    for (flag, value) in [("--cluster-name", "prod"), ("--web-identity", "gcp")] {
        let output = local(gke).args(["--provider", "gke", flag, value]).run();
        assert!(output.stderr.contains("is for EKS"), "{output:?}");
        assert_eq!(output.code, 2);
    }
    let authority = ["--azure-authority-host", "https://login.microsoftonline.us"];
    let eks = local(TWO_CLOUDS).args(["-i", "prod", "--region", "eu-west-1"]);
    for (plugin, title) in [(local(gke), "GKE"), (eks, "EKS")] {
        let output = plugin.args(authority).run();
        let flag = authority[0];
        output.assert_fails(
            &format!(
                "kubectl-esc: `{flag}` is for AKS, but the provider is {title}\n  hint: remove \
                 `{flag}`\n"
            ),
            2,
        );
    }
    let output = local(gke)
        .env("KUBECTL_ESC_ROLE_ARN", "arn:aws:iam::123456789012:role/r")
        .env("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.us")
        .run();
    assert_eq!(output.token(), "ya29.example");
}

#[test]
fn cold_call_makes_the_fewest_requests_and_warm_call_none() {
    let pulumi_cloud = PulumiCloudFixture::with(|configuration| {
        let with_gke = configuration.clone().environment("platform", "gke", LOGIN);
        *configuration = with_gke.environment("platform", "aks", aks::LOGIN);
    });
    let google = GoogleCloud::new();
    let entra = Entra::new(Behavior::Answer);
    let requests = || {
        let at_google = google.services.calls().len();
        [
            pulumi_cloud.calls().len(),
            at_google,
            entra.server.requests(),
        ]
    };
    let gcp_login = project_file("examples/environments/gcp.yaml");
    let google_identity = google.identity();
    let entra_identity = entra.identity();
    // The environment; if it is local, its definition and the identity token; the requests to Pulumi Cloud,
    // to Google and to Microsoft.
    for (environment, definition, identity, cold) in [
        ("acme/platform/gke", "", "", [2, 0, 0]),
        (
            "./env.yaml",
            gcp_login.as_str(),
            google_identity.as_str(),
            [0, 2, 0],
        ),
        ("acme/platform/aks", "", "", [2, 0, 1]),
        ("./env.yaml", aks::LOGIN, entra_identity.as_str(), [0, 0, 1]),
    ] {
        let mut plugin = pulumi_cloud
            .plugin()
            .args(["get-token", environment])
            .env(
                "CLOUDSDK_API_ENDPOINT_OVERRIDES_STS",
                google.services.sts_url(),
            )
            .env(
                "CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS",
                google.services.iam_credentials_url(),
            )
            .env("AZURE_AUTHORITY_HOST", entra.server.url());
        if !definition.is_empty() {
            plugin = plugin
                .file("env.yaml", definition)
                .file("identity", identity)
                .args(["--web-identity-token-file", "identity"]);
        }
        for (name, wanted) in [("cold", cold), ("warm", [0; 3])] {
            let before = requests();
            plugin.run().token();
            let after = requests();
            let made: Vec<_> = after
                .iter()
                .zip(before)
                .map(|(after, before)| after - before)
                .collect();
            assert_eq!(made, wanted, "{name}: {environment} {definition}");
        }
    }
    // Each cold call opens one connection to Pulumi Cloud.
    let connections = pulumi_cloud
        .calls()
        .into_iter()
        .map(|(_, connection, _)| connection);
    assert_eq!(connections.collect::<Vec<_>>(), [1, 1, 2, 2]);
}
