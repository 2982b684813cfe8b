//! The exec credential plugin protocol of client-go, and the kubeconfig entries that use it.
//!
//! Protocol: <https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins>

pub(crate) mod api_server;
mod exec_credential;
pub(crate) mod exec_info;
pub(crate) mod kubeconfig_files;
pub(crate) mod plugin_user;

pub use exec_credential::ExecCredential;
pub use exec_info::{ApiVersion, ExecInfo, ProvidedCluster};
