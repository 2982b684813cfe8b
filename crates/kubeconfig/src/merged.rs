//! Several kubeconfig files as one: the first file that has an entry wins, as in kubectl.

use std::fmt;
use std::path::{Path, PathBuf};

use similar::TextDiff;

use crate::changes::{Changes, EntryChange, Section};
use crate::edit::edit;
use crate::error::{Error, Result};
use crate::kubeconfig::Kubeconfig;
use crate::redact::redact;
use crate::server::ClusterServer;
use crate::tree::Node;

/// A kubeconfig file. Its text may be secret: there is no `Debug`.
pub struct KubeconfigFile {
    /// The file's path, for messages.
    pub path: PathBuf,
    /// The text; `None` if the file does not exist.
    pub text: Option<String>,
}

/// A file with changes. Its text may be secret: there is no `Debug`.
pub struct EditedFile {
    /// The file's path.
    pub path: PathBuf,
    /// The old text; `None` if the file does not exist.
    pub before: Option<String>,
    /// The new text.
    pub after: String,
    /// The entries that differ.
    pub entries: Vec<EditedEntry>,
}

impl EditedFile {
    /// The unified diff of the file, with `placeholder` instead of secrets.
    #[must_use]
    pub fn redacted_diff(&self, placeholder: &str) -> String {
        let path = self.path.display().to_string();
        // As `diff -u` names a missing file, so that `patch` creates it.
        let old_path = self.before.as_ref().map_or("/dev/null", |_| &path);
        let before = redact(self.before.as_deref().unwrap_or_default(), placeholder);
        let after = redact(&self.after, placeholder);
        let diff = TextDiff::from_lines(&before, &after);
        diff.unified_diff().header(old_path, &path).to_string()
    }
}

/// An entry that was added or changed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EditedEntry {
    /// The list that holds the entry.
    pub section: Section,
    /// The entry's name.
    pub name: String,
    /// Whether the entry was added.
    pub is_new: bool,
}

/// The kubeconfig that several files make up.
pub struct MergedKubeconfig {
    files: Vec<(KubeconfigFile, Kubeconfig)>,
}

/// A context.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Context {
    /// The context's name.
    pub name: String,
    /// The name of its cluster; empty if it has none.
    pub cluster: String,
    /// The name of its user; empty if it has none.
    pub user: String,
    /// The default namespace.
    pub namespace: Option<String>,
}

/// A user.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct User {
    /// The user's name.
    pub name: String,
    /// The exec credential plugin, if the user has one.
    pub exec: Option<Exec>,
    /// The directory of the file that has the user. A relative path of a plugin starts there.
    pub directory: PathBuf,
}

/// An exec credential plugin. `Debug` shows neither arguments nor variables, which may be secret.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Exec {
    /// The program to run.
    pub command: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Its environment variables: names and values.
    pub env: Vec<(String, String)>,
    /// The version of the exec protocol.
    pub api_version: Option<String>,
    /// Whether the plugin may use standard input: `Never`, `IfAvailable` or `Always`.
    pub interactive_mode: Option<String>,
    /// Whether the client passes the cluster to the plugin.
    pub provide_cluster_info: bool,
}

impl fmt::Debug for Exec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Exec")
            .field("command", &self.command)
            .finish_non_exhaustive()
    }
}

impl Exec {
    fn read(node: &Node) -> Option<Self> {
        let text = |node: &Node| node.text().map(str::to_owned);
        let variable = |node: &Node| Some((text(node.get("name")?)?, text(node.get("value")?)?));
        let list = |key: &str| node.get(key).map_or(&[][..], Node::items);
        Some(Self {
            command: text(node.get("command")?)?,
            args: list("args").iter().map(text).collect::<Option<_>>()?,
            env: list("env").iter().filter_map(variable).collect(),
            api_version: node.get("apiVersion").and_then(text),
            interactive_mode: node.get("interactiveMode").and_then(text),
            provide_cluster_info: node.get("provideClusterInfo").is_some_and(Node::is_true),
        })
    }
}

impl MergedKubeconfig {
    /// Reads the files, the most important one first.
    pub fn parse(files: Vec<KubeconfigFile>) -> Result<Self> {
        let parse = |file: KubeconfigFile| {
            let kubeconfig = Kubeconfig::parse(file.text.as_deref().unwrap_or_default())
                .map_err(|error| error.in_file(&file.path))?;
            Ok((file, kubeconfig))
        };
        let files = files.into_iter().map(parse).collect::<Result<_>>()?;
        Ok(Self { files })
    }

    /// Returns how to connect to a cluster's API server.
    #[must_use]
    pub fn cluster_server(&self, cluster: &str) -> Option<ClusterServer> {
        let content = self.content(Section::Clusters, cluster)?;
        let directory = self.directory_of(Section::Clusters, cluster);
        Some(ClusterServer::read(content, &directory))
    }

    /// Returns the URL of a cluster's API server.
    #[must_use]
    pub fn server(&self, cluster: &str) -> Option<&str> {
        self.content(Section::Clusters, cluster)?
            .get("server")?
            .text()
    }

    /// Returns the name of the current context.
    #[must_use]
    pub fn current_context(&self) -> Option<&str> {
        let mut files = self.files.iter();
        files.find_map(|(_, kubeconfig)| kubeconfig.current_context())
    }

    /// Returns the paths of the files, and whether each exists.
    pub fn files(&self) -> impl Iterator<Item = (&Path, bool)> {
        let files = self.files.iter();
        files.map(|(file, _)| (file.path.as_path(), file.text.is_some()))
    }

    /// Returns all contexts.
    #[must_use]
    pub fn contexts(&self) -> Vec<Context> {
        let names = self.names(Section::Contexts).into_iter();
        names.filter_map(|name| self.context(name)).collect()
    }

    /// Returns the context of this name.
    #[must_use]
    pub fn context(&self, name: &str) -> Option<Context> {
        let content = self.content(Section::Contexts, name)?;
        let text = |key: &str| content.get(key).and_then(Node::text).map(str::to_owned);
        Some(Context {
            name: name.to_owned(),
            cluster: text("cluster").unwrap_or_default(),
            user: text("user").unwrap_or_default(),
            namespace: text("namespace").filter(|namespace| !namespace.is_empty()),
        })
    }

    /// Returns the context of this name, or an error that lists the names of all contexts.
    pub fn require_context(&self, name: &str) -> Result<Context> {
        self.context(name).ok_or_else(|| {
            let names = self.names(Section::Contexts);
            let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
            let hint = if names.is_empty() {
                "the kubeconfig has no contexts".to_owned()
            } else {
                format!("choose one of {}", names.join(", "))
            };
            Error::new(format!("the kubeconfig has no context `{name}`"), hint)
        })
    }

    /// Returns all users.
    #[must_use]
    pub fn users(&self) -> Vec<User> {
        let names = self.names(Section::Users).into_iter();
        names.filter_map(|name| self.user(name)).collect()
    }

    /// Returns the user of this name.
    #[must_use]
    pub fn user(&self, name: &str) -> Option<User> {
        let content = self.content(Section::Users, name)?;
        Some(User {
            name: name.to_owned(),
            exec: content.get("exec").and_then(Exec::read),
            directory: self.directory_of(Section::Users, name),
        })
    }

    /// Edits the files, and returns those that differ afterwards.
    ///
    /// As in kubectl, an entry is changed in the first file that has it. New entries go to the first
    /// file that exists, or else to the last one.
    pub fn edit(&self, changes: Changes) -> Result<Vec<EditedFile>> {
        let mut edited = Vec::new();
        for ((file, old), changes) in self.files.iter().zip(self.changes_per_file(changes)) {
            let before = file.text.as_deref();
            if changes.is_empty() {
                continue;
            }
            let after = edit(before.unwrap_or_default(), &changes)
                .map_err(|error| error.in_file(&file.path))?;
            if before != Some(&after) {
                edited.push(EditedFile {
                    path: file.path.clone(),
                    before: file.text.clone(),
                    entries: edited_entries(old, &Kubeconfig::parse(&after)?, &changes),
                    after,
                });
            }
        }
        Ok(edited)
    }

    fn changes_per_file(&self, changes: Changes) -> Vec<Changes> {
        let existing = self.files.iter().position(|(file, _)| file.text.is_some());
        let default = existing.unwrap_or(self.files.len().saturating_sub(1));
        let mut per_file = vec![Changes::default(); self.files.len()];
        for entry in changes.entries {
            let file = self.file_with(entry.section, &entry.name);
            if let Some(changes) = per_file.get_mut(file.unwrap_or(default)) {
                changes.entries.push(entry);
            }
        }
        let current_context = self.current_context();
        if let Some(default) = per_file.get_mut(default)
            && changes.current_context.as_deref() != current_context
        {
            default.current_context = changes.current_context;
        }
        per_file
    }

    /// The first file that has the entry.
    fn file_with(&self, section: Section, name: &str) -> Option<usize> {
        let mut files = self.files.iter();
        files.position(|(_, kubeconfig)| kubeconfig.item(section, name).is_some())
    }

    /// The directory of the first file that has the entry.
    fn directory_of(&self, section: Section, name: &str) -> PathBuf {
        let file = self
            .file_with(section, name)
            .and_then(|file| self.files.get(file));
        let directory = file.and_then(|(file, _)| file.path.parent());
        directory.map(Path::to_owned).unwrap_or_default()
    }

    fn content(&self, section: Section, name: &str) -> Option<&Node> {
        let (_, kubeconfig) = self.files.get(self.file_with(section, name)?)?;
        kubeconfig.item(section, name)?.get(section.content_key())
    }

    fn names(&self, section: Section) -> Vec<&str> {
        let mut names = Vec::new();
        for (_, kubeconfig) in &self.files {
            let items = kubeconfig.items(section).iter();
            for name in items.filter_map(|item| item.get("name")?.text()) {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        names
    }
}

fn edited_entries(old: &Kubeconfig, new: &Kubeconfig, changes: &Changes) -> Vec<EditedEntry> {
    let item = |kubeconfig: &'_ Kubeconfig, change: &EntryChange| {
        kubeconfig.item(change.section, &change.name).cloned()
    };
    let entries = changes.entries.iter();
    let entries = entries.filter(|change| item(old, change) != item(new, change));
    entries
        .map(|change| EditedEntry {
            section: change.section,
            name: change.name.clone(),
            is_new: item(old, change).is_none(),
        })
        .collect()
}

#[cfg(test)]
mod tests;
