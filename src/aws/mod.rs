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
pub(crate) mod sts;
pub(crate) mod web_identity;

pub use credentials::Credentials;
