//! Where the OIDC identity token comes from that is exchanged for AWS credentials.

use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::host::Host;
use crate::identity_token::Source;

/// The audience that AWS's documentation of OIDC identity providers names.
pub const DEFAULT_AUDIENCE: &str = "sts.amazonaws.com";

/// What the user said about the identity token.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// `--web-identity-token-file`.
    pub file: Option<PathBuf>,
    /// `--web-identity-token-env`: the name of a variable that holds the token.
    pub variable: Option<String>,
    /// The audience to ask for where the token is made for us; [`DEFAULT_AUDIENCE`] if not said.
    pub audience: Option<String>,
}

impl Choice {
    /// The first of these that there is: the file and the variable that the user chose,
    /// `AWS_WEB_IDENTITY_TOKEN_FILE`, GitHub Actions.
    pub fn source(&self, host: &Host) -> Result<Source> {
        if let Some(path) = &self.file {
            return Ok(Source::File {
                path: path.clone(),
                named_by: "--web-identity-token-file",
            });
        }
        if let Some(name) = &self.variable {
            return Ok(Source::Variable {
                name: name.clone(),
                named_by: "--web-identity-token-env",
            });
        }
        let variable = "AWS_WEB_IDENTITY_TOKEN_FILE";
        if let Some(path) = host.path_variable(variable) {
            return Ok(Source::File {
                path,
                named_by: variable,
            });
        }
        let audience = self.audience.as_deref().unwrap_or(DEFAULT_AUDIENCE);
        if let Some(source) = Source::github_actions(host, audience)? {
            return Ok(source);
        }
        Err(
            Error::configuration("there is no identity token to log in to AWS with").with_hint(
                "give `--web-identity-token-file PATH` or `--web-identity-token-env NAME`, set \
                 AWS_WEB_IDENTITY_TOKEN_FILE, or in GitHub Actions give the job `permissions: \
                 id-token: write`",
            ),
        )
    }
}

#[cfg(test)]
mod tests;
