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
        ExecPlugin::UnsupportedEks(reason) => return format!("unsupported: {reason}"),
        ExecPlugin::Eks(command) => command,
    };
    let mut text = command.cluster_name.clone();
    for (name, value) in [
        ("region", &command.region),
        ("role", &command.role_arn),
        ("id", &command.external_id),
        ("session", &command.session_name),
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
            "unsupported: ambiguous flag `--cluster`",
        ),
        (
            "aws eks get-token",
            "unsupported: it does not name a cluster",
        ),
        (
            "aws eks get-token --cluster-name",
            "unsupported: flag `--cluster-name` has no value",
        ),
        (
            "aws eks get-token --cluster-name demo -x",
            "unsupported: unknown flag `-x`",
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
            "unsupported: `--token-only` prints no ExecCredential",
        ),
        (
            "aws-iam-authenticator token",
            "unsupported: it does not name a cluster",
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
        ("gke-gcloud-auth-plugin", "other"),
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
