//! AWS credentials.

use crate::clock::Timestamp;
use crate::secret::Secret;

/// An access key, and the session it belongs to where it is a temporary one.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The access key's id, `AKIA…` or `ASIA…`. It is no secret.
    pub access_key_id: String,
    /// The secret half of the access key.
    pub secret_access_key: Secret<String>,
    /// The session token that goes with temporary credentials.
    pub session_token: Option<Secret<String>>,
    /// When the credentials end, where that is known.
    pub expires_at: Option<Timestamp>,
}
