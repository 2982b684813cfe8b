//! AWS credentials, as STS issues them and as requests are signed with them.

use crate::clock::Timestamp;
use crate::secret::Secret;

/// Credentials that sign requests to AWS. `Debug` shows the access key id, which AWS treats as
/// public, and nothing that signs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Credentials {
    /// Names the key: `AKIA…` for a long-term key, `ASIA…` for a temporary one.
    pub access_key_id: String,
    /// Signs.
    pub secret_access_key: Secret<String>,
    /// Goes with every request that a temporary key signs; long-term keys have none.
    pub session_token: Option<Secret<String>>,
    /// When they stop to work; `None` where nobody said so.
    pub expires_at: Option<Timestamp>,
}

impl Credentials {
    /// Whether both are the same access key in the same session.
    #[must_use]
    pub fn is_same_key(&self, other: &Self) -> bool {
        self.access_key_id == other.access_key_id
            && self.secret_access_key == other.secret_access_key
            && self.session_token == other.session_token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_that_signs() {
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
