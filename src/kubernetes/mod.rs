//! The exec credential plugin protocol of client-go, and the kubeconfig entries that use it.
//!
//! Protocol: <https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins>

pub mod eks_token_command;
pub mod exec_credential;
pub mod exec_info;
pub mod kubeconfig_files;
pub mod plugin_user;

pub use exec_credential::ExecCredential;
pub use exec_info::{ApiVersion, ExecInfo};
