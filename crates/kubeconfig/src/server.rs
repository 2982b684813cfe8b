//! How to connect to the API server of a cluster.

use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::tree::Node;

/// The name of the extension that clients pass to exec plugins.
const EXEC_EXTENSION: &str = "client.authentication.k8s.io/exec";

/// How this machine connects to the API server of a cluster, as the kubeconfig says. It may depend on
/// files of this machine, unlike a [`Cluster`](crate::Cluster). `Debug` shows nothing: the URL of a proxy
/// may hold a password.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct ClusterServer {
    /// The URL; empty if the cluster has none.
    pub url: String,
    /// The file with the CA certificates in PEM. Clients ignore it if there is
    /// `certificate_authority_data`.
    pub certificate_authority: Option<PathBuf>,
    /// The CA certificates: PEM in Base64.
    pub certificate_authority_data: Option<String>,
    /// Whether any certificate of the server is accepted.
    pub insecure_skip_tls_verify: bool,
    /// The name in the server's certificate, if it is not the host name.
    pub tls_server_name: Option<String>,
    /// The proxy to use, instead of the one in the client's environment variables.
    pub proxy_url: Option<String>,
    /// The extension that clients pass to exec plugins with `provideClusterInfo: true`.
    pub exec_extension: Option<Json>,
}

impl fmt::Debug for ClusterServer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ClusterServer")
            .finish_non_exhaustive()
    }
}

impl ClusterServer {
    /// Reads the `cluster` field of an entry in a file in `directory`.
    pub(crate) fn read(content: &Node, directory: &Path) -> Self {
        let text = |key: &str| {
            let text = content.get(key).and_then(Node::text);
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let extensions = content.get("extensions").map_or(&[][..], Node::items);
        let exec = extensions
            .iter()
            .find(|item| item.get("name").and_then(Node::text) == Some(EXEC_EXTENSION));
        Self {
            url: text("server").unwrap_or_default(),
            certificate_authority: text("certificate-authority").map(|path| directory.join(path)),
            certificate_authority_data: text("certificate-authority-data"),
            insecure_skip_tls_verify: content
                .get("insecure-skip-tls-verify")
                .is_some_and(Node::is_true),
            tls_server_name: text("tls-server-name"),
            proxy_url: text("proxy-url"),
            exec_extension: exec
                .and_then(|item| item.get("extension"))
                .map(Node::to_json),
        }
    }
}
