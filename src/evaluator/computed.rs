//! Values while they are computed: those of an environment, plus what only evaluation needs: what
//! is known of the unknown, what an import lies under, and where a value comes from.
//!
//! Values are shared, never changed: a copy is a reference.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::environment::Number;
use crate::evaluator::schema::{Schema, Type};
use crate::secret::Text;

/// A value.
#[derive(Clone, Debug)]
pub(super) struct Computed {
    pub(super) shape: Shape,
    /// Whether it must not be shown. It holds for this value alone.
    pub(super) secret: bool,
    /// Whether `fn::final` forbids that another environment overrides it.
    pub(super) is_final: bool,
    /// The provider whose result it is.
    pub(super) provider: Option<Rc<str>>,
    /// Where its text is written, if it is.
    pub(super) literal: Option<Place>,
    /// What is in the value with all that it inherits.
    pub(super) all: Content,
    /// What is in the value without what it inherits.
    pub(super) own: Content,
    /// How deep it nests; 0 for scalars.
    pub(super) depth: usize,
}

/// The kinds of value.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    Unknown {
        /// What is known of it.
        schema: Schema,
        /// The value that it will be merged over.
        base: Option<Rc<Computed>>,
    },
    Null,
    Bool(bool),
    Number(Number),
    Text(Text),
    Array(Vec<Rc<Computed>>),
    Object {
        entries: Entries,
        /// A value under this one that is not known. An entry that is missing may be in it.
        base: Option<Rc<Computed>>,
    },
}

/// The entries of an object.
pub(super) type Entries = BTreeMap<Rc<str>, Entry>;

/// An entry of an object.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) value: Rc<Computed>,
    /// False where it comes only from the object that this one was merged over.
    pub(super) own: bool,
}

/// Whether a value is secret or unknown, or anything in it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Content {
    pub(super) secret: bool,
    pub(super) unknown: bool,
}

/// A stretch of a definition, in bytes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Place {
    pub(super) environment: Arc<str>,
    pub(super) begin: usize,
    pub(super) end: usize,
}

impl Content {
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            secret: self.secret || other.secret,
            unknown: self.unknown || other.unknown,
        }
    }
}

impl Computed {
    pub(super) fn new(shape: Shape) -> Self {
        let (mut all, mut own) = (Content::default(), Content::default());
        let mut depth = 0;
        match &shape {
            Shape::Unknown { .. } => {
                all.unknown = true;
                own.unknown = true;
            }
            Shape::Array(items) => {
                for item in items {
                    all = all.or(item.all);
                    own = own.or(item.own);
                    depth = depth.max(item.depth + 1);
                }
            }
            Shape::Object { entries, .. } => {
                for entry in entries.values() {
                    all = all.or(entry.value.all);
                    if entry.own {
                        own = own.or(entry.value.own);
                    }
                    depth = depth.max(entry.value.depth + 1);
                }
            }
            Shape::Null | Shape::Bool(_) | Shape::Number(_) | Shape::Text(_) => {}
        }
        Self {
            shape,
            secret: false,
            is_final: false,
            provider: None,
            literal: None,
            all,
            own,
            depth,
        }
    }

    pub(super) fn text(text: impl Into<Text>) -> Self {
        Self::new(Shape::Text(text.into()))
    }

    pub(super) fn unknown(schema: Schema) -> Self {
        Self::new(Shape::Unknown { schema, base: None })
    }

    pub(super) fn object(entries: Entries) -> Self {
        Self::new(Shape::Object {
            entries,
            base: None,
        })
    }

    /// The same value as a secret, or not, as the flag says.
    pub(super) fn with_secret(mut self, secret: bool) -> Self {
        self.secret |= secret;
        self.all.secret |= secret;
        self.own.secret |= secret;
        self
    }

    pub(super) fn is_unknown(&self) -> bool {
        matches!(self.shape, Shape::Unknown { .. })
    }

    /// Its type; `None` for a value that is not known.
    pub(super) fn kind(&self) -> Option<Type> {
        Some(match self.shape {
            Shape::Unknown { .. } => return None,
            Shape::Null => Type::Null,
            Shape::Bool(_) => Type::Boolean,
            Shape::Number(_) => Type::Number,
            Shape::Text(_) => Type::String,
            Shape::Array(_) => Type::Array,
            Shape::Object { .. } => Type::Object,
        })
    }

    pub(super) fn as_text(&self) -> Option<&Text> {
        match &self.shape {
            Shape::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The names of an object's entries.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let entries = match &self.shape {
            Shape::Object { entries, .. } => Some(entries),
            _ => None,
        };
        entries.into_iter().flatten().map(|(name, _)| &**name)
    }

    /// The property `name`. One of a value that is not known is not known either.
    pub(super) fn property(&self, name: &str) -> Option<Rc<Self>> {
        let found = match &self.shape {
            Shape::Object { entries, base } => match entries.get(name) {
                Some(entry) => Rc::clone(&entry.value),
                None => base.as_ref()?.property(name)?,
            },
            Shape::Unknown { schema, base } if schema.may_be(Type::Object) => {
                let shape = Shape::Unknown {
                    schema: schema.property(name),
                    base: base.as_ref().and_then(|base| base.property(name)),
                };
                Rc::new(Self::new(shape))
            }
            _ => return None,
        };
        Some(if self.secret && !found.secret {
            Rc::new((*found).clone().with_secret(true))
        } else {
            found
        })
    }

    /// The item at `index`, within a known array.
    pub(super) fn item(&self, index: usize) -> Option<Rc<Self>> {
        let Shape::Array(items) = &self.shape else {
            return None;
        };
        let found = items.get(index)?;
        Some(if self.secret && !found.secret {
            Rc::new((**found).clone().with_secret(true))
        } else {
            Rc::clone(found)
        })
    }
}
