//! Where the OIDC identity token comes from that is exchanged for AWS credentials.

use std::path::PathBuf;

use crate::clock::{Deadline, Timestamp};
use crate::error::{Error, Kind, Result};
use crate::host::Host;
use crate::http::HttpClient;
use crate::secret::Secret;

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

/// Where the identity token comes from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A file.
    File {
        /// Its path.
        path: PathBuf,
        /// The flag or variable that named it.
        named_by: &'static str,
    },
    /// The variable of this name.
    Variable(String),
    /// A job of GitHub Actions, which asks GitHub for a token.
    GitHubActions {
        /// What `ACTIONS_ID_TOKEN_REQUEST_URL` says.
        url: String,
        /// What `ACTIONS_ID_TOKEN_REQUEST_TOKEN` says.
        token: Secret<String>,
        /// Whom the token is for.
        audience: String,
    },
}

impl Source {
    /// The first of these that there is: the file and the variable that the user chose,
    /// `AWS_WEB_IDENTITY_TOKEN_FILE`, GitHub Actions.
    pub fn find(host: &Host, choice: &Choice) -> Result<Self> {
        let _ = (host, choice);
        Err(Error::new(Kind::Internal, "not built yet"))
    }

    /// Gets the token.
    pub fn read(
        &self,
        host: &Host,
        http: &HttpClient,
        deadline: Deadline,
    ) -> Result<Secret<String>> {
        let _ = (host, http, deadline);
        Err(Error::new(Kind::Internal, "not built yet"))
    }
}

/// When a token says that it expires: the claim `exp`, read without any verification.
#[must_use]
pub fn expiry(token: &Secret<String>) -> Option<Timestamp> {
    let _ = token;
    None
}
