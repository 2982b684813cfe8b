//! The interface to an environment, whether it is a local definition or in Pulumi Cloud.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::error::Result;
use crate::file_tracker::FileDigest;
use crate::secret::Secret;
use esc::{Diagnostic, Environment, PropertyPath, Sources};

/// An environment that can be opened or checked.
pub(crate) trait Opener {
    /// Evaluates the environment and calls its providers. Mistakes in the definition are not errors of
    /// the call; they are in the diagnostics.
    fn open(self: Box<Self>) -> Result<Opening>;

    /// Validates the environment without calling its providers.
    fn check(self: Box<Self>) -> Result<Checked>;
}

/// The result of opening an environment.
#[derive(Debug)]
pub(crate) struct Opening {
    /// The values. They must not be used if a diagnostic is an error.
    pub environment: Environment,
    /// The mistakes in the definition and its imports.
    pub diagnostics: Vec<Diagnostic>,
    /// The available source texts, to render the diagnostics with.
    pub sources: Sources,
    /// The known expiries of AWS keys in the values.
    pub keys: Vec<KeyExpiry>,
    /// The known lifetimes of access tokens in the values.
    pub tokens: Vec<TokenLifetime>,
    /// The path of the identity token in the values that Pulumi Cloud issued (`fn::open::oidc`); `None`
    /// if there are several.
    pub identity_token: Option<PropertyPath>,
    /// The files that were read.
    pub files: Vec<FileDigest>,
}

/// The expiry of an AWS key.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct KeyExpiry {
    /// The ID of the access key.
    pub access_key_id: String,
    /// When the key expires.
    pub expiry: Expiry,
}

/// The lifetime of an access token.
#[derive(Clone, Debug)]
pub(crate) struct TokenLifetime {
    /// The token.
    pub token: Secret<String>,
    /// How long after the environment was opened it expires.
    pub lifetime: Duration,
}

/// When a key expires.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) enum Expiry {
    /// At this time on AWS's clock.
    At(Timestamp),
    /// This long after the environment was opened.
    After(Duration),
}

/// The result of checking an environment.
#[derive(Debug)]
pub struct Checked {
    /// The mistakes in the definition and its imports.
    pub diagnostics: Vec<Diagnostic>,
    /// The available source texts, to render the diagnostics with.
    pub sources: Sources,
}
