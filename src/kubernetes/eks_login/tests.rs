//! Calls of other programs, and what is read from them.

use std::fmt::Write as _;

use super::*;

fn login(call: &str, env: &[(&str, &str)]) -> Login {
    let mut words = call.split(' ').map(str::to_owned);
    Login::of(&Exec {
        command: words.next().unwrap(),
        args: words.collect(),
        env: env
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
    })
}

fn shown(login: &Login) -> String {
    match login {
        Login::Plugin => "plugin".to_owned(),
        Login::Other => "other".to_owned(),
        Login::Unclear(reason) => format!("unclear: {reason}"),
        Login::Eks(login) => {
            let mut text = login.cluster_name.clone();
            for (name, value) in [
                ("region", &login.region),
                ("role", &login.role_arn),
                ("id", &login.external_id),
                ("session", &login.session_name),
            ] {
                if let Some(value) = value {
                    let _ = write!(text, " {name}={value}");
                }
            }
            for (name, value) in &login.env {
                let _ = write!(text, " {name}={value}");
            }
            for lost in &login.lost {
                let _ = write!(text, "; lost {lost}");
            }
            text
        }
    }
}

#[test]
fn calls_of_the_aws_cli() {
    for (call, want) in [
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
            "demo; lost the flag `--no-verify-ssl`",
        ),
        (
            "aws eks get-token --cluster-name demo --profile ops",
            "demo; lost the AWS profile `ops`",
        ),
        (
            "aws eks get-token --cluster-name demo --endpoint-url http://x --query y",
            "demo; lost the flag `--endpoint-url`",
        ),
        (
            "aws eks get-token --cluster demo",
            "unclear: it has a flag that is not known",
        ),
        ("aws eks get-token", "unclear: it names no cluster"),
        (
            "aws eks get-token --cluster-name",
            "unclear: its flag `--cluster-name` has no value",
        ),
        (
            "aws eks get-token --cluster-name demo -x",
            "unclear: it has a flag that is not known",
        ),
        ("aws ecr get-login-password", "other"),
        ("awsx eks get-token --cluster-name demo", "other"),
    ] {
        assert_eq!(shown(&login(call, &[])), want, "{call}");
    }
}

#[test]
fn calls_of_the_authenticator_and_of_wrappers() {
    for (call, want) in [
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
            "demo session=S; lost the flag `--forward-session-name`",
        ),
        (
            "aws-iam-authenticator token -i demo --forward-session-name=false",
            "demo",
        ),
        (
            "aws-iam-authenticator token -i demo --token-only",
            "unclear: it prints no ExecCredential (`--token-only`)",
        ),
        (
            "aws-iam-authenticator token",
            "unclear: it names no cluster",
        ),
        ("aws-iam-authenticator server -c x", "other"),
        (
            "aws-vault exec ops -- aws eks get-token --cluster-name demo",
            "demo; lost the AWS profile `ops`",
        ),
        (
            "aws-vault exec --no-session ops -- /bin/aws-iam-authenticator token -i demo",
            "demo; lost the AWS profile `ops`",
        ),
        ("aws-vault exec ops -- kubectl get pods", "other"),
        ("aws-vault list", "other"),
        ("aws-vault exec ops --", "other"),
        ("kubectl-esc get-token env", "plugin"),
        ("/opt/bin/kubectl-esc get-token env", "plugin"),
        ("kubectl esc get-token env", "plugin"),
        ("kubectl oidc-login get-token", "other"),
        ("gke-gcloud-auth-plugin", "other"),
        ("sh -c aws", "other"),
    ] {
        assert_eq!(shown(&login(call, &[])), want, "{call}");
    }
}

#[test]
fn variables_are_kept_taken_over_or_told_as_lost() {
    let aws = "aws eks get-token --cluster-name demo";
    for (call, env, want) in [
        (
            aws,
            &[
                ("AWS_PROFILE", "ops"),
                ("AWS_STS_REGIONAL_ENDPOINTS", "regional"),
            ][..],
            "demo; lost the AWS profile `ops`",
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
            "demo; lost the variable `AWS_SECRET_ACCESS_KEY`",
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
        let login = login(call, env);
        assert_eq!(shown(&login), want, "{call} {env:?}");
        assert!(!format!("{login:?}").contains("hunter2"));
    }
}
