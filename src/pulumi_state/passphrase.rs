//! Pulumi's passphrase: the secrets of a state that no service encrypts.
//!
//! The formats are those of pulumi/pulumi: `pkg/secrets/passphrase/manager.go` for the state
//! (`v1:SALT:v1:NONCE:CIPHERTEXT`, whose ciphertext is that of the word `pulumi`), and
//! `sdk/go/common/resource/config/crypt.go` for the rest: AES-256 in GCM with a key that
//! PBKDF2-HMAC-SHA-256 makes of the passphrase, and values `v1:NONCE:CIPHERTEXT`. All but the
//! versions is base64.

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

/// The iterations that Pulumi chose.
const ITERATIONS: NonZeroU32 = NonZeroU32::new(1_000_000).unwrap();

/// The length of the key, in bytes.
const KEY_BYTES: usize = 32;

const VARIABLE: &str = "PULUMI_CONFIG_PASSPHRASE";
const FILE_VARIABLE: &str = "PULUMI_CONFIG_PASSPHRASE_FILE";

/// What a passphrase decrypts with.
pub(crate) struct PassphraseKey(LessSafeKey);

/// Why something encrypted cannot be read.
pub(crate) const MALFORMED: &str = "an encrypted value in it has no form that is known";

impl PassphraseKey {
    /// The key that this machine's passphrase gives for a state's salt: about half a second of
    /// work. `whose` is the stack, for messages.
    pub(crate) fn derive(
        state: &str,
        host: &Host,
        files: &FileTracker,
        whose: &str,
    ) -> Result<Self> {
        let unreadable = || {
            Error::configuration(format!("the state of {whose} cannot be read"))
                .with_hint("check that the Pulumi CLI can read it: `pulumi stack output`")
        };
        let malformed = || unreadable().caused_by("its salt has no form that is known");
        let (version, rest) = state.split_once(':').ok_or_else(malformed)?;
        let (salt, verifier) = rest.split_once(':').ok_or_else(malformed)?;
        let salt = BASE64_STANDARD.decode(salt).map_err(|_| malformed())?;
        if version != "v1" {
            return Err(malformed());
        }
        let (passphrase, origin) = passphrase(host, files, whose)?;
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
                "the passphrase in {origin} is not that of {whose}"
            ))
            .with_hint(format!(
                "set {VARIABLE} to the stack's passphrase, or {FILE_VARIABLE} to the path of a \
                 file that holds it"
            ))),
        }
    }

    /// Decrypts a value; `None` where it has another form, or was encrypted with another key.
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

/// The passphrase, and where it is from. An empty variable is an empty passphrase, as for the CLI.
fn passphrase(host: &Host, files: &FileTracker, whose: &str) -> Result<(Text, String)> {
    if let Some(passphrase) = host.variable_if_set(VARIABLE)? {
        return Ok((Text::from(passphrase), format!("`{VARIABLE}`")));
    }
    let Some(path) = host.path_variable(FILE_VARIABLE) else {
        return Err(Error::configuration(format!(
            "the secrets of {whose} are encrypted with a passphrase, and none is given"
        ))
        .with_hint(format!(
            "set {VARIABLE} to it, or {FILE_VARIABLE} to the path of a file that holds it"
        )));
    };
    let text = read_file(&path, files)?;
    Ok((text, format!("`{}`", path.display())))
}

/// The passphrase in a file: all of it but the white space around, as for the CLI.
fn read_file(path: &Path, files: &FileTracker) -> Result<Text> {
    let unreadable = || {
        let path = path.display();
        Error::configuration(format!("cannot read the passphrase in `{path}`"))
            .with_hint(format!("check {FILE_VARIABLE}, which names the file"))
    };
    let content = file::read(path, MAX_SMALL_FILE_BYTES, files)
        .map_err(|error| unreadable().caused_by(error))?
        .ok_or_else(|| unreadable().caused_by("there is no such file"))?;
    let text = std::str::from_utf8(&content)
        .map_err(|_| unreadable().caused_by("it is not valid UTF-8"))?;
    Ok(Text::from(text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, Timestamp};

    /// Made by `pulumi stack init` of Pulumi 3.274.1 with the passphrase `correct horse`.
    const STATE: &str = "v1:L5iEV+yFMxg=:v1:1uGQTwX7wuoIB/9U:Vt53Zvfj89j6YZQIoG6uF8YSoIGnLA==";

    fn derive(variables: &[(&str, &str)], state: &str) -> Result<PassphraseKey> {
        let clock = Clock::fixed(Timestamp::from_unix(0));
        let host = Host::with(variables.iter().copied(), clock);
        PassphraseKey::derive(state, &host, &FileTracker::default(), "the stack `a/b`")
    }

    #[test]
    fn a_state_of_another_form_is_refused_before_any_work() {
        for state in ["", "v1", "v1:", "v2:AAAA:v1:AAAA:AAAA", "v1:?:v1:AAAA:AAAA"] {
            let error = derive(&[(VARIABLE, "x")], state).err().unwrap();
            assert_eq!(
                error.causes().next().unwrap(),
                "its salt has no form that is known",
                "{state}"
            );
        }
    }

    #[test]
    fn the_right_passphrase_decrypts() {
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
            "the passphrase in `PULUMI_CONFIG_PASSPHRASE` is not that of the stack `a/b`"
        );
    }
}
