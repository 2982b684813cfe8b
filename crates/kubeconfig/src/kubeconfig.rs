//! Reading one kubeconfig.

use std::fmt;

use crate::changes::Section;
use crate::cluster::Cluster;
use crate::error::{Error, Result};
use crate::tree::{self, Node};

/// The cluster of a context.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ContextCluster {
    /// The name of the cluster's entry.
    pub name: String,
    /// The cluster.
    pub cluster: Cluster,
    /// The default namespace of the context.
    pub namespace: Option<String>,
}

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

    /// Returns the cluster of a context: the given one, else the current one, else the only one. Without any context, returns the only cluster.
    ///
    /// Fails if the cluster depends on files of another machine, skips the verification of
    /// certificates, or holds a password.
    pub fn cluster_of(&self, context: Option<&str>) -> Result<ContextCluster> {
        let (clusters, contexts) = (self.items(Section::Clusters), self.items(Section::Contexts));
        let context = match (context.or(self.current_context()), contexts) {
            (Some(name), _) => self.require_item(Section::Contexts, name)?,
            (None, [only]) => only,
            (None, []) => {
                return match clusters {
                    [only] => ContextCluster::read(only, None),
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
        let namespace = text("namespace").filter(|namespace| !namespace.is_empty());
        ContextCluster::read(cluster, namespace)
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

impl ContextCluster {
    /// Reads the list item of a cluster.
    fn read(item: &Node, namespace: Option<&str>) -> Result<Self> {
        let name = item.get("name").and_then(Node::text);
        Ok(Self {
            name: name.unwrap_or_default().to_owned(),
            cluster: Cluster::read(item.get("cluster"))?,
            namespace: namespace.map(str::to_owned),
        })
    }
}

#[cfg(test)]
mod tests;
