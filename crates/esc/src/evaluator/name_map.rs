//! Maps from names, which most evaluations only build, read in order, and drop.

use std::mem;
use std::rc::Rc;

/// A map from names as a sorted list: the many small ones take a fraction of the memory of a `BTreeMap`.
#[derive(Clone, Debug)]
pub(super) struct NameMap<T>(Box<[(Rc<str>, T)]>);

impl<T> NameMap<T> {
    pub(super) fn get(&self, name: &str) -> Option<&T> {
        let found = self.0.binary_search_by(|(other, _)| (**other).cmp(name));
        found.ok().map(|index| &self.0[index].1)
    }

    /// The entries in the order of their names.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = (&Rc<str>, &T)> + Clone {
        self.0.iter().map(|(name, value)| (name, value))
    }

    pub(super) fn into_iter(self) -> impl Iterator<Item = (Rc<str>, T)> {
        self.0.into_iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (&Rc<str>, &mut T)> {
        self.0.iter_mut().map(|(name, value)| (&*name, value))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Adds the entries whose names it does not have yet.
    pub(super) fn add_new(&mut self, entries: impl IntoIterator<Item = (Rc<str>, T)>) {
        let mut all = mem::take(&mut self.0).into_vec();
        all.extend(entries);
        // Stable: the first of several entries with a name is kept.
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        all.dedup_by(|(later, _), (former, _)| later == former);
        self.0 = all.into();
    }
}

impl<T> FromIterator<(Rc<str>, T)> for NameMap<T> {
    /// Of several entries with a name, the first one counts.
    fn from_iter<I: IntoIterator<Item = (Rc<str>, T)>>(entries: I) -> Self {
        let mut map = Self(Box::default());
        map.add_new(entries);
        map
    }
}
