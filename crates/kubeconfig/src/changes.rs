//! The changes to make to a kubeconfig.

use std::fmt;

use serde_json::{Value as Json, json};

use crate::yaml_writer;

/// A list of named entries in a kubeconfig.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Section {
    /// `clusters`.
    Clusters,
    /// `contexts`.
    Contexts,
    /// `users`.
    Users,
}

impl Section {
    /// All sections, in the order in which kubectl writes them.
    pub(crate) const ALL: [Self; 3] = [Self::Clusters, Self::Contexts, Self::Users];

    /// The key of the list.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Clusters => "clusters",
            Self::Contexts => "contexts",
            Self::Users => "users",
        }
    }

    /// The key of an entry's content, beside its `name`: the word for one entry.
    #[must_use]
    pub fn content_key(self) -> &'static str {
        self.key().trim_end_matches('s')
    }
}

/// The changes to one entry, which is added if it is missing. Fields that are not mentioned stay as
/// they are.
///
/// A field's path starts at the entry's content and has one or two keys, as in `server` or
/// `exec.command`. `Debug` shows no values, which may be secret.
#[derive(Clone)]
pub struct EntryChange {
    /// The list that holds the entry.
    pub section: Section,
    /// The entry's name.
    pub name: String,
    /// The fields to set: path and value.
    pub set: Vec<(&'static str, Json)>,
    /// The paths of the fields to remove.
    pub remove: Vec<&'static str>,
}

impl fmt::Debug for EntryChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} {}", self.section, self.name)
    }
}

impl EntryChange {
    /// Changes a context's cluster and user, and its namespace if there is one.
    #[must_use]
    pub fn context(name: &str, cluster: &str, user: &str, namespace: Option<&str>) -> Self {
        let mut set = vec![("cluster", json!(cluster)), ("user", json!(user))];
        set.extend(namespace.map(|namespace| ("namespace", json!(namespace))));
        Self {
            section: Section::Contexts,
            name: name.to_owned(),
            set,
            remove: Vec::new(),
        }
    }

    /// The whole entry, for when it is missing.
    pub(crate) fn new_entry(&self) -> Json {
        json!({"name": self.name, self.section.content_key(): self.new_content()})
    }

    /// The content of a new entry.
    pub(crate) fn new_content(&self) -> Json {
        let mut content = json!({});
        for (path, value) in &self.set {
            let mut field = &mut content;
            for key in path.split('.') {
                if !field.is_object() {
                    *field = json!({});
                }
                field = &mut field[key];
            }
            *field = value.clone();
        }
        content
    }
}

/// The changes to a kubeconfig.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// The entries to add or change.
    pub entries: Vec<EntryChange>,
    /// The new current context.
    pub current_context: Option<String>,
}

impl Changes {
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.current_context.is_none()
    }
}

/// Writes a new kubeconfig that holds only these entries, as kubectl would write it.
#[must_use]
pub fn new_kubeconfig(changes: &Changes) -> String {
    let mut root = json!({"apiVersion": "v1", "kind": "Config"});
    for section in Section::ALL {
        let entries = changes.entries.iter();
        let entries = entries.filter(|entry| entry.section == section);
        let entries: Vec<_> = entries.map(EntryChange::new_entry).collect();
        if !entries.is_empty() {
            root[section.key()] = json!(entries);
        }
    }
    if let Some(context) = &changes.current_context {
        root["current-context"] = json!(context);
    }
    yaml_writer::block(&root, 0) + "\n"
}
