//! What a call asks for, as far as it is known before the environment is opened.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value as Json};

use crate::config::{CacheRequest, ClusterProvider, Reference, Setting};
use crate::kubernetes::ApiVersion;

/// How long a call may take by default.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(15);

/// An environment to open, and how.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OpenRequest {
    /// The environment.
    pub environment: Reference,
    /// The directory that holds imported definitions; `None` is the directory of the definition itself.
    pub root: Option<PathBuf>,
    /// The file with the identity token for login providers: `--web-identity-token-file`.
    pub web_identity_token_file: Option<PathBuf>,
    /// The variable with the identity token for login providers: `--web-identity-token-env`.
    pub web_identity_token_env: Option<String>,
    /// The audience to request from GitHub Actions: `--web-identity-audience`.
    pub web_identity_audience: Option<String>,
    /// The environment in Pulumi Cloud that decrypts the ciphertexts of a local definition.
    pub secrets_of: Option<Setting>,
    /// Whether Pulumi Cloud evaluates a local definition.
    pub remote: bool,
    /// The organization for environment names without one.
    pub organization: Option<Setting>,
    /// The source of the OIDC token to exchange for a Pulumi access token: `file://PATH` or
    /// `env:NAME`.
    pub pulumi_oidc_token: Option<Setting>,
    /// The type of that access token, such as `organization` or `team:NAME`.
    pub pulumi_oidc_token_type: Option<Setting>,
    /// The AWS region whose STS endpoint issues credentials to `aws-login`, if the caller set one.
    pub region: Option<String>,
    /// How long the call may take.
    pub timeout: Duration,
}

impl OpenRequest {
    /// A request with default settings.
    #[must_use]
    pub fn new(environment: Reference) -> Self {
        Self {
            environment,
            root: None,
            web_identity_token_file: None,
            web_identity_token_env: None,
            web_identity_audience: None,
            secrets_of: None,
            remote: false,
            organization: None,
            pulumi_oidc_token: None,
            pulumi_oidc_token_type: None,
            region: None,
            timeout: DEFAULT_TIMEOUT,
        }
    }

    /// Whether Pulumi Cloud opens the environment.
    #[must_use]
    pub fn is_in_cloud(&self) -> bool {
        self.remote || matches!(self.environment, Reference::Cloud(_))
    }
}

/// What is requested.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Purpose {
    /// AWS credentials, for any AWS service. No cluster is involved.
    AwsCredentials,
    /// A token for a cluster.
    #[default]
    ClusterToken,
}

/// A request for a cluster token or for AWS credentials. A setting that is `None` is looked up in the
/// environment, and then in the cluster extension.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Request {
    /// What is requested.
    pub purpose: Purpose,
    /// The environment to open.
    pub open: OpenRequest,
    /// How the credential cache is used.
    pub cache: CacheRequest,
    /// The version of the exec protocol to answer in.
    pub api_version: ApiVersion,
    /// Whether a Kubernetes client makes the call: it passed `KUBERNETES_EXEC_INFO`.
    pub is_from_client: bool,
    /// The URL of the API server, if the client passed it.
    pub api_server: Option<String>,
    /// The cluster extension `client.authentication.k8s.io/exec`: settings by name.
    pub extension: Map<String, Json>,
    /// The cloud that runs the cluster.
    pub provider: Option<Setting<ClusterProvider>>,
    /// The name of the EKS cluster.
    pub cluster_name: Option<Setting>,
    /// The AWS region of the cluster.
    pub region: Option<Setting>,
    /// The ARN of the role to assume with the environment's credentials.
    pub role_arn: Option<Setting>,
    /// The external ID for that role.
    pub external_id: Option<Setting>,
    /// The session name for that role.
    pub session_name: Option<Setting>,
    /// The property path of the credentials in the environment: of the AWS credentials, or of the login
    /// to another cloud.
    pub credentials: Option<Setting>,
    /// The property path of an identity token in the environment.
    pub web_identity: Option<Setting>,
    /// How long credentials of unknown expiry are used: a duration such as `1h`.
    pub credential_lifetime: Option<Setting>,
    /// The URL of the Microsoft Entra endpoint that issues tokens for AKS.
    pub azure_authority_host: Option<Setting>,
}

impl Request {
    /// A request with default settings and no cache.
    #[must_use]
    pub fn new(open: OpenRequest) -> Self {
        Self {
            purpose: Purpose::default(),
            open,
            cache: CacheRequest::default(),
            api_version: ApiVersion::default(),
            is_from_client: false,
            api_server: None,
            extension: Map::new(),
            provider: None,
            cluster_name: None,
            region: None,
            role_arn: None,
            external_id: None,
            session_name: None,
            credentials: None,
            web_identity: None,
            credential_lifetime: None,
            azure_authority_host: None,
        }
    }
}
