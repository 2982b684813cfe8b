//! What several kubeconfig files say together: of entries with one name, the first one's.

use std::fmt;
use std::path::PathBuf;

use crate::edit::{self, Changes, Section};
use crate::error::{Error, Result};
use crate::tree::Node;

/// A file of the list.
#[derive(Clone)]
pub struct Source {
    /// Where it is.
    pub path: PathBuf,
    /// Its text; `None` where there is no file.
    pub text: Option<String>,
}

/// The text may hold tokens and keys.
impl fmt::Debug for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.fmt(formatter)
    }
}

/// The kubeconfig that the files make up.
pub struct Merged {
    files: Vec<(Source, Option<Node>)>,
}

impl fmt::Debug for Merged {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files = self.files.iter().map(|(source, _)| source);
        formatter.debug_list().entries(files).finish()
    }
}

/// A context.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Context {
    /// Its name.
    pub name: String,
    /// The cluster that it leads to.
    pub cluster: String,
    /// The user that it leads there.
    pub user: String,
    /// The namespace that it starts in.
    pub namespace: Option<String>,
}

/// A user.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct User {
    /// The user's name.
    pub name: String,
    /// The program that logs in.
    pub exec: Option<Exec>,
}

/// The program that logs a user in.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Exec {
    /// The program.
    pub command: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Its variables: names and values.
    pub env: Vec<(String, String)>,
}

/// Arguments and variables may hold secrets.
impl fmt::Debug for Exec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Exec")
            .field("command", &self.command)
            .finish_non_exhaustive()
    }
}

impl Merged {
    /// Reads the files.
    pub fn new(sources: Vec<Source>) -> Result<Self> {
        let read = |source: Source| {
            let root = edit::read(source.text.as_deref().unwrap_or_default())
                .map_err(|error| error.in_file(&source.path))?;
            Ok((source, root))
        };
        let files: Result<_> = sources.into_iter().map(read).collect();
        Ok(Self { files: files? })
    }

    /// The context that is the current one.
    #[must_use]
    pub fn current_context(&self) -> Option<&str> {
        let mut roots = self.files.iter().filter_map(|(_, root)| root.as_ref());
        roots.find_map(|root| {
            root.get("current-context")?
                .text()
                .filter(|it| !it.is_empty())
        })
    }

    /// The URL of a cluster's API server.
    #[must_use]
    pub fn server(&self, cluster: &str) -> Option<&str> {
        self.content(Section::Clusters, cluster)?
            .get("server")?
            .text()
    }

    /// All contexts.
    #[must_use]
    pub fn contexts(&self) -> Vec<Context> {
        let names = self.names(Section::Contexts).into_iter();
        names.filter_map(|name| self.context(name)).collect()
    }

    /// The context of this name.
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

    /// All users.
    #[must_use]
    pub fn users(&self) -> Vec<User> {
        let names = self.names(Section::Users).into_iter();
        names.filter_map(|name| self.user(name)).collect()
    }

    /// The user of this name.
    #[must_use]
    pub fn user(&self, name: &str) -> Option<User> {
        let content = self.content(Section::Users, name)?;
        Some(User {
            name: name.to_owned(),
            exec: content.get("exec").and_then(exec),
        })
    }

    /// The changes of each file: an entry is changed in the file that has it.
    #[must_use]
    pub fn by_file(&self, changes: Changes) -> Vec<(&Source, Changes)> {
        let default = self.default_file();
        let mut divided: Vec<Changes> = self.files.iter().map(|_| Changes::default()).collect();
        for wanted in changes.entries {
            let holder = self.holder(wanted.section, &wanted.name).unwrap_or(default);
            if let Some(changes) = divided.get_mut(holder) {
                changes.entries.push(wanted);
            }
        }
        if let Some(context) = changes.current_context
            && self.current_context() != Some(&context)
            && let Some(changes) = divided.get_mut(default)
        {
            changes.current_context = Some(context);
        }
        let files = self.files.iter().map(|(source, _)| source).zip(divided);
        files.filter(|(_, changes)| !changes.is_empty()).collect()
    }

    /// Where new entries go.
    fn default_file(&self) -> usize {
        let mut files = self.files.iter();
        let existing = files.position(|(source, _)| source.text.is_some());
        existing.unwrap_or(self.files.len().saturating_sub(1))
    }

    fn holder(&self, section: Section, name: &str) -> Option<usize> {
        let mut files = self.files.iter();
        files.position(|(_, root)| {
            root.as_ref()
                .is_some_and(|root| item(root, section, name).is_some())
        })
    }

    fn names(&self, section: Section) -> Vec<&str> {
        let mut names = Vec::new();
        for root in self.files.iter().filter_map(|(_, root)| root.as_ref()) {
            let items = root.get(section.key()).map_or(&[][..], Node::items);
            for name in items.iter().filter_map(|item| item.get("name")?.text()) {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        names
    }

    fn content(&self, section: Section, name: &str) -> Option<&Node> {
        let (_, root) = self.files.get(self.holder(section, name)?)?;
        item(root.as_ref()?, section, name)?.get(section.entry())
    }
}

fn item<'a>(root: &'a Node, section: Section, name: &str) -> Option<&'a Node> {
    let mut items = root.get(section.key())?.items().iter();
    items.find(|item| item.get("name").and_then(Node::text) == Some(name))
}

fn exec(node: &Node) -> Option<Exec> {
    let text = |node: &Node| node.text().map(str::to_owned);
    let variable = |node: &Node| Some((text(node.get("name")?)?, text(node.get("value")?)?));
    let list = |key: &str| node.get(key).map_or(&[][..], Node::items);
    Some(Exec {
        command: text(node.get("command")?)?,
        args: list("args").iter().map(text).collect::<Option<_>>()?,
        env: list("env").iter().filter_map(variable).collect(),
    })
}

impl Changes {
    fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.current_context.is_none()
    }
}

impl Merged {
    /// The error for a context that no file has.
    #[must_use]
    pub fn no_context(&self, name: &str) -> Error {
        let names = self.names(Section::Contexts);
        let hint = if names.is_empty() {
            "there are no contexts in it".to_owned()
        } else {
            format!("its contexts are {}", listed(&names))
        };
        Error::new(format!("the kubeconfig has no context `{name}`"), hint)
    }
}

/// The names in back-ticks, with commas.
pub(super) fn listed(names: &[&str]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}
