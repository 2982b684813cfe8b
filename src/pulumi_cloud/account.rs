//! Whose access token is used, and where it comes from.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::error::{Error, Kind, Result};
use crate::host::Host;
use crate::identity_token::Source;
use crate::pulumi_cloud::name::Organization;
use crate::pulumi_cloud::oauth::{self, TokenType};
use crate::pulumi_cloud::pulumi_home::{CredentialsFile, PulumiHome, Refreshed, StoredAccount};
use crate::pulumi_cloud::transport::Transport;
use crate::secret::Secret;

/// A token that expires sooner is renewed: it has to last for the call.
const MARGIN: Duration = Duration::from_secs(30);

/// An access token, and whose it is.
#[derive(Debug)]
pub struct Account {
    pub(super) token: Secret<String>,
    pub(super) origin: Origin,
    /// The user's login, where the credentials file says it.
    pub(super) username: Option<String>,
}

/// Where an access token comes from. `Display` says it in words.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Origin {
    /// `PULUMI_ACCESS_TOKEN`.
    Variable,
    /// `pulumi login`: the credentials file.
    CredentialsFile(PathBuf),
    /// The exchange of an identity token: where that comes from.
    Exchange(String),
}

/// What the user said about the exchange of an identity token.
#[derive(Clone, Debug, Default)]
pub struct Oidc {
    /// Where the identity token is; GitHub Actions' own, where nothing is said.
    pub source: Option<Source>,
    /// What it is exchanged for.
    pub token_type: TokenType,
}

/// How a call is going to log in, known without asking anybody: the first of these that there is.
pub enum Login {
    /// `PULUMI_ACCESS_TOKEN`.
    Variable(Secret<String>),
    /// The exchange of the identity token that the user named.
    Exchange(Source),
    /// The login in the CLI's credentials file, to be renewed where it has expired.
    Stored(StoredAccount, PathBuf),
    /// The exchange of GitHub Actions' own token. The audience depends on the organisation.
    GitHubActions(Source),
    /// None; with the state of the credentials file.
    Absent(CredentialsFile),
}

impl Login {
    /// Finds the login at the backend with this URL.
    pub fn find(
        host: &Host,
        home: &PulumiHome<'_>,
        backend: &str,
        oidc: &Oidc,
        organization: Option<&Organization>,
    ) -> Result<Self> {
        if let Some(token) = host.variable("PULUMI_ACCESS_TOKEN")? {
            return Ok(Self::Variable(Secret::from(token.trim())));
        }
        if let Some(source) = &oidc.source {
            return Ok(Self::Exchange(source.clone()));
        }
        let file = home.credentials()?;
        if let CredentialsFile::Readable(credentials) = &file
            && let Some(account) = credentials.account(backend)
        {
            return Ok(Self::Stored(account, credentials.path().to_owned()));
        }
        let audience = organization.map(oauth::audience).unwrap_or_default();
        let source = Source::github_actions(host, &audience)?;
        Ok(source.map_or(Self::Absent(file), Self::GitHubActions))
    }

    /// What the login proves itself with: an access token, or what is exchanged for one. `None`
    /// where there is no login.
    pub fn secret(&self, host: &Host) -> Result<Option<Secret<Vec<u8>>>> {
        let bytes = |secret: &Secret<String>| Secret::new(secret.expose().as_bytes().to_vec());
        match self {
            Self::Variable(token) => Ok(Some(bytes(token))),
            Self::Exchange(source) | Self::GitHubActions(source) => source.secret(host).map(Some),
            Self::Stored(account, _) => {
                let token = account.access_token.as_ref();
                Ok(token.or(account.refresh_token.as_ref()).map(bytes))
            }
            Self::Absent(_) => Ok(None),
        }
    }

    /// Whether it has to be renewed before it can be used, and can be. That makes another login of
    /// it.
    #[must_use]
    pub fn is_to_be_renewed(&self, now: Timestamp) -> bool {
        match self {
            Self::Stored(account, _) => !account.lasts(now) && account.refresh_token.is_some(),
            _ => false,
        }
    }

    /// Whose login it is, in words, as far as it can be told; `None` where there is none.
    #[must_use]
    pub fn principal(&self) -> Option<String> {
        match self {
            Self::Variable(_) => Some(Origin::Variable.to_string()),
            Self::Exchange(source) | Self::GitHubActions(source) => {
                Some(Origin::Exchange(source.to_string()).to_string())
            }
            Self::Stored(account, path) => {
                let origin = Origin::CredentialsFile(path.clone());
                let username = account.username.as_ref();
                Some(username.map_or_else(
                    || origin.to_string(),
                    |username| format!("`{username}` by {origin}"),
                ))
            }
            Self::Absent(_) => None,
        }
    }
}

impl Account {
    /// Gets an access token with the [`Login`] at hand. `organization` is the one whose token an
    /// exchange asks for.
    pub(super) fn find(
        transport: &Transport<'_>,
        home: &PulumiHome<'_>,
        oidc: &Oidc,
        organization: Option<&Organization>,
    ) -> Result<Self> {
        let host = transport.http.host();
        let backend = &transport.backend.url;
        match Login::find(host, home, backend, oidc, organization)? {
            Login::Variable(token) => Ok(Self {
                token,
                origin: Origin::Variable,
                username: None,
            }),
            Login::Exchange(source) | Login::GitHubActions(source) => {
                exchange(transport, &source, oidc, known(organization, &source)?)
            }
            Login::Stored(account, path) => stored(transport, home, account, path),
            Login::Absent(file) => Err(none(transport, host, &file)),
        }
    }
}

/// The organisation, without which nothing can be exchanged.
fn known<'o>(organization: Option<&'o Organization>, source: &Source) -> Result<&'o Organization> {
    organization.ok_or_else(|| {
        Error::configuration(format!(
            "the identity token from {source} cannot be exchanged: the organisation is not known"
        ))
        .with_hint(
            "write the environment as ORG/PROJECT/NAME, or give `--organization ORG` or \
             PULUMI_DEFAULT_ORGANIZATION",
        )
    })
}

fn exchange(
    transport: &Transport<'_>,
    source: &Source,
    oidc: &Oidc,
    organization: &Organization,
) -> Result<Account> {
    let host = transport.http.host();
    let identity_token = source.read(host, &transport.http, transport.deadline)?;
    transport.log.info(format_args!(
        "exchanging the identity token from {source} for an access token ({})",
        oidc.token_type
    ));
    let issued = oauth::exchange(
        transport,
        source,
        &identity_token,
        organization,
        &oidc.token_type,
    )?;
    Ok(Account {
        token: issued.access_token,
        origin: Origin::Exchange(source.to_string()),
        username: None,
    })
}

/// The login of the credentials file, renewed if need be.
fn stored(
    transport: &Transport<'_>,
    home: &PulumiHome<'_>,
    account: StoredAccount,
    path: PathBuf,
) -> Result<Account> {
    let origin = Origin::CredentialsFile(path);
    let account = match usable(transport, account) {
        Ok(usable) => return Ok(usable.with(origin)),
        Err(unusable) => unusable,
    };
    let whose = whose(transport, &account);
    if account.refresh_token.is_none() {
        return Err(Error::new(Kind::Denied, format!("{whose} has expired"))
            .with_hint("run `pulumi login`, or set PULUMI_ACCESS_TOKEN"));
    }
    // Many plugins may find the login expired at the same time. A refresh token may serve only
    // once, so one of them renews the login while the others wait, and then find it renewed.
    let locked = home.lock_credentials()?;
    let current = locked.credentials().account(&transport.backend.url);
    let account = match current.map(|account| usable(transport, account)) {
        Some(Ok(usable)) => return Ok(usable.with(origin)),
        Some(Err(unusable)) => unusable,
        None => account,
    };
    let Some(refresh_token) = &account.refresh_token else {
        return Err(Error::new(Kind::Denied, format!("{whose} has expired"))
            .with_hint("run `pulumi login`, or set PULUMI_ACCESS_TOKEN"));
    };
    transport.log.info(format_args!("renewing {whose}"));
    let now = transport.http.host().clock().now();
    let issued = oauth::refresh(transport, refresh_token, &whose)?;
    let refreshed = Refreshed {
        access_token: issued.access_token,
        refresh_token: issued.refresh_token,
        expires_at: issued.expires_at.unwrap_or(now),
    };
    locked.store(&transport.backend.url, &refreshed)?;
    Ok(Account {
        token: refreshed.access_token,
        origin,
        username: account.username,
    })
}

impl StoredAccount {
    /// Whether there is an access token that lasts for a call.
    fn lasts(&self, now: Timestamp) -> bool {
        let soon = now.plus(MARGIN);
        self.access_token.is_some() && self.expires_at.is_none_or(|expiry| expiry > soon)
    }
}

struct Usable {
    token: Secret<String>,
    username: Option<String>,
}

impl Usable {
    fn with(self, origin: Origin) -> Account {
        Account {
            token: self.token,
            origin,
            username: self.username,
        }
    }
}

/// Whether the access token is there and lasts; the account comes back where not.
fn usable(transport: &Transport<'_>, account: StoredAccount) -> Result<Usable, StoredAccount> {
    let lasts = account.lasts(transport.http.host().clock().now());
    match account.access_token {
        Some(token) if lasts => Ok(Usable {
            token,
            username: account.username,
        }),
        _ => Err(account),
    }
}

fn whose(transport: &Transport<'_>, account: &StoredAccount) -> String {
    let host = transport.backend.host();
    match &account.username {
        Some(username) => format!("the login of `{username}` at `{host}`"),
        None => format!("the login at `{host}`"),
    }
}

/// The error for no login at all.
fn none(transport: &Transport<'_>, host: &Host, file: &CredentialsFile) -> Error {
    if let CredentialsFile::Encrypted(path) = file {
        return Error::configuration(format!(
            "the login in `{}` is encrypted with a key that only the Pulumi CLI can get at",
            path.display()
        ))
        .with_hint(
            "set PULUMI_ACCESS_TOKEN, or log in with `PULUMI_CREDENTIAL_STORE=plaintext pulumi \
             login`",
        );
    }
    let backend = &transport.backend;
    let mut error = Error::configuration(format!(
        "there is no login for Pulumi Cloud at `{}`",
        backend.host()
    ))
    .with_hint("run `pulumi login`, set PULUMI_ACCESS_TOKEN, or give `--pulumi-oidc-token`");
    if let Some(place) = &backend.passed_over {
        error = error.caused_by(format!(
            "{place} names a backend that keeps Pulumi's state, not environments"
        ));
    } else if matches!(host.variable("GITHUB_ACTIONS"), Ok(Some(_))) {
        error = error
            .with_hint("give the job `permissions: id-token: write`, or set PULUMI_ACCESS_TOKEN");
    }
    error
}

impl Origin {
    /// What to do where the token is not accepted.
    pub(super) fn remedy(&self) -> &'static str {
        match self {
            Self::Variable => "set PULUMI_ACCESS_TOKEN to a token that is valid there",
            Self::CredentialsFile(_) => "run `pulumi login`, or set PULUMI_ACCESS_TOKEN",
            Self::Exchange(_) => "try again; the token was issued a moment ago",
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable => formatter.write_str("the variable `PULUMI_ACCESS_TOKEN`"),
            Self::CredentialsFile(path) => {
                write!(formatter, "`pulumi login` (`{}`)", path.display())
            }
            Self::Exchange(source) => {
                write!(
                    formatter,
                    "the exchange of the identity token from {source}"
                )
            }
        }
    }
}
