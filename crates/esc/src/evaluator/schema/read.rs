//! Reads a schema from JSON.
//!
//! ESC decodes the whole schema first. It then compiles it from the top, and a referenced schema at its
//! first reference, and reports the first error. Recursion along references would be as deep as a chain of
//! references is long, so this reader reads referenced schemas one after the other, records the errors, and
//! then determines which one ESC would report.

use std::collections::BTreeMap;
use std::rc::Rc;

use percent_encoding::percent_decode_str;

use super::{Arena, InvalidSchema, Rules, Schema, Subschema, Type};
use crate::evaluator::limits::MAXIMUM_PATTERN_BYTES;
use crate::evaluator::pattern::{self, Pattern};
use crate::format::string::{quote, quoted};
use crate::{Data, Number, TextBuilder, Value};

type Result<T> = std::result::Result<T, InvalidSchema>;

/// The supported keywords, in the order in which ESC compiles them, which decides which error it reports.
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

/// Whether Go's `encoding/json` accepts the name for the keyword. It ignores case, by Unicode's rules: two
/// characters beyond ASCII fold to ASCII letters.
fn is_keyword(keyword: &str, name: &str) -> bool {
    let folded = name.chars().map(|character| match character {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    });
    folded.eq(keyword.chars().map(|it| it.to_ascii_lowercase()))
}

/// Reads a schema into an arena.
#[derive(Default)]
pub(super) struct SchemaReader<'v> {
    arena: Arena,
    /// The schemas of `$defs`.
    definitions: BTreeMap<&'v str, &'v Value>,
    /// The indexes of the definitions that are referenced.
    referenced: BTreeMap<&'v str, usize>,
    /// The referenced definitions that are still to be read.
    unread: Vec<&'v str>,
    /// The invalid references, by the index of the schema that has them.
    invalid_references: BTreeMap<usize, InvalidSchema>,
    /// The first other error of each schema, by its index.
    errors: BTreeMap<usize, InvalidSchema>,
}

impl<'v> SchemaReader<'v> {
    pub(super) fn read(mut self, value: &'v Value) -> Result<Schema> {
        if let Data::Object(keywords) = &value.data {
            // Several spellings of `$defs` that differ in case are merged.
            for (name, definitions) in keywords {
                if let Data::Object(definitions) = &definitions.data
                    && is_keyword("$defs", name)
                {
                    let definitions = definitions.iter();
                    self.definitions
                        .extend(definitions.map(|(name, schema)| (name.as_str(), schema)));
                }
            }
        }
        check_types(value, &mut Vec::new())?;
        self.subschema(value)?;
        while let Some(name) = self.unread.pop() {
            if let (Some(value), Some(index)) =
                (self.definitions.get(name), self.referenced.get(name))
            {
                let index = *index;
                self.arena.rules[index] = self.rules(index, value)?;
            }
        }
        if let Some(error) = self.first_error() {
            return Err(error);
        }
        Ok(Schema {
            arena: Rc::new(self.arena),
            index: 0,
            rotate_only: false,
        })
    }

    /// Adds a schema without rules. Its index is higher than those of the schemas that contain it.
    fn add(&mut self) -> usize {
        self.arena.rules.push(Rules::default());
        self.arena.rules.len() - 1
    }

    fn subschema(&mut self, value: &'v Value) -> Result<Subschema> {
        let index = self.add();
        self.arena.rules[index] = self.rules(index, value)?;
        Ok(Subschema::Local(index))
    }

    fn subschemas(&mut self, keyword: Keyword<'v>) -> Result<Vec<Subschema>> {
        let items = keyword.items()?;
        items.iter().map(|item| self.subschema(item)).collect()
    }

    fn rules(&mut self, index: usize, value: &'v Value) -> Result<Rules> {
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
        if let Some(Data::Array(examples)) = keywords.get("examples").map(|value| &value.data) {
            let is_usable = |data: &Data| matches!(data, Data::Number(_) | Data::String(_));
            let first = examples.first().filter(|first| is_usable(&first.data));
            rules.example = first.cloned();
        }
        let mut known: Vec<_> = keywords
            .iter()
            .filter(|(_, value)| value.data != Data::Null)
            .filter_map(|(name, value)| Some((keyword_position(name)?, value)))
            .collect();
        known.sort_by_key(|(position, _)| *position);
        for (position, value) in known {
            let name = KEYWORDS[position];
            self.schema_keyword(index, &mut rules, Keyword { name, value })?;
            self.limit_keyword(index, &mut rules, Keyword { name, value })?;
        }
        Ok(rules)
    }

    /// Reads a keyword that holds schemas, names or constants.
    fn schema_keyword(
        &mut self,
        index: usize,
        rules: &mut Rules,
        keyword: Keyword<'v>,
    ) -> Result<()> {
        match keyword.name {
            "$ref" => match self.reference(keyword.text()?) {
                Ok(reference) => rules.reference = reference,
                Err(error) => {
                    self.invalid_references.insert(index, error);
                }
            },
            "type" => rules.kind = kind(keyword.text()?)?,
            "const" => rules.constant = Some(keyword.value.clone()),
            "enum" => rules.enumeration = keyword.items()?.to_vec(),
            "anyOf" => rules.any_of = self.subschemas(keyword)?,
            "oneOf" => rules.one_of = self.subschemas(keyword)?,
            "properties" => {
                for (name, value) in keyword.entries()? {
                    let schema = self.subschema(value)?;
                    rules.properties.insert(Rc::from(name.as_str()), schema);
                }
            }
            "additionalProperties" => rules.additional = Some(self.subschema(keyword.value)?),
            "required" => rules.required = keyword.names()?,
            "dependentRequired" => {
                for (name, value) in keyword.entries()? {
                    let required = Keyword { value, ..keyword }.names()?;
                    rules.dependent_required.insert(name.clone(), required);
                }
            }
            "prefixItems" => rules.prefix_items = self.subschemas(keyword)?,
            "items" => rules.items = Some(self.subschema(keyword.value)?),
            "secret" => rules.secret = keyword.value.data == Data::Bool(true),
            "rotateOnly" => {
                let names = keyword.names()?;
                rules.rotate_only = names.iter().map(ToString::to_string).collect();
                self.arena.has_rotate_only |= !names.is_empty();
            }
            _ => {}
        }
        Ok(())
    }

    /// Reads a keyword that limits a scalar or a size.
    fn limit_keyword(
        &mut self,
        index: usize,
        rules: &mut Rules,
        keyword: Keyword<'v>,
    ) -> Result<()> {
        let name = keyword.name;
        match name {
            "multipleOf" | "minimum" | "exclusiveMinimum" | "maximum" | "exclusiveMaximum" => {
                let limit = keyword.number()?.clone();
                rules.number_limits.insert(name, limit);
            }
            "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties"
            | "maxProperties" => {
                let limit = self.record_error(index, count(keyword.number()?));
                let limit = limit.map(|limit| (name, limit));
                rules.size_limits.extend(limit);
            }
            "pattern" => {
                let pattern = keyword.text()?;
                if !pattern.is_empty() {
                    let pattern = self.pattern(pattern);
                    rules.pattern = self.record_error(index, pattern);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn pattern(&mut self, pattern: &str) -> Result<Pattern> {
        let memory_left = MAXIMUM_PATTERN_BYTES.saturating_sub(self.arena.pattern_bytes);
        let compiled = Pattern::compile(pattern, memory_left);
        self.arena.pattern_bytes += match &compiled {
            Ok(pattern) => pattern.memory(),
            // Finding this out is expensive: allow it once per schema.
            Err(reason) if reason == pattern::TOO_LARGE => memory_left,
            Err(_) => 0,
        };
        compiled.map_err(|reason| InvalidSchema(format!("error parsing regexp: {reason}")))
    }

    fn record_error<T>(&mut self, index: usize, result: Result<T>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.errors.entry(index).or_insert(error);
                None
            }
        }
    }

    /// The error that ESC reports. It resolves the reference of a schema, then compiles the schemas within
    /// it, and then the other keywords.
    fn first_error(&mut self) -> Option<InvalidSchema> {
        if self.invalid_references.is_empty() && self.errors.is_empty() {
            return None;
        }
        let mut is_entered = vec![false; self.arena.rules.len()];
        let mut steps = vec![Step::Enter(0)];
        while let Some(step) = steps.pop() {
            let index = match step {
                Step::Leave(index) => match self.errors.remove(&index) {
                    None => continue,
                    error => return error,
                },
                Step::Enter(index) if is_entered[index] => continue,
                Step::Enter(index) => index,
            };
            is_entered[index] = true;
            if let Some(error) = self.invalid_references.remove(&index) {
                return Some(error);
            }
            steps.push(Step::Leave(index));
            let rules = &self.arena.rules[index];
            let properties = rules.properties.values().rev();
            let subschemas = properties
                .chain(&rules.additional)
                .chain(&rules.items)
                .chain(rules.prefix_items.iter().rev())
                .chain(rules.one_of.iter().rev())
                .chain(rules.any_of.iter().rev());
            steps.extend(subschemas.filter_map(|subschema| match subschema {
                Subschema::Local(index) => Some(Step::Enter(*index)),
                Subschema::Other(_) => None,
            }));
            steps.extend(rules.reference.map(Step::Enter));
        }
        None
    }

    fn reference(&mut self, reference: &str) -> Result<Option<usize>> {
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
        let decoded = percent_decoded(name)?;
        let definition = str::from_utf8(&decoded)
            .ok()
            .and_then(|name| self.definitions.get_key_value(name));
        let Some((&name, _)) = definition else {
            return Err(InvalidSchema(format!("unknown subschema {reference}")));
        };
        if let Some(index) = self.referenced.get(name) {
            return Ok(Some(*index));
        }
        let index = self.add();
        self.referenced.insert(name, index);
        self.unread.push(name);
        Ok(Some(index))
    }
}

/// A step of the traversal in ESC's order.
enum Step {
    Enter(usize),
    Leave(usize),
}

/// Checks that Go could decode the keywords. ESC decodes the whole schema before it compiles any of it, and
/// reports the first error in the order of the names. `path` has the keywords that lead to `value`.
fn check_types(value: &Value, path: &mut Vec<&'static str>) -> Result<()> {
    let Data::Object(keywords) = &value.data else {
        return Ok(());
    };
    for (name, value) in keywords {
        let Some(keyword) = keyword_position(name).map(|position| KEYWORDS[position]) else {
            continue;
        };
        path.push(keyword);
        match (keyword, &value.data) {
            (_, Data::Null) | ("secret", Data::Bool(_)) => {}
            ("secret", _) => return Err(wrong_type(path, value, "bool")),
            ("rotateOnly", Data::Array(names)) => {
                if let Some(name) = names.iter().find(|it| it.as_str().is_none()) {
                    return Err(wrong_type(path, name, "string"));
                }
            }
            ("rotateOnly", _) => return Err(wrong_type(path, value, "[]string")),
            ("items" | "additionalProperties", _) => check_types(value, path)?,
            ("anyOf" | "oneOf" | "prefixItems", Data::Array(items)) => {
                items.iter().try_for_each(|item| check_types(item, path))?;
            }
            ("properties" | "$defs", Data::Object(entries)) => {
                entries.values().try_for_each(|it| check_types(it, path))?;
            }
            _ => {}
        }
        path.pop();
    }
    Ok(())
}

/// The error of Go's `encoding/json` for a keyword of the wrong type.
fn wrong_type(path: &[&str], value: &Value, expected: &str) -> InvalidSchema {
    let actual = match value.data {
        Data::Null => "null",
        Data::Bool(_) => "bool",
        Data::Number(_) => "number",
        Data::String(_) => "string",
        Data::Array(_) => "array",
        Data::Object(_) => "object",
    };
    let keyword = path.join(".");
    InvalidSchema(format!(
        "failed to parse schema: json: cannot unmarshal {actual} into Go struct field \
         rawSchema.{keyword} of type {expected}"
    ))
}

fn keyword_position(name: &str) -> Option<usize> {
    KEYWORDS
        .iter()
        .position(|keyword| is_keyword(keyword, name))
}

/// Decodes `%` escapes. Rejects a `%` without two hexadecimal digits in the words of Go's `net/url`, which
/// quotes three bytes of the text.
fn percent_decoded(text: &str) -> Result<Vec<u8>> {
    let bytes = text.as_bytes();
    let is_digit = |index: usize| bytes.get(index).is_some_and(u8::is_ascii_hexdigit);
    let mut escapes = text.match_indices('%').map(|(index, _)| index);
    let Some(invalid) = escapes.find(|index| !(is_digit(index + 1) && is_digit(index + 2))) else {
        return Ok(percent_decode_str(text).collect());
    };
    let end = bytes.len().min(invalid + 3);
    let mut escape = TextBuilder::default();
    quote(&bytes[invalid..end], &mut escape);
    let escape = escape.finish();
    let escape = escape.as_str().unwrap_or_default();
    Err(InvalidSchema(format!("invalid URL escape {escape}")))
}

fn kind(name: &str) -> Result<Option<Type>> {
    match name {
        // ESC writes schemas without a type with an empty one.
        "" => Ok(None),
        "null" => Ok(Some(Type::Null)),
        "boolean" => Ok(Some(Type::Boolean)),
        "number" => Ok(Some(Type::Number)),
        "string" => Ok(Some(Type::String)),
        "array" => Ok(Some(Type::Array)),
        "object" => Ok(Some(Type::Object)),
        other => Err(InvalidSchema(format!("`type`: `{other}` is not a type"))),
    }
}

/// A keyword of a schema and its value.
#[derive(Clone, Copy)]
struct Keyword<'v> {
    name: &'static str,
    value: &'v Value,
}

impl<'v> Keyword<'v> {
    fn items(self) -> Result<&'v [Value]> {
        match &self.value.data {
            Data::Array(items) => Ok(items),
            _ => Err(not_a(self.name, "a list")),
        }
    }

    fn entries(self) -> Result<&'v BTreeMap<String, Value>> {
        match &self.value.data {
            Data::Object(entries) => Ok(entries),
            _ => Err(not_a(self.name, "an object")),
        }
    }

    fn names(self) -> Result<Vec<Rc<str>>> {
        let names = self.items()?.iter();
        let names = names.map(|value| Keyword { value, ..self }.text().map(Rc::from));
        names.collect()
    }

    fn text(self) -> Result<&'v str> {
        let text = self.value.as_str();
        text.ok_or_else(|| not_a(self.name, "a string"))
    }

    fn number(self) -> Result<&'v Number> {
        match &self.value.data {
            Data::Number(number) => Ok(number),
            _ => Err(not_a(self.name, "a number")),
        }
    }
}

/// Reads a length or a count. Rejects other numbers in the words of Go's `strconv.ParseUint`.
fn count(number: &Number) -> Result<usize> {
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
