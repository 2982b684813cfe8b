//! Answers of Microsoft Entra ID: the token is the one in the answer, and errors and logs show no secret of the
//! request. The first byte chooses how the application authenticates.

#![no_main]

use kubectl_esc::fuzzing::request_token_for_aks;
use kubectl_esc::secret::Secret;
use kubectl_esc_fuzz::{NOW, answers, assert_hidden, call, shown};
use libfuzzer_sys::fuzz_target;

const CLIENT_SECRET: &str = "hunter2~a+b/c";
// The claims are `{"exp":1700000000}`.
const TOKEN: &str = "eyJhbGciOiJub25lIn0.eyJleHAiOjE3MDAwMDAwMDB9.aHVudGVyMi1zaWduYXR1cmU";

/// A year.
const LONGEST_LIFETIME: i64 = 365 * 24 * 3600;

fuzz_target!(|input: (u8, &str)| {
    let (proof, text) = input;
    let token = Secret::from(TOKEN);
    let identity_token = (proof % 2 == 0).then_some(&token);
    let (result, log) = call(&[], answers(text), |context| {
        request_token_for_aks(context, identity_token, &Secret::from(CLIENT_SECRET))
    });
    if let Ok((issued, expiry)) = &result {
        let issued = issued.expose();
        let is_plain = !text.contains('\\');
        assert!(!issued.is_empty() && (!is_plain || text.contains(issued.as_str())));
        let lifetime = expiry.map(|expiry| expiry.unix() - NOW);
        assert!(lifetime.is_none_or(|lifetime| (0..=LONGEST_LIFETIME).contains(&lifetime)));
    }
    let shown = result.as_ref().err().map(shown).unwrap_or_default();
    let secrets: Vec<_> = match identity_token {
        Some(_) => TOKEN.split('.').collect(),
        None => vec![CLIENT_SECRET],
    };
    assert_hidden(&shown, &secrets);
    assert_hidden(&log, &secrets);
});
