//! Gets the access token of a call: reads it, refreshes it, or exchanges an identity token for it.

use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::identity_token::IdentityTokenSource;
use crate::pulumi_cloud::access_token_source::AccessTokenSource;
use crate::pulumi_cloud::credentials_file::{CliAccount, CredentialsFile};
use crate::pulumi_cloud::environment_name::Organization;
use crate::pulumi_cloud::login::{LoginMethod, OidcSettings};
use crate::pulumi_cloud::login_refresh::ExpiredLogin;
use crate::pulumi_cloud::pulumi_home::PulumiHome;
use crate::pulumi_cloud::transport::Transport;
use crate::pulumi_cloud::{token_exchange, unstored_login};
use crate::secret::Secret;

/// An access token and its source.
#[derive(Clone, Debug)]
pub(super) struct AccessToken {
    pub(super) secret: Secret<String>,
    pub(super) source: AccessTokenSource,
    /// The user name, if the credentials file has it.
    pub(super) username: Option<String>,
}

impl AccessToken {
    /// Gets an access token with the available [`LoginMethod`]. `organization` is the organization
    /// that an identity token is exchanged at.
    pub(super) fn get(
        transport: &Transport<'_>,
        home: &PulumiHome<'_>,
        oidc: &OidcSettings,
        organization: Option<&Organization>,
    ) -> Result<Self> {
        let host = transport.context.host;
        let url = &transport.backend.url;
        let login = LoginMethod::find(host, home, url, oidc, organization);
        let is_stored = matches!(
            login,
            Err(_) | Ok(LoginMethod::CliAccount(..) | LoginMethod::Unavailable(_))
        );
        if is_stored
            && let Some(path) = home.path("credentials.json")
            && let Some(secret) = unstored_login::access_token(&path, url)
        {
            return Ok(Self {
                secret,
                source: AccessTokenSource::CredentialsFile(path),
                username: None,
            });
        }
        match login? {
            LoginMethod::AccessTokenVariable(token) => Ok(Self {
                secret: token,
                source: AccessTokenSource::Variable,
                username: None,
            }),
            LoginMethod::IdentityToken(source) => exchange(transport, &source, oidc, organization),
            LoginMethod::CliAccount(account, path) => from_cli_account(transport, account, path),
            LoginMethod::Unavailable(file) => Err(not_logged_in(transport, &file)),
        }
    }
}

fn exchange(
    transport: &Transport<'_>,
    source: &IdentityTokenSource,
    oidc: &OidcSettings,
    organization: Option<&Organization>,
) -> Result<AccessToken> {
    let Some(organization) = organization else {
        let message = format!(
            "cannot exchange the identity token from {source}: the organization is not known"
        );
        return Err(Error::configuration(message).with_hint(
            "write the environment as ORG/PROJECT/NAME, pass `--organization`, or set \
             PULUMI_DEFAULT_ORGANIZATION",
        ));
    };
    let context = transport.context;
    let identity_token = source.read(context)?;
    context.log.info(format_args!(
        "exchanging the identity token from {source} for an access token of type `{}`",
        oidc.token_type
    ));
    let issued = token_exchange::exchange(
        transport,
        source,
        &identity_token,
        organization,
        &oidc.token_type,
    )?;
    Ok(AccessToken {
        secret: issued.access_token,
        source: AccessTokenSource::IdentityToken(source.to_string()),
        username: None,
    })
}

/// Uses the login in the CLI's credentials file, and refreshes it if it has expired.
fn from_cli_account(
    transport: &Transport<'_>,
    account: CliAccount,
    path: PathBuf,
) -> Result<AccessToken> {
    let username = account.username.clone();
    let secret = match account.valid_access_token(transport.context.now()) {
        Some(token) => token.clone(),
        None => ExpiredLogin {
            transport,
            account,
            path: &path,
        }
        .refresh()?,
    };
    Ok(AccessToken {
        secret,
        source: AccessTokenSource::CredentialsFile(path),
        username,
    })
}

fn not_logged_in(transport: &Transport<'_>, file: &CredentialsFile) -> Error {
    if let CredentialsFile::Encrypted(path) = file {
        return Error::configuration(format!(
            "the login in `{}` is encrypted, and only the Pulumi CLI can decrypt it",
            path.display()
        ))
        .with_hint(
            "set PULUMI_ACCESS_TOKEN, or log in with `PULUMI_CREDENTIAL_STORE=plaintext pulumi \
             login`",
        );
    }
    let backend = &transport.backend;
    let message = format!("not logged in to Pulumi Cloud at `{}`", backend.host());
    let error = Error::configuration(message)
        .with_hint("run `pulumi login`, set PULUMI_ACCESS_TOKEN, or pass `--pulumi-oidc-token`");
    if let Some(origin) = &backend.ignored_state_backend {
        error.caused_by(format!(
            "{origin} names a backend that stores only Pulumi state, not environments"
        ))
    } else if matches!(
        transport.context.host.variable("GITHUB_ACTIONS"),
        Ok(Some(_))
    ) {
        error.with_hint("give the job `permissions: id-token: write`, or set PULUMI_ACCESS_TOKEN")
    } else {
        error
    }
}
