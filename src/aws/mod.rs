//! AWS: temporary credentials from its Security Token Service (STS), and what leads to them.

pub mod aws_login;
pub mod credentials;
pub mod sts;
pub mod web_identity;

pub use credentials::Credentials;
