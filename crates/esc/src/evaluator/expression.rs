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
const _: () = assert!(size_of::<Expression>() <= 72);

/// The expression that contains another.
#[derive(Debug)]
pub(super) struct Parent {
    pub(super) id: ExprId,
    /// The key or index in the parent, as written in the definition.
    pub(super) step: PathStep<Rc<str>>,
    pub(super) property: PropertyName,
}

/// The name of the property that a key defines.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum PropertyName {
    /// Nothing is defined: the parent is a list or a builtin call, or the key is not a name.
    None,
    /// The key as it is written.
    Written,
    /// The key, with `$` for each `$$`.
    Unescaped,
}

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

impl Parent {
    /// The name of the property that the expression defines.
    pub(super) fn property_name(&self) -> Option<Cow<'_, str>> {
        match (&self.step, self.property) {
            (PathStep::Name(key), PropertyName::Written) => Some(Cow::Borrowed(key)),
            (PathStep::Name(key), PropertyName::Unescaped) => Some(unescape(key).into()),
            _ => None,
        }
    }
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
        let expressions = Vec::new();
        Self { expressions, path }
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
            join_step(&mut path, &parent.step);
        }
        path
    }

    /// The path below `values`, as messages about reference cycles print it: the first name is never
    /// quoted.
    pub(super) fn path_in_values(&self, id: ExprId) -> String {
        let mut path = String::new();
        for (depth, parent) in self.ancestors(id).into_iter().enumerate() {
            match parent.property_name() {
                Some(name) if depth == 0 => path.push_str(&name),
                Some(name) => join_name(&mut path, &name),
                None => join_step(&mut path, &parent.step),
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
