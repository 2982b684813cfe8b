//! `${…}` in texts: split as ESC's parser splits them, whose byte-wise algorithm is written down here a
//! second time, and evaluated as they are split.

#![no_main]

use esc::interpolation::{Part, parse};
use esc::property_path::Accessor;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    assert_eq!(parse(text), reference(text), "{text:?}");
    // Escaped, any text is itself.
    let parts = parse(&text.replace('$', "$$")).unwrap();
    let literal = (!text.is_empty()).then(|| Part::Text(text.to_owned()));
    assert_eq!(parts, Vec::from_iter(literal));
});

/// `parseInterpolate` of ESC 0.24 (`ast/interpolation.go`). `None` if it reports an error.
fn reference(text: &str) -> Option<Vec<Part>> {
    let mut rest = text.as_bytes();
    let (mut parts, mut literal) = (Vec::new(), Vec::new());
    let mut is_valid = true;
    while let Some((first, tail)) = rest.split_first() {
        if *first == b'$' && tail.first() == Some(&b'$') {
            literal.push(b'$');
            rest = &tail[1..];
        } else if *first == b'$' && tail.first() == Some(&b'{') {
            if !literal.is_empty() {
                parts.push(Part::Text(string(std::mem::take(&mut literal))));
            }
            rest = &tail[1..];
            parts.push(Part::Path(
                access(&mut rest, &mut is_valid).into_iter().collect(),
            ));
        } else {
            literal.push(*first);
            rest = tail;
        }
    }
    if !literal.is_empty() {
        parts.push(Part::Text(string(literal)));
    }
    is_valid.then_some(parts)
}

/// `propertyAccessParser.parse` of ESC (`ast/property.go`).
fn access(rest: &mut &[u8], is_valid: &mut bool) -> Vec<Accessor> {
    let mut accessors = Vec::new();
    loop {
        match rest.first() {
            Some(b'}') => {
                *rest = &rest[1..];
                break;
            }
            Some(b'[') => {
                *rest = &rest[1..];
                let subscript = subscript(rest, accessors.is_empty(), is_valid);
                accessors.push(subscript);
            }
            Some(byte) if !is_space(*byte) => {
                if *byte == b'.' {
                    *rest = &rest[1..];
                }
                let name = take_while(rest, |byte| !ends_name(byte));
                *is_valid &= !name.is_empty();
                accessors.push(Accessor::Name(string(name)));
            }
            _ => {
                *is_valid = false;
                break;
            }
        }
    }
    if accessors.is_empty() {
        accessors.push(Accessor::Name(String::new()));
    }
    accessors
}

fn subscript(rest: &mut &[u8], is_first: bool, is_valid: &mut bool) -> Accessor {
    let accessor = if rest.first() == Some(&b'"') {
        *rest = &rest[1..];
        let mut key = Vec::new();
        loop {
            match *rest {
                [] => {
                    *is_valid = false;
                    break;
                }
                [b'"', tail @ ..] => {
                    *rest = tail;
                    *is_valid &= !key.is_empty();
                    break;
                }
                [b'\\', b'"', tail @ ..] => {
                    key.push(b'"');
                    *rest = tail;
                }
                [byte, tail @ ..] => {
                    key.push(*byte);
                    *rest = tail;
                }
            }
        }
        Accessor::Name(string(key))
    } else {
        let text = string(take_while(rest, |byte| byte != b']' && !ends_name(byte)));
        match text.parse::<i64>() {
            Ok(index) => {
                *is_valid &= !is_first;
                Accessor::Index(usize::try_from(index).unwrap_or(usize::MAX))
            }
            Err(_) => {
                *is_valid = false;
                Accessor::Name(text)
            }
        }
    };
    match rest.split_first() {
        Some((b']', tail)) => *rest = tail,
        _ => *is_valid = false,
    }
    accessor
}

fn take_while(rest: &mut &[u8], is_part: impl Fn(u8) -> bool) -> Vec<u8> {
    let end = rest
        .iter()
        .position(|byte| !is_part(*byte))
        .unwrap_or(rest.len());
    let (taken, tail) = rest.split_at(end);
    *rest = tail;
    taken.to_vec()
}

fn ends_name(byte: u8) -> bool {
    matches!(byte, b'.' | b'[' | b'}') || is_space(byte)
}

/// Go's `unicode.IsSpace` of a byte.
fn is_space(byte: u8) -> bool {
    matches!(byte, b'\t'..=b'\r' | b' ' | 0x85 | 0xa0)
}

fn string(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}
