//! Names of stacks.

use std::fmt;

use crate::error::{Error, Kind, Result};
use esc::is_valid_name;

/// `[ORG/]PROJECT/STACK`. Each part is safe in paths and URLs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct StackName {
    /// The organization, if the name has one.
    pub organization: Option<String>,
    /// The project.
    pub project: String,
    /// The stack's name within the project.
    pub stack: String,
}

impl StackName {
    /// Parses a name. The error does not quote it, because it may be a secret.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let parts: Vec<_> = text.split('/').collect();
        let (organization, project, stack) = match parts[..] {
            [project, stack] => (None, project, stack),
            [organization, project, stack] => (Some(organization), project, stack),
            _ => return Err(invalid()),
        };
        if ![Some(project), Some(stack), organization]
            .into_iter()
            .flatten()
            .all(is_valid_name)
        {
            return Err(invalid());
        }
        Ok(Self {
            organization: organization.map(str::to_owned),
            project: project.to_owned(),
            stack: stack.to_owned(),
        })
    }
}

impl fmt::Display for StackName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(organization) = &self.organization {
            write!(formatter, "{organization}/")?;
        }
        write!(formatter, "{}/{}", self.project, self.stack)
    }
}

fn invalid() -> Error {
    Error::new(Kind::Definition, "`stack` is not a valid stack name").with_hint(
        "write PROJECT/STACK, such as `eks-cluster/demo`; each part has up to 100 letters, digits and `-_.`",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_names_have_two_or_three_parts() {
        for text in ["eks-cluster/demo", "acme/eks.cluster/demo_1", "a/..b"] {
            assert_eq!(StackName::parse(text).unwrap().to_string(), text);
        }
        let long = format!("a/{}", "b".repeat(101));
        for text in [
            "demo", "", "/", "a/", "/b", "a//b", "a/b/c/d", "../b", "a/..", "./a/b", "a/b c",
            "a/b?x", "a/b%2f", "a\\b/c", "ä/b", "a/b\n", &long,
        ] {
            let error = StackName::parse(text).unwrap_err();
            assert_eq!(
                error.to_string(),
                "`stack` is not a valid stack name",
                "{text}"
            );
        }
    }
}
