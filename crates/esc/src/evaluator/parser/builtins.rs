//! Parses builtin calls (`fn::…`) and checks the form of their arguments.

use std::rc::Rc;

use crate::evaluator::expression::{BuiltinCall, ExprId, ExprKind};
use crate::evaluator::parser::Parser;
use crate::evaluator::syntax::{Span, SyntaxEntry, SyntaxKey, SyntaxNode};
use crate::format::string::quoted;
use crate::property_path::Accessor as PathStep;
use crate::text::Text;

/// The prefix of every builtin's name.
const PREFIX: &str = "fn::";

/// Whether a key calls a builtin, known or not.
pub(super) fn is_call(key: &str) -> bool {
    key.starts_with(PREFIX)
}

impl Parser {
    /// Parses the object `id` as a call, if it is one. A malformed call is reported, and parsed as an
    /// object.
    pub(super) fn call(
        &mut self,
        entries: &[SyntaxEntry],
        span: Span,
        id: ExprId,
    ) -> Option<BuiltinCall> {
        if let [SyntaxEntry { key, value }] = entries {
            return self.single_entry_call(id, key, value);
        }
        for SyntaxEntry { key, .. } in entries {
            if is_call(&key.name) {
                let summary = format!(
                    "illegal call to builtin function: {} must be the only key within its \
                     containing object",
                    quoted(&key.name)
                );
                self.error(&summary, span, id);
            }
        }
        None
    }

    fn single_entry_call(
        &mut self,
        id: ExprId,
        key: &SyntaxKey,
        node: &SyntaxNode,
    ) -> Option<BuiltinCall> {
        let Some(name) = key.name.strip_prefix(PREFIX) else {
            let prefix = key.name.get(..PREFIX.len());
            if prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case(PREFIX)) {
                self.reserved_prefix(key, id);
            }
            return None;
        };
        if name == "secret" {
            return Some(self.secret(id, key, node));
        }
        let parse: fn(&mut Self, &str, ExprId) -> BuiltinCall = match name {
            "concat" => Self::concat,
            "final" => |_, _, argument| BuiltinCall::Final(argument),
            "fromBase64" => |_, _, argument| BuiltinCall::FromBase64(argument),
            "fromJSON" => |_, _, argument| BuiltinCall::FromJson(argument),
            "join" => Self::join,
            "open" => Self::open,
            "rotate" => Self::rotate,
            "split" => Self::split,
            "toBase64" => |_, _, argument| BuiltinCall::ToBase64(argument),
            "toJSON" => |_, _, argument| BuiltinCall::ToJson(argument),
            "toString" => |_, _, argument| BuiltinCall::ToText(argument),
            "toYAML" => |_, _, argument| BuiltinCall::ToYaml(argument),
            "validate" => Self::validate,
            _ if name.starts_with("open::") => Self::open_short,
            _ if name.starts_with("rotate::") => Self::rotate_short,
            _ => {
                self.reserved_prefix(key, id);
                return None;
            }
        };
        let checkpoint = self.checkpoint();
        let step = PathStep::Name(key.name.clone());
        let argument = if name == "open" {
            self.record(node, id, step, &["provider", "inputs"])
        } else if name == "rotate" || name.starts_with("rotate::") {
            self.record(node, id, step, &["provider", "inputs", "state"])
        } else if name == "validate" {
            self.record(node, id, step, &["schema", "value"])
        } else {
            self.expression(node, id, step)
        };
        let call = parse(self, name, argument);
        if !declares_arguments(&call) {
            self.drop_declare_errors(checkpoint);
        }
        Some(call)
    }

    fn reserved_prefix(&mut self, key: &SyntaxKey, id: ExprId) {
        self.error("'fn::' is a reserved prefix", key.span, id);
    }

    /// A call with another argument is still evaluated, as in ESC, which then reports its type.
    fn concat(&mut self, _: &str, argument: ExprId) -> BuiltinCall {
        if !matches!(self.kind(argument), ExprKind::List(_)) {
            let summary = "the argument to fn::concat must be an array of arrays";
            self.error_at(summary, argument);
        }
        BuiltinCall::Concat(argument)
    }

    fn join(&mut self, name: &str, argument: ExprId) -> BuiltinCall {
        let (delimiter, items) = self.pair(name, argument).unzip();
        BuiltinCall::Join { delimiter, items }
    }

    fn split(&mut self, name: &str, argument: ExprId) -> BuiltinCall {
        let (delimiter, text) = self.pair(name, argument).unzip();
        BuiltinCall::Split { delimiter, text }
    }

    fn pair(&mut self, name: &str, argument: ExprId) -> Option<(ExprId, ExprId)> {
        if let ExprKind::List(items) = self.kind(argument)
            && let [first, second] = items.as_slice()
        {
            return Some((*first, *second));
        }
        let summary = format!("the argument to fn::{name} must be a two-valued list");
        self.error_at(&summary, argument);
        None
    }

    /// `fn::open: {provider, inputs}`.
    fn open(&mut self, _: &str, argument: ExprId) -> BuiltinCall {
        let ExprKind::Object(properties) = self.kind(argument) else {
            let summary =
                "the argument to fn::open must be an object containing 'provider' and 'inputs'";
            self.error_at(summary, argument);
            return BuiltinCall::Open {
                provider: None,
                inputs: None,
            };
        };
        let name = properties.get("provider").copied();
        let inputs = properties.get("inputs").copied();
        BuiltinCall::Open {
            provider: self.provider_name(argument, name),
            inputs: self.required_inputs(argument, inputs),
        }
    }

    /// `fn::open::PROVIDER: inputs`.
    fn open_short(_: &mut Self, name: &str, argument: ExprId) -> BuiltinCall {
        let provider = name.strip_prefix("open::").unwrap_or_default();
        BuiltinCall::Open {
            provider: Some(Rc::from(provider)),
            inputs: Some(argument),
        }
    }

    /// `fn::rotate: {provider, inputs, state}`.
    fn rotate(&mut self, _: &str, argument: ExprId) -> BuiltinCall {
        let ExprKind::Object(properties) = self.kind(argument) else {
            let summary = "the argument to fn::rotate must be an object containing 'provider', \
                           'inputs' and 'state'";
            return self.malformed_rotate(summary, argument);
        };
        let name = properties.get("provider").copied();
        let inputs = properties.get("inputs").copied();
        let state = properties.get("state").copied();
        BuiltinCall::Rotate {
            rotator: self.provider_name(argument, name),
            inputs: self.required_inputs(argument, inputs),
            state: self.rotation_state(state),
        }
    }

    /// `fn::rotate::ROTATOR: {inputs, state}`.
    fn rotate_short(&mut self, name: &str, argument: ExprId) -> BuiltinCall {
        let ExprKind::Object(properties) = self.kind(argument) else {
            let summary =
                "the argument to fn::rotate must be an object containing 'inputs' and 'state'";
            return self.malformed_rotate(summary, argument);
        };
        let inputs = properties.get("inputs").copied();
        let state = properties.get("state").copied();
        let rotator = name.strip_prefix("rotate::").unwrap_or_default();
        BuiltinCall::Rotate {
            rotator: Some(Rc::from(rotator)),
            inputs: self.required_inputs(argument, inputs),
            state: self.rotation_state(state),
        }
    }

    fn malformed_rotate(&mut self, summary: &str, argument: ExprId) -> BuiltinCall {
        self.error_at(summary, argument);
        BuiltinCall::Rotate {
            rotator: None,
            inputs: None,
            state: None,
        }
    }

    /// The provider's or rotator's name, which must be a literal.
    fn provider_name(&mut self, argument: ExprId, name: Option<ExprId>) -> Option<Rc<str>> {
        let Some(id) = name else {
            self.error_at("missing provider name ('provider')", argument);
            return None;
        };
        if let ExprKind::Text(name) = self.kind(id) {
            return Some(Rc::from(name.as_str().unwrap_or_default()));
        }
        self.error_at("provider name must be a string literal", id);
        None
    }

    fn required_inputs(&mut self, argument: ExprId, inputs: Option<ExprId>) -> Option<ExprId> {
        if inputs.is_none() {
            self.error_at("missing provider inputs ('inputs')", argument);
        }
        inputs
    }

    fn rotation_state(&mut self, state: Option<ExprId>) -> Option<ExprId> {
        if let Some(state) = state
            && !matches!(self.kind(state), ExprKind::Object(_))
        {
            self.error_at("rotation state must be an object literal", state);
        }
        state
    }

    /// `fn::secret`. The expressions in the argument are not declared, so that no message quotes
    /// from it.
    fn secret(&mut self, id: ExprId, key: &SyntaxKey, node: &SyntaxNode) -> BuiltinCall {
        let checkpoint = self.checkpoint();
        let argument = self.expression(node, id, PathStep::Name(key.name.clone()));
        self.drop_declare_errors(checkpoint);
        let has_single_entry = node.entries().is_some_and(|entries| entries.len() == 1);
        match self.kind(argument) {
            ExprKind::Text(text) => {
                let plaintext = text.clone();
                return BuiltinCall::Secret {
                    plaintext,
                    argument,
                };
            }
            ExprKind::Object(properties) if has_single_entry => {
                if let Some(id) = properties.get("ciphertext")
                    && let ExprKind::Text(text) = self.kind(*id)
                {
                    return BuiltinCall::Ciphertext(text.clone());
                }
            }
            _ => {}
        }
        // In ESC, a malformed secret is an empty one.
        self.error_at("secret values must be string literals", argument);
        BuiltinCall::Secret {
            plaintext: Text::default(),
            argument,
        }
    }

    fn validate(&mut self, _: &str, argument: ExprId) -> BuiltinCall {
        let ExprKind::Object(properties) = self.kind(argument) else {
            let summary =
                "the argument to fn::validate must be an object containing 'schema' and 'value'";
            self.error_at(summary, argument);
            return BuiltinCall::Validate {
                schema: None,
                value: None,
            };
        };
        let schema = properties.get("schema").copied();
        let value = properties.get("value").copied();
        if schema.is_none() {
            self.error_at("missing required property 'schema'", argument);
        }
        if value.is_none() {
            self.error_at("missing required property 'value'", argument);
        }
        BuiltinCall::Validate { schema, value }
    }
}

/// Whether the expressions in a call's argument can be evaluated.
fn declares_arguments(call: &BuiltinCall) -> bool {
    match call {
        BuiltinCall::Join { delimiter, .. } | BuiltinCall::Split { delimiter, .. } => {
            delimiter.is_some()
        }
        BuiltinCall::Open { provider, inputs } => provider.is_some() || inputs.is_some(),
        BuiltinCall::Rotate {
            rotator, inputs, ..
        } => rotator.is_some() || inputs.is_some(),
        BuiltinCall::Validate { schema, value } => schema.is_some() || value.is_some(),
        _ => true,
    }
}
