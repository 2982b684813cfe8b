//! What is known before the environment is opened.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value as Json};

use crate::clock::{Deadline, format_duration, parse_duration};
use crate::config::Reference;
use crate::config::flags::{GetTokenFlags, OpenFlags};
use crate::config::setting::{Search, Setting};
use crate::error::{Error, Result};
use crate::host::Host;

/// How long a call may take where nothing else is said.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(15);

/// An environment to open, and how.
#[derive(Clone, Debug)]
pub struct OpenRequest {
    /// The environment.
    pub environment: Reference,
    /// The folder for imports; `None` is the definition's own.
    pub root: Option<PathBuf>,
    /// `--web-identity-token-file`.
    pub web_identity_token_file: Option<PathBuf>,
    /// `--web-identity-token-env`.
    pub web_identity_token_env: Option<String>,
    /// `--web-identity-audience`.
    pub web_identity_audience: Option<String>,
    /// The environment in Pulumi Cloud that decrypts the ciphertexts of a local definition.
    pub secrets_of: Option<Setting>,
    /// `--remote`.
    pub remote: bool,
    /// The organisation of an environment that is named without one.
    pub organization: Option<Setting>,
    /// Where the identity token is that is exchanged for a Pulumi access token, as it was written.
    pub pulumi_oidc_token: Option<Setting>,
    /// The type of that access token, as it was written.
    pub pulumi_oidc_token_type: Option<Setting>,
    /// The region that the user gave for AWS, if any: STS of that region issues credentials.
    pub region: Option<String>,
    /// When the call has to be over.
    pub deadline: Deadline,
}

impl OpenRequest {
    /// Reads the flags and variables for opening `environment`.
    pub fn read(environment: &str, flags: &OpenFlags, host: &Host) -> Result<Self> {
        let cloud = &flags.cloud;
        let timeout = Search::flag("--timeout", cloud.timeout.as_ref())
            .variable("KUBECTL_ESC_TIMEOUT", host)?
            .end();
        let timeout = match timeout {
            Some(timeout) => timeout.parse(|text| positive_duration(text))?.value,
            None => DEFAULT_TIMEOUT,
        };
        let expand = |path: Option<&PathBuf>| path.map(|path| host.expand(path)).transpose();
        Ok(Self {
            environment: Reference::parse(environment, host)?,
            root: expand(flags.root.as_ref())?,
            web_identity_token_file: expand(flags.web_identity_token_file.as_ref())?,
            web_identity_token_env: flags.web_identity_token_env.clone(),
            web_identity_audience: flags.web_identity_audience.clone(),
            secrets_of: Search::flag("--secrets-of", flags.secrets_of.as_ref())
                .variable("KUBECTL_ESC_SECRETS_OF", host)?
                .end(),
            remote: cloud.remote,
            organization: Search::flag("--organization", cloud.organization.as_ref())
                .variable("PULUMI_DEFAULT_ORGANIZATION", host)?
                .end(),
            pulumi_oidc_token: Search::flag(
                "--pulumi-oidc-token",
                cloud.pulumi_oidc_token.as_ref(),
            )
            .variable("KUBECTL_ESC_PULUMI_OIDC_TOKEN", host)?
            .end(),
            pulumi_oidc_token_type: Search::flag(
                "--pulumi-oidc-token-type",
                cloud.pulumi_oidc_token_type.as_ref(),
            )
            .variable("KUBECTL_ESC_PULUMI_OIDC_TOKEN_TYPE", host)?
            .end(),
            region: None,
            deadline: Deadline::after(timeout),
        })
    }
}

/// What `get-token` is asked for. The settings that the environment may hold too are not final.
#[derive(Clone, Debug)]
pub struct Request {
    /// The environment to open.
    pub open: OpenRequest,
    pub(crate) extension: Map<String, Json>,
    pub(crate) cluster_name: Option<Setting>,
    pub(crate) region: Option<Setting>,
    pub(crate) role_arn: Option<Setting>,
    pub(crate) external_id: Option<Setting>,
    pub(crate) session_name: Option<Setting>,
    pub(crate) credentials: Option<Setting>,
    pub(crate) web_identity: Option<Setting>,
    pub(crate) credential_lifetime: Option<Setting>,
}

impl Request {
    /// Reads flags and variables. `extension` is the cluster's extension
    /// `client.authentication.k8s.io/exec`, as the exec info hands it on.
    pub fn read(flags: &GetTokenFlags, host: &Host, extension: Map<String, Json>) -> Result<Self> {
        let environment = Search::flag("ENVIRONMENT", flags.environment.as_ref())
            .variable("KUBECTL_ESC_ENVIRONMENT", host)?
            .extension(&extension, "environment")?;
        let Some(environment) = environment.end() else {
            return Err(Error::configuration("no environment is named").with_hint(
                "name one: `kubectl-esc get-token ./env.yaml`, or set KUBECTL_ESC_ENVIRONMENT",
            ));
        };
        let region = Search::flag("--region", flags.region.as_ref())
            .variable("KUBECTL_ESC_REGION", host)?
            .end();
        let mut open = OpenRequest::read(&environment.value, &flags.open, host)?;
        open.region = region.as_ref().map(|region| region.value.clone());
        Ok(Self {
            open,
            extension,
            cluster_name: Search::flag("--cluster-name", flags.cluster_name.as_ref())
                .variable("KUBECTL_ESC_CLUSTER_NAME", host)?
                .end(),
            region,
            role_arn: Search::flag("--role-arn", flags.role_arn.as_ref())
                .variable("KUBECTL_ESC_ROLE_ARN", host)?
                .end(),
            external_id: Search::flag("--external-id", flags.external_id.as_ref())
                .variable("KUBECTL_ESC_EXTERNAL_ID", host)?
                .end(),
            session_name: Search::flag("--session-name", flags.session_name.as_ref())
                .variable("KUBECTL_ESC_SESSION_NAME", host)?
                .end(),
            credentials: Search::flag("--credentials", flags.credentials.as_ref())
                .variable("KUBECTL_ESC_CREDENTIALS", host)?
                .end(),
            web_identity: Search::flag("--web-identity", flags.web_identity.as_ref())
                .variable("KUBECTL_ESC_WEB_IDENTITY", host)?
                .end(),
            credential_lifetime: Search::flag(
                "--credential-lifetime",
                flags.credential_lifetime.as_ref(),
            )
            .variable("KUBECTL_ESC_CREDENTIAL_LIFETIME", host)?
            .end(),
        })
    }
}

impl Request {
    /// Whether Pulumi Cloud opens the environment.
    #[must_use]
    pub fn is_in_cloud(&self) -> bool {
        self.open.remote || matches!(self.open.environment, Reference::Cloud(_))
    }

    /// The cluster's name, where a flag or a variable says it.
    #[must_use]
    pub fn cluster_name(&self) -> Option<&Setting> {
        self.cluster_name.as_ref()
    }

    /// The region, where a flag or a variable says it.
    #[must_use]
    pub fn region(&self) -> Option<&Setting> {
        self.region.as_ref()
    }
}

/// Reads a duration that is more than nothing.
pub(super) fn positive_duration(text: &str) -> Result<Duration> {
    parse_duration(text)
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| {
            Error::configuration(format!("`{text}` is not a duration")).with_hint(format!(
                "write one such as {}",
                format_duration(DEFAULT_TIMEOUT)
            ))
        })
}
