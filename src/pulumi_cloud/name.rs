//! The names of environments in Pulumi Cloud. What passes here is safe in the path of a URL.

use std::fmt;

use crate::error::{Error, Result};

/// The project of an environment that is named alone.
const DEFAULT_PROJECT: &str = "default";

/// `[ORG/][PROJECT/]NAME[@VERSION]`, read and checked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Name {
    /// The organisation, where it is said.
    pub organization: Option<String>,
    /// The project; `default` where it is not said.
    pub project: String,
    /// The environment's own name.
    pub name: String,
    /// The version, where one is said.
    pub version: Option<Version>,
}

/// A version of an environment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Version {
    /// The number of a revision.
    Revision(u64),
    /// A tag, which stands for a revision.
    Tag(String),
}

impl Name {
    /// Reads a name. Two parts are a project and a name.
    pub fn parse(text: &str) -> Result<Self> {
        let invalid = |problem: &str| {
            Error::configuration(format!("`{text}` does not name an environment: {problem}"))
                .with_hint(
                    "write ORG/PROJECT/NAME, such as acme/platform/prod or acme/platform/prod@3",
                )
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
        if organization.is_some_and(|organization| !is_organization(organization)) {
            return Err(invalid(ORGANIZATION_RULE));
        }
        if !is_name(project) || !is_name(name) {
            return Err(invalid(
                "project and name have 1 to 100 letters, digits and `-_.`",
            ));
        }
        Ok(Self {
            organization: organization.map(str::to_owned),
            project: project.to_owned(),
            name: name.to_owned(),
            version: match version {
                None => None,
                Some(version) => Some(Version::parse(version).ok_or_else(|| {
                    invalid("the version is neither a revision number nor a tag")
                })?),
            },
        })
    }

    /// The path of the environment below the API's root, without its version.
    pub(super) fn path(&self, organization: &Organization) -> String {
        let Self { project, name, .. } = self;
        let organization = organization.as_str();
        format!("/api/esc/environments/{organization}/{project}/{name}")
    }

    /// The path of the version that is meant.
    pub(super) fn versioned_path(&self, organization: &Organization) -> String {
        let path = self.path(organization);
        match &self.version {
            Some(version) => format!("{path}/versions/{version}"),
            None => path,
        }
    }

    /// The full name, with its organisation.
    pub(super) fn full(&self, organization: &Organization) -> String {
        let organization = Some(organization.as_str().to_owned());
        let full = Self {
            organization,
            ..self.clone()
        };
        full.to_string()
    }
}

impl Version {
    /// A text that starts with a digit is a revision number, any other a tag.
    fn parse(text: &str) -> Option<Self> {
        if text.starts_with(|first: char| first.is_ascii_digit()) {
            let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
            return is_number.then(|| text.parse().ok().map(Self::Revision))?;
        }
        is_name(text).then(|| Self::Tag(text.to_owned()))
    }
}

impl fmt::Display for Name {
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

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Revision(number) => number.fmt(formatter),
            Self::Tag(tag) => formatter.write_str(tag),
        }
    }
}

/// The name of an organisation, checked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Organization(String);

const ORGANIZATION_RULE: &str =
    "an organisation has 3 to 40 letters, digits and `-_`, with a letter or digit at each end";

impl Organization {
    /// Reads a name; `origin` is what said it, for the message.
    pub fn parse(text: &str, origin: impl fmt::Display) -> Result<Self> {
        if is_organization(text) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::configuration(format!(
            "{origin} names no organisation: {ORGANIZATION_RULE}"
        ))
        .with_hint("correct it, or write the environment as ORG/PROJECT/NAME"))
    }

    /// The name.
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

/// The rule of Pulumi Cloud's API description for an organisation.
fn is_organization(text: &str) -> bool {
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

/// The rule of Pulumi Cloud's API description for a project, an environment, a stack and a tag; less `.` and
/// `..`, which mean something else in a path.
pub(super) fn is_name(text: &str) -> bool {
    (1..=100).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        && !matches!(text, "." | "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_up_to_three_parts_and_a_version() {
        for (text, full, path) in [
            ("prod", "default/prod", "acme/default/prod"),
            ("platform/prod", "platform/prod", "acme/platform/prod"),
            (
                "other/platform/prod@3",
                "other/platform/prod@3",
                "acme/platform/prod/versions/3",
            ),
            (
                "platform/prod@stable",
                "platform/prod@stable",
                "acme/platform/prod/versions/stable",
            ),
            ("a.b-c_d/..x", "a.b-c_d/..x", "acme/a.b-c_d/..x"),
        ] {
            let name = Name::parse(text).unwrap();
            assert_eq!(name.to_string(), full, "{text}");
            let acme = Organization::parse("acme", "x").unwrap();
            assert_eq!(
                name.versioned_path(&acme),
                format!("/api/esc/environments/{path}"),
                "{text}"
            );
        }
    }

    #[test]
    fn what_could_lead_elsewhere_is_no_name() {
        let rule = "project and name have 1 to 100 letters, digits and `-_.`";
        let version = "the version is neither a revision number nor a tag";
        for (text, problem) in [
            ("a/b/c/d", "it has more than three parts"),
            ("ac/b/c", ORGANIZATION_RULE),
            ("-acme/b/c", ORGANIZATION_RULE),
            ("ac.me/b/c", ORGANIZATION_RULE),
            ("../b/c", ORGANIZATION_RULE),
            ("/b/c", ORGANIZATION_RULE),
            ("acme/../c", rule),
            ("acme/b/..", rule),
            ("acme/b/.", rule),
            ("acme//c", rule),
            ("a b", rule),
            ("prod?x=1", rule),
            ("prod#x", rule),
            ("prod%2f", rule),
            ("prod:3", rule),
            ("prod\n", rule),
            ("prödct", rule),
            ("prod@", version),
            ("prod@3a", version),
            ("prod@..", version),
            ("prod@a@b", version),
            ("prod@a/b", version),
            ("prod@99999999999999999999999", version),
        ] {
            assert_eq!(
                Name::parse(text).unwrap_err().to_string(),
                crate::error::one_line(&format!(
                    "`{text}` does not name an environment: {problem}"
                )),
                "{text}"
            );
        }
    }
}
