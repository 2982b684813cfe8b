//! What it takes to open an environment, wherever it lives.

use crate::clock::Timestamp;
use crate::error::Result;
use crate::file_tracker::FileDigest;
use esc::{Diagnostic, Environment, PropertyPath, Sources};

/// Opens or checks one environment.
pub trait Opener {
    /// Opens the environment: its providers do their work. What is wrong with the definition is not
    /// an error of the call; it is among the diagnostics.
    fn open(&self) -> Result<Opening>;

    /// Checks the environment without opening a provider.
    fn check(&self) -> Result<Checked>;
}

/// What came of opening an environment.
#[derive(Debug)]
pub struct Opening {
    /// The values. They must not be used where one of the diagnostics is an error.
    pub environment: Environment,
    /// What is wrong with the definition and its imports.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts to show the diagnostics with, as far as they are at hand.
    pub sources: Sources,
    /// What is known of the end of the AWS keys among the values.
    pub keys: Vec<KeyExpiry>,
    /// Where among the values identity tokens stand that Pulumi Cloud made (`fn::open::oidc`).
    pub identity_tokens: Vec<PropertyPath>,
    /// The files that were read for it.
    pub files: Vec<FileDigest>,
}

/// The end of an AWS key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeyExpiry {
    /// The key's public name.
    pub access_key_id: String,
    /// When it stops to work.
    pub expires_at: Timestamp,
}

/// What came of checking an environment.
#[derive(Debug)]
pub struct Checked {
    /// What is wrong with the definition and its imports.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts to show the diagnostics with, as far as they are at hand.
    pub sources: Sources,
}
