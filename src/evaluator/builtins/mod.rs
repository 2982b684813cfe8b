//! The functions of the language: `fn::…`.
//!
//! Each has a file with its two halves: `read` checks the shape of the argument when a definition
//! is read, `evaluate` gives the value.

mod base64;
mod concat;
mod json;
mod last;
mod open;
mod secret;
mod sequence;
mod strings;

use std::rc::Rc;

use crate::environment::path::Accessor as PathStep;
use crate::evaluator::computed::Computed;
use crate::evaluator::evaluate::Scope;
use crate::evaluator::expression::{Id, Lowering};
use crate::evaluator::schema::Schema;
use crate::evaluator::syntax::{Key, Node};
use crate::evaluator::validate;

pub(super) use open::ProviderSchemas;

/// A call whose argument has the right shape.
#[derive(Debug)]
pub(super) enum Call {
    Concat(Id),
    Final(Id),
    FromBase64(Id),
    FromJson(Id),
    Join {
        delimiter: Id,
        items: Id,
    },
    Open {
        provider: Rc<str>,
        inputs: Id,
    },
    Secret(secret::Plaintext),
    Split {
        delimiter: Id,
        text: Id,
    },
    ToBase64(Id),
    ToJson(Id),
    ToText(Id),
    /// A function of the language that is not built here.
    Unsupported(Unsupported),
}

/// What this version cannot evaluate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Unsupported {
    Ciphertext,
    Rotate,
    ToYaml,
    Validate,
}

/// What a call was read as.
pub(super) enum Reading {
    Call(Call),
    /// The argument has the wrong shape; an error says so.
    Malformed,
    /// The language has no such function.
    Unknown,
}

/// The prefix of every function's name.
const PREFIX: &str = "fn::";

/// Whether a key can only be a call: the prefix in any case.
pub(super) fn has_prefix(key: &str) -> bool {
    key.get(..PREFIX.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}

/// Reads the call `{key: argument}`, which is the expression `id`.
pub(super) fn read(lowering: &mut Lowering, id: Id, key: &Key, argument: &Node) -> Reading {
    let name = key.name.strip_prefix(PREFIX).unwrap_or_default();
    if name == "secret" {
        return secret::read(lowering, id, key, argument);
    }
    let unsupported = match name {
        "rotate" => Some(Unsupported::Rotate),
        "toYAML" => Some(Unsupported::ToYaml),
        "validate" => Some(Unsupported::Validate),
        _ if name.starts_with("rotate::") => Some(Unsupported::Rotate),
        _ => None,
    };
    if let Some(unsupported) = unsupported {
        return Reading::Call(Call::Unsupported(unsupported));
    }
    let read: fn(&mut Lowering, &str, Id) -> Reading = match name {
        "concat" => concat::read,
        "final" => |_, _, argument| Reading::Call(Call::Final(argument)),
        "fromBase64" => |_, _, argument| Reading::Call(Call::FromBase64(argument)),
        "fromJSON" => |_, _, argument| Reading::Call(Call::FromJson(argument)),
        "join" => sequence::read_join,
        "open" => open::read,
        "split" => sequence::read_split,
        "toBase64" => |_, _, argument| Reading::Call(Call::ToBase64(argument)),
        "toJSON" => |_, _, argument| Reading::Call(Call::ToJson(argument)),
        "toString" => |_, _, argument| Reading::Call(Call::ToText(argument)),
        _ if name.starts_with("open::") => open::read_short,
        _ => return Reading::Unknown,
    };
    let argument = lowering.expression(argument, id, PathStep::Name(key.name.clone()));
    read(lowering, name, argument)
}

/// The value of a call, which is the expression `id`.
pub(super) fn evaluate(scope: &mut Scope<'_, '_>, id: Id, call: &Call) -> Rc<Computed> {
    match call {
        Call::Concat(argument) => concat::evaluate(scope, *argument),
        Call::Final(argument) => last::evaluate(scope, *argument),
        Call::FromBase64(argument) => base64::decode(scope, *argument),
        Call::FromJson(argument) => json::decode(scope, *argument),
        Call::Join { delimiter, items } => sequence::join(scope, *delimiter, *items),
        Call::Open { provider, inputs } => open::evaluate(scope, id, provider, *inputs),
        Call::Secret(plaintext) => secret::evaluate(scope, plaintext),
        Call::Split { delimiter, text } => sequence::split(scope, *delimiter, *text),
        Call::ToBase64(argument) => base64::encode(scope, *argument),
        Call::ToJson(argument) => json::encode(scope, *argument),
        Call::ToText(argument) => strings::evaluate(scope, *argument),
        Call::Unsupported(what) => {
            let secret = *what == Unsupported::Ciphertext;
            let what = match what {
                Unsupported::Ciphertext => "the ciphertext of `fn::secret`",
                Unsupported::Rotate => "`fn::rotate`",
                Unsupported::ToYaml => "`fn::toYAML`",
                Unsupported::Validate => "`fn::validate`",
            };
            let summary = format!("this version of kubectl-esc cannot evaluate {what} locally");
            scope.error(summary, id);
            let unknown = Computed::unknown(Schema::any());
            Rc::new(unknown.with_secret(secret))
        }
    }
}

impl Scope<'_, '_> {
    /// The value of an argument, and whether it satisfies `schema`; errors say where it does not.
    fn expect(&mut self, argument: Id, schema: &Schema) -> (Rc<Computed>, bool) {
        let value = self.evaluate(argument);
        let is_valid = self.check(argument, &value, schema);
        (value, is_valid)
    }

    /// Whether the value of the expression `id` satisfies `schema`; errors say where it does not.
    fn check(&mut self, id: Id, value: &Rc<Computed>, schema: &Schema) -> bool {
        let violations = validate::validate(&self.program, id, value, schema);
        let is_valid = violations.is_empty();
        for violation in violations {
            self.error(violation.message, violation.at);
        }
        is_valid
    }
}
