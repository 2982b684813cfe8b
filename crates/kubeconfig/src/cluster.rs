//! A cluster, as a kubeconfig describes it.

use serde_json::json;

use crate::changes::{EntryChange, Section};
use crate::error::{Error, Result};
use crate::tree::Node;

/// What a client needs to connect to a cluster from any machine.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Cluster {
    /// The URL of the API server.
    pub server: String,
    /// The cluster's CA certificates: PEM in Base64. `None` if the system's CAs are enough.
    pub certificate_authority_data: Option<String>,
    /// The name in the server's certificate, if it is not the host name.
    pub tls_server_name: Option<String>,
    /// The proxy to use.
    pub proxy_url: Option<String>,
}

impl Cluster {
    /// Reads the `cluster` field of an entry. Rejects a cluster that only works on the machine where
    /// the kubeconfig was written.
    pub(crate) fn read(content: Option<&Node>) -> Result<Self> {
        let text = |key: &str| {
            let text = content?.get(key)?.text()?;
            (!text.is_empty()).then(|| text.to_owned())
        };
        let Some(server) = text("server") else {
            return Err(Error::unusable("its cluster has no `server`"));
        };
        let certificate_authority_data = text("certificate-authority-data");
        if certificate_authority_data.is_none() && text("certificate-authority").is_some() {
            let reason = "`certificate-authority` of its cluster is a file on another machine";
            return Err(Error::unusable(reason));
        }
        if text("insecure-skip-tls-verify").is_some_and(|value| value != "false") {
            let reason = "its cluster sets `insecure-skip-tls-verify`";
            return Err(Error::unusable(reason));
        }
        let cluster = Self {
            server,
            certificate_authority_data,
            tls_server_name: text("tls-server-name"),
            proxy_url: text("proxy-url"),
        };
        cluster.check()?;
        Ok(cluster)
    }

    /// Rejects URLs with a user name or password, because kubeconfigs get shared, and servers
    /// without TLS.
    pub fn check(&self) -> Result<()> {
        let server = [("server", &self.server)].into_iter();
        for (key, url) in server.chain(self.proxy_url.iter().map(|url| ("proxy-url", url))) {
            let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
            let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
            if authority.contains('@') {
                return Err(Error::new(
                    format!("`{key}` of the cluster contains a user name or a password"),
                    "remove them from the URL",
                ));
            }
        }
        if !self.server.starts_with("https://") {
            return Err(Error::new(
                "the URL of the API server must start with `https://`",
                "pass the full URL, such as https://api.example.com:6443",
            ));
        }
        Ok(())
    }

    /// Returns the change that makes the entry `name` describe this cluster. Removes what
    /// contradicts it, but keeps an existing `proxy-url` if this cluster has none.
    #[must_use]
    pub fn entry(&self, name: &str) -> EntryChange {
        let mut set = vec![("server", json!(self.server))];
        let mut remove = vec!["certificate-authority", "insecure-skip-tls-verify"];
        let authority = &self.certificate_authority_data;
        for (key, value) in [
            ("certificate-authority-data", authority),
            ("tls-server-name", &self.tls_server_name),
        ] {
            match value {
                Some(value) => set.push((key, json!(value))),
                None => remove.push(key),
            }
        }
        set.extend(self.proxy_url.iter().map(|url| ("proxy-url", json!(url))));
        EntryChange {
            section: Section::Clusters,
            name: name.to_owned(),
            set,
            remove,
        }
    }
}
