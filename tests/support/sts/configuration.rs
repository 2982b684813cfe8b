//! What the STS stand-in knows: users, roles with their trust, identity providers. Read from JSON
//! by the program; written out by the tests.

use serde::Deserialize;
use serde_json::Value;

use crate::support::instant::Seconds;

/// The accounts behind the stand-in.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Configuration {
    /// Long-lived (or given) credentials.
    pub users: Vec<User>,
    /// Roles that can be assumed.
    pub roles: Vec<Role>,
    /// OpenID Connect providers.
    pub providers: Vec<Provider>,
    /// Regions that are switched on; empty: all.
    pub regions: Vec<String>,
    /// How long issued session tokens are, in characters; AWS's are up to 4096. 0 means 400.
    pub session_token_length: usize,
    /// How long issued credentials last, whatever was asked for, in seconds. AWS itself never goes
    /// below 900: this is for tests of what expires.
    pub lifetime: Option<Seconds>,
}

/// Credentials that exist from the start.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct User {
    /// Such as `AKIA…`.
    pub access_key_id: String,
    /// The secret key.
    pub secret_access_key: String,
    /// Set for temporary credentials.
    #[serde(default)]
    pub session_token: Option<String>,
    /// Whom they belong to, such as `arn:aws:iam::123456789012:user/alice`.
    pub arn: String,
    /// The unique id, such as `AIDA…`, or `AROA…:session` for an assumed role.
    pub user_id: String,
    /// When temporary credentials end, in seconds since 1970.
    #[serde(default)]
    pub expires_at: Option<Seconds>,
}

/// A role.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Role {
    /// Such as `arn:aws:iam::123456789012:role/deployer`.
    pub arn: String,
    /// The unique id, such as `AROA…`.
    pub id: String,
    /// `MaxSessionDuration`, in seconds.
    #[serde(default = "one_hour")]
    pub max_session_duration: Seconds,
    /// The statements of the trust policy; one that fits is enough.
    pub trust: Vec<Trust>,
}

/// A statement of a trust policy.
#[derive(Clone, Debug, Deserialize)]
#[serde(
    deny_unknown_fields,
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Trust {
    /// `sts:AssumeRoleWithWebIdentity`.
    WebIdentity {
        /// The `iss` of the token.
        issuer: String,
        /// The `aud` of the token.
        audience: String,
        /// The `sub` of the token; a `*` at the end stands for anything.
        subject: String,
    },
    /// `sts:AssumeRole`.
    Caller {
        /// The user's ARN; for an assumed role the role's or the session's; or the account's
        /// `arn:aws:iam::ACCOUNT:root`.
        arn: String,
        /// `sts:ExternalId`.
        #[serde(default)]
        external_id: Option<String>,
    },
}

/// An OpenID Connect provider, as it is set up in IAM.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Provider {
    /// The `iss` of its tokens.
    pub issuer: String,
    /// Its keys (RFC 7517).
    pub jwks: Value,
    /// Its audiences.
    pub audiences: Vec<String>,
}

fn one_hour() -> Seconds {
    3600
}
