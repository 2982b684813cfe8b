//! Azure: an access token for AKS from Microsoft Entra ID.

pub(crate) mod authority;
mod failure;
pub(crate) mod find_login;
pub(crate) mod token_endpoint;

use crate::identity_token::Recipient;
use crate::secret::Secret;

/// Microsoft Entra ID, with the audience that Azure recommends for federated credentials.
pub(crate) const IDENTITY_TOKEN_RECIPIENT: Recipient<'static> = Recipient {
    name: "Azure",
    file_variable: Some("AZURE_FEDERATED_TOKEN_FILE"),
    audience: "api://AzureADTokenExchange",
};

/// An application in a tenant, and how it authenticates: the outputs of azure-login.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct AzureLogin {
    /// The ID of the application.
    pub client_id: String,
    /// The ID or a domain name of the tenant.
    pub tenant_id: String,
    /// How the application authenticates.
    pub proof: Proof,
}

/// How an application authenticates.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Proof {
    /// An identity token that matches a federated credential of the application.
    Assertion(Secret<String>),
    /// A client secret.
    ClientSecret(Secret<String>),
}
