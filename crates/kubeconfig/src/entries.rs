//! The entries of clusters and contexts.

use serde_json::{Value as Json, json};

use crate::edit::{Section, Wanted};
use crate::error::{Error, Result};

/// What a client needs to know of a cluster.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Cluster {
    /// The URL of the API server.
    pub server: String,
    /// Its certificate authority: PEM in Base64. `None` for one that every machine knows.
    pub certificate_authority_data: Option<String>,
    /// The name in its certificate, where that is another than the host's.
    pub tls_server_name: Option<String>,
    /// The proxy that leads to it.
    pub proxy_url: Option<String>,
}

impl Cluster {
    /// Refuses addresses that hold a user name or a password: a kubeconfig is handed around.
    pub fn check(&self) -> Result<()> {
        for (url, key) in [
            (Some(&self.server), "server"),
            (self.proxy_url.as_ref(), "proxy-url"),
        ] {
            let Some(url) = url else { continue };
            let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
            let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
            if authority.contains('@') {
                return Err(Error::new(
                    format!("the cluster's `{key}` holds a user name or a password"),
                    "write the address without them",
                ));
            }
        }
        if !self.server.starts_with("https://") {
            return Err(Error::new(
                "the address of the API server is not an `https` one",
                "write it in full, such as https://api.example.com:6443",
            ));
        }
        Ok(())
    }

    /// The cluster's entry. A hand-made `proxy-url` stays where there is no other.
    #[must_use]
    pub fn entry(&self, name: &str) -> Wanted {
        let mut values: Vec<(_, Json)> = vec![(vec!["server"], json!(self.server))];
        let mut removed = vec![
            vec!["certificate-authority"],
            vec!["insecure-skip-tls-verify"],
        ];
        for (key, value, stays) in [
            (
                "certificate-authority-data",
                &self.certificate_authority_data,
                false,
            ),
            ("tls-server-name", &self.tls_server_name, false),
            ("proxy-url", &self.proxy_url, true),
        ] {
            match value {
                Some(value) => values.push((vec![key], json!(value))),
                None if stays => {}
                None => removed.push(vec![key]),
            }
        }
        Wanted {
            section: Section::Clusters,
            name: name.to_owned(),
            values,
            removed,
        }
    }
}

/// The entry of a context. A namespace that is there stays.
#[must_use]
pub fn context_entry(name: &str, cluster: &str, user: &str, namespace: Option<&str>) -> Wanted {
    let mut values = vec![
        (vec!["cluster"], json!(cluster)),
        (vec!["user"], json!(user)),
    ];
    if let Some(namespace) = namespace {
        values.push((vec!["namespace"], json!(namespace)));
    }
    Wanted {
        section: Section::Contexts,
        name: name.to_owned(),
        values,
        removed: Vec::new(),
    }
}
