//! Names of environments and organizations in Pulumi Cloud. Valid names are safe in a URL path.

use std::fmt;

use crate::error::{Error, Result};
use esc::is_valid_name;

/// The project of a name that has no project.
const DEFAULT_PROJECT: &str = "default";

/// A valid environment name: `[ORG/][PROJECT/]NAME[@VERSION]`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EnvironmentName {
    /// The organization, if specified.
    pub organization: Option<String>,
    /// The project: `default` if not specified.
    pub project: String,
    /// The name of the environment within its project.
    pub name: String,
    /// The version, if specified: a revision number, or a tag, which points to a revision.
    pub version: Option<String>,
}

impl EnvironmentName {
    /// Parses a name. A name with two parts has a project, but no organization.
    pub fn parse(text: &str) -> Result<Self> {
        let invalid = |problem: &str| {
            Error::configuration(format!(
                "`{text}` is not a valid environment name: {problem}"
            ))
            .with_hint("use ORG/PROJECT/NAME, such as acme/platform/prod or acme/platform/prod@3")
        };
        let (path, version) = match text.split_once('@') {
            Some((path, version)) => (path, Some(version)),
            None => (text, None),
        };
        let parts: Vec<_> = path.split('/').collect();
        let (organization, project, name) = match parts[..] {
            [name] => (None, DEFAULT_PROJECT, name),
            [project, name] => (None, project, name),
            [organization, project, name] => (Some(organization), project, name),
            _ => return Err(invalid("it has more than three parts")),
        };
        if organization.is_some_and(|name| !is_valid_organization(name)) {
            return Err(invalid(ORGANIZATION_RULE));
        }
        if !is_valid_name(project) || !is_valid_name(name) {
            return Err(invalid(NAME_RULE));
        }
        let unknown = || invalid("the version is neither a revision number nor a tag");
        let version = version.map(|text| parse_version(text).ok_or_else(unknown));
        Ok(Self {
            organization: organization.map(str::to_owned),
            project: project.to_owned(),
            name: name.to_owned(),
            version: version.transpose()?,
        })
    }

    /// The URL path of the environment, without its version.
    pub(super) fn path(&self, organization: &Organization) -> String {
        let Self { project, name, .. } = self;
        format!("/api/esc/environments/{organization}/{project}/{name}")
    }

    /// The URL path of the environment's version.
    pub(super) fn versioned_path(&self, organization: &Organization) -> String {
        let path = self.path(organization);
        match &self.version {
            Some(version) => format!("{path}/versions/{version}"),
            None => path,
        }
    }

    /// The full name in this organization.
    pub(super) fn in_organization(&self, organization: &Organization) -> Self {
        Self {
            organization: Some(organization.to_string()),
            ..self.clone()
        }
    }
}

impl fmt::Display for EnvironmentName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(organization) = &self.organization {
            write!(formatter, "{organization}/")?;
        }
        write!(formatter, "{}/{}", self.project, self.name)?;
        match &self.version {
            Some(version) => write!(formatter, "@{version}"),
            None => Ok(()),
        }
    }
}

/// A valid organization name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Organization(String);

const ORGANIZATION_RULE: &str = "an organization has 3 to 40 letters, digits and `-_`, and starts and ends with a letter or digit";

const NAME_RULE: &str = "project and name have 1 to 100 letters, digits and `-_.`";

impl Organization {
    /// Parses a name. `origin` describes where it comes from, for the error.
    pub fn parse(text: &str, origin: impl fmt::Display) -> Result<Self> {
        if is_valid_organization(text) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::configuration(format!(
            "invalid organization name from {origin}: {ORGANIZATION_RULE}"
        ))
        .with_hint("correct the name, or write the environment as ORG/PROJECT/NAME"))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Organization {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Validates a revision number, which starts with a digit, or a tag.
fn parse_version(text: &str) -> Option<String> {
    if text.starts_with(|first: char| first.is_ascii_digit()) {
        let revision: u64 = text.parse().ok()?;
        return Some(revision.to_string());
    }
    is_valid_name(text).then(|| text.to_owned())
}

/// The rule for organization names in Pulumi Cloud's API description.
fn is_valid_organization(text: &str) -> bool {
    let bytes = text.as_bytes();
    let ends = [bytes.first(), bytes.last()];
    (3..=40).contains(&bytes.len())
        && ends
            .iter()
            .all(|end| end.is_some_and(u8::is_ascii_alphanumeric))
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte))
}

#[cfg(test)]
mod tests;
