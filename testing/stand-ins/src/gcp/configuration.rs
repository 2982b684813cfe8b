//! The workload identity providers and service accounts of the stand-in. The program reads them from JSON;
//! tests construct them.

use encodings::timestamp::Seconds;
use serde::Deserialize;
use serde_json::Value;

use crate::MARKER;
use crate::oidc::Issuer;

/// The number of the project of [`Configuration::example`].
pub const PROJECT: &str = "123456789012";
/// The workload identity pool of [`Configuration::example`].
pub const POOL: &str = "github";
/// Its provider.
pub const PROVIDER: &str = "actions";
/// The service account of [`Configuration::example`].
pub const SERVICE_ACCOUNT: &str = "deployer@acme-platform.iam.gserviceaccount.com";
/// Its unique id.
pub const UNIQUE_ID: &str = "103456789012345678901";
/// The subject that may impersonate [`SERVICE_ACCOUNT`].
pub const SUBJECT: &str = "repo:acme/platform:ref:refs/heads/main";

/// The scope of all APIs.
pub const CLOUD_PLATFORM: &str = "https://www.googleapis.com/auth/cloud-platform";
/// The scope of the IAM API, which suffices for `generateAccessToken`.
pub const IAM: &str = "https://www.googleapis.com/auth/iam";
/// The scope of the e-mail address.
pub const EMAIL: &str = "https://www.googleapis.com/auth/userinfo.email";

/// What exists in the project.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Configuration {
    /// The providers of workload identity pools.
    pub providers: Vec<Provider>,
    /// The service accounts.
    pub service_accounts: Vec<ServiceAccount>,
    /// Access tokens that exist from the start.
    pub access_tokens: Vec<AccessToken>,
    /// The GKE clusters.
    pub clusters: Vec<Cluster>,
    /// Whether the IAM Service Account Credentials API is not enabled.
    pub iam_credentials_disabled: bool,
    /// The lifetime of service accounts' tokens in seconds, instead of the requested one, for tests of
    /// expiry.
    pub lifetime: Option<Seconds>,
}

impl Configuration {
    /// A provider, a service account that [`SUBJECT`] may impersonate, and the access token of a user who
    /// may impersonate it as well.
    pub fn example(issuer: &Issuer) -> Self {
        Self {
            providers: vec![Provider {
                name: provider_name(),
                issuer: issuer.url().to_owned(),
                jwks: issuer.jwks(),
                audiences: Vec::new(),
                subject_prefix: Some("repo:acme/".to_owned()),
                disabled: false,
            }],
            service_accounts: vec![ServiceAccount {
                email: SERVICE_ACCOUNT.to_owned(),
                unique_id: UNIQUE_ID.to_owned(),
                impersonators: vec![principal(SUBJECT), "user:alice@acme.example".to_owned()],
                extended_lifetime: false,
            }],
            access_tokens: vec![AccessToken {
                token: user_token(),
                member: "user:alice@acme.example".to_owned(),
                scopes: vec![CLOUD_PLATFORM.to_owned()],
            }],
            ..Self::default()
        }
    }
}

/// The resource name of [`PROVIDER`].
pub fn provider_name() -> String {
    format!("projects/{PROJECT}/locations/global/workloadIdentityPools/{POOL}/providers/{PROVIDER}")
}

/// A subject of [`POOL`], as in the bindings of a service account.
pub fn principal(subject: &str) -> String {
    format!(
        "principal://iam.googleapis.com/projects/{PROJECT}/locations/global/workloadIdentityPools/{POOL}/subject/{subject}"
    )
}

/// The access token of the user in [`Configuration::example`].
pub fn user_token() -> String {
    format!("ya29.user-{MARKER}")
}

/// A provider of a workload identity pool. The subject of a token is its claim `sub`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Provider {
    /// `projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER`.
    pub name: String,
    /// The `iss` of its tokens.
    pub issuer: String,
    /// The issuer's keys (RFC 7517).
    #[serde(default)]
    pub jwks: Value,
    /// The allowed audiences; if empty, the provider's name after `https://iam.googleapis.com/` or
    /// `//iam.googleapis.com/`.
    #[serde(default)]
    pub audiences: Vec<String>,
    /// The attribute condition: how subjects start.
    #[serde(default)]
    pub subject_prefix: Option<String>,
    /// Whether the provider is disabled.
    #[serde(default)]
    pub disabled: bool,
}

/// A service account.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ServiceAccount {
    /// The e-mail address.
    pub email: String,
    /// The numeric id.
    pub unique_id: String,
    /// Who has a role with the permission `iam.serviceAccounts.getAccessToken`.
    pub impersonators: Vec<String>,
    /// Whether an organization policy allows lifetimes of up to 12 hours.
    #[serde(default)]
    pub extended_lifetime: bool,
}

/// An access token that exists from the start. It does not expire.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct AccessToken {
    /// The token.
    pub token: String,
    /// Its owner, such as `user:alice@example.com`.
    pub member: String,
    /// The scopes.
    pub scopes: Vec<String>,
}

/// A GKE cluster.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Cluster {
    /// The ID of its project.
    pub project: String,
    /// Its region or zone.
    pub location: String,
    /// Its name.
    pub name: String,
    /// Its status, such as `RUNNING`.
    pub status: String,
    /// The IP address of its API server; `None` if IP endpoints are disabled.
    pub endpoint: Option<String>,
    /// Its certificate authority, PEM in Base64.
    pub authority_data: String,
    /// The DNS-based endpoint, which every cluster has.
    pub dns_endpoint: String,
    /// Whether that allows external traffic.
    pub allows_external_traffic: bool,
    /// Who has a role with the permission `container.clusters.get` in its project.
    pub viewers: Vec<String>,
}
