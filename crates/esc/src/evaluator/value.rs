//! Values during evaluation: those of an environment, plus the metadata that only evaluation needs:
//! schemas of unknown values, the base that an object was merged over, and source locations.
//!
//! Values are immutable and shared by reference.

use std::cell::OnceCell;
use std::rc::Rc;

use crate::Number;
use crate::evaluator::module::Origin;
use crate::evaluator::name_map::NameMap;
use crate::evaluator::schema::{Schema, Type};
use crate::text::Text;

/// A value. [The evaluator's documentation](super) explains `unknown`, `secret` and `final`.
#[derive(Clone, Debug, Default)]
pub(super) struct EvalValue {
    /// The data. Of an unknown value it holds the parts that are known, if any.
    pub(super) kind: ValueKind,
    pub(super) unknown: bool,
    /// Applies to this value alone, not to the values in it.
    pub(super) secret: bool,
    pub(super) inherited: InheritedListing,
    details: OnceCell<Box<Details>>,
    /// The expression that produced the value.
    pub(super) origin: Option<Origin>,
    /// The expression that writes it, if it is a string or number that is written in a definition.
    pub(super) literal: Option<Origin>,
    /// The marks of the value and of everything in it.
    pub(super) marks: Marks,
    /// The same without inherited properties.
    pub(super) own_marks: Marks,
    /// The nesting depth; 0 for scalars. More than `MAXIMUM_VALUE_NESTING`, 200, is an error.
    pub(super) depth: u8,
}

/// What few of the many values have.
#[derive(Clone, Debug, Default)]
struct Details {
    schema: OnceCell<ValueSchema>,
    listing_copy: CopyCache,
    /// The provider that returned the value.
    provider: Option<Rc<str>>,
    /// Whether `fn::final` forbids overriding the value.
    is_final: bool,
}

// An environment may have a million values.
const _: () = assert!(size_of::<EvalValue>() <= 56);

/// What is known of a value's type.
#[derive(Clone, Debug)]
enum ValueSchema {
    /// More than follows from its kind.
    Own(Schema),
    /// What follows from its kind. Values share their parts, so computing it each time could take exponential
    /// time.
    Inferred(Schema),
}

/// The kinds of value.
#[derive(Clone, Debug, Default)]
pub(super) enum ValueKind {
    #[default]
    Null,
    Bool(bool),
    Number(Number),
    Text(Text),
    Array(Rc<[Rc<EvalValue>]>),
    Object {
        properties: Rc<Properties>,
        base: Base,
    },
}

/// The properties of an object, including inherited ones.
pub(super) type Properties = NameMap<Property>;

/// A property of an object.
#[derive(Clone, Debug)]
pub(super) struct Property {
    pub(super) value: Rc<EvalValue>,
    /// False if the property is inherited: only the object below this one defines it.
    pub(super) is_own: bool,
    /// Whether it is inherited from an object that is not known completely. An access to it is then
    /// unknown, as in upstream.
    pub(super) is_unknown: bool,
}

/// What an object was merged over, apart from the properties that it inherits.
#[derive(Clone, Debug)]
pub(super) enum Base {
    /// Nothing, or objects, of which this is the lowest. Merging the object over another one inherits
    /// that one's properties.
    Open(Option<Rc<EvalValue>>),
    /// A value that is not an object, perhaps with objects above it, of which this is the lowest.
    /// Nothing below that value is inherited.
    Closed(Option<Rc<EvalValue>>),
    /// An unknown value, which may have any property that this object lacks.
    Unknown(Rc<EvalValue>),
}

/// The marks that a result has because of the values it was computed from.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Marks {
    pub(super) secret: bool,
    pub(super) knowledge: Knowledge,
}

/// How much is known of a value and of the values in it.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Knowledge {
    /// Everything.
    #[default]
    Complete,
    /// Everything except inputs that only a rotation reads (`rotateOnly`). They are not evaluated,
    /// and `fn::rotate` works without them.
    WithoutRotateOnly,
    /// Something is unknown.
    Incomplete,
}

/// Whether an exported value lists inherited properties. As in ESC, the results of `fn::final` and
/// `fn::validate` do not, but copies of them do.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum InheritedListing {
    #[default]
    Listed,
    /// Some value within this one does not list them.
    HiddenInside,
    Hidden,
}

/// A cached copy of a value. Cloning empties the cache: a clone may be changed before it is shared.
#[derive(Debug, Default)]
struct CopyCache(OnceCell<Rc<EvalValue>>);

impl Clone for CopyCache {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Marks {
    /// The marks of a value that is made of two others.
    pub(super) fn union(self, other: Self) -> Self {
        Self {
            secret: self.secret || other.secret,
            knowledge: self.knowledge.max(other.knowledge),
        }
    }

    pub(super) fn has_unknown(self) -> bool {
        self.knowledge != Knowledge::Complete
    }
}

impl ValueKind {
    /// An object that inherits nothing.
    pub(super) fn object(properties: Properties) -> Self {
        Self::Object {
            properties: Rc::new(properties),
            base: Base::Open(None),
        }
    }

    fn json_type(&self) -> Type {
        match self {
            Self::Null => Type::Null,
            Self::Bool(_) => Type::Boolean,
            Self::Number(_) => Type::Number,
            Self::Text(_) => Type::String,
            Self::Array(_) => Type::Array,
            Self::Object { .. } => Type::Object,
        }
    }
}

impl Property {
    pub(super) fn own(value: Rc<EvalValue>) -> Self {
        Self {
            value,
            is_own: true,
            is_unknown: false,
        }
    }
}

impl EvalValue {
    pub(super) fn new(kind: ValueKind) -> Self {
        let mut value = Self::default();
        match &kind {
            ValueKind::Array(items) => items.iter().for_each(|item| value.include(item, true)),
            ValueKind::Object { properties, .. } => {
                for (_, property) in properties.iter() {
                    value.include(&property.value, property.is_own);
                }
            }
            ValueKind::Null | ValueKind::Bool(_) | ValueKind::Number(_) | ValueKind::Text(_) => {}
        }
        value.kind = kind;
        value
    }

    /// Updates what depends on the parts of a value.
    fn include(&mut self, part: &Self, is_own: bool) {
        self.marks = self.marks.union(part.marks);
        if is_own {
            self.own_marks = self.own_marks.union(part.own_marks);
        }
        if part.inherited != InheritedListing::Listed {
            self.inherited = InheritedListing::HiddenInside;
        }
        self.depth = self.depth.max(part.depth.saturating_add(1));
    }

    pub(super) fn text(text: impl Into<Text>) -> Self {
        Self::new(ValueKind::Text(text.into()))
    }

    pub(super) fn object(properties: Properties) -> Self {
        Self::new(ValueKind::object(properties))
    }

    pub(super) fn unknown(schema: Schema) -> Self {
        Self::new(ValueKind::Null).into_unknown(schema)
    }

    /// An unknown value of any type.
    pub(super) fn unknown_any() -> Rc<Self> {
        Rc::new(Self::unknown(Schema::any()))
    }

    /// An input that only a rotation reads, and that is not evaluated.
    pub(super) fn skipped_rotate_only() -> Self {
        let mut value = Self::unknown(Schema::any());
        value.marks.knowledge = Knowledge::WithoutRotateOnly;
        value.own_marks.knowledge = Knowledge::WithoutRotateOnly;
        value
    }

    /// Makes the value unknown, with this schema.
    pub(super) fn into_unknown(mut self, schema: Schema) -> Self {
        self = self.with_schema(schema);
        self.unknown = true;
        self.marks.knowledge = Knowledge::Incomplete;
        self.own_marks.knowledge = Knowledge::Incomplete;
        // Secrets in the value no longer count: its text is `[unknown]`.
        self.own_marks.secret = self.secret;
        self
    }

    /// Makes the value a secret, if `secret` is set.
    pub(super) fn with_secret(mut self, secret: bool) -> Self {
        self.secret |= secret;
        self.marks.secret |= secret;
        self.own_marks.secret |= secret;
        self
    }

    /// Sets a schema that says more than `kind` does.
    pub(super) fn with_schema(mut self, schema: Schema) -> Self {
        self.change_details(|details| details.schema = ValueSchema::Own(schema).into());
        self
    }

    /// The provider that returned the value.
    pub(super) fn provider(&self) -> Option<&Rc<str>> {
        self.details.get()?.provider.as_ref()
    }

    pub(super) fn set_provider(&mut self, provider: Option<&Rc<str>>) {
        if provider != self.provider() {
            self.change_details(|details| details.provider = provider.cloned());
        }
    }

    /// Whether `fn::final` forbids overriding the value.
    pub(super) fn is_final(&self) -> bool {
        self.details.get().is_some_and(|details| details.is_final)
    }

    pub(super) fn set_final(&mut self, is_final: bool) {
        if is_final != self.is_final() {
            self.change_details(|details| details.is_final = is_final);
        }
    }

    fn details(&self) -> &Details {
        self.details.get_or_init(Box::default)
    }

    fn change_details(&mut self, change: impl FnOnce(&mut Details)) {
        let mut details = self.details.take().unwrap_or_default();
        change(&mut details);
        self.details = details.into();
    }

    fn cached_listing_copy(&self) -> &Rc<Self> {
        let cache = &self.details().listing_copy.0;
        cache.get_or_init(|| self.copy_listing())
    }

    /// A copy that lists all inherited properties, as references to the value do.
    pub(super) fn listing_copy(&self) -> Self {
        if self.inherited == InheritedListing::Listed {
            return self.clone();
        }
        (**self.cached_listing_copy()).clone()
    }

    /// Makes the copy from cached copies of the parts, so that a shared part is copied once.
    fn copy_listing(&self) -> Rc<Self> {
        let copy_of = |part: &Rc<Self>| {
            if part.inherited == InheritedListing::Listed {
                Rc::clone(part)
            } else {
                Rc::clone(part.cached_listing_copy())
            }
        };
        let mut copy = self.clone();
        match &mut copy.kind {
            ValueKind::Array(items) => *items = items.iter().map(copy_of).collect(),
            ValueKind::Object { properties, .. } => {
                let mut copied = (**properties).clone();
                for (_, property) in copied.iter_mut() {
                    property.value = copy_of(&property.value);
                }
                *properties = Rc::new(copied);
            }
            ValueKind::Null | ValueKind::Bool(_) | ValueKind::Number(_) | ValueKind::Text(_) => {}
        }
        copy.inherited = InheritedListing::Listed;
        Rc::new(copy)
    }

    /// What is known of the value's type.
    pub(super) fn schema(&self) -> Schema {
        let infer = || ValueSchema::Inferred(self.infer_schema());
        let (ValueSchema::Own(schema) | ValueSchema::Inferred(schema)) =
            self.details().schema.get_or_init(infer);
        schema.clone()
    }

    /// The schema that does not follow from `kind`.
    pub(super) fn own_schema(&self) -> Option<&Schema> {
        match self.details.get()?.schema.get() {
            Some(ValueSchema::Own(schema)) => Some(schema),
            _ => None,
        }
    }

    fn infer_schema(&self) -> Schema {
        match &self.kind {
            ValueKind::Array(items) => Schema::tuple(items.iter().map(|item| item.schema())),
            ValueKind::Object { properties, base } => {
                let properties = properties
                    .iter()
                    .map(|(name, property)| (Rc::clone(name), property.value.schema()));
                let record = Schema::record(properties);
                match base {
                    Base::Unknown(base) => Schema::merged(&base.schema(), &record).0,
                    Base::Open(_) | Base::Closed(_) => record,
                }
            }
            scalar => Schema::of(scalar.json_type()),
        }
    }

    /// The type; `None` for an unknown value.
    pub(super) fn known_type(&self) -> Option<Type> {
        (!self.unknown).then(|| self.kind.json_type())
    }

    /// Whether the value is an object, or an unknown value that may be one.
    pub(super) fn may_be_object(&self) -> bool {
        match self.own_schema() {
            Some(schema) if self.unknown => {
                schema.is_any() || schema.rules().kind == Some(Type::Object)
            }
            _ => matches!(self.kind, ValueKind::Object { .. }),
        }
    }

    /// The text of a known string.
    pub(super) fn as_text(&self) -> Option<&Text> {
        match &self.kind {
            ValueKind::Text(text) if !self.unknown => Some(text),
            _ => None,
        }
    }

    /// The items of a known array.
    pub(super) fn as_items(&self) -> Option<&[Rc<Self>]> {
        match &self.kind {
            ValueKind::Array(items) if !self.unknown => Some(items),
            _ => None,
        }
    }

    /// The properties of an object, including those known of an unknown object.
    pub(super) fn properties(&self) -> impl Iterator<Item = (&Rc<str>, &Property)> + Clone {
        let properties = match &self.kind {
            ValueKind::Object { properties, .. } => Some(properties),
            _ => None,
        };
        properties.into_iter().flat_map(|it| it.iter())
    }

    /// Whether the name of a property is a secret: all names in a secret are, also where an object inherits
    /// them.
    pub(super) fn hides_name_of(&self, property: &Property) -> bool {
        self.secret || (!property.is_own && property.value.secret)
    }

    /// A property that is known to exist.
    pub(super) fn known_property(&self, name: &str) -> Option<&Property> {
        match &self.kind {
            ValueKind::Object { properties, .. } => properties.get(name),
            _ => None,
        }
    }

    /// The property that a value merged over this one overrides. A property of an unknown value is
    /// unknown.
    pub(super) fn property(&self, name: &str) -> Option<Rc<Self>> {
        match (&self.kind, self.own_schema()) {
            (ValueKind::Object { properties, base }, _) => match (properties.get(name), base) {
                (Some(property), _) => Some(Rc::clone(&property.value)),
                (None, Base::Unknown(base)) => base.property(name),
                (None, _) => None,
            },
            (_, Some(schema)) if self.unknown => {
                Some(Rc::new(Self::unknown(schema.property(name))))
            }
            _ => None,
        }
    }
}
