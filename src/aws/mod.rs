//! AWS: from an identity to temporary credentials, and from those to the token that an EKS cluster
//! takes.

pub mod caller_identity;
pub mod credentials;
pub mod eks;
pub mod eks_token;
pub mod endpoint;
pub mod find_credentials;
mod sdk;
pub mod sts;
pub mod web_identity;

pub use credentials::Credentials;
