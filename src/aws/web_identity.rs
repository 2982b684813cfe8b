//! Which OIDC identity token to exchange for AWS credentials.

use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::host::Host;
use crate::identity_token::IdentityTokenSource;

/// The default audience, as AWS documents it for OIDC identity providers.
pub(crate) const DEFAULT_AUDIENCE: &str = "sts.amazonaws.com";

/// The settings for the identity token.
#[derive(Clone, Debug, Default)]
pub(crate) struct WebIdentitySettings {
    /// `--web-identity-token-file`: a file with the token.
    pub file: Option<PathBuf>,
    /// `--web-identity-token-env`: the name of a variable with the token.
    pub variable: Option<String>,
    /// The audience of a token from GitHub Actions; [`DEFAULT_AUDIENCE`] by default.
    pub audience: Option<String>,
}

impl WebIdentitySettings {
    /// Returns the first source that is available: the file, the variable,
    /// `AWS_WEB_IDENTITY_TOKEN_FILE`, GitHub Actions.
    pub(crate) fn source(&self, host: &Host) -> Result<IdentityTokenSource> {
        if let Some(path) = &self.file {
            return Ok(IdentityTokenSource::File {
                path: path.clone(),
                named_by: "--web-identity-token-file",
            });
        }
        if let Some(name) = &self.variable {
            return Ok(IdentityTokenSource::Variable {
                name: name.clone(),
                named_by: "--web-identity-token-env",
            });
        }
        let variable = "AWS_WEB_IDENTITY_TOKEN_FILE";
        if let Some(path) = host.path_variable(variable) {
            return Ok(IdentityTokenSource::File {
                path,
                named_by: variable,
            });
        }
        let audience = self.audience.as_deref().unwrap_or(DEFAULT_AUDIENCE);
        IdentityTokenSource::github_actions(host, audience)?.ok_or_else(|| {
            Error::configuration("no identity token specified for AWS").with_hint(
                "pass `--web-identity-token-file PATH` or `--web-identity-token-env NAME`, set \
                 `AWS_WEB_IDENTITY_TOKEN_FILE`, or grant the GitHub Actions job the permission \
                 `id-token: write`",
            )
        })
    }
}

#[cfg(test)]
mod tests;
