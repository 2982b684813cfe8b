//! Google Cloud: access tokens from its Security Token Service (STS) and from the IAM Service Account
//! Credentials API, and the clusters of Google Kubernetes Engine (GKE).

pub(crate) mod endpoint;
mod failure;
pub(crate) mod find_access_token;
pub(crate) mod gke;
pub(crate) mod iam_credentials;
pub(crate) mod sts;

use crate::identity_token::Recipient;

/// The scope of all APIs of Google Cloud.
const CLOUD_PLATFORM: &str = "https://www.googleapis.com/auth/cloud-platform";

/// STS. `audience` is that of the tokens which the workload identity provider accepts.
pub(crate) fn identity_token_recipient(audience: &str) -> Recipient<'_> {
    Recipient {
        name: "Google Cloud",
        file_variable: None,
        audience,
    }
}
