//! The error type of this crate.

use std::path::Path;

/// The result type of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a kubeconfig cannot be read, used or edited.
///
/// Both texts may name entries and keys, but never quote values, which may be secret. Hints name flags of
/// kubectl-esc.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    message: String,
    hint: String,
}

impl Error {
    pub(crate) fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: hint.into(),
        }
    }

    pub(crate) fn unreadable(reason: &str, line: usize) -> Self {
        Self::new(
            format!("cannot read the kubeconfig: {reason} (line {line})"),
            "check the file with `kubectl config view`",
        )
    }

    pub(crate) fn not_editable(reason: impl std::fmt::Display) -> Self {
        Self::new(
            format!("cannot edit the kubeconfig: {reason}"),
            "edit it by hand, or write to another file with `--kubeconfig`",
        )
    }

    pub(crate) fn unsupported_layout() -> Self {
        Self::not_editable("unsupported YAML layout")
    }

    pub(crate) fn unusable(reason: impl std::fmt::Display) -> Self {
        Self::new(
            format!("cannot use this kubeconfig: {reason}"),
            "choose another kubeconfig with `--from` or another context with `--context`, or pass \
             `--server`",
        )
    }

    /// Prepends the file's name to the message.
    pub(crate) fn in_file(self, path: &Path) -> Self {
        Self {
            message: format!("`{}`: {}", path.display(), self.message),
            hint: self.hint,
        }
    }

    /// What failed and why.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> &str {
        &self.hint
    }
}
