//! Editing a kubeconfig in place: only the bytes of what changes are replaced; comments, order,
//! anchors, line breaks and unknown fields around them stay.
//!
//! Every edit is checked: the new text is read again, and must mean what the old one meant with
//! the changes, nothing else. Where it does not, or where the text has a form that cannot be
//! edited safely, the edit is refused.

use std::fmt;

use serde::de::IgnoredAny;
use serde_json::{Map, Value as Json};

use crate::error::{Error, Result};
use crate::splice::{Change, Place, Step, splice};
use crate::text;
use crate::tree::{self, Node};

/// More rounds than any change of ours takes: a new entry of each file's lists is one.
const MAXIMUM_ROUNDS: usize = 10_000;

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
    /// All of them, in the order in which kubectl writes them.
    pub const ALL: [Self; 3] = [Self::Clusters, Self::Contexts, Self::Users];

    /// The list's key.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Clusters => "clusters",
            Self::Contexts => "contexts",
            Self::Users => "users",
        }
    }

    /// What one entry is called, which is also the key of its content.
    #[must_use]
    pub fn entry(self) -> &'static str {
        match self {
            Self::Clusters => "cluster",
            Self::Contexts => "context",
            Self::Users => "user",
        }
    }
}

/// An entry as it is to be. What is not mentioned stays as it is. `Debug` shows no values, which may
/// hold a variable's secret.
#[derive(Clone)]
pub struct Wanted {
    /// Where it belongs.
    pub section: Section,
    /// Its name.
    pub name: String,
    /// The fields that are to have a value, by their path of one or two names below the content.
    pub values: Vec<(Vec<&'static str>, Json)>,
    /// The fields that are not to be there, by their path.
    pub removed: Vec<Vec<&'static str>>,
}

/// What is to change in a kubeconfig.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// The entries.
    pub entries: Vec<Wanted>,
    /// The context to make the current one.
    pub current_context: Option<String>,
}

impl fmt::Debug for Wanted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = self.values.iter().map(|(path, _)| path.join("."));
        formatter
            .debug_struct("Wanted")
            .field("section", &self.section)
            .field("name", &self.name)
            .field("values", &fields.collect::<Vec<_>>())
            .field("removed", &self.removed)
            .finish()
    }
}

impl Wanted {
    /// The entry as a value, for where there is none yet.
    fn to_json(&self) -> Json {
        let mut entry = Map::new();
        entry.insert("name".to_owned(), self.name.clone().into());
        entry.insert(self.section.entry().to_owned(), self.content());
        Json::Object(entry)
    }

    fn content(&self) -> Json {
        let mut content = Map::new();
        for (path, value) in &self.values {
            match path.as_slice() {
                [name] => {
                    content.insert((*name).to_owned(), value.clone());
                }
                [outer, inner] => {
                    let outer = content
                        .entry((*outer).to_owned())
                        .or_insert_with(|| Json::Object(Map::new()));
                    if let Json::Object(outer) = outer {
                        outer.insert((*inner).to_owned(), value.clone());
                    }
                }
                // No path is longer.
                _ => {}
            }
        }
        Json::Object(content)
    }
}

/// A whole kubeconfig that holds the changes and nothing else, ending with a line break.
#[must_use]
pub fn new_text(changes: &Changes) -> String {
    fresh(changes, "\n")
}

fn fresh(changes: &Changes, line_break: &str) -> String {
    let mut root = Map::new();
    root.insert("apiVersion".to_owned(), "v1".into());
    root.insert("kind".to_owned(), "Config".into());
    for section in Section::ALL {
        let entries = changes.entries.iter();
        let entries = entries.filter(|entry| entry.section == section);
        let entries: Vec<_> = entries.map(Wanted::to_json).collect();
        if !entries.is_empty() {
            root.insert(section.key().to_owned(), Json::Array(entries));
        }
    }
    if let Some(context) = &changes.current_context {
        root.insert("current-context".to_owned(), context.clone().into());
    }
    text::block_map(&root, 0, line_break) + line_break
}

/// The text with the changes; the same text if it holds them already.
pub fn edit(text: &str, changes: &Changes) -> Result<String> {
    let Some(original) = read(text)?.filter(|root| !root.is_null()) else {
        return beside_comments(text, changes);
    };
    check_root(&original)?;
    let mut expected = original.clone();
    let mut root = original;
    let mut edited = text.to_owned();
    for _ in 0..MAXIMUM_ROUNDS {
        let steps = next_steps(&root, changes)?;
        if steps.is_empty() {
            return still_json(text, edited);
        }
        // What overlaps or touches waits for the next round.
        let mut taken: Vec<Change> = Vec::new();
        for step in steps {
            let change = step.change(&edited, &root);
            let (range, replacement) = change.map_err(|reason| refusal(&reason))?;
            let apart = |(other, _): &Change| other.end < range.start || range.end < other.start;
            if taken.iter().all(apart) {
                step.apply(&mut expected);
                taken.push((range, replacement));
            }
        }
        edited = splice(&edited, taken).map_err(|reason| refusal(&reason))?;
        root = match tree::parse(&edited) {
            Ok(Some(root)) if root == expected => root,
            _ => return Err(refusal("its form is too unusual to be edited safely")),
        };
    }
    Err(refusal("it does not take the changes"))
}

/// The edited text; where the old one was JSON, it has to be JSON, too.
fn still_json(text: &str, edited: String) -> Result<String> {
    let is_json = |text: &str| serde_json::from_str::<IgnoredAny>(text).is_ok();
    if is_json(text) && !is_json(&edited) {
        return Err(refusal("it would not be JSON any more"));
    }
    Ok(edited)
}

/// Reads the tree of a kubeconfig.
pub(super) fn read(text: &str) -> Result<Option<Node>> {
    tree::parse(text).map_err(|problem| {
        Error::new(
            format!(
                "it cannot be read: {} in line {}",
                problem.reason, problem.line
            ),
            "see that `kubectl config view` reads it",
        )
    })
}

fn refusal(reason: &str) -> Error {
    Error::new(
        format!("it cannot be edited in place: {reason}"),
        "change that place by hand, or write into another file with `--kubeconfig`",
    )
}

/// Where there is no document yet: the new one stands after the comments.
fn beside_comments(text: &str, changes: &Changes) -> Result<String> {
    let line_break = line_break(text);
    let mut edited = text.to_owned();
    if !edited.is_empty() && !edited.ends_with('\n') {
        edited.push_str(line_break);
    }
    edited.push_str(&fresh(changes, line_break));
    match (tree::parse(&edited), tree::parse(&fresh(changes, "\n"))) {
        (Ok(Some(read)), Ok(Some(wanted))) if read == wanted => Ok(edited),
        _ => Err(refusal("its first document is empty")),
    }
}

/// The line break of the text: that of its first line.
pub(super) fn line_break(text: &str) -> &'static str {
    let first = text.find('\n').unwrap_or_default();
    if text[..first].ends_with('\r') {
        "\r\n"
    } else {
        "\n"
    }
}

fn check_root(root: &Node) -> Result<()> {
    if !matches!(root.kind, tree::Kind::Map(_)) {
        return Err(refusal("it is not a kubeconfig"));
    }
    for (key, known) in [("kind", "Config"), ("apiVersion", "v1")] {
        if let Some(found) = root.get(key).filter(|found| !found.is_null())
            && found.text() != Some(known)
        {
            return Err(refusal(&format!("its `{key}` is not `{known}`")));
        }
    }
    for section in Section::ALL {
        let entries = root.entries().iter();
        if entries.filter(|entry| entry.is(section.key())).count() > 1 {
            return Err(refusal(&format!("it has `{}` twice", section.key())));
        }
    }
    Ok(())
}

/// The next things to do to the text, at most one for each change; none when it holds all.
fn next_steps(root: &Node, changes: &Changes) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    for wanted in &changes.entries {
        steps.extend(step_for(root, wanted)?);
    }
    if let Some(context) = &changes.current_context {
        let value = Json::from(context.as_str());
        let current = root.get("current-context");
        if !current.is_some_and(|current| current.means(&value)) {
            steps.push(Step::Set {
                path: Vec::new(),
                key: "current-context".to_owned(),
                value,
            });
        }
    }
    Ok(steps)
}

fn step_for(root: &Node, wanted: &Wanted) -> Result<Option<Step>> {
    let section = wanted.section;
    let (list_key, content_key) = (section.key(), section.entry());
    let list = root.get(list_key).filter(|list| !list.is_null());
    let Some(list) = list.filter(|list| !is_empty_list(list)) else {
        return Ok(Some(Step::Set {
            path: Vec::new(),
            key: list_key.to_owned(),
            value: Json::Array(vec![wanted.to_json()]),
        }));
    };
    if !matches!(list.kind, tree::Kind::List(_)) {
        return Err(refusal(&format!(
            "its `{list_key}` is not a list of its own"
        )));
    }
    let items = list.items().iter().enumerate();
    let mut named =
        items.filter(|(_, item)| item.get("name").and_then(Node::text) == Some(&wanted.name));
    let place = (named.next(), named.next());
    let (index, item) = match place {
        (None, _) => {
            return Ok(Some(Step::Push {
                key: list_key.to_owned(),
                value: wanted.to_json(),
            }));
        }
        (Some(found), None) => found,
        (Some(_), Some(_)) => {
            return Err(refusal(&format!(
                "it has two entries of the name `{}` in `{list_key}`",
                wanted.name
            )));
        }
    };
    let path = vec![Place::Key(list_key.to_owned()), Place::Item(index)];
    let content = item.get(content_key).filter(|content| !content.is_null());
    let Some(content) = content.filter(|content| !is_empty_map(content)) else {
        return Ok(Some(Step::Set {
            path,
            key: content_key.to_owned(),
            value: wanted.content(),
        }));
    };
    if !matches!(content.resolved().kind, tree::Kind::Map(_)) {
        return Err(refusal(&format!(
            "the {content_key} `{}` is not a map",
            wanted.name
        )));
    }
    if !wanted.removed.is_empty() && content.get("<<").is_some() {
        return Err(refusal(&format!(
            "the {content_key} `{}` has a merge key",
            wanted.name
        )));
    }
    let mut inside = path;
    inside.push(Place::Key(content_key.to_owned()));
    Ok(field_step(content, wanted, &inside))
}

/// The next field of an entry's content to set or to remove.
fn field_step(content: &Node, wanted: &Wanted, path: &[Place]) -> Option<Step> {
    let found = |path: &[&str]| {
        path.iter()
            .try_fold(content, |node, name| node.get(name))
            .filter(|node| !node.is_null())
    };
    let below = |names: &[&str]| {
        let names = names.iter().map(|name| Place::Key((*name).to_owned()));
        path.iter().cloned().chain(names).collect::<Vec<_>>()
    };
    for (names, value) in &wanted.values {
        if found(names).is_some_and(|node| node.means(value)) {
            continue;
        }
        let (key, outer) = names.split_last()?;
        // A map that stands elsewhere, or nowhere, is written anew as a whole.
        let own = |name: &&str| content.get(name).is_some_and(is_own_map);
        return Some(match outer.first().filter(|name| !own(name)) {
            Some(outer) => Step::Set {
                path: below(&[]),
                key: (*outer).to_owned(),
                value: wanted.content()[*outer].clone(),
            },
            None => Step::Set {
                path: below(outer),
                key: (*key).to_owned(),
                value: value.clone(),
            },
        });
    }
    let unwanted = wanted.removed.iter().find(|names| found(names).is_some())?;
    let (key, outer) = unwanted.split_last()?;
    Some(Step::Remove {
        path: below(outer),
        key: (*key).to_owned(),
    })
}

fn is_own_map(node: &Node) -> bool {
    matches!(&node.kind, tree::Kind::Map(entries) if !entries.is_empty())
        && node.get("<<").is_none()
}

fn is_empty_list(node: &Node) -> bool {
    matches!(&node.kind, tree::Kind::List(items) if items.is_empty())
}

fn is_empty_map(node: &Node) -> bool {
    matches!(&node.kind, tree::Kind::Map(entries) if entries.is_empty())
}

impl Step {
    /// Does the same to what the text is expected to mean.
    fn apply(&self, root: &mut Node) {
        match self {
            Self::Set { path, key, value } => {
                if let Some(entries) = entries_at(root, path) {
                    match entries.iter_mut().find(|entry| entry.is(key)) {
                        Some(entry) => entry.value = Node::new(value),
                        None => entries.push(tree::Entry::new(key, value)),
                    }
                }
            }
            Self::Push { key, value } => {
                let list = entries_at(root, &[])
                    .and_then(|entries| entries.iter_mut().find(|entry| entry.is(key)));
                if let Some(tree::Kind::List(items)) = list.map(|entry| &mut entry.value.kind) {
                    items.push(Node::new(value));
                }
            }
            Self::Remove { path, key } => {
                if let Some(entries) = entries_at(root, path) {
                    entries.retain(|entry| !entry.is(key));
                }
            }
        }
    }
}

/// The entries of the map at `path`; `None` where an alias is in the way.
fn entries_at<'a>(root: &'a mut Node, path: &[Place]) -> Option<&'a mut Vec<tree::Entry>> {
    let mut node = root;
    for place in path {
        node = match (&mut node.kind, place) {
            (tree::Kind::Map(entries), Place::Key(key)) => {
                &mut entries.iter_mut().find(|entry| entry.is(key))?.value
            }
            (tree::Kind::List(items), Place::Item(index)) => items.get_mut(*index)?,
            _ => return None,
        };
    }
    match &mut node.kind {
        tree::Kind::Map(entries) => Some(entries),
        _ => None,
    }
}
