//! Flags that several commands share.
//!
//! The doc comments on the fields are help texts.

#![expect(clippy::doc_markdown, reason = "help text has no markup")]

mod requests;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::config::ClusterProvider;
pub(super) use requests::{absolute_path, environment_or_variable};

/// The headings of the flags in a command's help. Flags without one come first.
pub(super) mod heading {
    pub(in crate::commands) const AWS: &str = "AWS";
    pub(in crate::commands) const AZURE: &str = "Azure";
    pub(in crate::commands) const CACHE: &str = "Cache";
    pub(in crate::commands) const CLUSTER: &str = "Cluster";
    pub(in crate::commands) const CREDENTIALS: &str = "Credentials";
    pub(in crate::commands) const GOOGLE_CLOUD: &str = "Google Cloud";
    pub(in crate::commands) const IDENTITY_TOKENS: &str = "Identity tokens";
    pub(in crate::commands) const KUBECONFIG: &str = "Kubeconfig";
    pub(in crate::commands) const OUTPUT: &str = "Output";
    pub(in crate::commands) const PULUMI_CLOUD: &str = "Pulumi Cloud";
}

/// The output formats of most commands.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(super) enum Format {
    Json,
    Text,
}

/// Flags for opening an environment.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct OpenFlags {
    /// Directory of imported definitions
    ///
    /// They are PROJECT/NAME.yaml or NAME.yaml in it. [default: the definition's directory]
    #[arg(long, value_name = "DIRECTORY")]
    pub(super) root: Option<PathBuf>,

    /// File with the OIDC token for login providers
    ///
    /// [default: the file that AWS_WEB_IDENTITY_TOKEN_FILE or AZURE_FEDERATED_TOKEN_FILE names, then the
    /// token of GitHub Actions]
    #[arg(long, value_name = "FILE", conflicts_with = "web_identity_token_env")]
    #[arg(help_heading = heading::IDENTITY_TOKENS)]
    pub(super) web_identity_token_file: Option<PathBuf>,

    /// Variable with the OIDC token for login providers
    #[arg(long, value_name = "NAME", help_heading = heading::IDENTITY_TOKENS)]
    pub(super) web_identity_token_env: Option<String>,

    /// Audience of the token from GitHub Actions
    ///
    /// [default: the one that the cloud expects, such as sts.amazonaws.com]
    #[arg(long, value_name = "AUDIENCE", help_heading = heading::IDENTITY_TOKENS)]
    pub(super) web_identity_audience: Option<String>,

    /// Environment in Pulumi Cloud that decrypts a local definition's secrets
    ///
    /// The local definition is a copy of it. [env: KUBECTL_ESC_SECRETS_OF]
    #[arg(long, value_name = "ENVIRONMENT", conflicts_with = "remote")]
    #[arg(help_heading = heading::PULUMI_CLOUD)]
    pub(super) secrets_of: Option<String>,

    #[command(flatten)]
    pub(super) cloud: CloudFlags,
}

/// Flags for Pulumi Cloud, and the timeout.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct CloudFlags {
    /// Evaluate a local definition in Pulumi Cloud
    ///
    /// All providers work there.
    #[arg(long, help_heading = heading::PULUMI_CLOUD)]
    pub(super) remote: bool,

    /// Organization for environment names without one
    ///
    /// [env: PULUMI_DEFAULT_ORGANIZATION] [default: the one set with `pulumi org set-default`, then the
    /// server's]
    #[arg(long, value_name = "ORGANIZATION", help_heading = heading::PULUMI_CLOUD)]
    pub(super) organization: Option<String>,

    /// OIDC token to exchange for a Pulumi access token: file://PATH or env:NAME
    ///
    /// [env: KUBECTL_ESC_PULUMI_OIDC_TOKEN] [default: the token of GitHub Actions, if there is no other
    /// login]
    #[arg(long, value_name = "SOURCE", help_heading = heading::PULUMI_CLOUD)]
    pub(super) pulumi_oidc_token: Option<String>,

    /// Type of the Pulumi access token to request
    ///
    /// One of organization, organization:admin, team:NAME, personal:LOGIN or runner:NAME. [env:
    /// KUBECTL_ESC_PULUMI_OIDC_TOKEN_TYPE] [default: organization]
    #[arg(long, value_name = "TYPE", help_heading = heading::PULUMI_CLOUD)]
    pub(super) pulumi_oidc_token_type: Option<String>,

    /// Give up after this long, such as 15s or 1m
    ///
    /// [env: KUBECTL_ESC_TIMEOUT] [default: 15s]
    #[arg(long, value_name = "DURATION")]
    pub(super) timeout: Option<String>,
}

/// Flags of `get-token`, except for those of the cache.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct GetTokenFlags {
    /// Environment to open: a name in Pulumi Cloud or a definition file
    ///
    /// Names are such as acme/platform/prod or acme/platform/prod@3, files such as ./env.yaml. [env:
    /// KUBECTL_ESC_ENVIRONMENT]
    #[arg(value_name = "ENVIRONMENT")]
    pub(super) environment: Option<OsString>,

    /// Cloud that runs the cluster
    ///
    /// [env: KUBECTL_ESC_PROVIDER] [default: kubernetes.provider in the environment, then the cloud of its
    /// only login]
    #[arg(long, value_name = "PROVIDER", value_parser = ClusterProvider::NAMES)]
    #[arg(help_heading = heading::CLUSTER)]
    pub(super) provider: Option<String>,

    /// Name of the EKS cluster
    ///
    /// [env: KUBECTL_ESC_CLUSTER_NAME] [default: eks.clusterName in the environment]
    #[arg(short = 'i', long, visible_alias = "cluster-id", value_name = "NAME")]
    #[arg(help_heading = heading::CLUSTER)]
    pub(super) cluster_name: Option<String>,

    /// AWS region of the cluster
    ///
    /// [env: KUBECTL_ESC_REGION] [default: eks.region in the environment]
    #[arg(long, value_name = "REGION", help_heading = heading::CLUSTER)]
    pub(super) region: Option<String>,

    /// ARN of a role to assume with the environment's credentials
    ///
    /// [env: KUBECTL_ESC_ROLE_ARN]
    #[arg(long, value_name = "ARN", help_heading = heading::AWS)]
    pub(super) role_arn: Option<String>,

    /// External ID for that role
    ///
    /// [env: KUBECTL_ESC_EXTERNAL_ID]
    #[arg(long, value_name = "ID", help_heading = heading::AWS)]
    pub(super) external_id: Option<String>,

    /// Session name for that role
    ///
    /// [env: KUBECTL_ESC_SESSION_NAME] [default: kubectl-esc]
    #[arg(long, value_name = "NAME", help_heading = heading::AWS)]
    pub(super) session_name: Option<String>,

    /// URL of the Microsoft Entra endpoint that issues tokens for AKS
    ///
    /// [env: AZURE_AUTHORITY_HOST] [default: that of the API server's cloud]
    #[arg(long, value_name = "URL", help_heading = heading::AZURE)]
    pub(super) azure_authority_host: Option<String>,

    /// Property path of the credentials, such as aws.creds
    ///
    /// For GKE and AKS, that of the output of gcp-login or azure-login. [env: KUBECTL_ESC_CREDENTIALS]
    /// [default: found in the environment]
    #[arg(long, value_name = "PATH", help_heading = heading::CREDENTIALS)]
    pub(super) credentials: Option<String>,

    /// Property path of an OIDC token to exchange for credentials
    ///
    /// AWS STS exchanges it for credentials of the role that --role-arn names. [env:
    /// KUBECTL_ESC_WEB_IDENTITY]
    #[arg(long, value_name = "PATH", conflicts_with = "credentials")]
    #[arg(help_heading = heading::IDENTITY_TOKENS)]
    pub(super) web_identity: Option<String>,

    /// How long to use credentials of unknown expiry, such as 1h
    ///
    /// [env: KUBECTL_ESC_CREDENTIAL_LIFETIME] [default: 15m]
    #[arg(long, value_name = "DURATION", help_heading = heading::CREDENTIALS)]
    pub(super) credential_lifetime: Option<String>,

    /// Version of the exec protocol: v1 or v1beta1
    ///
    /// For clients that do not set KUBERNETES_EXEC_INFO. [env: KUBECTL_ESC_API_VERSION] [default: v1]
    #[arg(long, value_name = "VERSION", help_heading = heading::OUTPUT)]
    pub(super) api_version: Option<String>,

    #[command(flatten)]
    pub(super) open: OpenFlags,
}

/// Flags for editing a kubeconfig.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct KubeconfigFlags {
    /// Kubeconfig file to change
    ///
    /// [default: the files in KUBECONFIG, or ~/.kube/config]
    #[arg(long, value_name = "FILE", help_heading = heading::KUBECONFIG)]
    pub(super) kubeconfig: Option<PathBuf>,

    /// Name of the context, and of the user unless --user-alias is given
    #[arg(long, value_name = "NAME", help_heading = heading::KUBECONFIG)]
    pub(super) alias: Option<String>,

    /// Name of the user
    #[arg(long, value_name = "NAME", help_heading = heading::KUBECONFIG)]
    pub(super) user_alias: Option<String>,

    /// Print the changes as a diff without writing them
    #[arg(long, help_heading = heading::OUTPUT)]
    pub(super) dry_run: bool,

    /// Make the context the current one
    #[arg(long, help_heading = heading::KUBECONFIG)]
    pub(super) set_current: bool,
}

/// The location of the credential cache.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct CacheDirectoryFlags {
    /// Directory of kubectl's caches
    ///
    /// Entries are in its subdirectory kubectl-esc. [env: KUBECTL_ESC_CACHE_DIR] [default:
    /// ~/.kube/cache]
    #[arg(long, value_name = "DIRECTORY", help_heading = heading::CACHE)]
    pub(super) cache_dir: Option<PathBuf>,
}

/// Flags for using the credential cache.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct CacheFlags {
    /// Do not read or write the credential cache
    ///
    /// [env: KUBECTL_ESC_NO_CACHE]
    #[arg(long, help_heading = heading::CACHE)]
    pub(super) no_cache: bool,

    /// Fetch new credentials and replace the cached ones
    #[arg(long, conflicts_with = "no_cache", help_heading = heading::CACHE)]
    pub(super) refresh: bool,

    #[command(flatten)]
    pub(super) directory: CacheDirectoryFlags,
}
