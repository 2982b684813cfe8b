//! AWS: temporary credentials from STS, and the token for an EKS cluster that they sign.

pub(crate) mod arn;
pub(crate) mod caller_identity;
mod credentials;
pub(crate) mod eks;
pub mod eks_token;
pub mod endpoint;
mod failure;
#[doc(hidden)]
pub mod find_credentials;
pub(crate) mod partition;
pub(crate) mod reported_failure;
mod sdk;
mod sigv4;
pub(crate) mod sts;

pub use credentials::Credentials;

use crate::identity_token::Recipient;

/// STS, with the audience that AWS documents for OIDC identity providers.
pub(crate) const IDENTITY_TOKEN_RECIPIENT: Recipient<'static> = Recipient {
    name: "AWS",
    file_variable: Some("AWS_WEB_IDENTITY_TOKEN_FILE"),
    audience: "sts.amazonaws.com",
};
