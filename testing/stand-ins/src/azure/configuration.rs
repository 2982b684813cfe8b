//! The tenants and applications of the stand-in. The program reads them from JSON; tests construct them.

use encodings::timestamp::Seconds;
use serde::Deserialize;
use serde_json::Value;

use crate::MARKER;
use crate::oidc::Issuer;

/// The ID of the tenant of [`Configuration::example`].
pub const TENANT: &str = "7a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d";
/// A domain name of that tenant.
pub const DOMAIN: &str = "acme.onmicrosoft.com";
/// The ID of the application of [`Configuration::example`].
pub const CLIENT: &str = "0d3c1d2e-8f0a-4b6c-9d1e-2f3a4b5c6d7e";
/// The ID of its service principal: its name in AKS.
pub const OBJECT: &str = "c4e8f1a0-1b2c-4d3e-9f40-5a6b7c8d9e0f";
/// The audience of its federated credential.
pub const AUDIENCE: &str = "api://AzureADTokenExchange";
/// The subject of its federated credential.
pub const SUBJECT: &str = "repo:acme/platform:ref:refs/heads/main";

/// What exists in Microsoft Entra ID.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Configuration {
    /// The tenants.
    pub tenants: Vec<Tenant>,
    /// The keys (RFC 7517) that issuers publish, by the issuer's URL.
    pub issuers: Vec<IssuerKeys>,
    /// The lifetime of access tokens in seconds, instead of an hour, for tests of expiry.
    pub lifetime: Option<Seconds>,
}

impl Configuration {
    /// A tenant with an application that has a federated credential for [`SUBJECT`] and the secret
    /// [`client_secret`].
    pub fn example(issuer: &Issuer) -> Self {
        let mut configuration = Self {
            tenants: vec![Tenant {
                id: TENANT.to_owned(),
                domains: vec![DOMAIN.to_owned()],
                applications: vec![Application {
                    client_id: CLIENT.to_owned(),
                    object_id: OBJECT.to_owned(),
                    federated_credentials: Vec::new(),
                    client_secrets: vec![ClientSecret {
                        value: client_secret(),
                        expires_at: None,
                    }],
                    is_blocked: false,
                }],
            }],
            issuers: Vec::new(),
            lifetime: None,
        };
        configuration.trust(issuer, SUBJECT, AUDIENCE);
        configuration
    }

    /// Adds a federated credential to the application, and the keys of its issuer.
    pub fn trust(&mut self, issuer: &Issuer, subject: &str, audience: &str) {
        let credentials = &mut self.application().federated_credentials;
        credentials.push(FederatedCredential {
            issuer: issuer.url().to_owned(),
            subject: subject.to_owned(),
            audience: audience.to_owned(),
        });
        self.issuers.push(IssuerKeys {
            url: issuer.url().to_owned(),
            jwks: issuer.jwks(),
        });
    }

    /// The application of [`Configuration::example`].
    pub fn application(&mut self) -> &mut Application {
        &mut self.tenants[0].applications[0]
    }
}

/// The client secret of the application in [`Configuration::example`].
pub fn client_secret() -> String {
    format!("q.8Q~{MARKER}~a-b_c.d")
}

/// A tenant.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Tenant {
    /// Its ID.
    pub id: String,
    /// Its domain names.
    #[serde(default)]
    pub domains: Vec<String>,
    /// The applications with a service principal in it.
    pub applications: Vec<Application>,
}

/// An application, and its service principal in the tenant.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Application {
    /// The ID of the application.
    pub client_id: String,
    /// The ID of the service principal.
    pub object_id: String,
    /// The identity tokens that it accepts.
    #[serde(default)]
    pub federated_credentials: Vec<FederatedCredential>,
    /// Its secrets.
    #[serde(default)]
    pub client_secrets: Vec<ClientSecret>,
    /// Whether a Conditional Access policy blocks it.
    #[serde(default)]
    pub is_blocked: bool,
}

/// A federated identity credential. All three must be the same as in the identity token.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct FederatedCredential {
    /// The `iss` of the token.
    pub issuer: String,
    /// The `sub` of the token.
    pub subject: String,
    /// The `aud` of the token.
    pub audience: String,
}

/// A client secret.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ClientSecret {
    /// The secret.
    pub value: String,
    /// When it expires, in seconds since 1970.
    #[serde(default)]
    pub expires_at: Option<Seconds>,
}

/// The keys of an issuer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct IssuerKeys {
    /// The URL of the issuer.
    pub url: String,
    /// Its keys.
    pub jwks: Value,
}
