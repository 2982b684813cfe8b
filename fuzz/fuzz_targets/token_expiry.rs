//! The expiry of an identity token: the integer part of the claim `exp`, read by a second implementation.

#![no_main]

use std::collections::BTreeMap;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use kubectl_esc::fuzzing::token_expiry;
use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;

fuzz_target!(|text: &str| {
    let _ = token_expiry(text);
    let claims = BASE64_URL_SAFE_NO_PAD.encode(text);
    let expiry = token_expiry(&format!("e30.{claims}.c2ln")).map(|expiry| expiry.unix());
    assert_eq!(
        token_expiry(&format!(".{claims}")).map(|expiry| expiry.unix()),
        expiry
    );
    let Ok(mut claims) = serde_json::from_str::<BTreeMap<&str, &RawValue>>(text) else {
        // Among others, escaped keys, which cannot be borrowed.
        return;
    };
    if text.matches("\"exp\"").count() > 1 {
        // A map has the last of repeated claims, and they are an error to the code under test.
        return;
    }
    let Some(exp) = claims.remove("exp") else {
        assert_eq!(expiry, None, "{text}");
        return;
    };
    let digits = exp.get().split('.').next().unwrap();
    let is_integer = digits
        .trim_start_matches('-')
        .bytes()
        .all(|byte| byte.is_ascii_digit());
    let has_exponent = exp.get().contains(['e', 'E']);
    match digits.parse::<i64>() {
        // Beyond that, a number with a fraction loses digits.
        Ok(want) if is_integer && !has_exponent && want.unsigned_abs() < 1 << 50 => {
            let rounds = exp.get().contains('.') && expiry == Some(want + want.signum());
            assert!(expiry == Some(want) || rounds, "{text}: {expiry:?}");
        }
        _ if exp.get().starts_with(['"', '[', '{', 't', 'f', 'n']) => {
            assert_eq!(expiry, None, "{text}")
        }
        _ => {}
    }
});
