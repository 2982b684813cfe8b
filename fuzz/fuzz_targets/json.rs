//! JSON: read and written as serde_json does, except for what Go accepts and serde_json does not.

#![no_main]

use esc::Data;
use esc::format::{Secrets, json};
use libfuzzer_sys::fuzz_target;
use serde_json::Value as Json;

const NESTING: usize = 100;

fuzz_target!(|text: &[u8]| {
    let ours = json::parse(text, NESTING);
    // The first value, and no error for what follows it.
    let theirs = serde_json::Deserializer::from_slice(text)
        .into_iter::<Json>()
        .next();
    match (&ours, theirs) {
        (Ok(value), Some(Ok(theirs))) => {
            let written = json::compact(value, Secrets::Revealed);
            assert_eq!(
                serde_json::from_slice::<Json>(written.as_bytes()).unwrap(),
                theirs
            );
        }
        (Ok(value), Some(Err(error))) => {
            // Go's decoder stops after a zero.
            let is_zero =
                matches!(&value.data, Data::Number(number) if number.as_str().ends_with('0'));
            let error = error.to_string();
            assert!(is_zero || go_accepts_more(&error), "{error}: {value:?}");
        }
        (Err(error), Some(Ok(_))) => {
            let message = error.to_string();
            assert!(message.contains("nest too deep"), "{message}");
        }
        (Ok(_), None) => panic!("nothing is accepted"),
        (Err(_), Some(Err(_)) | None) => {}
    }
    match ours {
        Ok(value) => {
            for written in [
                json::compact(&value, Secrets::Revealed),
                json::indented(&value, Secrets::Revealed),
            ] {
                assert_eq!(json::parse(written.as_bytes(), NESTING).unwrap(), value);
            }
        }
        Err(error) => {
            let message = format!("{error} {}", error.go_message(text));
            assert!(message.len() < 300, "{message}");
        }
    }
});

/// serde_json rejects lone surrogates, bytes that are not UTF-8, numbers beyond 1e308, and a value that
/// is followed by another one without a blank.
fn go_accepts_more(error: &str) -> bool {
    [
        "surrogate",
        "unexpected end of hex escape",
        "invalid unicode code point",
        "number out of range",
        "trailing characters",
        "recursion limit exceeded",
    ]
    .iter()
    .any(|known| error.contains(known))
}
