//! The error of this crate.

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a kubeconfig cannot be read or edited. No part of it quotes the text of a file, which may
/// hold tokens and keys; names of entries are quoted.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    message: String,
    hint: String,
}

impl Error {
    pub(super) fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: hint.into(),
        }
    }

    /// The same error, with the name of the file that it is about.
    #[must_use]
    pub fn in_file(self, path: &std::path::Path) -> Self {
        Self {
            message: format!("`{}`: {}", path.display(), self.message),
            hint: self.hint,
        }
    }

    /// What failed and why: lower case, no full stop.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &str {
        &self.hint
    }
}
