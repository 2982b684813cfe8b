//! Parses builtin calls (`fn::…`) and checks the form of their arguments.

use std::rc::Rc;

use esc_yaml::Node;

use crate::Severity;
use crate::evaluator::expression::{BuiltinCall, ExprId, ExprKind, RotateCall, Step};
use crate::evaluator::parser::{Parser, Phase};
use crate::evaluator::suggest;
use crate::evaluator::syntax::{name, span};
use crate::format::string::quoted;
use crate::text::Text;

/// The prefix of every builtin's name.
const PREFIX: &str = "fn::";

/// The names of the functions, for hints. `open` and `rotate` may be followed by `::PROVIDER`.
const FUNCTIONS: [&str; 14] = [
    "concat",
    "final",
    "fromBase64",
    "fromJSON",
    "join",
    "open",
    "rotate",
    "secret",
    "split",
    "toBase64",
    "toJSON",
    "toString",
    "toYAML",
    "validate",
];

/// Whether a key calls a builtin, known or not.
pub(super) fn is_call(key: &str) -> bool {
    key.starts_with(PREFIX)
}

impl Parser {
    /// Parses the object `id` as a call, if it is one. A malformed call is reported, and parsed as an
    /// object.
    pub(super) fn call(
        &mut self,
        entries: &[(Node<'_>, Node<'_>)],
        id: ExprId,
    ) -> Option<BuiltinCall> {
        if let [(key, value)] = entries {
            return self.single_entry_call(id, key, value);
        }
        let before = self.diagnostics.len();
        for (key, _) in entries {
            if is_call(name(key)) {
                let summary = format!(
                    "illegal call to builtin function: {} must be the only key within its \
                     containing object",
                    quoted(name(key))
                );
                self.error_at(&summary, id);
            }
        }
        self.add_hint(before, || {
            "move the function below a name of its own, such as `login:`".to_owned()
        });
        None
    }

    fn single_entry_call(
        &mut self,
        id: ExprId,
        key: &Node<'_>,
        node: &Node<'_>,
    ) -> Option<BuiltinCall> {
        let written = name(key);
        let Some(name) = written.strip_prefix(PREFIX) else {
            self.misspelled_prefix(key, id);
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
            "join" => |parser, name, argument| BuiltinCall::Join(parser.pair(name, argument)),
            "open" => Self::open,
            "rotate" => Self::rotate,
            "split" => |parser, name, argument| BuiltinCall::Split(parser.pair(name, argument)),
            "toBase64" => |_, _, argument| BuiltinCall::ToBase64(argument),
            "toJSON" => |_, _, argument| BuiltinCall::ToJson(argument),
            "toString" => |_, _, argument| BuiltinCall::ToText(argument),
            "toYAML" => |_, _, argument| BuiltinCall::ToYaml(argument),
            "validate" => Self::validate,
            _ if name.starts_with("open::") => Self::open,
            _ if name.starts_with("rotate::") => Self::rotate,
            _ => {
                self.reserved_prefix(key, id);
                return None;
            }
        };
        let before_argument = self.diagnostics.len();
        let step = Step::Key(self.shared_key(written));
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
        // The expressions in the argument of a malformed call are never declared.
        let is_malformed = match &call {
            BuiltinCall::Join(arguments) | BuiltinCall::Split(arguments) => arguments.is_none(),
            BuiltinCall::Open(provider, inputs) => provider.is_none() && inputs.is_none(),
            BuiltinCall::Rotate(call) => call.rotator.is_none() && call.inputs.is_none(),
            BuiltinCall::Validate { schema, value } => schema.is_none() && value.is_none(),
            _ => false,
        };
        if is_malformed {
            self.drop_declare_errors(before_argument);
        }
        Some(call)
    }

    fn reserved_prefix(&mut self, key: &Node<'_>, id: ExprId) {
        let before = self.diagnostics.len();
        self.error("'fn::' is a reserved prefix", span(key), id);
        self.add_hint(before, || unknown_function_hint(name(key)));
    }

    /// Reports a key that looks like a function. In ESC, one with a single colon is a name.
    fn misspelled_prefix(&mut self, key: &Node<'_>, id: ExprId) {
        let prefix = name(key).get(..PREFIX.len());
        if prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case(PREFIX)) {
            return self.reserved_prefix(key, id);
        }
        if !name(key).starts_with("fn:") {
            return;
        }
        let before = self.diagnostics.len();
        let summary = "this is a name, not a function: a function starts with `fn::`".to_owned();
        self.key_error(summary, id, key, Phase::Parse);
        self.add_hint(before, || "write two colons: `fn::`".to_owned());
        if let Some(added) = self.diagnostics.get_mut(before) {
            added.severity = Severity::Warning;
        }
    }

    /// Reports that an argument has the wrong form, with an example of the right one.
    fn malformed(&mut self, summary: &str, example: &str, argument: ExprId) {
        let before = self.diagnostics.len();
        self.error_at(summary, argument);
        self.add_hint(before, || format!("write `{example}`"));
    }

    /// A call with another argument is still evaluated, as in ESC, which then reports its type.
    fn concat(&mut self, _: &str, argument: ExprId) -> BuiltinCall {
        if !matches!(self.kind(argument), ExprKind::List(_)) {
            let summary = "the argument to fn::concat must be an array of arrays";
            let example = "fn::concat: [[1, 2], [3]]";
            self.malformed(summary, example, argument);
        }
        BuiltinCall::Concat(argument)
    }

    fn pair(&mut self, name: &str, argument: ExprId) -> Option<[ExprId; 2]> {
        if let ExprKind::List(items) = self.kind(argument)
            && let [first, second] = &**items
        {
            return Some([*first, *second]);
        }
        let summary = format!("the argument to fn::{name} must be a two-valued list");
        let example = match name {
            "join" => "fn::join: [\",\", [a, b]]",
            _ => "fn::split: [\",\", \"a,b\"]",
        };
        self.malformed(&summary, example, argument);
        None
    }

    /// The properties of an argument that must be an object. `requirement` is the end of the error.
    fn properties<const N: usize>(
        &mut self,
        argument: ExprId,
        names: [&str; N],
        requirement: &str,
    ) -> Option<[Option<ExprId>; N]> {
        if let ExprKind::Object(properties) = self.kind(argument) {
            return Some(names.map(|name| properties.get(name).copied()));
        }
        let summary = format!("the argument to fn::{requirement}");
        let example = match requirement.split_once(' ') {
            Some(("open", _)) => "fn::open::PROVIDER: INPUTS",
            Some(("rotate", _)) => "fn::rotate::ROTATOR: {inputs: INPUTS, state: STATE}",
            _ => "fn::validate: {schema: SCHEMA, value: VALUE}",
        };
        self.malformed(&summary, example, argument);
        None
    }

    /// `fn::open: {provider, inputs}`, or `fn::open::PROVIDER: inputs`.
    fn open(&mut self, name: &str, argument: ExprId) -> BuiltinCall {
        if let Some(provider) = name.strip_prefix("open::") {
            return BuiltinCall::Open(Some(Rc::from(provider)), Some(argument));
        }
        let requirement = "open must be an object containing 'provider' and 'inputs'";
        match self.properties(argument, ["provider", "inputs"], requirement) {
            None => BuiltinCall::Open(None, None),
            Some([provider, inputs]) => {
                let provider = self.provider_name(argument, provider);
                BuiltinCall::Open(provider, self.required_inputs(argument, inputs))
            }
        }
    }

    /// `fn::rotate: {provider, inputs, state}`, or `fn::rotate::ROTATOR: {inputs, state}`.
    fn rotate(&mut self, name: &str, argument: ExprId) -> BuiltinCall {
        let rotator = name.strip_prefix("rotate::");
        let requirement = match rotator {
            Some(_) => "rotate must be an object containing 'inputs' and 'state'",
            None => "rotate must be an object containing 'provider', 'inputs' and 'state'",
        };
        let names = ["provider", "inputs", "state"];
        let Some([provider, inputs, state]) = self.properties(argument, names, requirement) else {
            return BuiltinCall::Rotate(Box::default());
        };
        let rotator = match rotator {
            Some(rotator) => Some(Rc::from(rotator)),
            None => self.provider_name(argument, provider),
        };
        let inputs = self.required_inputs(argument, inputs);
        if let Some(state) = state
            && !matches!(self.kind(state), ExprKind::Object(_))
        {
            self.error_at("rotation state must be an object literal", state);
        }
        BuiltinCall::Rotate(Box::new(RotateCall {
            rotator,
            inputs,
            state,
        }))
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

    /// `fn::secret`. The expressions in the argument are not declared, so that no message quotes
    /// from it.
    fn secret(&mut self, id: ExprId, key: &Node<'_>, node: &Node<'_>) -> BuiltinCall {
        let before_argument = self.diagnostics.len();
        let step = Step::Key(self.shared_key(name(key)));
        let argument = self.expression(node, id, step);
        self.drop_declare_errors(before_argument);
        match self.kind(argument) {
            ExprKind::Text(text) => {
                return BuiltinCall::Secret(text.clone(), argument);
            }
            ExprKind::Object(properties) if node.entries().len() == 1 => {
                if let Some(id) = properties.get("ciphertext")
                    && let ExprKind::Text(text) = self.kind(*id)
                {
                    return BuiltinCall::Ciphertext(text.clone());
                }
            }
            _ => {}
        }
        // In ESC, a malformed secret is an empty one.
        let before = self.diagnostics.len();
        self.error_at("secret values must be string literals", argument);
        self.add_hint(before, || {
            "write the text itself, and put a number or `true` in quotes; what is computed from a \
             secret is secret anyway"
                .to_owned()
        });
        BuiltinCall::Secret(Text::default(), argument)
    }

    fn validate(&mut self, _: &str, argument: ExprId) -> BuiltinCall {
        let requirement = "validate must be an object containing 'schema' and 'value'";
        let Some([schema, value]) = self.properties(argument, ["schema", "value"], requirement)
        else {
            return BuiltinCall::Validate {
                schema: None,
                value: None,
            };
        };
        if schema.is_none() {
            self.error_at("missing required property 'schema'", argument);
        }
        if value.is_none() {
            self.error_at("missing required property 'value'", argument);
        }
        BuiltinCall::Validate { schema, value }
    }
}

/// What to write instead of an unknown function. It does not quote the key, which may be in a secret.
fn unknown_function_hint(key: &str) -> String {
    let name = key.get(PREFIX.len()..).unwrap_or_default();
    let known = FUNCTIONS.join(", ");
    let known = format!("the functions are {known}, each with the prefix `fn::`");
    if name == "conform" {
        return "`fn::conform` is now `fn::validate`".to_owned();
    }
    match suggest::nearest(name, FUNCTIONS) {
        Some(nearest) => format!("did you mean `fn::{nearest}`? Otherwise, {known}"),
        None => known,
    }
}
