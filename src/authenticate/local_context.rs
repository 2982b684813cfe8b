//! `${context.pulumi}` of a local definition: what the Pulumi login on this machine says without a request.
//!
//! The cache key has the same properties: the login's user and the default organization.

use crate::authenticate::pulumi_login;
use crate::config::OpenRequest;
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::pulumi_cloud::{Backend, CredentialsFile, LoginMethod, PulumiHome};
use esc::{ContextSource, HostResult, Value};

const REMOTE: &str = "use `--remote` to evaluate the definition in Pulumi Cloud";

/// Looks up properties of `${context}`. Reads no file before a definition uses one.
pub(super) struct LocalContext<'a> {
    request: &'a OpenRequest,
    context: Context<'a>,
}

impl<'a> LocalContext<'a> {
    pub(super) fn new(request: &'a OpenRequest, context: Context<'a>) -> Self {
        Self { request, context }
    }

    /// The user of the login, if `pulumi login` stored it.
    fn user(&self) -> Result<String> {
        let host = self.context.host;
        let home = PulumiHome::new(host, self.context.deadline);
        let backend = Backend::find(host, &home)?;
        let oidc = pulumi_login::oidc(self.request, host)?;
        let login = LoginMethod::find(host, &home, &backend.url, &oidc, None)?;
        let principal = login.principal();
        let account = match login {
            LoginMethod::CliAccount(account, _) => Some(account),
            // `pulumi login` may have stored the user of the same token.
            LoginMethod::AccessTokenVariable(token) => match home.credentials() {
                Ok(CredentialsFile::Readable(file)) => {
                    file.account(&backend.url).filter(|account| {
                        let stored = account.access_token.as_ref();
                        stored.is_some_and(|stored| stored.expose() == token.expose())
                    })
                }
                _ => None,
            },
            LoginMethod::Unavailable(CredentialsFile::Encrypted(path)) => {
                let path = path.display();
                let message = format!("only the Pulumi CLI can decrypt the login in `{path}`");
                return Err(Error::configuration(message).with_hint(REMOTE));
            }
            LoginMethod::IdentityToken(_) | LoginMethod::Unavailable(_) => None,
        };
        if let Some(user) = account.and_then(|account| account.username) {
            return Ok(user);
        }
        Err(match principal {
            Some(principal) => Error::configuration(format!(
                "the user of the Pulumi login is not stored: it uses {principal}"
            ))
            .with_hint(REMOTE),
            None => Error::configuration(format!("not logged in to `{}`", backend.url))
                .with_hint(format!("run `pulumi login`, or {REMOTE}")),
        })
    }

    /// The organization for names without one.
    fn organization(&self) -> Result<String> {
        if let Some(setting) = &self.request.organization {
            return Ok(setting.value.clone());
        }
        let host = self.context.host;
        let home = PulumiHome::new(host, self.context.deadline);
        let backend = Backend::find(host, &home)?;
        home.default_organization(&backend.url)?.ok_or_else(|| {
            Error::configuration("no default organization is set").with_hint(format!(
                "pass `--organization`, run `pulumi org set-default`, or {REMOTE}"
            ))
        })
    }
}

impl ContextSource for LocalContext<'_> {
    fn property(&self, path: &str) -> Option<HostResult<Value>> {
        let name = path.strip_prefix("pulumi")?;
        let text = match name {
            ".user.login" => self.user(),
            ".organization.login" => self.organization(),
            _ if name.is_empty() || name.starts_with('.') => {
                let cause = "locally, only `context.pulumi.user.login` and \
                             `context.pulumi.organization.login` are known";
                Err(Error::new(Kind::Definition, cause).with_hint(REMOTE))
            }
            _ => return None,
        };
        Some(match text {
            Ok(text) => Ok(Value::from(text.as_str())),
            Err(cause) => {
                let message = format!("`context.{path}` is not known on this machine");
                let hint = cause.hint().unwrap_or(REMOTE).to_owned();
                let error = Error::new(cause.kind(), message).with_hint(hint);
                Err(error.caused_by(cause).into())
            }
        })
    }
}
