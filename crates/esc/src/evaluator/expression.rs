//! Expressions: the syntax tree with interpolations and builtin calls recognized.
//!
//! All expressions of one definition are in a [`Program`] and refer to each other by [`ExprId`], so
//! that evaluation can keep its state in a parallel array and find the parent of any expression.

use std::borrow::Cow;
use std::num::NonZeroU32;
use std::rc::Rc;

use crate::Number;
use crate::evaluator::document_path::{PathStep, join_name, join_step};
use crate::evaluator::interpolation::{AccessStep, Segment};
use crate::evaluator::name_map::NameMap;
use crate::evaluator::syntax::Span;
use crate::interpolation::unescape;
use crate::text::Text;

/// Identifies an expression of a [`Program`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct ExprId(NonZeroU32);

/// The expressions of a definition's `values`. The first one is the object of all values.
#[derive(Debug)]
pub(super) struct Program {
    expressions: Vec<Expression>,
    /// The keys of objects and calls, as written in the definition.
    keys: Vec<Rc<str>>,
    /// The path of the first expression in the definition.
    path: String,
}

/// An expression and its location in the definition.
#[derive(Debug)]
pub(super) struct Expression {
    pub(super) kind: ExprKind,
    pub(super) span: Span,
    pub(super) parent: Option<Parent>,
}

// An environment may have a million expressions.
const _: () = assert!(size_of::<Expression>() <= 64);

/// The expression that contains another.
#[derive(Debug)]
pub(super) struct Parent {
    pub(super) id: ExprId,
    pub(super) step: Step,
}

/// Where an expression is in the one that contains it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// The index in a list.
    Index(u32),
    /// A key that defines no property: it is in a builtin call, or not a name.
    Key(KeyId),
    /// The name of a property.
    Property(KeyId),
    /// The name of a property, in which `$$` means `$`.
    EscapedProperty(KeyId),
}

/// Identifies a key of a [`Program`].
#[derive(Clone, Copy, Debug)]
pub(super) struct KeyId(u32);

/// The kinds of expression.
#[derive(Debug)]
pub(super) enum ExprKind {
    /// A node that could not be parsed, for which there is a diagnostic. Its value is unknown.
    Invalid,
    Null,
    Bool(bool),
    Number(Number),
    Text(Text),
    /// A string that contains accesses.
    Interpolation(Box<[Segment]>),
    /// A string that is a single access: a copy of the accessed value, of any type.
    Symbol(Box<[AccessStep]>),
    List(Box<[ExprId]>),
    Object(NameMap<ExprId>),
    Call(BuiltinCall),
}

/// A call of a builtin function. An argument is `None` if it is missing or malformed, for which there
/// is a diagnostic; its value is unknown.
#[derive(Debug)]
pub(super) enum BuiltinCall {
    /// `fn::secret` with an encrypted secret: the text of its envelope.
    Ciphertext(Text),
    Concat(ExprId),
    Final(ExprId),
    FromBase64(ExprId),
    FromJson(ExprId),
    /// The delimiter and the items.
    Join(Option<[ExprId; 2]>),
    /// The provider and its inputs.
    Open(Option<Rc<str>>, Option<ExprId>),
    Rotate(Box<RotateCall>),
    /// `fn::secret` with plaintext, and the expression of that plaintext.
    Secret(Text, ExprId),
    /// The delimiter and the text.
    Split(Option<[ExprId; 2]>),
    ToBase64(ExprId),
    ToJson(ExprId),
    ToText(ExprId),
    ToYaml(ExprId),
    Validate {
        schema: Option<ExprId>,
        value: Option<ExprId>,
    },
}

/// A call of `fn::rotate`. It is larger than other calls, and rarer.
#[derive(Debug, Default)]
pub(super) struct RotateCall {
    pub(super) rotator: Option<Rc<str>>,
    pub(super) inputs: Option<ExprId>,
    pub(super) state: Option<ExprId>,
}

impl ExprId {
    /// The object of all values.
    pub(super) const ROOT: Self = Self(NonZeroU32::MIN);

    pub(super) fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

impl Program {
    /// Creates a program without expressions, whose first expression will be at `path`.
    pub(super) fn new(path: String) -> Self {
        Self {
            expressions: Vec::new(),
            keys: Vec::new(),
            path,
        }
    }

    pub(super) fn add_key(&mut self, key: Rc<str>) -> KeyId {
        let before = u32::try_from(self.keys.len()).unwrap_or(u32::MAX);
        self.keys.push(key);
        KeyId(before)
    }

    /// The key as it is written.
    pub(super) fn key(&self, id: KeyId) -> &Rc<str> {
        &self.keys[id.0 as usize]
    }

    /// The name of the property that an expression with this parent defines.
    pub(super) fn property_name(&self, parent: &Parent) -> Option<Cow<'_, str>> {
        match parent.step {
            Step::Property(key) => Some(Cow::Borrowed(self.key(key))),
            Step::EscapedProperty(key) => Some(unescape(self.key(key)).into()),
            Step::Index(_) | Step::Key(_) => None,
        }
    }

    fn path_step(&self, parent: &Parent) -> PathStep<&str> {
        match parent.step {
            Step::Index(index) => PathStep::Index(index as usize),
            Step::Key(key) | Step::Property(key) | Step::EscapedProperty(key) => {
                PathStep::Name(self.key(key))
            }
        }
    }

    /// Adds an expression whose kind is set later.
    pub(super) fn add(&mut self, span: Span, parent: Option<Parent>) -> ExprId {
        let before = u32::try_from(self.expressions.len()).unwrap_or(u32::MAX);
        let id = ExprId(NonZeroU32::MIN.saturating_add(before));
        let kind = ExprKind::Invalid;
        self.expressions.push(Expression { kind, span, parent });
        id
    }

    pub(super) fn expression(&self, id: ExprId) -> &Expression {
        &self.expressions[id.index()]
    }

    pub(super) fn kind_mut(&mut self, id: ExprId) -> &mut ExprKind {
        &mut self.expressions[id.index()].kind
    }

    /// The number of expressions, which is more than the index of any [`ExprId`].
    pub(super) fn len(&self) -> usize {
        self.expressions.len()
    }

    /// The path in the definition, such as `values.aws.creds["fn::open"].inputs`.
    pub(super) fn path(&self, id: ExprId) -> String {
        let mut path = self.path.clone();
        for parent in self.ancestors(id) {
            join_step(&mut path, &self.path_step(parent));
        }
        path
    }

    /// The path below `values`, as messages about reference cycles print it: the first name is never
    /// quoted.
    pub(super) fn path_in_values(&self, id: ExprId) -> String {
        let mut path = String::new();
        for (depth, parent) in self.ancestors(id).into_iter().enumerate() {
            match self.property_name(parent) {
                Some(name) if depth == 0 => path.push_str(&name),
                Some(name) => join_name(&mut path, &name),
                None => join_step(&mut path, &self.path_step(parent)),
            }
        }
        path
    }

    /// The links from the root down to an expression.
    fn ancestors(&self, id: ExprId) -> Vec<&Parent> {
        let mut ancestors = Vec::new();
        let mut expression = self.expression(id);
        while let Some(parent) = &expression.parent {
            ancestors.push(parent);
            expression = self.expression(parent.id);
        }
        ancestors.reverse();
        ancestors
    }
}
