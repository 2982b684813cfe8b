//! Text of servers in error messages: without the secrets of the request, and of limited length.

use percent_encoding::utf8_percent_encode;

use crate::http::RESERVED;
use crate::secret::REDACTED;

/// Longer messages of a server are cut off, in characters.
const MAXIMUM_MESSAGE: usize = 1000;

/// Shorter secrets are not redacted, in bytes: they would match by chance.
const MINIMUM_SECRET: usize = 8;

/// The text without these secrets, plain or percent-encoded. The parts of an identity token are secrets
/// as well.
pub(crate) fn redacted(text: &str, secrets: &[&str]) -> String {
    let mut redacted = text.to_owned();
    for secret in secrets {
        let parts = secret.split('.').filter(|part| part.len() < secret.len());
        for part in std::iter::once(*secret).chain(parts) {
            if part.len() >= MINIMUM_SECRET {
                let escaped = utf8_percent_encode(part, RESERVED).to_string();
                redacted = redacted.replace(part, REDACTED).replace(&escaped, REDACTED);
            }
        }
    }
    redacted
}

/// The text, up to the maximum length of a server's message.
pub(crate) fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAXIMUM_MESSAGE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
