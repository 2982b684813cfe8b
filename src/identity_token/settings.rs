//! Which OIDC identity token to exchange for credentials of a cloud.

use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::host::Host;
use crate::identity_token::IdentityTokenSource;

/// The settings for the identity token.
#[derive(Clone, Debug, Default)]
pub(crate) struct IdentityTokenSettings {
    /// `--web-identity-token-file`: a file with the token.
    pub file: Option<PathBuf>,
    /// `--web-identity-token-env`: the name of a variable with the token.
    pub variable: Option<String>,
    /// `--web-identity-audience`: the audience of a token from GitHub Actions.
    pub audience: Option<String>,
}

/// A cloud that exchanges identity tokens.
pub(crate) struct Recipient<'a> {
    /// Its name, for messages.
    pub name: &'a str,
    /// The variable with the path of a token file that the cloud's own tools read.
    pub file_variable: Option<&'static str>,
    /// The default audience of a token from GitHub Actions.
    pub audience: &'a str,
}

impl IdentityTokenSettings {
    /// Returns the first source that is available: the file, the variable, the file that the cloud's own
    /// variable names, GitHub Actions.
    pub(crate) fn source(
        &self,
        recipient: &Recipient<'_>,
        host: &Host,
    ) -> Result<IdentityTokenSource> {
        if let Some(source) = self.named_source() {
            return Ok(source);
        }
        if let Some(named_by) = recipient.file_variable
            && let Some(path) = host.path_variable(named_by)
        {
            return Ok(IdentityTokenSource::File { path, named_by });
        }
        let audience = self.audience.as_deref().unwrap_or(recipient.audience);
        IdentityTokenSource::github_actions(host, audience)?.ok_or_else(|| {
            let set = match recipient.file_variable {
                Some(variable) => format!(" set `{variable}`,"),
                None => String::new(),
            };
            Error::configuration(format!(
                "no identity token specified for {}",
                recipient.name
            ))
            .with_hint(format!(
                "pass `--web-identity-token-file PATH` or `--web-identity-token-env NAME`,{set} or \
                 grant the GitHub Actions job the permission `id-token: write`"
            ))
        })
    }

    /// Returns every source that is available to one of these recipients, once.
    pub(crate) fn sources(
        &self,
        recipients: &[&Recipient<'_>],
        host: &Host,
    ) -> Vec<IdentityTokenSource> {
        if let Some(source) = self.named_source() {
            return vec![source];
        }
        let files = recipients.iter().filter_map(|recipient| {
            let named_by = recipient.file_variable?;
            let path = host.path_variable(named_by)?;
            Some(IdentityTokenSource::File { path, named_by })
        });
        let github = IdentityTokenSource::github_actions(host, "");
        files.chain(github.unwrap_or_default()).collect()
    }

    /// The source that the flags name, for all recipients.
    fn named_source(&self) -> Option<IdentityTokenSource> {
        if let Some(path) = &self.file {
            return Some(IdentityTokenSource::File {
                path: path.clone(),
                named_by: "--web-identity-token-file",
            });
        }
        let name = self.variable.clone()?;
        Some(IdentityTokenSource::Variable {
            name,
            named_by: "--web-identity-token-env",
        })
    }
}

#[cfg(test)]
mod tests;
