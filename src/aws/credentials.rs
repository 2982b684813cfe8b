//! AWS credentials.

use aws_credential_types::Credentials as SdkCredentials;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::clock::Timestamp;
use crate::error::{Error, Kind, Result};
use crate::secret::Secret;

/// Credentials that sign requests to AWS. `Debug` shows the access key ID, which AWS treats as
/// public, and neither of the secrets.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Credentials {
    /// The access key ID: `AKIA…` for a long-term key, `ASIA…` for a temporary one.
    pub access_key_id: String,
    /// The secret access key.
    pub secret_access_key: Secret<String>,
    /// The session token. Long-term keys have none.
    pub session_token: Option<Secret<String>>,
    /// When they expire; `None` if that is unknown.
    pub expires_at: Option<Timestamp>,
}

impl Credentials {
    /// Whether both have the same access key and session token, whatever their expiry.
    #[must_use]
    pub fn is_same_key(&self, other: &Self) -> bool {
        self.access_key_id == other.access_key_id
            && self.secret_access_key == other.secret_access_key
            && self.session_token == other.session_token
    }

    /// The AWS account, which newer access key IDs contain: Base32 (RFC 4648), where the account has 40
    /// bits after the first one. IDs from before 2019 continue with `I` or `J` after the prefix.
    #[must_use]
    pub fn account(&self) -> Option<String> {
        let text = self.access_key_id.get(4..13)?;
        if text.starts_with(['I', 'J']) {
            return None;
        }
        let bits = text.bytes().try_fold(0_u64, |bits, byte| {
            let digit = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'2'..=b'7' => byte - b'2' + 26,
                _ => return None,
            };
            Some((bits << 5) + u64::from(digit))
        })?;
        let account = bits >> 4 & ((1 << 40) - 1);
        (account < 10_u64.pow(12)).then(|| format!("{account:012}"))
    }

    /// The secret access key, and the session token if there is one.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.secret_access_key)
            .chain(&self.session_token)
            .map(|secret| secret.expose().as_str())
    }

    /// One line of JSON as the AWS CLI and SDKs read it from a `credential_process`, without a final line
    /// feed. Without `Expiration`, they keep the credentials as long as they run.
    pub(crate) fn to_process_json(&self) -> Result<Zeroizing<String>> {
        let json = ProcessCredentials {
            version: 1,
            access_key_id: &self.access_key_id,
            secret_access_key: self.secret_access_key.expose(),
            session_token: self
                .session_token
                .as_ref()
                .map(|token| token.expose().as_str()),
            expiration: self.expires_at.map(|expiry| expiry.to_string()),
        };
        let length: usize = self.secrets().map(str::len).sum();
        // Large enough from the start: a buffer that grows leaves copies of the secrets behind.
        let mut buffer = Zeroizing::new(Vec::with_capacity(length * 2 + 512));
        let internal =
            |error| Error::new(Kind::Internal, "cannot write the AWS credentials").caused_by(error);
        serde_json::to_writer(&mut *buffer, &json).map_err(internal)?;
        let text = String::from_utf8(std::mem::take(&mut *buffer))
            .map_err(|_| Error::new(Kind::Internal, "the AWS credentials are not UTF-8"))?;
        Ok(Zeroizing::new(text))
    }

    /// The same credentials as the AWS SDK has them.
    pub(super) fn to_sdk(&self) -> SdkCredentials {
        let session_token = self.session_token.as_ref();
        SdkCredentials::new(
            self.access_key_id.as_str(),
            self.secret_access_key.expose().as_str(),
            session_token.map(|token| token.expose().clone()),
            None,
            "kubectl-esc",
        )
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ProcessCredentials<'a> {
    version: u8,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_access_key_ids_contain_the_account() {
        for (id, account) in [
            ("ASIAQNZGKIQY56JQ7WML", Some("029608264753")),
            ("AKIASP2TPHJSQH3FJRUX", Some("171436882533")),
            ("ASIA6RVFFB77QEXAMPLE", Some("999999999999")),
            ("ASIA6RVFFCAAAEXAMPLE", None),
            ("ASIAIOSFODNN7EXAMPLE", None),
            ("ASIA7777777777777777", None),
            ("ASIA0000000000000000", None),
            ("ASIAQNZG", None),
            ("ASI\u{e4}QNZGKIQY56JQ7WML", None),
        ] {
            let credentials = Credentials {
                access_key_id: id.to_owned(),
                secret_access_key: Secret::from("hunter2"),
                session_token: None,
                expires_at: None,
            };
            assert_eq!(credentials.account().as_deref(), account, "{id}");
        }
    }

    #[test]
    fn debug_hides_the_secrets() {
        let credentials = Credentials {
            access_key_id: "ASIAEXAMPLE".to_owned(),
            secret_access_key: Secret::from("hunter2"),
            session_token: Some(Secret::from("hunter3")),
            expires_at: Some(Timestamp::from_unix(0)),
        };
        let shown = format!("{credentials:?}");
        assert!(
            shown.contains("ASIAEXAMPLE") && !shown.contains("hunter"),
            "{shown}"
        );
    }
}
