//! Reading one kubeconfig.

use std::fmt;

use crate::changes::Section;
use crate::cluster::Cluster;
use crate::error::{Error, Result};
use crate::tree::{self, Node};

/// A kubeconfig, read from YAML or JSON. Like kubectl, it reads only the first document.
///
/// `Debug` shows nothing of the content, which may be secret.
pub struct Kubeconfig {
    /// `None` if the text is empty.
    root: Option<Node>,
}

impl fmt::Debug for Kubeconfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Kubeconfig").finish_non_exhaustive()
    }
}

impl Kubeconfig {
    /// Reads the text of a kubeconfig. An empty text is an empty kubeconfig.
    pub fn parse(text: &str) -> Result<Self> {
        let root = tree::parse(text)?.filter(|root| !root.is_null());
        if root.as_ref().is_some_and(|root| !root.is_mapping()) {
            return Err(Error::unreadable("it is not a mapping", 1));
        }
        Ok(Self { root })
    }

    /// Returns the URLs of the API servers, in the order of the clusters.
    pub fn servers(&self) -> impl Iterator<Item = &str> {
        let clusters = self.items(Section::Clusters).iter();
        clusters.filter_map(|item| item.get("cluster")?.get("server")?.text())
    }

    /// Returns the cluster and the namespace of a context: the given one, else the current one, else
    /// the only one. Without any context, returns the only cluster.
    ///
    /// Fails if the cluster depends on files of another machine, skips the verification of
    /// certificates, or holds a password.
    pub fn cluster_of(&self, context: Option<&str>) -> Result<(Cluster, Option<String>)> {
        let (clusters, contexts) = (self.items(Section::Clusters), self.items(Section::Contexts));
        let context = match (context.or(self.current_context()), contexts) {
            (Some(name), _) => self.require_item(Section::Contexts, name)?,
            (None, [only]) => only,
            (None, []) => {
                return match clusters {
                    [only] => Ok((Cluster::read(only.get("cluster"))?, None)),
                    [] => Err(Error::unusable("it has no cluster")),
                    _ => Err(Error::unusable("it has several clusters, but no context")),
                };
            }
            (None, _) => {
                let reason = "it has several contexts, but no current context";
                return Err(Error::unusable(reason));
            }
        };
        let text = |key: &str| context.get("context")?.get(key)?.text();
        let cluster = self.require_item(Section::Clusters, text("cluster").unwrap_or_default())?;
        let cluster = Cluster::read(cluster.get("cluster"))?;
        let namespace = text("namespace").filter(|namespace| !namespace.is_empty());
        Ok((cluster, namespace.map(str::to_owned)))
    }

    fn require_item(&self, section: Section, name: &str) -> Result<&Node> {
        let kind = section.content_key();
        let item = self.item(section, name);
        item.ok_or_else(|| Error::unusable(format!("it has no {kind} `{name}`")))
    }

    pub(crate) fn current_context(&self) -> Option<&str> {
        let name = self.root.as_ref()?.get("current-context")?.text()?;
        (!name.is_empty()).then_some(name)
    }

    /// The list of a section.
    pub(crate) fn items(&self, section: Section) -> &[Node] {
        let list = self.root.as_ref().and_then(|root| root.get(section.key()));
        list.map_or(&[], Node::items)
    }

    /// The list item with this name.
    pub(crate) fn item(&self, section: Section, name: &str) -> Option<&Node> {
        let mut items = self.items(section).iter();
        items.find(|item| item.get("name").and_then(Node::text) == Some(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_listed() {
        for (text, expected) in [
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
            assert_eq!(kubeconfig.servers().collect::<Vec<_>>(), expected, "{text}");
        }
    }

    #[test]
    fn cluster_of_a_context() {
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
        let single = "clusters: [{cluster: {server: 'https://a.test'}}]";
        for (text, context, expected) in [
            (current.as_str(), None, Ok("https://a.test apps")),
            (&current, Some("b"), Err("a file on another machine")),
            (&current, Some("c"), Err("user name or a password")),
            (&current, Some("d"), Err("user name or a password")),
            (&current, Some("e"), Err("insecure-skip-tls-verify")),
            (&current, Some("f"), Err("has no `server`")),
            (&current, Some("g"), Err("no cluster `none`")),
            (&current, Some("x"), Err("no context `x`")),
            (&both, None, Err("several contexts")),
            (clusters, None, Err("several clusters")),
            ("{}", None, Err("no cluster")),
            (single, None, Ok("https://a.test ")),
        ] {
            let found = Kubeconfig::parse(text).unwrap().cluster_of(context);
            match (found, expected) {
                (Ok((cluster, namespace)), Ok(expected)) => {
                    let found = format!("{} {}", cluster.server, namespace.unwrap_or_default());
                    assert_eq!(found, expected);
                }
                (Err(error), Err(expected)) => {
                    assert!(error.message.contains(expected), "{context:?}: {error}");
                    assert!(!error.message.contains("u:p"), "{error}");
                }
                (found, expected) => panic!("{context:?}: {found:?}, not {expected:?}"),
            }
        }
    }

    #[test]
    fn errors_do_not_quote_the_text() {
        for text in ["hunter2", "users: [hunter2", "users: *hunter2\n"] {
            let error = Kubeconfig::parse(text).unwrap_err();
            assert!(
                error.message.starts_with("cannot read the kubeconfig: "),
                "{error}"
            );
            assert!(!format!("{error:?}").contains("hunter2"), "{error}");
        }
    }
}
