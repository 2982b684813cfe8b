//! `fn::join` and `fn::split`: strings to one string and back.

use std::rc::Rc;

use crate::TextBuilder;
use crate::evaluator::builtins::Call;
use crate::evaluator::evaluate::Scope;
use crate::evaluator::expression::{Id, Kind, Lowering};
use crate::evaluator::schema::{Schema, Type};
use crate::evaluator::value::{Computed, Shape};
use crate::text::Text;

pub(super) fn read_join(lowering: &mut Lowering, name: &str, argument: Id) -> Call {
    let (delimiter, items) = pair(lowering, name, argument).unzip();
    Call::Join { delimiter, items }
}

pub(super) fn read_split(lowering: &mut Lowering, name: &str, argument: Id) -> Call {
    let (delimiter, text) = pair(lowering, name, argument).unzip();
    Call::Split { delimiter, text }
}

fn pair(lowering: &mut Lowering, name: &str, argument: Id) -> Option<(Id, Id)> {
    if let Kind::List(items) = lowering.kind(argument)
        && let [first, second] = items.as_slice()
    {
        return Some((*first, *second));
    }
    let summary = format!("the argument to fn::{name} must be a two-valued list");
    lowering.error_at(&summary, argument);
    None
}

pub(super) fn join(
    scope: &mut Scope<'_, '_>,
    delimiter: Option<Id>,
    items: Option<Id>,
) -> Rc<Computed> {
    let string = || Schema::of(Type::String);
    let (delimiter, delimiter_is_valid) = scope.expect(delimiter, &string());
    let (items, items_are_valid) = scope.expect(items, &Schema::array_of(string()));
    if !delimiter_is_valid || !items_are_valid {
        return Rc::new(Computed::unknown(string()));
    }
    let content = delimiter.all.or(items.all);
    let (Some(delimiter), Some(items)) = (delimiter.as_text(), items.as_items()) else {
        return Rc::new(Computed::unknown(string()).with_secret(content.secret));
    };
    let mut joined = TextBuilder::default();
    for (position, item) in items.iter().enumerate() {
        let item = item.as_text().map_or(&b""[..], Text::as_bytes);
        let length = item.len() + delimiter.as_bytes().len();
        if !scope.session.budget.spend_text(length) {
            break;
        }
        if position > 0 {
            joined.push(delimiter.as_bytes());
        }
        joined.push(item);
    }
    let joined = Computed::text(joined.finish());
    Rc::new(scope.flagged(joined, content, string))
}

pub(super) fn split(
    scope: &mut Scope<'_, '_>,
    id: Id,
    delimiter: Option<Id>,
    text: Option<Id>,
) -> Rc<Computed> {
    let string = || Schema::of(Type::String);
    let schema = || Schema::array_of(string());
    let (delimiter, delimiter_is_valid) = scope.expect(delimiter, &string());
    let (text, text_is_valid) = scope.expect(text, &string());
    if !delimiter_is_valid || !text_is_valid {
        return Rc::new(Computed::unknown(schema()));
    }
    let content = delimiter.all.or(text.all);
    let (Some(delimiter), Some(text)) = (delimiter.as_text(), text.as_text()) else {
        return Rc::new(Computed::unknown(schema()).with_secret(content.secret));
    };
    let origin = scope.origin(id);
    let mut parts = Vec::new();
    for part in pieces(text.as_bytes(), delimiter.as_bytes()) {
        if !scope.session.budget.spend_steps(1) || !scope.session.budget.spend_text(part.len()) {
            break;
        }
        // ESC takes the pieces of a secret for public. Here they are not, be they accessed one by
        // one.
        let mut part = Computed::text(Text::from(part.to_vec())).with_secret(content.secret);
        part.origin = Some(origin.clone());
        parts.push(Rc::new(part));
    }
    let parts = Computed::new(Shape::Array(parts.into())).with_schema(schema());
    Rc::new(scope.flagged(parts, content, schema))
}

/// The pieces between the delimiters. An empty delimiter splits after each character, and a byte
/// that is not UTF-8 is one.
fn pieces<'t>(text: &'t [u8], delimiter: &[u8]) -> Vec<&'t [u8]> {
    let mut pieces = Vec::new();
    if delimiter.is_empty() {
        let mut at = 0;
        for chunk in text.utf8_chunks() {
            let characters = chunk.valid().chars().map(char::len_utf8);
            for length in characters.chain(chunk.invalid().iter().map(|_| 1)) {
                pieces.push(&text[at..at + length]);
                at += length;
            }
        }
        return pieces;
    }
    let borders = borders(delimiter);
    let (mut start, mut matched) = (0, 0);
    for (at, byte) in text.iter().enumerate() {
        while matched > 0 && delimiter[matched] != *byte {
            matched = borders[matched - 1];
        }
        matched += usize::from(delimiter[matched] == *byte);
        if matched == delimiter.len() {
            pieces.push(&text[start..at + 1 - matched]);
            start = at + 1;
            matched = 0;
        }
    }
    pieces.push(&text[start..]);
    pieces
}

/// For each start of the delimiter how long its longest end is that the delimiter begins with. With
/// it, a search looks at no byte twice (Knuth, Morris, Pratt).
fn borders(delimiter: &[u8]) -> Vec<usize> {
    let mut borders = vec![0; delimiter.len()];
    let mut length = 0;
    for at in 1..delimiter.len() {
        while length > 0 && delimiter[length] != delimiter[at] {
            length = borders[length - 1];
        }
        length += usize::from(delimiter[length] == delimiter[at]);
        borders[at] = length;
    }
    borders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_split_as_go_does() {
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
            let want: Vec<_> = want.iter().map(|piece| piece.as_bytes()).collect();
            assert_eq!(
                pieces(text.as_bytes(), delimiter.as_bytes()),
                want,
                "{text}"
            );
        }
        assert_eq!(pieces(b"a\xff\xfe", b""), [&b"a"[..], b"\xff", b"\xfe"]);
    }
}
