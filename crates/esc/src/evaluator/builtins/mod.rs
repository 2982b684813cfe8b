//! The functions of the language: `fn::…`.
//!
//! Each has a file with its two halves: `read` checks the shape of the argument when a definition
//! is read, `evaluate` gives the value.

mod base64;
mod concat;
mod envelope;
mod final_;
mod join_split;
mod json;
mod open;
mod rotate;
mod secret;
mod to_string;
mod validate;
mod yaml;

use std::rc::Rc;

use crate::evaluator::evaluate::Scope;
use crate::evaluator::expression::{Id, Lowering};
use crate::evaluator::limits::{Budget, MAXIMUM_DIAGNOSTICS};
use crate::evaluator::schema::{InvalidSchema, Schema};
use crate::evaluator::syntax::{Key, Node};
use crate::evaluator::validate::{Wording, validate as validation};
use crate::evaluator::value::{Computed, Entries, Shape, Under};
use crate::property_path::Accessor as PathStep;

/// A call. An argument that is missing or has the wrong shape, which an error says, is `None` and
/// its value unknown.
#[derive(Debug)]
pub(super) enum Call {
    Ciphertext(secret::Ciphertext),
    Concat(Id),
    Final(Id),
    FromBase64(Id),
    FromJson(Id),
    Join {
        delimiter: Option<Id>,
        items: Option<Id>,
    },
    Open {
        provider: Option<Rc<str>>,
        inputs: Option<Id>,
    },
    Rotate {
        rotator: Option<Rc<str>>,
        inputs: Option<Id>,
        state: Option<Id>,
    },
    Secret(secret::Plaintext),
    Split {
        delimiter: Option<Id>,
        text: Option<Id>,
    },
    ToBase64(Id),
    ToJson(Id),
    ToText(Id),
    ToYaml(Id),
    Validate {
        schema: Option<Id>,
        value: Option<Id>,
    },
}

/// What an object with a single entry was read as.
pub(super) enum Reading {
    Call(Call),
    /// A name that is kept for functions, but the language has no such function.
    Unknown,
    /// No call.
    None,
}

/// The prefix of every function's name.
const PREFIX: &str = "fn::";

/// Whether a key calls a function, be there such a function or not.
pub(super) fn is_call(key: &str) -> bool {
    key.starts_with(PREFIX)
}

/// Whether a text is base64.
pub(super) fn is_base64(text: &str) -> bool {
    base64::decoded(text.as_bytes()).is_ok()
}

/// Reads `{key: argument}`, which is the expression `id`, if it is a call.
pub(super) fn read(lowering: &mut Lowering, id: Id, key: &Key, argument: &Node) -> Reading {
    let Some(name) = key.name.strip_prefix(PREFIX) else {
        return match key.name.get(..PREFIX.len()) {
            Some(start) if start.eq_ignore_ascii_case(PREFIX) => Reading::Unknown,
            _ => Reading::None,
        };
    };
    if name == "secret" {
        return Reading::Call(secret::read(lowering, id, key, argument));
    }
    let read: fn(&mut Lowering, &str, Id) -> Call = match name {
        "concat" => concat::read,
        "final" => |_, _, argument| Call::Final(argument),
        "fromBase64" => |_, _, argument| Call::FromBase64(argument),
        "fromJSON" => |_, _, argument| Call::FromJson(argument),
        "join" => join_split::read_join,
        "open" => open::read,
        "rotate" => rotate::read,
        "split" => join_split::read_split,
        "toBase64" => |_, _, argument| Call::ToBase64(argument),
        "toJSON" => |_, _, argument| Call::ToJson(argument),
        "toString" => |_, _, argument| Call::ToText(argument),
        "toYAML" => |_, _, argument| Call::ToYaml(argument),
        "validate" => validate::read,
        _ if name.starts_with("open::") => open::read_short,
        _ if name.starts_with("rotate::") => rotate::read_short,
        _ => return Reading::Unknown,
    };
    let mark = lowering.mark();
    let step = PathStep::Name(key.name.clone());
    let argument = match name.split("::").next() {
        Some("open") if name == "open" => {
            lowering.record(argument, id, step, &["provider", "inputs"])
        }
        Some("rotate") => lowering.record(argument, id, step, &["provider", "inputs", "state"]),
        Some("validate") => lowering.record(argument, id, step, &["schema", "value"]),
        _ => lowering.expression(argument, id, step),
    };
    let call = read(lowering, name, argument);
    if !call.declares() {
        lowering.undeclare(mark);
    }
    Reading::Call(call)
}

/// The value of a call, which is the expression `id`.
pub(super) fn evaluate(scope: &mut Scope<'_, '_>, id: Id, call: &Call) -> Rc<Computed> {
    match call {
        Call::Ciphertext(ciphertext) => secret::decrypt(scope, id, ciphertext),
        Call::Concat(argument) => concat::evaluate(scope, *argument),
        Call::Final(argument) => final_::evaluate(scope, *argument),
        Call::FromBase64(argument) => base64::decode(scope, id, *argument),
        Call::FromJson(argument) => json::decode(scope, id, *argument),
        Call::Join { delimiter, items } => join_split::join(scope, *delimiter, *items),
        Call::Open { provider, inputs } => open::evaluate(scope, id, provider.as_ref(), *inputs),
        Call::Rotate {
            rotator,
            inputs,
            state,
        } => rotate::evaluate(scope, id, rotator.as_ref(), *inputs, *state),
        Call::Secret(plaintext) => secret::evaluate(scope, plaintext),
        Call::Split { delimiter, text } => join_split::split(scope, id, *delimiter, *text),
        Call::ToBase64(argument) => base64::encode(scope, id, *argument),
        Call::ToJson(argument) => json::encode(scope, *argument),
        Call::ToText(argument) => to_string::evaluate(scope, *argument),
        Call::ToYaml(argument) => yaml::encode(scope, *argument),
        Call::Validate { schema, value } => validate::evaluate(scope, *schema, *value),
    }
}

impl Call {
    /// Whether what is in the argument can be evaluated.
    fn declares(&self) -> bool {
        match self {
            Self::Join { delimiter, .. } | Self::Split { delimiter, .. } => delimiter.is_some(),
            Self::Open { provider, inputs } => provider.is_some() || inputs.is_some(),
            Self::Rotate {
                rotator, inputs, ..
            } => rotator.is_some() || inputs.is_some(),
            Self::Validate { schema, value } => schema.is_some() || value.is_some(),
            _ => true,
        }
    }
}

/// A value as a function gives it that only looks at it: what it inherits is left out, and it is
/// as secret and as unknown as anything in it.
fn passed_on(budget: &mut Budget, value: &Rc<Computed>) -> Computed {
    let entries = value.names().count();
    let items = value.as_items().map_or(0, <[_]>::len);
    if !budget.spend_steps(entries + items) {
        return Computed::unknown(Schema::any()).with_secret(value.all.secret);
    }
    let shape = match &value.shape {
        Shape::Object { entries, .. } => {
            let own = entries.iter().filter(|(_, entry)| entry.own);
            let own = own.map(|(name, entry)| (Rc::clone(name), entry.clone()));
            Shape::Object {
                entries: Rc::new(own.collect::<Entries>()),
                under: Under::Open(None),
            }
        }
        shape => shape.clone(),
    };
    let mut passed = Computed::new(shape);
    if value.all.unknown {
        let schema = value.schema();
        // A record may have been made of the schema of what the value lies over.
        budget.spend_steps(schema.properties().count());
        passed = passed.into_unknown(schema);
    }
    passed.provider.clone_from(&value.provider);
    passed.literal.clone_from(&value.literal);
    passed.with_secret(value.all.secret)
}

impl Scope<'_, '_> {
    /// The value of an argument, and whether it satisfies `schema`; errors say where it does not.
    /// One that is missing is unknown.
    fn expect(&mut self, argument: Option<Id>, schema: &Schema) -> (Rc<Computed>, bool) {
        self.expect_in(argument, schema, Wording::Esc)
    }

    fn expect_in(
        &mut self,
        argument: Option<Id>,
        schema: &Schema,
        wording: Wording,
    ) -> (Rc<Computed>, bool) {
        let Some(argument) = argument else {
            return (Self::unknown(), true);
        };
        let accept = schema.has_rotate_only().then_some(schema);
        let value = self.evaluate_for(argument, accept);
        let is_valid = self.check(&value, schema, wording);
        (value, is_valid)
    }

    /// Whether a value satisfies `schema`; errors say where it does not.
    fn check(&mut self, value: &Rc<Computed>, schema: &Schema, wording: Wording) -> bool {
        let budget = &mut self.session.budget;
        let (is_valid, violations) = validation(budget, value, schema, wording);
        // Those beyond are not kept anyway.
        for violation in violations.into_iter().take(MAXIMUM_DIAGNOSTICS + 1) {
            self.error_of(violation.message, violation.origin.as_ref());
        }
        is_valid
    }

    /// A schema of a provider or rotator, read once.
    fn schema(&mut self, text: &str) -> Result<Schema, InvalidSchema> {
        if let Some(schema) = self.session.schemas.get(text) {
            return Ok(schema.clone());
        }
        let schema = Schema::parse(text)?;
        let known = &mut self.session.schemas;
        known.insert(text.to_owned(), schema.clone());
        Ok(schema)
    }
}
