//! What a token for a cluster is made of.

use crate::authenticate::inputs::Inputs;
use crate::aws::Credentials;
use crate::aws::eks_token::{CREDENTIALS_MARGIN, EksToken, PresignRequest};
use crate::aws::endpoint::Region;
use crate::clock::Timestamp;
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::secret::Secret;

/// The result of a fetch, which the cache stores.
pub(super) enum Session {
    Eks(ClusterSession),
    /// Of GKE and AKS.
    AccessToken(AccessTokenSession),
}

impl Session {
    /// The session for AWS, which is what a request for AWS credentials leads to.
    pub(super) fn into_aws(self) -> Result<ClusterSession> {
        match self {
            Self::Eks(session) => Ok(session),
            Self::AccessToken(_) => {
                let message = "an access token was found instead of AWS credentials";
                Err(Error::new(Kind::Internal, message))
            }
        }
    }
}

/// An EKS cluster, and the credentials to sign tokens for it.
pub(super) struct ClusterSession {
    pub(super) cluster_name: String,
    /// The cluster name for messages: the name itself may be secret.
    pub(super) shown_cluster_name: String,
    pub(super) region: Region,
    pub(super) credentials: Credentials,
    /// AWS's clock minus this machine's, in seconds; 0 if AWS was not asked.
    pub(super) clock_offset: i64,
}

impl ClusterSession {
    /// Signs a token with the current time on AWS's clock, as far as it is known.
    pub(super) fn sign(&self, inputs: &Inputs, context: Context<'_>) -> Result<EksToken> {
        EksToken::presign(&PresignRequest {
            cluster_name: &self.cluster_name,
            region: &self.region,
            endpoint_mode: inputs.sts.endpoint_mode,
            credentials: &self.credentials,
            signed_at: context.now().shifted(self.clock_offset),
        })
    }
}

/// The access token of a cloud, which all of its clusters accept.
pub(super) struct AccessTokenSession {
    pub(super) token: Secret<String>,
    /// When the token expires, by this machine's clock.
    pub(super) expires_at: Timestamp,
}

impl AccessTokenSession {
    /// When to replace the token: client-go has no margin.
    pub(super) fn replace_at(&self) -> Timestamp {
        self.expires_at.minus(CREDENTIALS_MARGIN)
    }
}
