//! The flags that more than one step needs. Their comments are the help text.

#![expect(clippy::doc_markdown, reason = "help text has no markup")]

use std::path::PathBuf;

use clap::Args;

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
