//! What signing a token takes.

use crate::authenticate::inputs::Inputs;
use crate::aws::Credentials;
use crate::aws::eks_token::{EksToken, PresignRequest};
use crate::aws::endpoint::Region;
use crate::context::Context;
use crate::error::Result;

/// A cluster, and the credentials to sign tokens for it.
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
