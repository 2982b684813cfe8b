//! Encrypts the files of the cache. HKDF with SHA-256 (RFC 5869) derives a key from the secrets of the
//! login, the cache key and a salt; the cipher is AES-256-GCM.
//!
//! ```text
//! header, line feed      plaintext, authenticated
//! salt, 16 bytes         gives each file another key
//! nonce, 12 bytes
//! ciphertext and tag
//! ```

use std::borrow::Cow;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use hkdf::Hkdf;
use zeroize::Zeroizing;

use crate::digest::{Sha256, hex};
use crate::error::{Error, Kind, Result};
use crate::file_tracker::FileDigest;
use crate::secret::Secret;

/// Separates these keys from others that are derived from the same secrets.
const DOMAIN: &[u8] = b"kubectl-esc cache 1";

const SALT_BYTES: usize = 16;
const KEY_BYTES: usize = 32;
pub(super) const ID_BYTES: usize = 16;

/// The secrets of a login. All of them are needed to decrypt an entry. Without `Debug`, so that they
/// cannot be logged.
#[derive(Default)]
pub struct LoginSecrets {
    secrets: Zeroizing<Vec<u8>>,
}

impl LoginSecrets {
    /// Adds a secret, or the fact that the login has none of this name. The encoding contains lengths,
    /// so that different lists never have the same encoding.
    pub fn add(&mut self, name: &str, secret: Option<&[u8]>) {
        let parts = [name.as_bytes(), secret.unwrap_or_default()];
        // A vector that grows by itself leaves copies of the secrets behind.
        let mut grown = Zeroizing::new(Vec::with_capacity(
            parts
                .iter()
                .fold(self.secrets.len(), |sum, part| sum + part.len() + 9),
        ));
        grown.extend_from_slice(&self.secrets);
        for part in parts {
            grown.extend_from_slice(&(part.len() as u64).to_be_bytes());
            grown.extend_from_slice(part);
        }
        grown.push(u8::from(secret.is_some()));
        self.secrets = grown;
    }

    /// Like [`LoginSecrets::add`], for a wrapped secret.
    pub fn add_secret(&mut self, name: &str, secret: Option<&Secret<Vec<u8>>>) {
        self.add(name, secret.map(|secret| secret.expose().as_slice()));
    }
}

/// The purpose of a file. A file cannot be used for another purpose.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    Entry,
    OpenedEnvironment,
    Failure,
    EnvironmentNames,
}

impl Purpose {
    fn name(self) -> &'static [u8] {
        match self {
            Self::Entry => b"entry",
            Self::OpenedEnvironment => b"opened environment",
            Self::Failure => b"failure",
            Self::EnvironmentNames => b"environment names",
        }
    }
}

/// Encrypts and decrypts the files of one login and one cache key.
#[derive(Clone)]
pub(super) struct Seal {
    login: Hkdf<sha2::Sha256>,
    key: Sha256,
}

impl Seal {
    pub(super) fn new(login: &LoginSecrets, key: &Sha256) -> Self {
        Self {
            login: Hkdf::new(Some(DOMAIN), &login.secrets),
            key: *key,
        }
    }

    /// The seal of the same login for another key.
    pub(super) fn with_key(&self, key: &Sha256) -> Self {
        Self {
            login: self.login.clone(),
            key: *key,
        }
    }

    /// A seal that additionally depends on the content of these files.
    pub(super) fn with_files(&self, files: &[FileDigest]) -> Cow<'_, Self> {
        if files.is_empty() {
            return Cow::Borrowed(self);
        }
        let digests = files.iter().map(|file| file.digest);
        let digests: Vec<_> = digests
            .map(|digest| digest.map(|digest| digest.to_string()))
            .collect();
        let key = self.key.to_string();
        let mut fields = vec![("key", Some(key.as_str()))];
        fields.extend(digests.iter().map(|digest| ("file", digest.as_deref())));
        Cow::Owned(self.with_key(&Sha256::of_fields(&fields)))
    }

    /// The base name of the files. It reveals nothing about the login or the cache key.
    pub(super) fn id(&self) -> String {
        let mut id = [0; ID_BYTES];
        // invariant: HKDF can expand to 16 bytes.
        let _ = self
            .login
            .expand_multi_info(&[b"id", self.key.as_bytes()], &mut id);
        hex(&id)
    }

    /// Encrypts `content`. `header` is a line that precedes it in plaintext.
    pub(super) fn seal(&self, purpose: Purpose, header: &[u8], content: &[u8]) -> Result<Vec<u8>> {
        let failed = |_| Error::new(Kind::Internal, "cannot encrypt the cache entry");
        let mut random = [0; SALT_BYTES + NONCE_LEN];
        aws_lc_rs::rand::fill(&mut random).map_err(failed)?;
        let (salt, nonce) = random.split_at(SALT_BYTES);
        let key = self.aead_key(purpose, salt).map_err(failed)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(failed)?;
        // Encrypt in place, in a buffer that does not grow, so that no plaintext is left behind.
        let mut sealed = Vec::with_capacity(header.len() + 1 + random.len() + content.len() + 16);
        sealed.extend_from_slice(header);
        sealed.push(b'\n');
        sealed.extend_from_slice(&random);
        let start = sealed.len();
        sealed.extend_from_slice(content);
        let tag = key.seal_in_place_separate_tag(nonce, Aad::from(header), &mut sealed[start..]);
        sealed.extend_from_slice(tag.map_err(failed)?.as_ref());
        Ok(sealed)
    }

    /// Decrypts in place. `None` if it was not sealed by this login for this key and purpose.
    pub(super) fn open<'s>(&self, purpose: Purpose, sealed: &'s mut [u8]) -> Option<&'s [u8]> {
        let header = header(sealed).len();
        let (header, rest) = sealed.split_at_mut(header);
        let (random, content) = rest
            .get_mut(1..)?
            .split_at_mut_checked(SALT_BYTES + NONCE_LEN)?;
        let (salt, nonce) = random.split_at(SALT_BYTES);
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let key = self.aead_key(purpose, salt).ok()?;
        let opened = key.open_in_place(nonce, Aad::from(&*header), content);
        opened.ok().map(|content| &*content)
    }

    fn aead_key(&self, purpose: Purpose, salt: &[u8]) -> Result<LessSafeKey, Unspecified> {
        let info = [purpose.name(), self.key.as_bytes(), salt];
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        let derived = self.login.expand_multi_info(&info, key.as_mut_slice());
        derived.map_err(|_| Unspecified)?;
        UnboundKey::new(&AES_256_GCM, key.as_slice()).map(LessSafeKey::new)
    }
}

/// The plaintext header: everything before the first line feed.
pub(super) fn header(sealed: &[u8]) -> &[u8] {
    sealed
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
