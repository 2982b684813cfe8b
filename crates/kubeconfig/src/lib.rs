//! Kubeconfigs: reading what matters of one, and changing those of a machine in place.
//!
//! [`Kubeconfig`] reads a text from anywhere, such as an environment. [`edit`] changes entries in a
//! text and leaves every other byte as it is.

mod edit;
mod entries;
mod error;
mod merged;
mod redact;
mod splice;
mod text;
mod tree;

use serde::Deserialize;

pub use edit::{Changes, Section, Wanted, edit, new_text};
pub use entries::{Cluster, context_entry};
pub use error::{Error, Result};
pub use merged::{Context, Exec, Merged, Source, User};
pub use redact::redacted;

/// A kubeconfig, as far as it is read here; everything else in it is ignored.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Kubeconfig {
    #[serde(default, deserialize_with = "null_is_empty")]
    clusters: Vec<NamedCluster>,
    #[serde(default, deserialize_with = "null_is_empty")]
    contexts: Vec<NamedContext>,
    #[serde(default)]
    current_context: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
struct NamedCluster {
    #[serde(default)]
    name: Option<String>,
    #[serde(default, deserialize_with = "null_is_empty")]
    cluster: ReadCluster,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct ReadCluster {
    #[serde(default)]
    server: Option<String>,
    #[serde(default)]
    certificate_authority: Option<String>,
    #[serde(default)]
    certificate_authority_data: Option<String>,
    #[serde(default)]
    insecure_skip_tls_verify: Option<bool>,
    #[serde(default)]
    tls_server_name: Option<String>,
    #[serde(default)]
    proxy_url: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
struct NamedContext {
    #[serde(default)]
    name: Option<String>,
    #[serde(default, deserialize_with = "null_is_empty")]
    context: ReadContext,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct ReadContext {
    #[serde(default)]
    cluster: Option<String>,
    #[serde(default)]
    namespace: Option<String>,
}

impl Kubeconfig {
    /// Reads a kubeconfig in YAML or JSON: the first document, as kubectl does.
    pub fn parse(text: &str) -> Result<Self> {
        let mut documents = serde_yaml::Deserializer::from_str(text.trim_start_matches('\u{feff}'));
        let Some(document) = documents.next() else {
            return Ok(Self::default());
        };
        // The reader's own message may quote the text, which may hold a token.
        Self::deserialize(document).map_err(|error| {
            let place = error.location().map_or_else(String::new, |location| {
                format!(" (line {}, column {})", location.line(), location.column())
            });
            Error::new(
                format!("the kubeconfig cannot be read{place}"),
                "see that `kubectl config view` reads it",
            )
        })
    }

    /// The URLs of the API servers, in the order of the file.
    pub fn servers(&self) -> impl Iterator<Item = &str> {
        self.clusters
            .iter()
            .filter_map(|cluster| cluster.cluster.server.as_deref())
    }

    /// The cluster that a context leads to, and the namespace that it starts in: the context of
    /// this name, or else the current one, or else the only one. Without any context, the only
    /// cluster.
    ///
    /// A cluster that would not serve on another machine is an error, as is one that holds a
    /// secret.
    pub fn cluster_of(&self, context: Option<&str>) -> Result<(Cluster, Option<String>)> {
        let current = self.current_context.as_deref();
        let name = context.or(current.filter(|name| !name.is_empty()));
        let (cluster, namespace) = match (name, self.contexts.as_slice()) {
            (Some(name), contexts) => {
                let found = contexts
                    .iter()
                    .find(|context| context.name.as_deref() == Some(name))
                    .ok_or_else(|| unusable(&format!("it has no context `{name}`")))?;
                self.behind(found)?
            }
            (None, [only]) => self.behind(only)?,
            (None, []) => match self.clusters.as_slice() {
                [only] => (&only.cluster, None),
                [] => return Err(unusable("it has no cluster")),
                _ => return Err(unusable("it has several clusters, and no context")),
            },
            (None, _) => {
                return Err(unusable(
                    "it has several contexts, and none of them is the current one",
                ));
            }
        };
        Ok((cluster.portable()?, namespace))
    }

    fn behind(&self, context: &NamedContext) -> Result<(&ReadCluster, Option<String>)> {
        let named = context.context.cluster.as_deref().unwrap_or_default();
        let mut clusters = self.clusters.iter();
        let found = clusters
            .find(|cluster| cluster.name.as_deref() == Some(named))
            .ok_or_else(|| unusable(&format!("it has no cluster `{named}`")))?;
        let namespace = context.context.namespace.clone();
        Ok((&found.cluster, namespace.filter(|it| !it.is_empty())))
    }
}

impl ReadCluster {
    fn portable(&self) -> Result<Cluster> {
        let said = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let Some(server) = said(&self.server) else {
            return Err(unusable("its cluster has no `server`"));
        };
        let authority = said(&self.certificate_authority_data);
        if authority.is_none() && said(&self.certificate_authority).is_some() {
            return Err(unusable(
                "its cluster names a file of another machine as `certificate-authority`",
            ));
        }
        if self.insecure_skip_tls_verify == Some(true) {
            return Err(unusable("its cluster says `insecure-skip-tls-verify`"));
        }
        let cluster = Cluster {
            server,
            certificate_authority_data: authority,
            tls_server_name: said(&self.tls_server_name),
            proxy_url: said(&self.proxy_url),
        };
        cluster.check()?;
        Ok(cluster)
    }
}

fn unusable(problem: &str) -> Error {
    Error::new(
        format!("the kubeconfig cannot be taken: {problem}"),
        "name another with `--from` or another context with `--context`, or give `--server`",
    )
}

fn null_is_empty<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_found_and_the_rest_is_ignored() {
        for (text, want) in [
            (
                "clusters:\n- name: a\n  cluster: {server: 'https://a.test', x: 1}\nusers: [1]\n",
                &["https://a.test"][..],
            ),
            (
                r#"{"clusters":[{"cluster":{"server":"https://a.test"}},{"cluster":null}]}"#,
                &["https://a.test"],
            ),
            ("clusters: null\n", &[]),
            ("{}", &[]),
            ("", &[]),
            ("clusters: []\n---\nclusters: 7\n", &[]),
        ] {
            let kubeconfig = Kubeconfig::parse(text).unwrap();
            assert_eq!(kubeconfig.servers().collect::<Vec<_>>(), want, "{text}");
        }
    }

    #[test]
    fn the_cluster_of_a_context_is_found() {
        let clusters = "\
clusters:
- {name: a, cluster: {server: 'https://a.test', certificate-authority-data: QQ==}}
- {name: b, cluster: {server: 'https://b.test', certificate-authority: /etc/ca.pem}}
- {name: c, cluster: {server: 'https://u:p@c.test'}}
- {name: d, cluster: {server: 'https://d.test', proxy-url: 'http://u:p@proxy.test'}}
- {name: e, cluster: {server: 'https://e.test', insecure-skip-tls-verify: true}}
- {name: f, cluster: {}}
";
        let contexts = "\
contexts:
- {name: a, context: {cluster: a, user: x, namespace: apps}}
- {name: b, context: {cluster: b}}
- {name: c, context: {cluster: c}}
- {name: d, context: {cluster: d}}
- {name: e, context: {cluster: e}}
- {name: f, context: {cluster: f}}
- {name: g, context: {cluster: none}}
";
        let both = format!("{clusters}{contexts}");
        let current = format!("{both}current-context: a\n");
        for (text, context, want) in [
            (&current, None, Ok("https://a.test apps")),
            (&current, Some("b"), Err("names a file of another machine")),
            (&current, Some("c"), Err("user name or a password")),
            (&current, Some("d"), Err("user name or a password")),
            (&current, Some("e"), Err("insecure-skip-tls-verify")),
            (&current, Some("f"), Err("has no `server`")),
            (&current, Some("g"), Err("no cluster `none`")),
            (&current, Some("x"), Err("no context `x`")),
            (&both, None, Err("several contexts")),
            (&clusters.to_owned(), None, Err("several clusters")),
            (&"{}".to_owned(), None, Err("no cluster")),
            (
                &"clusters: [{cluster: {server: 'https://a.test'}}]".to_owned(),
                None,
                Ok("https://a.test "),
            ),
        ] {
            let found = Kubeconfig::parse(text).unwrap().cluster_of(context);
            match (found, want) {
                (Ok((cluster, namespace)), Ok(want)) => {
                    let shown = format!("{} {}", cluster.server, namespace.unwrap_or_default());
                    assert_eq!(shown, want);
                }
                (Err(error), Err(want)) => {
                    assert!(error.to_string().contains(want), "{context:?}: {error}");
                    assert!(!error.to_string().contains("u:p"), "{error}");
                }
                (found, want) => panic!("{context:?}: {found:?}, not {want:?}"),
            }
        }
    }

    #[test]
    fn a_broken_kubeconfig_is_not_quoted() {
        let error = Kubeconfig::parse("clusters: hunter2\n").unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("the kubeconfig cannot be read"),
            "{error}"
        );
        assert!(!format!("{error:?}").contains("hunter2"));
    }
}
