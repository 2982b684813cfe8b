use std::fmt::Write as _;

use super::*;

fn identify(command_line: &str, env: &[(&str, &str)]) -> ExecPlugin {
    let mut words = command_line.split(' ').map(str::to_owned);
    ExecPlugin::identify(&Exec {
        command: words.next().unwrap(),
        args: words.collect(),
        env: env
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        ..Exec::default()
    })
}

fn describe(plugin: &ExecPlugin) -> String {
    let command = match plugin {
        ExecPlugin::KubectlEsc => return "kubectl-esc".to_owned(),
        ExecPlugin::Other => return "other".to_owned(),
        ExecPlugin::Unsupported(provider, reason) => {
            return format!("unsupported for {provider}: {reason}");
        }
        ExecPlugin::Convertible(command) => command,
    };
    let name = command.cluster_name.as_deref();
    let mut text = name.unwrap_or(command.provider.as_str()).to_owned();
    for (name, value) in [
        ("region", &command.region),
        ("role", &command.role_arn),
        ("id", &command.external_id),
        ("session", &command.session_name),
        ("authority", &command.azure_authority_host),
    ] {
        if let Some(value) = value {
            let _ = write!(text, " {name}={value}");
        }
    }
    for (name, value) in &command.env {
        let _ = write!(text, " {name}={value}");
    }
    for dropped in &command.dropped {
        let _ = write!(text, "; dropped {dropped}");
    }
    text
}

#[test]
fn aws_eks_get_token_is_parsed() {
    for (command_line, want) in [
        ("aws eks get-token --cluster-name demo", "demo"),
        (
            "aws --region eu-west-1 eks get-token --cluster-name demo --output json",
            "demo region=eu-west-1",
        ),
        (
            "/usr/local/bin/aws eks get-token --region=eu-west-1 --cluster-name=demo --role-arn=R",
            "demo region=eu-west-1 role=R",
        ),
        (
            "aws --region r eks get-token --cluster-name d --output json --role R",
            "d region=r role=R",
        ),
        ("aws eks get-token --cluster-id 1234-5678", "1234-5678"),
        (
            "C:\\Program\\aws.EXE eks get-token --cluster-n demo --no-verify-ssl --debug",
            "demo; dropped flag `--no-verify-ssl`",
        ),
        (
            "aws eks get-token --cluster-name demo --profile ops",
            "demo; dropped AWS profile `ops`",
        ),
        (
            "aws eks get-token --cluster-name demo --endpoint-url http://x --query y",
            "demo; dropped flag `--endpoint-url`",
        ),
        (
            "aws eks get-token --cluster demo",
            "unsupported for eks: ambiguous flag `--cluster`",
        ),
        (
            "aws eks get-token",
            "unsupported for eks: it does not name a cluster",
        ),
        (
            "aws eks get-token --cluster-name",
            "unsupported for eks: flag `--cluster-name` has no value",
        ),
        (
            "aws eks get-token --cluster-name demo -x",
            "unsupported for eks: unknown flag `-x`",
        ),
        ("aws ecr get-login-password", "other"),
        ("awsx eks get-token --cluster-name demo", "other"),
    ] {
        assert_eq!(
            describe(&identify(command_line, &[])),
            want,
            "{command_line}"
        );
    }
}

#[test]
fn iam_authenticator_and_aws_vault_are_parsed() {
    for (command_line, want) in [
        ("aws-iam-authenticator token -i demo", "demo"),
        (
            "aws-iam-authenticator token -idemo -r R -e E -s S",
            "demo role=R id=E session=S",
        ),
        (
            "heptio-authenticator-aws token --cluster-id=demo --role=R --cache --region r",
            "demo region=r role=R",
        ),
        (
            "aws-iam-authenticator -i=demo token --forward-session-name --session-name=S",
            "demo session=S; dropped flag `--forward-session-name`",
        ),
        (
            "aws-iam-authenticator token -i demo --forward-session-name=false",
            "demo",
        ),
        (
            "aws-iam-authenticator token -i demo --token-only",
            "unsupported for eks: `--token-only` prints no ExecCredential",
        ),
        (
            "aws-iam-authenticator token",
            "unsupported for eks: it does not name a cluster",
        ),
        ("aws-iam-authenticator server -c x", "other"),
        (
            "aws-vault exec ops -- aws eks get-token --cluster-name demo",
            "demo; dropped AWS profile `ops`",
        ),
        (
            "aws-vault exec --no-session ops -- /bin/aws-iam-authenticator token -i demo",
            "demo; dropped AWS profile `ops`",
        ),
        ("aws-vault exec ops -- kubectl get pods", "other"),
        ("aws-vault list", "other"),
        ("aws-vault exec ops --", "other"),
        ("kubectl-esc get-token env", "kubectl-esc"),
        ("/opt/bin/kubectl-esc get-token env", "kubectl-esc"),
        ("kubectl esc get-token env", "kubectl-esc"),
        ("kubectl oidc-login get-token", "other"),
        ("sh -c aws", "other"),
    ] {
        assert_eq!(
            describe(&identify(command_line, &[])),
            want,
            "{command_line}"
        );
    }
}

#[test]
fn variables_are_kept_converted_or_dropped() {
    let aws = "aws eks get-token --cluster-name demo";
    for (command_line, env, want) in [
        (
            aws,
            &[
                ("AWS_PROFILE", "ops"),
                ("AWS_STS_REGIONAL_ENDPOINTS", "regional"),
            ][..],
            "demo; dropped AWS profile `ops`",
        ),
        (
            aws,
            &[("AWS_DEFAULT_REGION", "a-1"), ("AWS_REGION", "b-1")],
            "demo region=b-1",
        ),
        (aws, &[("AWS_DEFAULT_REGION", "a-1")], "demo region=a-1"),
        (
            aws,
            &[
                ("HTTPS_PROXY", "http://p"),
                ("AWS_USE_FIPS_ENDPOINT", "true"),
            ],
            "demo HTTPS_PROXY=http://p AWS_USE_FIPS_ENDPOINT=true",
        ),
        (
            aws,
            &[("AWS_SECRET_ACCESS_KEY", "hunter2")],
            "demo; dropped variable `AWS_SECRET_ACCESS_KEY`",
        ),
        (
            "aws-iam-authenticator token",
            &[
                ("KUBERNETES_AWS_AUTHENTICATOR_CLUSTER_ID", "demo"),
                ("DEFAULT_ROLE", "R"),
            ],
            "demo role=R",
        ),
    ] {
        let plugin = identify(command_line, env);
        assert_eq!(describe(&plugin), want, "{command_line} {env:?}");
        assert!(!format!("{plugin:?}").contains("hunter2"));
    }
}

#[test]
fn gke_gcloud_auth_plugin_is_parsed() {
    let plugin = "gke-gcloud-auth-plugin";
    for (arguments, want) in [
        ("", "gke"),
        (
            " --use_application_default_credentials",
            "gke; dropped flag `--use_application_default_credentials`",
        ),
        (" --use_application_default_credentials=false -v=4", "gke"),
        (
            " --account dev@acme.example --project=p",
            "gke; dropped flag `--account dev@acme.example`",
        ),
        (
            " --impersonate_service_account=deploy@acme.example --configuration ops",
            "gke; dropped flag `--impersonate_service_account deploy@acme.example`; dropped flag \
             `--configuration ops`",
        ),
        (
            " --use_edge_cloud --location l --cluster c",
            "unsupported for gke: `--use_edge_cloud` is not for GKE",
        ),
        (
            " --verbose",
            "unsupported for gke: unknown flag `--verbose`",
        ),
    ] {
        let command_line = format!("/usr/lib/google-cloud-sdk/bin/{plugin}{arguments}");
        let found = describe(&identify(&command_line, &[]));
        assert_eq!(found, want, "{arguments}");
    }
    let env = [
        ("CLOUDSDK_AUTH_ACCESS_TOKEN", "hunter2"),
        ("CLOUDSDK_CORE_DISABLE_PROMPTS", "1"),
        (
            "CLOUDSDK_API_ENDPOINT_OVERRIDES_STS",
            "https://sts.example/",
        ),
        ("HTTPS_PROXY", "http://p"),
        ("USE_GKE_GCLOUD_AUTH_PLUGIN", "True"),
    ];
    let found = identify(plugin, &env);
    assert_eq!(
        describe(&found),
        "gke CLOUDSDK_API_ENDPOINT_OVERRIDES_STS=https://sts.example/ HTTPS_PROXY=http://p; dropped \
         variable `CLOUDSDK_AUTH_ACCESS_TOKEN`"
    );
    assert!(!format!("{found:?}").contains("hunter2"));
}

#[test]
fn kubelogin_of_azure_is_parsed() {
    let server = "--server-id 6dae42f8-4368-4678-94ff-3960e28e3630";
    for (arguments, env, want) in [
        ("-l spn", &[][..], "aks"),
        (
            "--login=workloadidentity --token-cache-dir /tmp",
            &[],
            "aks",
        ),
        (
            "-l spn --client-id c -t t --client-secret hunter2",
            &[],
            "aks; dropped application `c`; dropped tenant `t`; dropped flag `--client-secret`",
        ),
        (
            "-l workloadidentity --federated-token-file /token -e AzurePublicCloud",
            &[],
            "aks AZURE_FEDERATED_TOKEN_FILE=/token",
        ),
        ("-l spn --federated-token-file /token", &[], "aks"),
        (
            "-l spn --environment AzureUSGovernmentCloud",
            &[],
            "aks authority=https://login.microsoftonline.us",
        ),
        (
            "-l spn -e AZURECHINACLOUD",
            &[],
            "aks authority=https://login.chinacloudapi.cn",
        ),
        (
            "-l spn -e AzureStackCloud --authority-host https://login.example/",
            &[],
            "aks authority=https://login.example",
        ),
        (
            "-l devicecode -e AzureUSGovernment --client-id flag",
            &[
                ("AAD_LOGIN_METHOD", "workloadidentity"),
                ("AZURE_CLIENT_ID", "variable"),
                ("AZURE_CLIENT_SECRET", "hunter2"),
                ("AZURE_AUTHORITY_HOST", "https://login.example/"),
                ("AZURE_FEDERATED_TOKEN_FILE", "/token"),
                ("AZURE_CLI_TIMEOUT", "10s"),
                ("HTTPS_PROXY", "http://p"),
            ],
            "aks AZURE_AUTHORITY_HOST=https://login.example/ HTTPS_PROXY=http://p \
             AZURE_FEDERATED_TOKEN_FILE=/token; dropped application `variable`; dropped variable \
             `AZURE_CLIENT_SECRET`",
        ),
        (
            "",
            &[],
            "unsupported for aks: its login mode is `devicecode` (a person signs in), not \
             `workloadidentity` or `spn`",
        ),
        (
            "-l msi --identity-resource-id x",
            &[],
            "unsupported for aks: its login mode is `msi` (the machine has a managed identity), not \
             `workloadidentity` or `spn`",
        ),
        (
            "-l azurecli",
            &[],
            "unsupported for aks: its login mode is `azurecli` (the token is that of another \
             program's login), not `workloadidentity` or `spn`",
        ),
        (
            "-l spn --pop-enabled --pop-claims u=x",
            &[],
            "unsupported for aks: `--pop-enabled`: kubectl-esc gets no PoP tokens",
        ),
        (
            "-l spn --legacy",
            &[],
            "unsupported for aks: `--legacy`: kubectl-esc gets no tokens for `spn:…`",
        ),
        (
            "-l spn --server-id x",
            &[],
            "unsupported for aks: `--server-id` is `x`, not the application of AKS",
        ),
        (
            "-l spn -e AzureStackCloud",
            &[],
            "unsupported for aks: `--environment` is `AzureStackCloud`, not a known cloud",
        ),
        (
            "-l spn --authority-host http://login.example",
            &[],
            "unsupported for aks: `--authority-host` is not a usable URL",
        ),
        (
            "--oidc-issuer-url=https://issuer.example --oidc-client-id c",
            &[],
            "other",
        ),
    ] {
        let command_line = format!("kubelogin get-token {server} {arguments}");
        let plugin = identify(command_line.trim_end(), env);
        assert_eq!(describe(&plugin), want, "{arguments}");
        assert!(!format!("{plugin:?}").contains("hunter2"));
    }
    for (command_line, want) in [
        (
            "kubelogin get-token -l spn",
            "unsupported for aks: it has no `--server-id`",
        ),
        ("kubelogin convert-kubeconfig -l spn", "other"),
        ("kubelogin get-token --oidc-issuer-url https://x", "other"),
        (
            "kubectl oidc-login get-token --oidc-issuer-url=https://x",
            "other",
        ),
    ] {
        assert_eq!(
            describe(&identify(command_line, &[])),
            want,
            "{command_line}"
        );
    }
}
