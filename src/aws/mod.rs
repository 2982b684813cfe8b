//! AWS: temporary credentials from STS, and the token for an EKS cluster that they sign.

pub mod caller_identity;
pub mod credentials;
pub mod eks;
pub mod eks_token;
pub mod endpoint;
mod failure;
pub mod find_credentials;
pub(crate) mod partition;
mod sdk;
pub mod sts;
pub mod web_identity;

pub use credentials::Credentials;
