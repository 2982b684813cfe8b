//! Definitions that are evaluated in Pulumi Cloud, but not stored there.

use std::fmt;

use zeroize::Zeroizing;

use crate::error::{Error, Kind, Result};
use crate::opener::{Checked, Opener, Opening};
use crate::pulumi_cloud::client::Cloud;
use crate::pulumi_cloud::failure::Refusal;
use crate::pulumi_cloud::name::Organization;
use esc::{Diagnostic, Sources};

/// A definition that is evaluated in Pulumi Cloud, but not stored there.
pub struct Anonymous<'c> {
    pub(super) cloud: &'c Cloud<'c>,
    pub(super) organization: Organization,
    pub(super) definition: Zeroizing<String>,
    pub(super) shown_as: String,
}

impl Anonymous<'_> {
    fn path(&self) -> String {
        format!("/api/esc/environments/{}/yaml", self.organization)
    }

    /// The error for a refusal.
    fn denied(&self, refusal: &Refusal) -> Error {
        let organization = &self.organization;
        match refusal.status {
            403 | 404 => {
                let whom = self.cloud.user().ok().map_or_else(
                    || format!("the access token from {}", self.cloud.account.origin),
                    |user| user.to_string(),
                );
                let message = format!(
                    "there is no organisation `{organization}`, or {whom} may not open \
                     environments in it"
                );
                let kind = if refusal.status == 403 {
                    Kind::Denied
                } else {
                    Kind::Configuration
                };
                let hint = "check `--organization` and PULUMI_DEFAULT_ORGANIZATION";
                refusal.with_cause(Error::new(kind, message).with_hint(hint))
            }
            _ => self.cloud.general(refusal),
        }
    }

    /// The definition's text for its diagnostics, which carry the names that the server gives.
    fn add_source(&self, diagnostics: &[Diagnostic], sources: &mut Sources) {
        for range in diagnostics.iter().filter_map(|it| it.range.as_ref()) {
            // Imports have names of their own, with a project.
            if !range.environment.contains('/') {
                sources.add(&range.environment, &self.shown_as, self.definition.clone());
            }
        }
    }
}

impl Opener for Anonymous<'_> {
    fn open(&self) -> Result<Opening> {
        let path = format!("{}/open", self.path());
        let definition = self.definition.as_bytes();
        let mut opening = self
            .cloud
            .open(&path, &path, definition, |refusal| self.denied(refusal))?;
        self.add_source(&opening.diagnostics, &mut opening.sources);
        Ok(opening)
    }

    fn check(&self) -> Result<Checked> {
        let path = format!("{}/check", self.path());
        let definition = self.definition.as_bytes();
        let mut checked = self
            .cloud
            .check(&path, definition, |refusal| self.denied(refusal))?;
        self.add_source(&checked.diagnostics, &mut checked.sources);
        Ok(checked)
    }
}

impl fmt::Debug for Anonymous<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Anonymous")
            .field("organization", &self.organization)
            .field("shown_as", &self.shown_as)
            .finish_non_exhaustive()
    }
}
