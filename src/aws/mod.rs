//! AWS: from an identity to temporary credentials, and from those to the token that an EKS cluster
//! takes.

pub mod aws_login;
pub mod caller;
pub mod credentials;
pub mod eks;
pub mod eks_token;
pub mod endpoint;
pub mod from_environment;
mod sdk;
pub mod sts;
pub mod web_identity;

pub use credentials::Credentials;
