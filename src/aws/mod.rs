//! AWS: credentials, and the token that an EKS cluster takes.

pub mod credentials;
pub mod eks_token;
pub mod endpoint;
pub mod from_environment;
