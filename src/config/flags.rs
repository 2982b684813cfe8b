//! The flags that more than one step needs. Their comments are the help text.

#![expect(clippy::doc_markdown, reason = "help text has no markup")]

use std::path::{Path, PathBuf};

use clap::Args;

use crate::config::Reference;
use crate::error::{Error, Result};
use crate::host::Host;

/// How an environment is opened.
#[derive(Args, Clone, Debug, Default)]
pub struct OpenFlags {
    /// Folder in which the imports of a local definition are looked up, as PROJECT/NAME.yaml or
    /// NAME.yaml [default: the definition's folder]
    #[arg(long, value_name = "FOLDER")]
    pub root: Option<PathBuf>,

    /// File that holds the OIDC identity token for aws-login [default: the variable
    /// AWS_WEB_IDENTITY_TOKEN_FILE, then GitHub Actions' own token]
    #[arg(long, value_name = "FILE", conflicts_with = "web_identity_token_env")]
    pub web_identity_token_file: Option<PathBuf>,

    /// Name of the variable that holds the OIDC identity token for aws-login
    #[arg(long, value_name = "NAME")]
    pub web_identity_token_env: Option<String>,

    /// Audience to ask GitHub Actions for [default: sts.amazonaws.com]
    #[arg(long, value_name = "AUDIENCE")]
    pub web_identity_audience: Option<String>,

    /// Environment in Pulumi Cloud that a local definition is a copy of: it decrypts the
    /// ciphertexts in it [variable: KUBECTL_ESC_SECRETS_OF]
    #[arg(long, value_name = "ENVIRONMENT", conflicts_with = "remote")]
    pub secrets_of: Option<String>,

    /// How Pulumi Cloud is reached.
    #[command(flatten)]
    pub cloud: CloudFlags,
}

/// How Pulumi Cloud is reached, and for how long anything is waited for.
#[derive(Args, Clone, Debug, Default)]
pub struct CloudFlags {
    /// Evaluate a local definition in Pulumi Cloud, where all providers work
    #[arg(long)]
    pub remote: bool,

    /// Organisation of an environment that is named without one [variable:
    /// PULUMI_DEFAULT_ORGANIZATION] [default: that of `pulumi org set-default`, then that of the
    /// server]
    #[arg(long, value_name = "ORGANIZATION")]
    pub organization: Option<String>,

    /// Where the OIDC identity token is that is exchanged for a Pulumi access token: file://PATH or
    /// env:NAME [variable: KUBECTL_ESC_PULUMI_OIDC_TOKEN] [default: GitHub Actions' own token,
    /// where there is no other login]
    #[arg(long, value_name = "SOURCE")]
    pub pulumi_oidc_token: Option<String>,

    /// Access token to exchange it for: organization, organization:admin, team:NAME,
    /// personal:LOGIN or runner:NAME [variable: KUBECTL_ESC_PULUMI_OIDC_TOKEN_TYPE] [default:
    /// organization]
    #[arg(long, value_name = "TYPE")]
    pub pulumi_oidc_token_type: Option<String>,

    /// Time after which the call gives up, such as 15s or 1m [variable: KUBECTL_ESC_TIMEOUT]
    /// [default: 15s]
    #[arg(long, value_name = "DURATION")]
    pub timeout: Option<String>,
}

/// What `get-token` takes.
#[derive(Args, Clone, Debug, Default)]
pub struct GetTokenFlags {
    /// Environment to open: one in Pulumi Cloud such as acme/platform/prod or
    /// acme/platform/prod@3, or a local definition such as ./env.yaml [variable:
    /// KUBECTL_ESC_ENVIRONMENT]
    #[arg(value_name = "ENVIRONMENT")]
    pub environment: Option<String>,

    /// Name of the EKS cluster [variable: KUBECTL_ESC_CLUSTER_NAME]
    #[arg(short = 'i', long, visible_alias = "cluster-id", value_name = "NAME")]
    pub cluster_name: Option<String>,

    /// AWS region of the cluster [variable: KUBECTL_ESC_REGION]
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,

    /// ARN of a role to assume with the environment's credentials [variable: KUBECTL_ESC_ROLE_ARN]
    #[arg(long, value_name = "ARN")]
    pub role_arn: Option<String>,

    /// External id for that role [variable: KUBECTL_ESC_EXTERNAL_ID]
    #[arg(long, value_name = "ID")]
    pub external_id: Option<String>,

    /// Session name for that role [variable: KUBECTL_ESC_SESSION_NAME] [default: kubectl-esc]
    #[arg(long, value_name = "NAME")]
    pub session_name: Option<String>,

    /// Path of the AWS credentials in the environment, such as aws.creds [variable:
    /// KUBECTL_ESC_CREDENTIALS]
    #[arg(long, value_name = "PATH")]
    pub credentials: Option<String>,

    /// Path of an OIDC identity token in the environment, to be exchanged at AWS STS for
    /// credentials of the role that --role-arn names [variable: KUBECTL_ESC_WEB_IDENTITY]
    #[arg(long, value_name = "PATH", conflicts_with = "credentials")]
    pub web_identity: Option<String>,

    /// How long the environment's credentials are good for, where the environment does not tell,
    /// such as 1h [variable: KUBECTL_ESC_CREDENTIAL_LIFETIME] [default: 15m]
    #[arg(long, value_name = "DURATION")]
    pub credential_lifetime: Option<String>,

    /// How the environment is opened.
    #[command(flatten)]
    pub open: OpenFlags,
}

/// Which kubeconfig to change, and how.
#[derive(Args, Clone, Debug, Default)]
pub struct KubeconfigFlags {
    /// Kubeconfig to change [default: those of the variable KUBECONFIG, or ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,

    /// Name for the context, and for the user where --user-alias does not say otherwise
    #[arg(long, value_name = "NAME")]
    pub alias: Option<String>,

    /// Name for the user
    #[arg(long, value_name = "NAME")]
    pub user_alias: Option<String>,

    /// Print what would change as a diff, and change nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Make the context the current one
    #[arg(long)]
    pub set_current: bool,
}

impl GetTokenFlags {
    /// The arguments that call `get-token` with these flags from anywhere on this machine: paths
    /// are written in full, or from `~` where they are below the home directory.
    pub fn to_arguments(&self, host: &Host) -> Result<Vec<String>> {
        // Every field is named, so that a new flag is not forgotten here.
        let Self {
            environment,
            cluster_name,
            region,
            role_arn,
            external_id,
            session_name,
            credentials,
            web_identity,
            credential_lifetime,
            open,
        } = self;
        let OpenFlags {
            root,
            web_identity_token_file,
            web_identity_token_env,
            web_identity_audience,
            secrets_of,
            cloud,
        } = open;
        let CloudFlags {
            remote,
            organization,
            pulumi_oidc_token,
            pulumi_oidc_token_type,
            timeout,
        } = cloud;
        let path = |path: &Option<PathBuf>| {
            let path = path.as_ref().map(|path| from_anywhere(path, host));
            path.transpose()
        };
        let mut arguments = vec!["get-token".to_owned()];
        if let Some(environment) = environment {
            arguments.push(match Reference::parse(environment, host)? {
                Reference::Local(path) => from_anywhere(&path, host)?,
                Reference::Cloud(name) => name,
            });
        }
        for (flag, value) in [
            ("--cluster-name", cluster_name.clone()),
            ("--region", region.clone()),
            ("--role-arn", role_arn.clone()),
            ("--external-id", external_id.clone()),
            ("--session-name", session_name.clone()),
            ("--credentials", credentials.clone()),
            ("--web-identity", web_identity.clone()),
            ("--credential-lifetime", credential_lifetime.clone()),
            ("--root", path(root)?),
            ("--web-identity-token-file", path(web_identity_token_file)?),
            ("--web-identity-token-env", web_identity_token_env.clone()),
            ("--web-identity-audience", web_identity_audience.clone()),
            ("--secrets-of", secrets_of.clone()),
            ("--organization", organization.clone()),
            ("--pulumi-oidc-token", pulumi_oidc_token.clone()),
            ("--pulumi-oidc-token-type", pulumi_oidc_token_type.clone()),
            ("--timeout", timeout.clone()),
        ] {
            match value {
                // It would be read as another flag.
                Some(value) if value.starts_with('-') => arguments.push(format!("{flag}={value}")),
                Some(value) => arguments.extend([flag.to_owned(), value]),
                None => {}
            }
        }
        if *remote {
            arguments.push("--remote".to_owned());
        }
        Ok(arguments)
    }
}

/// A path as any program on this machine can use it, whatever its working directory.
fn from_anywhere(path: &Path, host: &Host) -> Result<String> {
    let shown = path.display();
    let full = if path.starts_with("~") {
        path.to_owned()
    } else {
        std::path::absolute(path).map_err(|error| {
            Error::configuration(format!("cannot resolve `{shown}`"))
                .with_hint("write the path in full")
                .caused_by(error)
        })?
    };
    let home = host.home().filter(|home| home.parent().is_some());
    let full = match home.as_ref().and_then(|home| full.strip_prefix(home).ok()) {
        Some(below) => Path::new("~").join(below),
        None => full,
    };
    full.into_os_string().into_string().map_err(|_| {
        Error::configuration(format!("the path `{shown}` is not valid UTF-8"))
            .with_hint("rename the file, or reach it through a link with a plain name")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, Timestamp};

    #[test]
    fn arguments_work_from_anywhere() {
        let home = if cfg!(windows) {
            "C:\\home"
        } else {
            "/home/alice"
        };
        let variable = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
        let host = Host::with([(variable, home)], Clock::fixed(Timestamp::from_unix(0)));
        let below_home = Path::new(home).join("esc").join("env.yaml");
        let shown = Path::new("~").join("esc").join("env.yaml");
        let elsewhere = std::path::absolute("env.yaml").unwrap();
        for (environment, want) in [
            ("acme/platform/prod@3", "acme/platform/prod@3"),
            ("~/esc/env.yaml", shown.to_str().unwrap()),
            (below_home.to_str().unwrap(), shown.to_str().unwrap()),
            ("env.yaml", elsewhere.to_str().unwrap()),
            ("./env.yaml", elsewhere.to_str().unwrap()),
        ] {
            let flags = GetTokenFlags {
                environment: Some(environment.to_owned()),
                cluster_name: Some("demo".to_owned()),
                session_name: Some("-x".to_owned()),
                ..GetTokenFlags::default()
            };
            assert_eq!(
                flags.to_arguments(&host).unwrap(),
                [
                    "get-token",
                    want,
                    "--cluster-name",
                    "demo",
                    "--session-name=-x"
                ]
            );
        }
    }
}
