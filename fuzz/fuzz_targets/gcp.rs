//! Answers of Google STS and the IAM Service Account Credentials API: the token is the one in the answer, and
//! errors and logs show no secret of the request. The first byte chooses what is called.

#![no_main]

use kubectl_esc::fuzzing::{exchange_at_google, generate_access_token};
use kubectl_esc::secret::Secret;
use kubectl_esc_fuzz::{NOW, answers, assert_hidden, call, shown};
use libfuzzer_sys::fuzz_target;

const PROVIDER: &str = "hunter2-provider";
const ACCOUNT: &str = "hunter2@acme.iam.gserviceaccount.com";
const CALLER: &str = "ya29.hunter2-access-token";
// The claims are `{"exp":1700000000}`.
const TOKEN: &str = "eyJhbGciOiJub25lIn0.eyJleHAiOjE3MDAwMDAwMDB9.aHVudGVyMi1zaWduYXR1cmU";

fuzz_target!(|input: (u8, &str)| {
    let (operation, text) = input;
    let token = Secret::from(TOKEN);
    let is_exchange = operation % 2 == 0;
    let (result, log) = call(&[], answers(text), |context| {
        if is_exchange {
            return exchange_at_google(context, PROVIDER, &token);
        }
        let caller = Secret::from(CALLER);
        let (issued, expiry) = generate_access_token(context, ACCOUNT, &caller, &token)?;
        let expiry = expiry.map(|expiry| expiry.unix() - NOW);
        assert!(expiry.is_some_and(|lifetime| (0..=3600).contains(&lifetime)));
        Ok(issued)
    });
    if let Ok(issued) = &result {
        let issued = issued.expose();
        let is_plain = !text.contains('\\');
        assert!(!issued.is_empty() && (!is_plain || text.contains(issued.as_str())));
    }
    let shown = result.as_ref().err().map(shown).unwrap_or_default();
    let mut secrets: Vec<_> = TOKEN.split('.').collect();
    if is_exchange {
        secrets.push(PROVIDER);
    } else {
        secrets.extend([CALLER, ACCOUNT]);
    }
    assert_hidden(&shown, &secrets);
    assert_hidden(&log, &secrets);
});
