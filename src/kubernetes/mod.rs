//! What client-go says to an exec credential plugin, and what it wants to hear.
//!
//! The protocol: <https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins>

pub mod eks_login;
pub mod exec_credential;
pub mod exec_info;
pub mod kubeconfig_files;
pub mod plugin_user;

pub use exec_credential::ExecCredential;
pub use exec_info::{ApiVersion, ExecInfo};
