//! Local definitions that Pulumi Cloud evaluates without storing them.

use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::opener::{Checked, Opener, Opening};
use crate::pulumi_cloud::client::Cloud;
use crate::pulumi_cloud::environment_name::Organization;
use crate::pulumi_cloud::error_response::{ErrorResponse, Resource};
use crate::pulumi_cloud::session;
use esc::{Diagnostic, Sources};

/// A local definition that Pulumi Cloud evaluates without storing it.
pub struct AnonymousEnvironment<'c> {
    cloud: &'c Cloud<'c>,
    organization: Organization,
    definition: Zeroizing<String>,
    shown_as: String,
}

impl<'c> AnonymousEnvironment<'c> {
    /// Wraps a definition, to be evaluated in the default organization, which may have to be
    /// requested. Diagnostics show it as `shown_as`.
    pub fn new(
        cloud: &'c Cloud<'c>,
        definition: Zeroizing<String>,
        shown_as: impl Into<String>,
    ) -> Result<Self> {
        Ok(Self {
            cloud,
            organization: cloud.default_organization()?,
            definition,
            shown_as: shown_as.into(),
        })
    }

    fn path(&self) -> String {
        format!("/api/esc/environments/{}/yaml", self.organization)
    }

    fn explain(&self, response: &ErrorResponse) -> Error {
        self.cloud
            .resource_error(response, &Resource::Organization, &self.organization)
    }

    /// Adds the definition's text under the name that the diagnostics have for it.
    fn add_source(&self, diagnostics: &[Diagnostic], sources: &mut Sources) {
        let mut ranges = diagnostics.iter().filter_map(|item| item.range.as_ref());
        // The names of imported environments contain a project.
        if let Some(range) = ranges.find(|range| !range.environment.contains('/')) {
            sources.add(&range.environment, &self.shown_as, self.definition.clone());
        }
    }
}

impl Opener for AnonymousEnvironment<'_> {
    fn open(self: Box<Self>) -> Result<Opening> {
        let path = format!("{}/open", self.path());
        let definition = self.definition.as_bytes();
        let mut opening = session::open(self.cloud, &path, &path, definition, |response| {
            self.explain(response)
        })?;
        self.add_source(&opening.diagnostics, &mut opening.sources);
        Ok(opening)
    }

    fn check(self: Box<Self>) -> Result<Checked> {
        let path = format!("{}/check", self.path());
        let definition = self.definition.as_bytes();
        let mut checked = session::check(self.cloud, &path, definition, |response| {
            self.explain(response)
        })?;
        self.add_source(&checked.diagnostics, &mut checked.sources);
        Ok(checked)
    }
}
