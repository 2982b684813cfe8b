//! A schema, read from its JSON.
//!
//! The original decodes the whole schema first, and then compiles it from the top, what is referred to
//! where it is first referred to; it tells the first failure that it meets. Reading so would be as deep
//! as a chain of references is long. Ours reads what is referred to one after the other, notes what
//! fails, and only then goes the original's way to the first failure.

use std::collections::BTreeMap;
use std::rc::Rc;

use percent_encoding::percent_decode_str;

use super::{Arena, InvalidSchema, Rules, Schema, Sub, Type};
use crate::evaluator::export::quoted;
use crate::evaluator::pattern::{self, Pattern};
use crate::format::string::quote;
use crate::{Data, Number, TextBuilder, Value};

/// How much memory the patterns of a schema may take, in bytes.
const MAXIMUM_PATTERN_BYTES: usize = 4 << 20;

/// The keywords that mean something here, in the order in which the original compiles them: it tells
/// the first failure. JSON text may write them in any case, as for Go's `encoding/json`.
const KEYWORDS: [&str; 27] = [
    "$defs",
    "$ref",
    "anyOf",
    "oneOf",
    "prefixItems",
    "items",
    "additionalProperties",
    "properties",
    "rotateOnly",
    "multipleOf",
    "maximum",
    "exclusiveMaximum",
    "minimum",
    "exclusiveMinimum",
    "maxLength",
    "minLength",
    "pattern",
    "maxItems",
    "minItems",
    "maxProperties",
    "minProperties",
    "type",
    "const",
    "enum",
    "required",
    "dependentRequired",
    "secret",
];

/// Whether Go's `encoding/json` takes the name for the keyword: it folds case as Unicode does, where two
/// characters beyond ASCII fold to letters of it.
fn is_keyword(keyword: &str, name: &str) -> bool {
    let folded = name.chars().map(|character| match character {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    });
    folded.eq(keyword.chars().map(|it| it.to_ascii_lowercase()))
}

/// Reads a schema into the arena.
#[derive(Default)]
pub(super) struct Reader<'v> {
    arena: Arena,
    /// What `$defs` has.
    sources: BTreeMap<&'v str, &'v Value>,
    /// The places of those that are referred to.
    places: BTreeMap<&'v str, usize>,
    /// Those that are referred to and not read yet.
    unread: Vec<&'v str>,
    /// The keywords that the place is in, while types are checked.
    within: Vec<&'static str>,
    /// The references that lead nowhere, by the places of the schemas that have them.
    lost: BTreeMap<usize, InvalidSchema>,
    /// What else is wrong with schemas, by their places.
    failures: BTreeMap<usize, InvalidSchema>,
}

impl<'v> Reader<'v> {
    pub(super) fn document(mut self, value: &'v Value) -> Result<Schema, InvalidSchema> {
        if let Data::Object(keywords) = &value.data {
            // More than one that differ in case add up.
            for (_, definitions) in keywords
                .iter()
                .filter(|(name, _)| is_keyword("$defs", name))
            {
                if let Data::Object(definitions) = &definitions.data {
                    let definitions = definitions.iter();
                    self.sources
                        .extend(definitions.map(|(name, it)| (name.as_str(), it)));
                }
            }
        }
        self.types_of(value)?;
        self.schema(value)?;
        while let Some(name) = self.unread.pop() {
            if let (Some(value), Some(at)) = (self.sources.get(name), self.places.get(name)) {
                self.read_at(*at, value)?;
            }
        }
        if let Some(failure) = self.first_failure() {
            return Err(failure);
        }
        Ok(Schema {
            arena: Rc::new(self.arena),
            at: 0,
            rotate_only: false,
        })
    }

    /// Whether the keywords hold what Go can decode them from. The original decodes the whole schema
    /// before it asks what any of it means, and tells the first failure in the order of the names.
    fn types_of(&mut self, value: &Value) -> Result<(), InvalidSchema> {
        let Data::Object(keywords) = &value.data else {
            return Ok(());
        };
        for (name, value) in keywords {
            let known = KEYWORDS.iter().find(|it| is_keyword(it, name));
            let Some(keyword) = known else {
                continue;
            };
            self.within.push(keyword);
            match (*keyword, &value.data) {
                (_, Data::Null) | ("secret", Data::Bool(_)) => {}
                ("secret", _) => return Err(self.mistyped(value, "bool")),
                ("rotateOnly", Data::Array(names)) => {
                    if let Some(name) = names.iter().find(|it| it.as_str().is_none()) {
                        return Err(self.mistyped(name, "string"));
                    }
                }
                ("rotateOnly", _) => return Err(self.mistyped(value, "[]string")),
                ("items" | "additionalProperties", _) => self.types_of(value)?,
                ("anyOf" | "oneOf" | "prefixItems", Data::Array(items)) => {
                    items.iter().try_for_each(|item| self.types_of(item))?;
                }
                ("properties" | "$defs", Data::Object(entries)) => {
                    entries.values().try_for_each(|it| self.types_of(it))?;
                }
                _ => {}
            }
            self.within.pop();
        }
        Ok(())
    }

    /// The place of a schema. It is behind the places of those that it is in.
    fn schema(&mut self, value: &'v Value) -> Result<usize, InvalidSchema> {
        let at = self.arena.rules.len();
        self.arena.rules.push(Rules::default());
        self.read_at(at, value)?;
        Ok(at)
    }

    fn read_at(&mut self, at: usize, value: &'v Value) -> Result<(), InvalidSchema> {
        self.arena.rules[at] = self.rules_of(at, value)?;
        Ok(())
    }

    fn sub(&mut self, value: &'v Value) -> Result<Sub, InvalidSchema> {
        self.schema(value).map(Sub::Here)
    }

    fn schemas(&mut self, keyword: &str, value: &'v Value) -> Result<Vec<Sub>, InvalidSchema> {
        let items = items(keyword, value)?;
        items.iter().map(|item| self.sub(item)).collect()
    }

    fn rules_of(&mut self, at: usize, value: &'v Value) -> Result<Rules, InvalidSchema> {
        let mut rules = Rules::default();
        let keywords = match &value.data {
            Data::Bool(accepts) => {
                rules.accepts = *accepts;
                rules.rejects = !accepts;
                return Ok(rules);
            }
            Data::Object(keywords) => keywords,
            _ => return Err(not_a("a schema", "an object or a boolean")),
        };
        let mut known: Vec<(usize, &'v Value)> = keywords
            .iter()
            .filter(|(_, value)| value.data != Data::Null)
            .filter_map(|(name, value)| {
                let is_it = |it: &&str| is_keyword(it, name);
                Some((KEYWORDS.iter().position(is_it)?, value))
            })
            .collect();
        known.sort_by_key(|(place, _)| *place);
        for (place, value) in known {
            self.keyword(at, &mut rules, KEYWORDS[place], value)?;
        }
        Ok(rules)
    }

    fn keyword(
        &mut self,
        at: usize,
        rules: &mut Rules,
        keyword: &str,
        value: &'v Value,
    ) -> Result<(), InvalidSchema> {
        match keyword {
            "$ref" => match self.reference(text(keyword, value)?) {
                Ok(reference) => rules.reference = reference,
                Err(failure) => {
                    self.lost.insert(at, failure);
                }
            },
            "type" => rules.kind = kind(value)?,
            "const" => rules.constant = Some(value.clone()),
            "enum" => rules.enumeration = items(keyword, value)?.to_vec(),
            "anyOf" => rules.any_of = self.schemas(keyword, value)?,
            "oneOf" => rules.one_of = self.schemas(keyword, value)?,
            "properties" => {
                for (name, value) in entries(keyword, value)? {
                    let sub = self.sub(value)?;
                    rules.properties.insert(Rc::from(name.as_str()), sub);
                }
            }
            "additionalProperties" => rules.additional = Some(self.sub(value)?),
            "required" => rules.required = names(keyword, value)?,
            "dependentRequired" => {
                for (name, value) in entries(keyword, value)? {
                    let required = names(keyword, value)?;
                    rules.dependent_required.insert(name.clone(), required);
                }
            }
            "prefixItems" => rules.prefix_items = self.schemas(keyword, value)?,
            "items" => rules.items = Some(self.sub(value)?),
            "minimum" => rules.minimum = Some(number(keyword, value)?.clone()),
            "exclusiveMinimum" => rules.exclusive_minimum = Some(number(keyword, value)?.clone()),
            "maximum" => rules.maximum = Some(number(keyword, value)?.clone()),
            "exclusiveMaximum" => rules.exclusive_maximum = Some(number(keyword, value)?.clone()),
            "multipleOf" => rules.multiple_of = Some(number(keyword, value)?.clone()),
            "minLength" => rules.minimum_length = self.count(at, number(keyword, value)?),
            "maxLength" => rules.maximum_length = self.count(at, number(keyword, value)?),
            "minItems" => rules.minimum_items = self.count(at, number(keyword, value)?),
            "maxItems" => rules.maximum_items = self.count(at, number(keyword, value)?),
            "minProperties" => rules.minimum_properties = self.count(at, number(keyword, value)?),
            "maxProperties" => rules.maximum_properties = self.count(at, number(keyword, value)?),
            "pattern" => {
                let pattern = text(keyword, value)?;
                if !pattern.is_empty() {
                    let pattern = self.pattern(pattern);
                    rules.pattern = self.noted(at, pattern);
                }
            }
            "secret" => rules.secret = value.data == Data::Bool(true),
            "rotateOnly" => {
                let names = names(keyword, value)?;
                rules.rotate_only = names.iter().map(ToString::to_string).collect();
                self.arena.rotates |= !names.is_empty();
            }
            _ => {}
        }
        Ok(())
    }

    /// A keyword whose value is of the wrong type, in the words of Go's `encoding/json`.
    fn mistyped(&self, value: &Value, expected: &str) -> InvalidSchema {
        let found = match value.data {
            Data::Null => "null",
            Data::Bool(_) => "bool",
            Data::Number(_) => "number",
            Data::String(_) => "string",
            Data::Array(_) => "array",
            Data::Object(_) => "object",
        };
        let keyword = self.within.join(".");
        InvalidSchema(format!(
            "failed to parse schema: json: cannot unmarshal {found} into Go struct field \
             rawSchema.{keyword} of type {expected}"
        ))
    }

    /// What was read; where it failed, the failure is noted as one of the schema at the place.
    fn noted<T>(&mut self, at: usize, read: Result<T, InvalidSchema>) -> Option<T> {
        read.map_err(|failure| self.failures.entry(at).or_insert(failure))
            .ok()
    }

    fn pattern(&mut self, pattern: &str) -> Result<Pattern, InvalidSchema> {
        let memory_left = MAXIMUM_PATTERN_BYTES.saturating_sub(self.arena.pattern_bytes);
        let compiled = Pattern::compile(pattern, memory_left);
        self.arena.pattern_bytes += match &compiled {
            Ok(pattern) => pattern.memory(),
            // To find out is expensive: allow it once per schema.
            Err(reason) if reason == pattern::TOO_LARGE => memory_left,
            Err(_) => 0,
        };
        compiled.map_err(|reason| InvalidSchema(format!("error parsing regexp: {reason}")))
    }

    fn count(&mut self, at: usize, number: &Number) -> Option<usize> {
        self.noted(at, count(number))
    }

    /// The failure that the original meets first: a schema's reference is looked up before what is in
    /// the schema is compiled, and its own keywords after that.
    fn first_failure(&mut self) -> Option<InvalidSchema> {
        if self.lost.is_empty() && self.failures.is_empty() {
            return None;
        }
        let mut is_known = vec![false; self.arena.rules.len()];
        let mut steps = vec![Step::Into(0)];
        while let Some(step) = steps.pop() {
            let at = match step {
                Step::OutOf(at) => match self.failures.remove(&at) {
                    None => continue,
                    failure => return failure,
                },
                Step::Into(at) if is_known[at] => continue,
                Step::Into(at) => at,
            };
            is_known[at] = true;
            if let Some(failure) = self.lost.remove(&at) {
                return Some(failure);
            }
            steps.push(Step::OutOf(at));
            let rules = &self.arena.rules[at];
            let properties = rules.properties.values().rev();
            let inner = properties
                .chain(&rules.additional)
                .chain(&rules.items)
                .chain(rules.prefix_items.iter().rev())
                .chain(rules.one_of.iter().rev())
                .chain(rules.any_of.iter().rev());
            steps.extend(inner.filter_map(|sub| match sub {
                Sub::Here(at) => Some(Step::Into(*at)),
                Sub::There(_) => None,
            }));
            steps.extend(rules.reference.map(Step::Into));
        }
        None
    }

    fn reference(&mut self, reference: &str) -> Result<Option<usize>, InvalidSchema> {
        if reference.is_empty() {
            return Ok(None);
        }
        let name = reference
            .strip_prefix("#/$defs/")
            .filter(|name| !name.contains('/'));
        let Some(name) = name else {
            let reason = "only fragment references of the form #/$defs/ref are supported";
            return Err(InvalidSchema(reason.to_owned()));
        };
        let unescaped = unescaped(name)?;
        let source = str::from_utf8(&unescaped)
            .ok()
            .and_then(|name| self.sources.get_key_value(name));
        let Some((name, _)) = source else {
            return Err(InvalidSchema(format!("unknown subschema {reference}")));
        };
        if let Some(at) = self.places.get(name) {
            return Ok(Some(*at));
        }
        let at = self.arena.rules.len();
        self.arena.rules.push(Rules::default());
        self.places.insert(name, at);
        self.unread.push(name);
        Ok(Some(at))
    }
}

/// A step through the schemas in the original's order.
enum Step {
    Into(usize),
    OutOf(usize),
}

/// The bytes that a text with `%` escapes stands for. A `%` without two hexadecimal digits is refused
/// in the words of Go's `net/url`, which quotes three bytes of it.
fn unescaped(text: &str) -> Result<Vec<u8>, InvalidSchema> {
    let bytes = text.as_bytes();
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_hexdigit);
    let mut marks = text.match_indices('%').map(|(at, _)| at);
    let Some(wrong) = marks.find(|at| !(is_digit(at + 1) && is_digit(at + 2))) else {
        return Ok(percent_decode_str(text).collect());
    };
    let end = bytes.len().min(wrong + 3);
    let mut escape = TextBuilder::default();
    quote(&bytes[wrong..end], &mut escape);
    let escape = escape.finish();
    let escape = escape.as_str().unwrap_or_default();
    Err(InvalidSchema(format!("invalid URL escape {escape}")))
}

fn kind(value: &Value) -> Result<Option<Type>, InvalidSchema> {
    match text("type", value)? {
        // ESC writes its own schemas with an empty type where there is none.
        "" => Ok(None),
        "null" => Ok(Some(Type::Null)),
        "boolean" => Ok(Some(Type::Boolean)),
        "number" => Ok(Some(Type::Number)),
        "string" => Ok(Some(Type::String)),
        "array" => Ok(Some(Type::Array)),
        "object" => Ok(Some(Type::Object)),
        other => Err(InvalidSchema(format!("`type`: `{other}` is no type"))),
    }
}

fn items<'v>(keyword: &str, value: &'v Value) -> Result<&'v [Value], InvalidSchema> {
    match &value.data {
        Data::Array(items) => Ok(items),
        _ => Err(not_a(keyword, "a list")),
    }
}

fn entries<'v>(
    keyword: &str,
    value: &'v Value,
) -> Result<&'v BTreeMap<String, Value>, InvalidSchema> {
    match &value.data {
        Data::Object(entries) => Ok(entries),
        _ => Err(not_a(keyword, "an object")),
    }
}

fn names(keyword: &str, value: &Value) -> Result<Vec<Rc<str>>, InvalidSchema> {
    let names = items(keyword, value)?.iter();
    let names = names.map(|item| text(keyword, item).map(Rc::from));
    names.collect()
}

fn text<'v>(keyword: &str, value: &'v Value) -> Result<&'v str, InvalidSchema> {
    value.as_str().ok_or_else(|| not_a(keyword, "a string"))
}

fn number<'v>(keyword: &str, value: &'v Value) -> Result<&'v Number, InvalidSchema> {
    match &value.data {
        Data::Number(number) => Ok(number),
        _ => Err(not_a(keyword, "a number")),
    }
}

/// A length: digits and nothing else, in the words of Go's `strconv.ParseUint` where it is not.
fn count(number: &Number) -> Result<usize, InvalidSchema> {
    let text = number.as_str();
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let reason = match text.parse() {
        Ok(count) if is_digits => return Ok(count),
        _ if is_digits => "value out of range",
        _ => "invalid syntax",
    };
    let text = quoted(text);
    Err(InvalidSchema(format!(
        "strconv.ParseUint: parsing {text}: {reason}"
    )))
}

fn not_a(keyword: &str, what: &str) -> InvalidSchema {
    InvalidSchema(format!("`{keyword}` is not {what}"))
}
