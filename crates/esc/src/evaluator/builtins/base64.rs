//! `fn::toBase64` and `fn::fromBase64`: RFC 4648 §4, padded.

use std::rc::Rc;

use zeroize::Zeroizing;

use crate::TextBuilder;
use crate::evaluator::evaluate::Scope;
use crate::evaluator::expression::Id;
use crate::evaluator::schema::{Schema, Type};
use crate::evaluator::value::Computed;
use crate::text::Text;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub(super) fn encode(scope: &mut Scope<'_, '_>, id: Id, argument: Id) -> Rc<Computed> {
    convert(scope, id, argument, |text| Ok(encoded(text)))
}

pub(super) fn decode(scope: &mut Scope<'_, '_>, id: Id, argument: Id) -> Rc<Computed> {
    convert(scope, id, argument, |text| {
        decoded(text).map_err(|error| format!("decoding base64 string: {error}"))
    })
}

fn convert(
    scope: &mut Scope<'_, '_>,
    id: Id,
    argument: Id,
    convert: impl Fn(&[u8]) -> Result<Text, String>,
) -> Rc<Computed> {
    let schema = Schema::of(Type::String);
    let (value, is_valid) = scope.expect(Some(argument), &schema);
    if !is_valid {
        return Rc::new(Computed::unknown(schema));
    }
    let secret = value.all.secret;
    let unknown = || Rc::new(Computed::unknown(schema).with_secret(secret));
    let Some(text) = value.as_text() else {
        return unknown();
    };
    if !scope.session.budget.spend_text(text.as_bytes().len()) {
        return unknown();
    }
    match convert(text.as_bytes()) {
        Ok(text) => Rc::new(Computed::text(text).with_secret(secret)),
        Err(summary) => {
            scope.error(summary, id);
            unknown()
        }
    }
}

fn encoded(bytes: &[u8]) -> Text {
    let mut text = TextBuilder::default();
    for chunk in bytes.chunks(3) {
        let mut group = [0; 3];
        group[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        let mut quartet = [b'='; 4];
        for (position, character) in quartet.iter_mut().enumerate().take(chunk.len() + 1) {
            *character = ALPHABET[(bits >> (18 - 6 * position)) as usize & 63];
        }
        text.push(&quartet);
    }
    text.finish()
}

/// Why a text is no base64, in the words of Go's `encoding/base64`: the place of the first byte that
/// is wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("illegal base64 data at input byte {0}")]
pub(super) struct InvalidBase64(usize);

/// The bytes that a text stands for. Line breaks are left out and the bits
/// that padding leaves over may be anything, as in Go.
pub(super) fn decoded(text: &[u8]) -> Result<Text, InvalidBase64> {
    bytes_of(text).map_err(InvalidBase64)
}

fn bytes_of(text: &[u8]) -> Result<Text, usize> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() / 4 * 3));
    let mut characters = text
        .iter()
        .enumerate()
        .filter(|(_, byte)| !matches!(byte, b'\r' | b'\n'));
    loop {
        let mut bits: u32 = 0;
        let mut count = 0;
        while count < 4 {
            let Some((at, byte)) = characters.next() else {
                return if count == 0 {
                    Ok(Text::from(std::mem::take(&mut *bytes)))
                } else {
                    // Go names the place where the characters would begin, were they the last.
                    Err(text.len() - count)
                };
            };
            match ALPHABET.iter().position(|known| known == byte) {
                // invariant: a position in the alphabet is below 64.
                Some(value) => bits = bits << 6 | u32::try_from(value).unwrap_or(0),
                None if *byte == b'=' && count >= 2 => {
                    return padding(&mut characters, count, text.len()).map(|()| {
                        let group = (bits << (6 * (4 - count))).to_be_bytes();
                        bytes.extend_from_slice(&group[1..count]);
                        Text::from(std::mem::take(&mut *bytes))
                    });
                }
                None => return Err(at),
            }
            count += 1;
        }
        bytes.extend_from_slice(&bits.to_be_bytes()[1..]);
    }
}

/// After the first `=`: a second one where two characters came before, and then the end.
fn padding<'t>(
    rest: &mut impl Iterator<Item = (usize, &'t u8)>,
    count: usize,
    length: usize,
) -> Result<(), usize> {
    if count == 2 {
        match rest.next() {
            Some((_, b'=')) => {}
            Some((next, _)) => return Err(next - 1),
            None => return Err(length),
        }
    }
    match rest.next() {
        None => Ok(()),
        Some((at, _)) => Err(at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_encoded_and_decoded() {
        // RFC 4648 §10.
        for (text, base64) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(encoded(text.as_bytes()).as_str(), Some(base64));
            assert_eq!(decoded(base64.as_bytes()).unwrap().as_str(), Some(text));
        }
        let bytes: Vec<u8> = (0..=255).collect();
        let text = encoded(&bytes);
        assert_eq!(decoded(text.as_bytes()).unwrap().as_bytes(), bytes);
        assert_eq!(decoded(b"Zm\r\n9v\n").unwrap().as_str(), Some("foo"));
        assert_eq!(decoded(b"Zh==").unwrap().as_str(), Some("f"));
    }

    #[test]
    fn what_is_no_base64_is_refused_where_it_ends_to_be() {
        for (text, at) in [
            ("Z", 0),
            ("Zg", 0),
            ("Zm9vZg", 4),
            ("Z\ng", 1),
            ("Zg=", 3),
            ("Zm9", 0),
            ("Zg=x", 2),
            ("Zg==x", 4),
            ("Z===", 1),
            ("=", 0),
            ("Zm9v-_==", 4),
            ("hunter2!", 7),
        ] {
            assert_eq!(bytes_of(text.as_bytes()).unwrap_err(), at, "{text}");
        }
    }
}
