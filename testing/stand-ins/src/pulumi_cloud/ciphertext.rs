//! Encrypted secrets, and their encryption and decryption in definitions.
//!
//! As in ESC, the envelope is the Base64 of `escx`, a version, the ciphertext and a CRC-32. The
//! ciphertext's format is not public. Here it is AES-256-GCM with the environment's identifier as
//! additional data, so that a secret cannot be decrypted in another environment.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::digest::{SHA256, digest};
use encodings::base64::{decode_standard, encode_standard_padded};

use super::yaml::{self, Kind, Node};

const MARK: &[u8] = b"escx";
const VERSION: u32 = 1;

/// Encrypts a secret of the environment with this identifier.
pub(super) fn encrypt(environment: &str, plaintext: &str) -> String {
    // The nonce depends on the secret, so that a definition looks the same each time it is read.
    let nonce = digest(&SHA256, format!("{environment}\0{plaintext}").as_bytes());
    let mut sealed = plaintext.as_bytes().to_vec();
    let nonce = &nonce.as_ref()[..12];
    key()
        .seal_in_place_append_tag(
            Nonce::try_assume_unique_for_key(nonce).expect("a nonce"),
            Aad::from(environment.as_bytes()),
            &mut sealed,
        )
        .expect("a sealed secret");
    let mut envelope = MARK.to_vec();
    envelope.extend(VERSION.to_be_bytes());
    envelope.extend(nonce);
    envelope.extend(sealed);
    envelope.extend(checksum(&envelope).to_be_bytes());
    encode_standard_padded(&envelope)
}

/// Decrypts a secret. The errors are ESC's.
pub(super) fn decrypt(environment: &str, text: &str) -> Result<String, &'static str> {
    let content = open_envelope(text)?;
    let failed = "decrypting: message authentication failed";
    let (nonce, sealed) = content.split_at_checked(12).ok_or(failed)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| failed)?;
    let mut sealed = sealed.to_vec();
    let plaintext = key()
        .open_in_place(nonce, Aad::from(environment.as_bytes()), &mut sealed)
        .map_err(|_| failed)?;
    String::from_utf8(plaintext.to_vec()).map_err(|_| failed)
}

/// Returns the content of an envelope.
fn open_envelope(text: &str) -> Result<Vec<u8>, &'static str> {
    let envelope = decode_standard(text).ok_or("illegal base64 data")?;
    if envelope.len() < 16 {
        return Err("EOF");
    }
    let (content, sum) = envelope.split_at(envelope.len() - 4);
    if !content.starts_with(MARK) {
        return Err("invalid header");
    }
    if checksum(content).to_be_bytes() != sum {
        return Err("invalid checksum");
    }
    if content[4..8] != VERSION.to_be_bytes() {
        return Err("unsupported version");
    }
    Ok(content[8..].to_vec())
}

/// The definition with its secrets encrypted, as the service returns it.
pub(super) fn conceal(environment: &str, definition: &str) -> String {
    let Some(root) = yaml::parse(definition) else {
        return definition.to_owned();
    };
    let mut changes = Vec::new();
    for_each_secret(&root, &mut |argument| {
        if let Some(plaintext) = plaintext(argument) {
            let ciphertext = encrypt(environment, &plaintext);
            let text = format!("{{ciphertext: {ciphertext}}}");
            changes.push((argument.begin.byte, argument.end.byte, text));
        }
    });
    replace(definition, changes)
}

/// The secret in a plain-text argument of `fn::secret`, with `$$` unescaped.
pub(super) fn plaintext(argument: &Node) -> Option<String> {
    Some(argument.text()?.replace("$$", "$"))
}

/// The definition with its secrets decrypted.
pub(super) fn reveal(environment: &str, definition: &str) -> Result<String, &'static str> {
    let Some(root) = yaml::parse(definition) else {
        return Ok(definition.to_owned());
    };
    let mut changes = Vec::new();
    let mut failure = None;
    for_each_secret(&root, &mut |argument| {
        let Some(ciphertext) = argument.get("ciphertext").and_then(Node::text) else {
            return;
        };
        match decrypt(environment, ciphertext) {
            Ok(plaintext) => {
                let text = serde_json::Value::from(plaintext.replace('$', "$$")).to_string();
                changes.push((argument.begin.byte, argument.end.byte, text));
            }
            Err(why) => failure = Some(why),
        }
    });
    failure.map_or_else(|| Ok(replace(definition, changes)), Err)
}

/// The definition with each ciphertext replaced by an empty string and padding, which keeps all
/// positions: for a check that decrypts nothing. Malformed envelopes stay.
pub(super) fn blank(definition: &str) -> String {
    let Some(root) = yaml::parse(definition) else {
        return definition.to_owned();
    };
    let mut changes = Vec::new();
    for_each_secret(&root, &mut |argument| {
        let ciphertext = argument.get("ciphertext").and_then(Node::text);
        if ciphertext.is_some_and(|text| open_envelope(text).is_ok()) {
            let (begin, end) = (argument.begin.byte, argument.end.byte);
            changes.push((begin, end, format!("{:1$}", "\"\"", end - begin)));
        }
    });
    replace(definition, changes)
}

fn for_each_secret(node: &Node, visit: &mut impl FnMut(&Node)) {
    match &node.kind {
        Kind::Scalar(..) => {}
        Kind::List(items) => items.iter().for_each(|item| for_each_secret(item, visit)),
        Kind::Map(entries) => {
            for (key, value) in entries {
                if entries.len() == 1 && key.text() == Some("fn::secret") {
                    visit(value);
                } else {
                    for_each_secret(value, visit);
                }
            }
        }
    }
}

/// Replaces byte ranges, which are sorted.
fn replace(text: &str, changes: Vec<(usize, usize, String)>) -> String {
    let mut replaced = String::new();
    let mut copied = 0;
    for (begin, end, new) in changes {
        replaced.push_str(&text[copied..begin]);
        replaced.push_str(&new);
        copied = end;
    }
    replaced.push_str(&text[copied..]);
    replaced
}

fn key() -> LessSafeKey {
    let key = digest(&SHA256, b"the key of the stand-in for Pulumi Cloud");
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.as_ref()).expect("a key"))
}

/// The CRC-32 of IEEE 802.3.
fn checksum(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum: u32, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            sum >> 1 ^ if sum & 1 == 1 { 0xEDB8_8320 } else { 0 }
        })
    })
}
