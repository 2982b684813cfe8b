//! `fn::join` and `fn::split`.

use std::collections::HashMap;
use std::rc::Rc;

use crate::TextBuilder;
use crate::evaluator::evaluate::DefinitionEvaluator;
use crate::evaluator::expression::ExprId;
use crate::evaluator::schema::{Schema, Type};
use crate::evaluator::value::{EvalValue, ValueKind};
use crate::text::Text;

/// The cost of a part, which takes as much memory as several other results.
const STEPS_PER_PART: usize = 4;

/// How many different parts of a text are shared where they repeat, such as its characters.
const MAXIMUM_SHARED_PARTS: usize = 1_000;

impl DefinitionEvaluator<'_, '_> {
    /// `arguments` are the delimiter and the items.
    pub(super) fn join(&mut self, arguments: Option<[ExprId; 2]>) -> Rc<EvalValue> {
        let string = || Schema::of(Type::String);
        let Some([delimiter, items]) = arguments else {
            return Rc::new(EvalValue::unknown(string()));
        };
        let (delimiter, delimiter_is_valid) = self.evaluate_argument(Some(delimiter), &string());
        let accept = Schema::array_of(string());
        let (items, items_are_valid) = self.evaluate_argument(Some(items), &accept);
        if !delimiter_is_valid || !items_are_valid {
            return Rc::new(EvalValue::unknown(string()));
        }
        let marks = delimiter.marks.union(items.marks);
        let (Some(delimiter), Some(items)) = (delimiter.as_text(), items.as_items()) else {
            return Rc::new(EvalValue::unknown(string()).with_secret(marks.secret));
        };
        let mut joined = TextBuilder::default();
        for (position, item) in items.iter().enumerate() {
            let item = item.as_text().map_or(&b""[..], Text::as_bytes);
            let length = item.len() + delimiter.as_bytes().len();
            if !self.session.budget.spend_text(length) {
                break;
            }
            if position > 0 {
                joined.push(delimiter.as_bytes());
            }
            joined.push(item);
        }
        let joined = EvalValue::text(joined.finish());
        Rc::new(self.with_marks(joined, marks, string))
    }

    /// `arguments` are the delimiter and the text.
    pub(super) fn split(&mut self, id: ExprId, arguments: Option<[ExprId; 2]>) -> Rc<EvalValue> {
        let string = || Schema::of(Type::String);
        let schema = || Schema::array_of(string());
        let Some([delimiter, text]) = arguments else {
            return Rc::new(EvalValue::unknown(schema()));
        };
        let (delimiter, delimiter_is_valid) = self.evaluate_argument(Some(delimiter), &string());
        let (text, text_is_valid) = self.evaluate_argument(Some(text), &string());
        if !delimiter_is_valid || !text_is_valid {
            return Rc::new(EvalValue::unknown(schema()));
        }
        let marks = delimiter.marks.union(text.marks);
        let (Some(delimiter), Some(text)) = (delimiter.as_text(), text.as_text()) else {
            return Rc::new(EvalValue::unknown(schema()).with_secret(marks.secret));
        };
        let origin = self.origin(id);
        let mut parts = Vec::new();
        let mut shared = HashMap::new();
        for bytes in split_bytes(text.as_bytes(), delimiter.as_bytes()) {
            let budget = &mut self.session.budget;
            let known = shared.get(bytes).cloned();
            let steps = known.as_ref().map_or(STEPS_PER_PART, |_| 1);
            if !budget.spend_steps(steps) || !budget.spend_text(bytes.len()) {
                break;
            }
            let part = known.unwrap_or_else(|| {
                // Unlike in ESC, each part of a secret is itself a secret.
                let mut part = EvalValue::text(bytes.to_vec()).with_secret(marks.secret);
                part.origin = Some(origin);
                let part = Rc::new(part);
                if shared.len() < MAXIMUM_SHARED_PARTS {
                    shared.insert(bytes, Rc::clone(&part));
                }
                part
            });
            parts.push(part);
        }
        let parts = EvalValue::new(ValueKind::Array(parts.into())).with_schema(schema());
        Rc::new(self.with_marks(parts, marks, schema))
    }
}

/// Splits at a delimiter in linear time. As in Go, an empty delimiter splits after each character,
/// and a byte that is not UTF-8 counts as one.
fn split_bytes<'t>(text: &'t [u8], delimiter: &[u8]) -> Vec<&'t [u8]> {
    let mut parts = Vec::new();
    if delimiter.is_empty() {
        let mut start = 0;
        for chunk in text.utf8_chunks() {
            let characters = chunk.valid().chars().map(char::len_utf8);
            for length in characters.chain(chunk.invalid().iter().map(|_| 1)) {
                parts.push(&text[start..start + length]);
                start += length;
            }
        }
        return parts;
    }
    let borders = borders(delimiter);
    let (mut start, mut matched) = (0, 0);
    for (offset, byte) in text.iter().enumerate() {
        while matched > 0 && delimiter[matched] != *byte {
            matched = borders[matched - 1];
        }
        matched += usize::from(delimiter[matched] == *byte);
        if matched == delimiter.len() {
            parts.push(&text[start..offset + 1 - matched]);
            start = offset + 1;
            matched = 0;
        }
    }
    parts.push(&text[start..]);
    parts
}

/// The failure function of Knuth, Morris and Pratt: for each prefix of the delimiter, the length of
/// its longest proper suffix that is also a prefix.
fn borders(delimiter: &[u8]) -> Vec<usize> {
    let mut borders = vec![0; delimiter.len()];
    let mut length = 0;
    for end in 1..delimiter.len() {
        while length > 0 && delimiter[length] != delimiter[end] {
            length = borders[length - 1];
        }
        length += usize::from(delimiter[length] == delimiter[end]);
        borders[end] = length;
    }
    borders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_split_as_in_go() {
        for (text, delimiter, want) in [
            ("a,b,c", ",", &["a", "b", "c"][..]),
            ("", ",", &[""]),
            (",", ",", &["", ""]),
            ("a::b", "::", &["a", "b"]),
            ("a:::b", "::", &["a", ":b"]),
            ("aé😀", "", &["a", "é", "😀"]),
            ("", "", &[]),
            ("ab", "abc", &["ab"]),
            ("aaaa", "aa", &["", "", ""]),
            ("aabaaab", "aab", &["", "a", ""]),
            ("abababc", "ababc", &["ab", ""]),
            ("abcabd", "abd", &["abc", ""]),
        ] {
            let want: Vec<_> = want.iter().map(|part| part.as_bytes()).collect();
            assert_eq!(
                split_bytes(text.as_bytes(), delimiter.as_bytes()),
                want,
                "{text}"
            );
        }
        assert_eq!(
            split_bytes(b"a\xff\xfe", b""),
            [&b"a"[..], b"\xff", b"\xfe"]
        );
    }
}
