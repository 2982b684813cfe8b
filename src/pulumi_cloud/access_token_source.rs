//! Where an access token comes from, for messages.

use std::fmt;
use std::path::PathBuf;

/// Where an access token comes from. `Display` describes it without any secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum AccessTokenSource {
    /// `PULUMI_ACCESS_TOKEN`.
    Variable,
    /// The credentials file of `pulumi login`.
    CredentialsFile(PathBuf),
    /// The exchange of an identity token, with a description of that token's source.
    IdentityToken(String),
}

impl AccessTokenSource {
    /// What to do if the token is rejected.
    pub(super) fn rejection_hint(&self) -> &'static str {
        match self {
            Self::Variable => "set PULUMI_ACCESS_TOKEN to a token that is valid for this backend",
            Self::CredentialsFile(_) => "run `pulumi login`, or set PULUMI_ACCESS_TOKEN",
            Self::IdentityToken(_) => "try again: the token was issued only a moment ago",
        }
    }
}

impl fmt::Display for AccessTokenSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable => formatter.write_str("the variable `PULUMI_ACCESS_TOKEN`"),
            Self::CredentialsFile(path) => {
                write!(formatter, "`pulumi login` (`{}`)", path.display())
            }
            Self::IdentityToken(source) => {
                write!(
                    formatter,
                    "the exchange of the identity token from {source}"
                )
            }
        }
    }
}
