//! Asks AWS STS for temporary credentials: `AssumeRoleWithWebIdentity` and `AssumeRole`.
//!
//! The SDK's configuration is made by hand from what the caller gives: no profile, no instance
//! metadata, no variable but those that [`Settings::from_host`] reads.

use std::time::Duration;

use crate::aws::Credentials;
use crate::clock::Deadline;
use crate::error::{Error, Kind, Result};
use crate::host::Host;
use crate::http::HttpClient;
use crate::secret::Secret;

/// The name of a session of which nobody said how to call it.
pub const DEFAULT_SESSION_NAME: &str = "kubectl-esc";

/// How STS is addressed: which of its endpoints, or another in its place.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Settings {
    /// The URL to call in place of the region's endpoint.
    pub endpoint: Option<String>,
    /// Whether to call the endpoint with FIPS 140 validated cryptography.
    pub fips: bool,
    /// Whether to call the endpoint that has IPv6 and IPv4 addresses.
    pub dual_stack: bool,
}

/// The inputs of `AssumeRoleWithWebIdentity`.
#[derive(Clone, Debug)]
pub struct AssumeRoleWithWebIdentity<'a> {
    /// The role's ARN.
    pub role_arn: String,
    /// Names the session in AWS's records: 2 to 64 letters, digits and `_+=,.@-`.
    pub session_name: String,
    /// How long the credentials last; STS gives an hour where it is not said.
    pub duration: Option<Duration>,
    /// Managed policies that narrow what the session may do.
    pub policy_arns: Vec<String>,
    /// The OIDC identity token.
    pub identity_token: &'a Secret<String>,
}

/// The inputs of `AssumeRole`.
#[derive(Clone, Debug)]
pub struct AssumeRole {
    /// The role's ARN.
    pub role_arn: String,
    /// Names the session in AWS's records: 2 to 64 letters, digits and `_+=,.@-`.
    pub session_name: String,
    /// What the role's trust policy asks of a third party.
    pub external_id: Option<String>,
    /// How long the credentials last; STS gives an hour where it is not said.
    pub duration: Option<Duration>,
}

/// AWS STS in one region.
#[derive(Debug)]
pub struct Sts {
    http: HttpClient,
    region: String,
    settings: Settings,
    deadline: Deadline,
}

impl Settings {
    /// What the variables say that all AWS tools share: `AWS_ENDPOINT_URL_STS`, then
    /// `AWS_ENDPOINT_URL` (both unless `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS` is true),
    /// `AWS_USE_FIPS_ENDPOINT` and `AWS_USE_DUALSTACK_ENDPOINT`.
    pub fn from_host(host: &Host) -> Result<Self> {
        let _ = host;
        Err(Error::new(Kind::Internal, "not built yet"))
    }
}

impl Sts {
    /// STS in `region`. Nothing is started or connected before the first call.
    #[must_use]
    pub fn new(http: &HttpClient, region: String, settings: Settings, deadline: Deadline) -> Self {
        Self {
            http: http.clone(),
            region,
            settings,
            deadline,
        }
    }

    /// Exchanges an identity token for credentials of a role. The call is not signed.
    pub fn assume_role_with_web_identity(
        &self,
        request: &AssumeRoleWithWebIdentity<'_>,
    ) -> Result<Credentials> {
        let _ = request;
        Err(Error::new(Kind::Internal, "not built yet"))
    }

    /// Assumes a role with the credentials at hand.
    pub fn assume_role(&self, with: &Credentials, request: &AssumeRole) -> Result<Credentials> {
        let _ = (with, request);
        Err(Error::new(Kind::Internal, "not built yet"))
    }
}
