//! Encryption with a key that only the login can make: HKDF with SHA-256 (RFC 5869) over the login's
//! secrets, then AES-256-GCM.
//!
//! ```text
//! header, a line feed      in the clear, authenticated
//! salt, 16 bytes           makes each file's key its own
//! nonce, 12 bytes
//! ciphertext and tag
//! ```

use std::borrow::Cow;
use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use zeroize::Zeroizing;

use crate::digest::{Sha256, hex};
use crate::error::{Error, Kind, Result};
use crate::file_tracker::FileDigest;
use crate::secret::Secret;

/// Sets these keys apart from all others that a login's secret may serve for.
const DOMAIN: &[u8] = b"kubectl-esc cache 1";

/// In bytes.
const SALT: usize = 16;
pub(super) const ID: usize = 16;

/// What a call has to log in with: all of it is needed to open an entry.
#[derive(Debug, Default)]
pub struct LoginSecrets {
    secrets: Zeroizing<Vec<u8>>,
}

impl LoginSecrets {
    /// Adds a secret, or that there is none of this name. Each has its length before it, so that no
    /// two lists are the same.
    pub fn add(&mut self, name: &str, secret: Option<&[u8]>) {
        let parts = [name.as_bytes(), secret.unwrap_or_default()];
        let more: usize = parts.iter().map(|part| part.len() + 9).sum();
        // A buffer that grows would leave copies behind.
        let mut grown = Zeroizing::new(Vec::with_capacity(self.secrets.len() + more));
        grown.extend_from_slice(&self.secrets);
        for part in parts {
            grown.extend_from_slice(&(part.len() as u64).to_be_bytes());
            grown.extend_from_slice(part);
        }
        grown.push(u8::from(secret.is_some()));
        self.secrets = grown;
    }

    /// The same with a secret in a wrapper.
    pub fn add_secret(&mut self, name: &str, secret: Option<&Secret<Vec<u8>>>) {
        self.add(name, secret.map(|secret| secret.expose().as_slice()));
    }
}

/// What a file is for. One cannot stand in for the other.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    Entry,
    Failure,
}

impl Purpose {
    fn name(self) -> &'static [u8] {
        match self {
            Self::Entry => b"entry",
            Self::Failure => b"failure",
        }
    }
}

/// Seals and opens the files of one login and one question.
#[derive(Clone)]
pub(super) struct Seal {
    login: Prk,
    key: Sha256,
}

impl Seal {
    pub(super) fn new(login: &LoginSecrets, key: &Sha256) -> Self {
        Self {
            login: Salt::new(HKDF_SHA256, DOMAIN).extract(&login.secrets),
            key: *key,
        }
    }

    /// The same for what was made of these files: it takes their content to open it.
    pub(super) fn with_files(&self, files: &[FileDigest]) -> Cow<'_, Self> {
        if files.is_empty() {
            return Cow::Borrowed(self);
        }
        let hashes = files
            .iter()
            .map(|file| file.content.map(|it| it.to_string()));
        let hashes: Vec<_> = hashes.collect();
        let key = self.key.to_string();
        let mut fields = vec![("key", Some(key.as_str()))];
        fields.extend(hashes.iter().map(|hash| ("file", hash.as_deref())));
        Cow::Owned(Self {
            login: self.login.clone(),
            key: Sha256::of_fields(&fields),
        })
    }

    /// The name of the files. It tells nothing of the login or of the question.
    pub(super) fn id(&self) -> String {
        struct Id;
        impl KeyType for Id {
            fn len(&self) -> usize {
                ID
            }
        }
        let mut id = [0; ID];
        let info = [b"id".as_slice(), self.key.as_bytes()];
        // invariant: 16 bytes are not too many for the hash, and the buffer has as many.
        if let Ok(output) = self.login.expand(&info, Id) {
            let _ = output.fill(&mut id);
        }
        hex(&id)
    }

    /// Encrypts `content`. `header` is a line that stands before it in the clear.
    pub(super) fn seal(&self, purpose: Purpose, header: &[u8], content: &[u8]) -> Result<Vec<u8>> {
        let failed = |_| Error::new(Kind::Internal, "cannot encrypt an entry of the cache");
        let mut chance = [0; SALT + NONCE_LEN];
        aws_lc_rs::rand::fill(&mut chance).map_err(failed)?;
        let (salt, nonce) = chance.split_at(SALT);
        let key = self.aead(purpose, salt).map_err(failed)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(failed)?;
        // Encrypted in place: the plaintext is nowhere else, and has room to grow.
        let mut sealed = Vec::with_capacity(header.len() + 1 + chance.len() + content.len() + 16);
        sealed.extend_from_slice(header);
        sealed.push(b'\n');
        sealed.extend_from_slice(&chance);
        let start = sealed.len();
        sealed.extend_from_slice(content);
        let tag = key.seal_in_place_separate_tag(nonce, Aad::from(header), &mut sealed[start..]);
        sealed.extend_from_slice(tag.map_err(failed)?.as_ref());
        Ok(sealed)
    }

    /// Decrypts in place; `None` for whatever this login did not seal for this.
    pub(super) fn open<'s>(&self, purpose: Purpose, sealed: &'s mut [u8]) -> Option<&'s [u8]> {
        let header = header(sealed).len();
        let (header, rest) = sealed.split_at_mut(header);
        let (chance, content) = rest.get_mut(1..)?.split_at_mut_checked(SALT + NONCE_LEN)?;
        let (salt, nonce) = chance.split_at(SALT);
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let key = self.aead(purpose, salt).ok()?;
        let opened = key.open_in_place(nonce, Aad::from(&*header), content);
        opened.ok().map(|content| &*content)
    }

    fn aead(&self, purpose: Purpose, salt: &[u8]) -> Result<LessSafeKey, Unspecified> {
        let info = [purpose.name(), self.key.as_bytes(), salt];
        let output = self.login.expand(&info, &AES_256_GCM)?;
        Ok(LessSafeKey::new(UnboundKey::from(output)))
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Seal")
    }
}

/// What stands in the clear: everything up to the line feed.
pub(super) fn header(sealed: &[u8]) -> &[u8] {
    sealed
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(secret: &str, key: &[u8]) -> Seal {
        let mut login = LoginSecrets::default();
        login.add("token", Some(secret.as_bytes()));
        Seal::new(&login, &Sha256::of(key))
    }

    #[test]
    fn only_the_same_login_and_question_open_it() {
        let mine = seal("hunter2", b"q");
        let sealed = mine.seal(Purpose::Entry, b"{}", b"content").unwrap();
        let open = |seal: &Seal, purpose| {
            let mut sealed = sealed.clone();
            seal.open(purpose, &mut sealed).map(<[u8]>::to_vec)
        };
        assert_eq!(open(&mine, Purpose::Entry).unwrap(), b"content");
        assert_eq!(
            open(&seal("hunter2", b"q"), Purpose::Entry).unwrap(),
            b"content"
        );
        assert_eq!(open(&mine, Purpose::Failure), None);
        assert_eq!(open(&seal("hunter3", b"q"), Purpose::Entry), None);
        assert_eq!(open(&seal("hunter2", b"r"), Purpose::Entry), None);
        assert!(!sealed.windows(7).any(|part| part == b"content"));
        let again = mine.seal(Purpose::Entry, b"{}", b"content").unwrap();
        assert_ne!(sealed, again);
    }

    #[test]
    fn it_takes_every_file_to_open_it() {
        let file = |content: Option<&[u8]>| FileDigest {
            path: "/env.yaml".into(),
            content: content.map(Sha256::of),
        };
        let mine = seal("hunter2", b"q");
        let lists = [
            vec![],
            vec![file(None)],
            vec![file(Some(b""))],
            vec![file(Some(b"key"))],
            vec![file(Some(b"key")), file(None)],
            vec![file(None), file(Some(b"key"))],
        ];
        for (index, files) in lists.iter().enumerate() {
            let sealed = mine
                .with_files(files)
                .seal(Purpose::Entry, b"{}", b"content");
            let sealed = sealed.unwrap();
            for (other, files) in lists.iter().enumerate() {
                let mut sealed = sealed.clone();
                let seal = mine.with_files(files);
                let opened = seal.open(Purpose::Entry, &mut sealed);
                assert_eq!(opened.is_some(), index == other, "{index} {other}");
            }
        }
    }

    #[test]
    fn no_byte_can_be_changed_added_or_left_out() {
        let mine = seal("hunter2", b"q");
        let sealed = mine.seal(Purpose::Entry, b"{\"a\":1}", b"content").unwrap();
        let opens = |mut bytes: Vec<u8>| mine.open(Purpose::Entry, &mut bytes).is_some();
        assert!(opens(sealed.clone()));
        for at in 0..sealed.len() {
            for bit in 0..8 {
                let mut flipped = sealed.clone();
                flipped[at] ^= 1 << bit;
                assert!(!opens(flipped), "byte {at}, bit {bit}");
            }
            assert!(!opens(sealed[..at].to_vec()), "{at} bytes");
            assert!(!opens(sealed[at + 1..].to_vec()), "from byte {at} on");
        }
        assert!(!opens([sealed.as_slice(), b"x"].concat()));
    }

    #[test]
    fn each_login_and_question_has_its_own_files() {
        let ids = [
            seal("hunter2", b"q").id(),
            seal("hunter3", b"q").id(),
            seal("hunter2", b"r").id(),
        ];
        assert_eq!(ids[0], seal("hunter2", b"q").id());
        assert!(ids[0] != ids[1] && ids[0] != ids[2] && ids[1] != ids[2]);
        assert_eq!(ids[0].len(), 32);
    }

    #[test]
    fn lists_of_secrets_cannot_be_mistaken() {
        let login = |secrets: &[(&str, Option<&str>)]| {
            let mut login = LoginSecrets::default();
            for (name, secret) in secrets {
                login.add(name, secret.map(str::as_bytes));
            }
            Seal::new(&login, &Sha256::of(b"q")).id()
        };
        let ids = [
            login(&[]),
            login(&[("a", None)]),
            login(&[("a", Some(""))]),
            login(&[("a", Some("bc"))]),
            login(&[("ab", Some("c"))]),
            login(&[("a", Some("b")), ("c", None)]),
        ];
        for (index, id) in ids.iter().enumerate() {
            assert!(!ids[index + 1..].contains(id), "{index}");
        }
    }
}
