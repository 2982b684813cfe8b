//! How a call logs in to Pulumi Cloud. Decided from variables and files, without the network.

use std::path::PathBuf;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::host::Host;
use crate::identity_token::IdentityTokenSource;
use crate::pulumi_cloud::access_token_source::AccessTokenSource;
use crate::pulumi_cloud::credentials_file::{CliAccount, CredentialsFile};
use crate::pulumi_cloud::environment_name::Organization;
use crate::pulumi_cloud::pulumi_home::PulumiHome;
use crate::pulumi_cloud::token_exchange::{self, AccessTokenType};
use crate::secret::Secret;

/// The user's settings for a login.
#[derive(Clone, Debug)]
pub struct LoginSettings {
    /// The default organization: `--organization` or `PULUMI_DEFAULT_ORGANIZATION`.
    pub organization: Option<Organization>,
    /// The exchange of an identity token.
    pub oidc: OidcSettings,
}

/// The user's settings for exchanging an OIDC identity token for an access token.
#[derive(Clone, Debug, Default)]
pub struct OidcSettings {
    /// Where to read the identity token. If not set, GitHub Actions is the last resort.
    pub source: Option<IdentityTokenSource>,
    /// The type of access token to request.
    pub token_type: AccessTokenType,
}

/// How a call logs in: the first of these that is available.
pub enum LoginMethod {
    /// `PULUMI_ACCESS_TOKEN`.
    AccessTokenVariable(Secret<String>),
    /// Exchange an identity token: the one that the user specified, or, if the CLI has no account,
    /// that of the GitHub Actions job, whose audience depends on the organization.
    IdentityToken(IdentityTokenSource),
    /// The account in the CLI's credentials file, with the file's path. It may need a refresh.
    CliAccount(CliAccount, PathBuf),
    /// No login is available. Holds the state of the credentials file.
    Unavailable(CredentialsFile),
}

impl LoginMethod {
    /// Finds the login for the backend with this URL. `organization` determines the audience of an
    /// identity token from GitHub Actions.
    pub fn find(
        host: &Host,
        home: &PulumiHome<'_>,
        backend_url: &str,
        oidc: &OidcSettings,
        organization: Option<&Organization>,
    ) -> Result<Self> {
        if let Some(token) = host.variable("PULUMI_ACCESS_TOKEN")? {
            return Ok(Self::AccessTokenVariable(Secret::from(token.trim())));
        }
        if let Some(source) = &oidc.source {
            return Ok(Self::IdentityToken(source.clone()));
        }
        let file = home.credentials()?;
        if let CredentialsFile::Readable(credentials) = &file
            && let Some(account) = credentials.account(backend_url)
        {
            return Ok(Self::CliAccount(account, credentials.path().to_owned()));
        }
        let audience = organization
            .map(token_exchange::audience)
            .unwrap_or_default();
        let source = IdentityTokenSource::github_actions(host, &audience)?;
        Ok(source.map_or(Self::Unavailable(file), Self::IdentityToken))
    }

    /// The secret behind the login: an access token, or the token that is exchanged for one. `None`
    /// if no login is available.
    pub fn secret(&self, host: &Host) -> Result<Option<Secret<Vec<u8>>>> {
        let bytes = |secret: &Secret<String>| Secret::new(secret.expose().as_bytes().to_vec());
        match self {
            Self::AccessTokenVariable(token) => Ok(Some(bytes(token))),
            Self::IdentityToken(source) => source.secret(host).map(Some),
            Self::CliAccount(account, _) => {
                let token = account.access_token.as_ref();
                Ok(token.or(account.refresh_token.as_ref()).map(bytes))
            }
            Self::Unavailable(_) => Ok(None),
        }
    }

    /// Whether the access token has expired and can be refreshed. A refresh changes
    /// [`LoginMethod::secret`].
    #[must_use]
    pub fn needs_refresh(&self, now: Timestamp) -> bool {
        let Self::CliAccount(account, _) = self else {
            return false;
        };
        account.valid_access_token(now).is_none() && account.refresh_token.is_some()
    }

    /// When the access token expires, if that is known without the network.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        match self {
            Self::CliAccount(account, _) => account.expires_at,
            _ => None,
        }
    }

    /// Describes whose login it is, as far as known; `None` if no login is available.
    #[must_use]
    pub fn principal(&self) -> Option<String> {
        let source = self.describe_source()?;
        Some(match self {
            Self::CliAccount(
                CliAccount {
                    username: Some(username),
                    ..
                },
                _,
            ) => format!("`{username}` from {source}"),
            _ => source,
        })
    }

    /// Describes where the access token comes from; `None` if no login is available.
    #[must_use]
    pub fn describe_source(&self) -> Option<String> {
        let source = match self {
            Self::AccessTokenVariable(_) => AccessTokenSource::Variable,
            Self::IdentityToken(source) => AccessTokenSource::IdentityToken(source.to_string()),
            Self::CliAccount(_, path) => AccessTokenSource::CredentialsFile(path.clone()),
            Self::Unavailable(_) => return None,
        };
        Some(source.to_string())
    }
}
