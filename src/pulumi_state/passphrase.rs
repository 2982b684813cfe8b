//! Decrypts the secrets of a state that are encrypted with a passphrase.
//!
//! The formats are defined in pulumi/pulumi. `pkg/secrets/passphrase/manager.go`: the salt with a
//! verifier, `v1:SALT:v1:NONCE:CIPHERTEXT`, whose plaintext is the word `pulumi`.
//! `sdk/go/common/resource/config/crypt.go`: AES-256-GCM with a key that PBKDF2-HMAC-SHA-256 derives from
//! the passphrase, and values `v1:NONCE:CIPHERTEXT`. Everything but the versions is base64.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use std::num::NonZeroU32;
use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::pbkdf2::{self, PBKDF2_HMAC_SHA256};
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::file_tracker::FileTracker;
use crate::host::Host;
use crate::pulumi_state::file::{self, MAX_SMALL_FILE_BYTES};
use crate::secret::Text;

/// The number of PBKDF2 iterations in Pulumi.
const ITERATIONS: NonZeroU32 = NonZeroU32::new(1_000_000).unwrap();

const KEY_BYTES: usize = 32;

const VARIABLE: &str = "PULUMI_CONFIG_PASSPHRASE";
const FILE_VARIABLE: &str = "PULUMI_CONFIG_PASSPHRASE_FILE";

/// The key that is derived from a passphrase.
pub(crate) struct PassphraseKey(LessSafeKey);

/// The cause of an error if [`PassphraseKey::decrypt`] returns `None`.
pub(crate) const UNSUPPORTED_CIPHERTEXT: &str = "an encrypted value has an unsupported format";

impl PassphraseKey {
    /// Derives the key from the configured passphrase and the salt of a state, in about half a second.
    /// `stack` names the stack in messages.
    pub(crate) fn derive(
        state: &str,
        host: &Host,
        tracker: &FileTracker,
        stack: &str,
    ) -> Result<Self> {
        let unreadable = || {
            Error::configuration(format!("cannot read the state of {stack}"))
                .with_hint("check whether the Pulumi CLI can read it: `pulumi stack output`")
        };
        let malformed = || unreadable().caused_by("its salt has an unsupported format");
        let (version, rest) = state.split_once(':').ok_or_else(malformed)?;
        let (salt, verifier) = rest.split_once(':').ok_or_else(malformed)?;
        let salt = BASE64_STANDARD.decode(salt).map_err(|_| malformed())?;
        if version != "v1" {
            return Err(malformed());
        }
        let (passphrase, origin) = passphrase(host, tracker, stack)?;
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        pbkdf2::derive(
            PBKDF2_HMAC_SHA256,
            ITERATIONS,
            &salt,
            passphrase.as_bytes(),
            bytes.as_mut_slice(),
        );
        let key = UnboundKey::new(&AES_256_GCM, bytes.as_slice()).map_err(|_| malformed())?;
        let key = Self(LessSafeKey::new(key));
        match key.decrypt(verifier) {
            Some(word) if word.as_bytes() == b"pulumi" => Ok(key),
            _ => Err(Error::configuration(format!(
                "the passphrase in {origin} is wrong for {stack}"
            ))
            .with_hint(format!(
                "set `{VARIABLE}` to the stack's passphrase, or `{FILE_VARIABLE}` to the path of \
                 a file with it"
            ))),
        }
    }

    /// Decrypts a value; `None` if it has another format, or was encrypted with another key.
    pub(crate) fn decrypt(&self, value: &str) -> Option<Text> {
        let mut parts = value.split(':');
        let (version, nonce, ciphertext) = (parts.next()?, parts.next()?, parts.next()?);
        if version != "v1" || parts.next().is_some() {
            return None;
        }
        let nonce = BASE64_STANDARD.decode(nonce).ok()?;
        let nonce = Nonce::try_assume_unique_for_key(&nonce).ok()?;
        let ciphertext = BASE64_STANDARD.decode(ciphertext).ok()?;
        let mut content = Zeroizing::new(ciphertext);
        let plaintext = self.0.open_in_place(nonce, Aad::empty(), &mut content);
        Some(Text::from(plaintext.ok()?.to_vec()))
    }
}

/// The passphrase and its origin. As in the Pulumi CLI, an empty variable is an empty passphrase.
fn passphrase(host: &Host, tracker: &FileTracker, stack: &str) -> Result<(Text, String)> {
    if let Some(passphrase) = host.variable_if_set(VARIABLE)? {
        return Ok((Text::from(passphrase), format!("`{VARIABLE}`")));
    }
    let Some(path) = host.path_variable(FILE_VARIABLE) else {
        return Err(Error::configuration(format!(
            "the secrets of {stack} are encrypted with a passphrase, but none is set"
        ))
        .with_hint(format!(
            "set `{VARIABLE}`, or `{FILE_VARIABLE}` to the path of a file with it"
        )));
    };
    let text = read_file(&path, tracker)?;
    Ok((text, format!("`{}`", path.display())))
}

/// Reads the passphrase in a file. As in the Pulumi CLI, surrounding whitespace is removed.
fn read_file(path: &Path, tracker: &FileTracker) -> Result<Text> {
    let unreadable = || {
        let path = path.display();
        Error::configuration(format!("cannot read the passphrase in `{path}`"))
            .with_hint(format!("check the path in `{FILE_VARIABLE}`"))
    };
    let content = file::read(path, MAX_SMALL_FILE_BYTES, tracker)
        .map_err(|error| unreadable().caused_by(error))?
        .ok_or_else(|| unreadable().caused_by("no such file"))?;
    let text = std::str::from_utf8(&content)
        .map_err(|_| unreadable().caused_by("it is not valid UTF-8"))?;
    Ok(Text::from(text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, Timestamp};

    /// Created by `pulumi stack init` of Pulumi 3.274.1 with the passphrase `correct horse`.
    const STATE: &str = "v1:L5iEV+yFMxg=:v1:1uGQTwX7wuoIB/9U:Vt53Zvfj89j6YZQIoG6uF8YSoIGnLA==";

    fn derive(variables: &[(&str, &str)], state: &str) -> Result<PassphraseKey> {
        let clock = Clock::fixed(Timestamp::from_unix(0));
        let host = Host::with(variables.iter().copied(), clock);
        PassphraseKey::derive(state, &host, &FileTracker::default(), "the stack `a/b`")
    }

    #[test]
    fn unsupported_salts_are_rejected_before_deriving_a_key() {
        for state in ["", "v1", "v1:", "v2:AAAA:v1:AAAA:AAAA", "v1:?:v1:AAAA:AAAA"] {
            let error = derive(&[(VARIABLE, "x")], state).err().unwrap();
            assert_eq!(
                error.causes().next().unwrap(),
                "its salt has an unsupported format",
                "{state}"
            );
        }
    }

    #[test]
    fn wrong_passphrases_and_values_are_rejected() {
        let key = derive(&[(VARIABLE, "correct horse")], STATE).unwrap();
        for value in [
            "",
            "v1",
            "v1:AAAA:AAAA",
            "v2:AAAAAAAAAAAAAAAA:AAAA",
            "v1:AAAAAAAAAAAAAAAA:AAAAAAAAAAAAAAAAAAAAAAAA",
            "v1:?:?",
            "v1:::",
        ] {
            assert_eq!(key.decrypt(value), None, "{value}");
        }
        let error = derive(&[(VARIABLE, "wrong")], STATE).err().unwrap();
        assert_eq!(
            error.to_string(),
            "the passphrase in `PULUMI_CONFIG_PASSPHRASE` is wrong for the stack `a/b`"
        );
    }
}
