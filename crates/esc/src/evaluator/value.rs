//! Values while they are computed: those of an environment, plus what only evaluation needs: what
//! is known of the unknown, what an import lies under, and where a value comes from.
//!
//! Values are shared, never changed: a copy is a reference.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::Number;
use crate::evaluator::expression::{Id, Program};
use crate::evaluator::schema::{Schema, Type};
use crate::text::Text;

/// A value.
#[expect(clippy::struct_excessive_bools, reason = "each is a mark of its own")]
#[derive(Clone, Debug)]
pub(super) struct Computed {
    pub(super) shape: Shape,
    /// Whether it is not known. Of some such values the shape still tells what is in them.
    pub(super) unknown: bool,
    /// What is known of its type; `None` where the shape tells it.
    pub(super) schema: Option<Schema>,
    /// The type that the shape tells, once it was asked for. Values share what is in them, so that
    /// to ask anew each time could take for ever.
    pub(super) told: OnceCell<Schema>,
    /// The copy that lists what it inherits, once it was asked for, for the same reason.
    pub(super) listed: Listed,
    /// Whether it must not be shown. It holds for this value alone.
    pub(super) secret: bool,
    /// Whether it does not list what it inherits. A copy of it does; so it is in ESC with what
    /// `fn::final` and `fn::validate` give.
    pub(super) hides_inherited: bool,
    /// Whether `fn::final` forbids that another environment overrides it.
    pub(super) is_final: bool,
    /// The provider whose result it is.
    pub(super) provider: Option<Rc<str>>,
    /// The expression that gave it.
    pub(super) origin: Option<Origin>,
    /// Where its text is written, if it is.
    pub(super) literal: Option<Place>,
    /// What is in the value with all that it inherits.
    pub(super) all: Content,
    /// What is in the value without what it inherits.
    pub(super) own: Content,
    /// How deep it nests; 0 for scalars.
    pub(super) depth: usize,
}

/// A copy that is made once. A clone has none: it may be changed before it is shared.
#[derive(Debug, Default)]
pub(super) struct Listed(OnceCell<Rc<Computed>>);

impl Clone for Listed {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// The kinds of value.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    Null,
    Bool(bool),
    Number(Number),
    Text(Text),
    Array(Rc<[Rc<Computed>]>),
    Object { entries: Rc<Entries>, under: Under },
}

/// The entries of an object, those that it inherits included.
pub(super) type Entries = BTreeMap<Rc<str>, Entry>;

/// An entry of an object.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) value: Rc<Computed>,
    /// False where it comes only from the object that this one was merged over.
    pub(super) own: bool,
}

/// What an object lies over, its inherited entries aside.
#[derive(Clone, Debug)]
pub(super) enum Under {
    /// Nothing, or the object at the bottom of those that it was merged over.
    Open(Option<Rc<Computed>>),
    /// A value that is not an object: nothing further down shows through.
    Closed(Option<Rc<Computed>>),
    /// A value that is not known. An entry that is missing may be in it.
    Unknown(Rc<Computed>),
}

/// Whether a value is secret or unknown, or anything in it.
#[expect(clippy::struct_excessive_bools, reason = "each is a mark of its own")]
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Content {
    pub(super) secret: bool,
    pub(super) unknown: bool,
    /// Whether anything is unknown other than what only rotation reads.
    pub(super) missing: bool,
    /// Whether anything does not list what it inherits.
    pub(super) hides: bool,
}

/// A definition whose expressions are evaluated.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) environment: Arc<str>,
    pub(super) program: Program,
}

/// An expression of a definition.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub(super) source: Rc<Source>,
    pub(super) id: Id,
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
            missing: self.missing || other.missing,
            hides: self.hides || other.hides,
        }
    }
}

impl Computed {
    pub(super) fn new(shape: Shape) -> Self {
        let (mut all, mut own) = (Content::default(), Content::default());
        let mut depth = 0;
        match &shape {
            Shape::Array(items) => {
                for item in items.iter() {
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
            unknown: false,
            schema: None,
            told: OnceCell::new(),
            listed: Listed::default(),
            secret: false,
            hides_inherited: false,
            is_final: false,
            provider: None,
            origin: None,
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
        Self::new(Shape::Null).into_unknown(schema)
    }

    /// What only rotation reads, where nothing is rotated.
    pub(super) fn left_out() -> Self {
        let mut value = Self::unknown(Schema::any());
        value.all.missing = false;
        value.own.missing = false;
        value
    }

    pub(super) fn object(entries: Entries) -> Self {
        Self::new(Shape::Object {
            entries: Rc::new(entries),
            under: Under::Open(None),
        })
    }

    /// The same as a value that is not known.
    pub(super) fn into_unknown(mut self, schema: Schema) -> Self {
        self.unknown = true;
        self.schema = Some(schema);
        for content in [&mut self.all, &mut self.own] {
            content.unknown = true;
            content.missing = true;
        }
        // What is in it does not count any more: it is as secret as itself.
        self.own.secret = self.secret;
        self
    }

    /// The same value as a secret, or not, as the flag says.
    pub(super) fn with_secret(mut self, secret: bool) -> Self {
        self.secret |= secret;
        self.all.secret |= secret;
        self.own.secret |= secret;
        self
    }

    /// The same value, which does not list what it inherits.
    pub(super) fn hiding_inherited(mut self) -> Self {
        self.hides_inherited = true;
        self.all.hides = true;
        self
    }

    /// A copy, in which everything lists what it inherits.
    pub(super) fn copied(&self) -> Self {
        if !self.all.hides {
            return self.clone();
        }
        let listed = self.listed.0.get_or_init(|| Rc::new(self.copied_once()));
        (**listed).clone()
    }

    /// A copy, made of the copies of what is in it; of each value there is just one.
    fn copied_once(&self) -> Self {
        let copy_of = |value: &Rc<Self>| {
            if value.all.hides {
                let listed = &value.listed.0;
                Rc::clone(listed.get_or_init(|| Rc::new(value.copied_once())))
            } else {
                Rc::clone(value)
            }
        };
        let mut copy = self.clone();
        match &mut copy.shape {
            Shape::Array(items) => {
                *items = items.iter().map(copy_of).collect();
            }
            Shape::Object { entries, .. } => {
                let mut fresh = (**entries).clone();
                for entry in fresh.values_mut() {
                    entry.value = copy_of(&entry.value);
                }
                *entries = Rc::new(fresh);
            }
            Shape::Null | Shape::Bool(_) | Shape::Number(_) | Shape::Text(_) => {}
        }
        copy.hides_inherited = false;
        copy.all.hides = false;
        copy.own.hides = false;
        copy
    }

    /// The same value with a type that its shape does not tell.
    pub(super) fn with_schema(mut self, schema: Schema) -> Self {
        self.schema = Some(schema);
        self
    }

    /// What is known of its type.
    pub(super) fn schema(&self) -> Schema {
        let schema = self.schema.as_ref();
        let schema = schema.unwrap_or_else(|| self.told.get_or_init(|| self.schema_of_shape()));
        schema.clone()
    }

    fn schema_of_shape(&self) -> Schema {
        match &self.shape {
            Shape::Null => Schema::of(Type::Null),
            Shape::Bool(_) => Schema::of(Type::Boolean),
            Shape::Number(_) => Schema::of(Type::Number),
            Shape::Text(_) => Schema::of(Type::String),
            Shape::Array(items) => Schema::tuple(items.iter().map(|item| item.schema())),
            Shape::Object { entries, under } => {
                let entries = entries.iter();
                let record = entries.map(|(name, it)| (Rc::clone(name), it.value.schema()));
                let record = Schema::record(record);
                match under {
                    Under::Unknown(base) => Schema::merged(&base.schema(), &record).0,
                    Under::Open(_) | Under::Closed(_) => record,
                }
            }
        }
    }

    /// Its type; `None` for a value that is not known.
    pub(super) fn kind(&self) -> Option<Type> {
        if self.unknown {
            return None;
        }
        Some(match self.shape {
            Shape::Null => Type::Null,
            Shape::Bool(_) => Type::Boolean,
            Shape::Number(_) => Type::Number,
            Shape::Text(_) => Type::String,
            Shape::Array(_) => Type::Array,
            Shape::Object { .. } => Type::Object,
        })
    }

    /// Whether it is an object, or may be one for all that is known.
    pub(super) fn may_be_object(&self) -> bool {
        match &self.schema {
            Some(schema) if self.unknown => {
                schema.is_any() || schema.rules().kind == Some(Type::Object)
            }
            _ => matches!(self.shape, Shape::Object { .. }),
        }
    }

    /// The text of a string that is known.
    pub(super) fn as_text(&self) -> Option<&Text> {
        match &self.shape {
            Shape::Text(text) if !self.unknown => Some(text),
            _ => None,
        }
    }

    /// The items of an array that is known.
    pub(super) fn as_items(&self) -> Option<&[Rc<Self>]> {
        match &self.shape {
            Shape::Array(items) if !self.unknown => Some(items),
            _ => None,
        }
    }

    /// The names of an object's entries.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let entries = match &self.shape {
            Shape::Object { entries, .. } => Some(entries),
            _ => None,
        };
        let entries = entries.into_iter().flat_map(|entries| entries.iter());
        entries.map(|(name, _)| &**name)
    }

    /// The names of an object's own entries.
    pub(super) fn own_names(&self) -> impl Iterator<Item = &str> {
        let entries = match &self.shape {
            Shape::Object { entries, .. } => Some(entries),
            _ => None,
        };
        let entries = entries.into_iter().flat_map(|entries| entries.iter());
        let own = entries.filter(|(_, entry)| entry.own);
        own.map(|(name, _)| &**name)
    }

    /// The entry `name`, where there is one that is known to exist.
    pub(super) fn entry(&self, name: &str) -> Option<&Rc<Self>> {
        match &self.shape {
            Shape::Object { entries, .. } => entries.get(name).map(|entry| &entry.value),
            _ => None,
        }
    }

    /// The property `name` for what lies over it. One of a value that is not known is not known
    /// either.
    pub(super) fn property(&self, name: &str) -> Option<Rc<Self>> {
        match (&self.shape, &self.schema) {
            (Shape::Object { entries, under }, _) => match (entries.get(name), under) {
                (Some(entry), _) => Some(Rc::clone(&entry.value)),
                (None, Under::Unknown(base)) => base.property(name),
                (None, _) => None,
            },
            (_, Some(schema)) if self.unknown => {
                Some(Rc::new(Self::unknown(schema.property(name))))
            }
            _ => None,
        }
    }
}
