//! The users, roles and identity providers of the STS stand-in. The program reads them from JSON;
//! tests construct them.

use encodings::timestamp::Seconds;
use serde::Deserialize;
use serde_json::Value;

use crate::oidc::Issuer;

/// The access key id of the user of [`Configuration::example`], from AWS's documentation.
pub const USER_KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";
/// That user's secret key.
pub const USER_SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
/// That user's ARN.
pub const USER: &str = "arn:aws:iam::123456789012:user/alice";
/// The role of [`Configuration::example`] for identity tokens, with sessions of up to two hours.
pub const ROLE: &str = "arn:aws:iam::123456789012:role/esc-oidc";
/// The role for [`USER`] and for sessions of [`ROLE`], with sessions of up to two hours and the
/// external id [`EXTERNAL_ID`].
pub const SECOND_ROLE: &str = "arn:aws:iam::210987654321:role/clusters/admin";
/// The external id that [`SECOND_ROLE`] requires.
pub const EXTERNAL_ID: &str = "external/1+1";
/// The audience of identity tokens.
pub const AUDIENCE: &str = "aws:acme";
/// A subject that [`ROLE`] trusts, like all others that start with `pulumi:environments:org:acme:`.
pub const SUBJECT: &str = "pulumi:environments:org:acme:env:dev";

/// The accounts behind the stand-in.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Configuration {
    /// Credentials that exist from the start.
    pub users: Vec<User>,
    /// Roles that can be assumed.
    pub roles: Vec<Role>,
    /// OpenID Connect providers.
    pub providers: Vec<Provider>,
    /// The enabled regions; all if empty.
    pub regions: Vec<String>,
    /// The length of issued session tokens; AWS's have up to 4096 characters. 0 means 400.
    pub session_token_length: usize,
    /// The lifetime of issued credentials in seconds, instead of the requested duration. Unlike AWS's,
    /// it may be below 900, for tests of expiry.
    pub lifetime: Option<Seconds>,
}

impl Configuration {
    /// A user, two roles and a provider.
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
    /// The session token of temporary credentials.
    #[serde(default)]
    pub session_token: Option<String>,
    /// The owner's ARN, such as `arn:aws:iam::123456789012:user/alice`.
    pub arn: String,
    /// The unique id, such as `AIDA…`, or `AROA…:session` for an assumed role.
    pub user_id: String,
    /// When temporary credentials expire, in seconds since 1970.
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
    /// The statements of the trust policy, of which one must match.
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
        /// The `sub` of the token; a `*` at the end matches any text.
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

/// An OpenID Connect provider in IAM.
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
