//! What the STS stand-in knows: users, roles with their trust, identity providers. Read from JSON
//! by the program; written out by the tests.

use encodings::timestamp::Seconds;
use serde::Deserialize;
use serde_json::Value;

use crate::oidc::Issuer;

/// The user of [`Configuration::example`]: AWS's own example credentials.
pub const USER_KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";
/// That user's secret key.
pub const USER_SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
/// That user.
pub const USER: &str = "arn:aws:iam::123456789012:user/alice";
/// The role of [`Configuration::example`] for identity tokens; sessions of up to two hours.
pub const ROLE: &str = "arn:aws:iam::123456789012:role/esc-oidc";
/// The role for [`USER`] and for sessions of [`ROLE`]; up to two hours, external id
/// [`EXTERNAL_ID`].
pub const SECOND_ROLE: &str = "arn:aws:iam::210987654321:role/clusters/admin";
/// What [`SECOND_ROLE`] wants as external id.
pub const EXTERNAL_ID: &str = "external/1+1";
/// The audience of identity tokens.
pub const AUDIENCE: &str = "aws:acme";
/// The subject that [`ROLE`] trusts; others that start with `pulumi:environments:org:acme:` too.
pub const SUBJECT: &str = "pulumi:environments:org:acme:env:dev";

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

impl Configuration {
    /// One user, two roles, one provider: what most tests need.
    pub fn example(issuer: &Issuer) -> Self {
        let caller = |arn: &str| Trust::Caller {
            arn: arn.to_owned(),
            external_id: Some(EXTERNAL_ID.to_owned()),
        };
        Self {
            users: vec![User {
                access_key_id: USER_KEY_ID.to_owned(),
                secret_access_key: USER_SECRET_KEY.to_owned(),
                session_token: None,
                arn: USER.to_owned(),
                user_id: "AIDACKCEVSQ6C2EXAMPLE".to_owned(),
                expires_at: None,
            }],
            roles: vec![
                Role {
                    arn: ROLE.to_owned(),
                    id: "AROAEXAMPLEOFOIDCROLE".to_owned(),
                    max_session_duration: 7200,
                    trust: vec![Trust::WebIdentity {
                        issuer: issuer.url().to_owned(),
                        audience: AUDIENCE.to_owned(),
                        subject: "pulumi:environments:org:acme:*".to_owned(),
                    }],
                },
                Role {
                    arn: SECOND_ROLE.to_owned(),
                    id: "AROAEXAMPLEOFADMINROLE".to_owned(),
                    max_session_duration: 7200,
                    trust: vec![caller(USER), caller(ROLE)],
                },
            ],
            providers: vec![Provider {
                issuer: issuer.url().to_owned(),
                jwks: issuer.jwks(),
                audiences: vec![AUDIENCE.to_owned()],
            }],
            ..Self::default()
        }
    }
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
