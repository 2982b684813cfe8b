//! What the user calls an environment: a file, or a name in Pulumi Cloud.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::host::Host;

/// A reference to an environment. `Display` prints it as the user wrote it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Reference {
    /// A definition file on this machine.
    Local(PathBuf),
    /// `[ORG/][PROJECT/]NAME[@VERSION]` in Pulumi Cloud.
    Cloud(String),
}

impl Reference {
    /// The name of standard input as a definition file, which only `check` reads. [`Reference::parse`] has
    /// no text for it.
    pub(crate) const STDIN: &str = "<stdin>";

    /// Parses a reference. Text that starts with `/`, `./`, `../` or `~`, or ends in `.yaml` or
    /// `.yml`, is a file.
    ///
    /// # Errors
    ///
    /// `Configuration` if the text is empty, if it is a name that is not UTF-8, or if it starts with `~`
    /// and there is no home directory.
    pub fn parse(text: impl AsRef<OsStr>, host: &Host) -> Result<Self> {
        let path = Path::new(text.as_ref());
        let text = path.to_string_lossy();
        let invalid = |message: String| {
            Error::configuration(message)
                .with_hint("pass a definition file such as ./env.yaml, or a name in Pulumi Cloud")
        };
        if text.is_empty() {
            return Err(invalid("the environment name is empty".to_owned()));
        }
        let is_path = ["/", "./", "../", "~"]
            .iter()
            .any(|start| text.starts_with(start))
            || [".yaml", ".yml"].iter().any(|end| text.ends_with(end))
            || path.is_absolute()
            || (cfg!(windows) && text.contains('\\'));
        if is_path {
            return host.expand(path).map(Self::Local);
        }
        match path.to_str() {
            Some(name) => Ok(Self::Cloud(name.to_owned())),
            None => Err(invalid(format!(
                "the environment name `{text}` is not valid UTF-8"
            ))),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(path) => path.display().fmt(formatter),
            Self::Cloud(name) => formatter.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::clock::{Clock, Timestamp};

    #[test]
    fn paths_are_distinguished_from_cloud_names() {
        let clock = Clock::fixed(Timestamp::from_unix(0));
        let host = Host::with(
            [("HOME", "/home/alice"), ("USERPROFILE", "/home/alice")],
            clock,
        );
        let local = |path: &str| Reference::Local(PathBuf::from(path));
        let cloud = |name: &str| Reference::Cloud(name.to_owned());
        for (text, want) in [
            ("/etc/env", local("/etc/env")),
            ("./env", local("./env")),
            ("../env", local("../env")),
            ("~/env", local("/home/alice/env")),
            ("env.yaml", local("env.yaml")),
            ("dir/env.yml", local("dir/env.yml")),
            ("acme/platform/prod@3", cloud("acme/platform/prod@3")),
            ("prod", cloud("prod")),
        ] {
            assert_eq!(Reference::parse(text, &host).unwrap(), want, "{text}");
        }
        assert!(Reference::parse("", &host).is_err());
    }
}
