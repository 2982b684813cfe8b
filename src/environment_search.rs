//! Searches the values of an opened environment for logins to a cloud.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::http::shortened;
use esc::property_path::Accessor;
use esc::{Data, Environment, PropertyPath, Value};

/// How many paths a message shows.
const MAX_SHOWN: usize = 10;

/// The entries of an object.
pub(crate) type Entries = BTreeMap<String, Value>;

/// What was found, and the path of the object that holds it.
#[derive(Clone, Debug)]
pub struct Found<T> {
    /// What was found.
    pub value: T,
    /// The path of the object.
    pub path: PropertyPath,
}

/// Collects what `read` finds in the objects of the environment, in alphabetical order of their paths, until
/// there are more than a message shows. `read` gets the entries of an object and a function that makes its
/// path. Values that are the same count once.
pub(crate) fn collect<T>(
    environment: &Environment,
    read: impl Fn(&Entries, &dyn Fn() -> PropertyPath) -> Result<Option<T>>,
    is_same: impl Fn(&T, &T) -> bool,
) -> Result<Vec<Found<T>>> {
    let mut search = Search {
        read,
        is_same,
        path: Vec::new(),
        found: Vec::new(),
    };
    search.visit(&environment.values)?;
    Ok(search.found)
}

/// The paths of the objects that look like a login, as [`collect`] finds them.
pub(crate) fn paths_of(
    environment: &Environment,
    is_login: impl Fn(&Entries) -> bool,
) -> Vec<PropertyPath> {
    let read =
        |entries: &Entries, _: &dyn Fn() -> PropertyPath| Ok(is_login(entries).then_some(()));
    let found = collect(environment, read, |(), ()| false).unwrap_or_default();
    found.into_iter().map(|found| found.path).collect()
}

struct Search<T, R, S> {
    read: R,
    is_same: S,
    /// The path of the current value.
    path: Vec<Accessor>,
    found: Vec<Found<T>>,
}

impl<T, R, S> Search<T, R, S>
where
    R: Fn(&Entries, &dyn Fn() -> PropertyPath) -> Result<Option<T>>,
    S: Fn(&T, &T) -> bool,
{
    fn visit(&mut self, value: &Value) -> Result<()> {
        if self.found.len() > MAX_SHOWN {
            return Ok(());
        }
        match &value.data {
            Data::Object(entries) => {
                let path = || self.path.iter().cloned().collect();
                if let Some(value) = (self.read)(entries, &path)?
                    && !self
                        .found
                        .iter()
                        .any(|found| (self.is_same)(&found.value, &value))
                {
                    let path = path();
                    self.found.push(Found { value, path });
                }
                for (name, value) in entries {
                    self.visit_below(Accessor::Name(name.clone()), value)?;
                }
            }
            Data::Array(items) => {
                for (index, value) in items.iter().enumerate() {
                    self.visit_below(Accessor::Index(index), value)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn visit_below(&mut self, accessor: Accessor, value: &Value) -> Result<()> {
        self.path.push(accessor);
        self.visit(value)?;
        self.path.pop();
        Ok(())
    }
}

/// The paths for a message.
pub(crate) fn shown_paths<'p>(paths: impl ExactSizeIterator<Item = &'p PropertyPath>) -> String {
    let more = if paths.len() > MAX_SHOWN {
        " and more"
    } else {
        ""
    };
    let shown = paths.take(MAX_SHOWN);
    let shown: Vec<_> = shown
        .map(|path| format!("`{}`", shortened(&path.to_string())))
        .collect();
    format!("{}{more}", shown.join(", "))
}

/// The entries of the object at `path`. The error continues "`path` in the environment".
pub(crate) fn object_at<'e>(
    environment: &'e Environment,
    path: &PropertyPath,
) -> Result<&'e Entries, &'static str> {
    match environment.get(path).map(|value| &value.data) {
        Some(Data::Object(entries)) => Ok(entries),
        Some(_) => Err("is not an object"),
        None => Err("does not exist"),
    }
}

/// The text of an entry that is used as it is in a request: printable, without spaces. `Ok(None)` if it is
/// missing or empty.
pub(crate) fn token_text<'e>(entries: &'e Entries, name: &str) -> Result<Option<&'e str>, ()> {
    match entries.get(name).filter(|value| !value.is_null()) {
        None => Ok(None),
        Some(value) => match value.as_str() {
            Some("") => Ok(None),
            Some(text) if text.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(Some(text)),
            _ => Err(()),
        },
    }
}
