//! The machine that a call runs on, as a value: variables, home directory and clock.
//!
//! Every ambient read of the library goes through here, so that a call with other variables or at
//! another time is an ordinary value in a test.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::clock::Clock;
use crate::error::{Error, Result};

/// Variables, home directory and clock.
#[derive(Clone, Debug)]
pub struct Host {
    variables: Variables,
    clock: Clock,
}

#[derive(Clone)]
enum Variables {
    Given(BTreeMap<String, OsString>),
    Process,
}

/// Variables may hold access keys and tokens: only the names are shown.
impl std::fmt::Debug for Variables {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Given(variables) => formatter.debug_set().entries(variables.keys()).finish(),
            Self::Process => formatter.write_str("Process"),
        }
    }
}

impl Host {
    /// The machine and process at hand.
    #[must_use]
    pub fn system() -> Self {
        Self {
            variables: Variables::Process,
            clock: Clock::system(),
        }
    }

    /// A host with these variables and this clock, and nothing of the process at hand.
    pub fn with<K: Into<String>, V: Into<OsString>>(
        variables: impl IntoIterator<Item = (K, V)>,
        clock: Clock,
    ) -> Self {
        let variables = variables
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        Self {
            variables: Variables::Given(variables),
            clock,
        }
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// The process that started this one, where the operating system tells.
    #[must_use]
    pub fn parent_process(&self) -> Option<u32> {
        match &self.variables {
            Variables::Given(_) => None,
            #[cfg(unix)]
            Variables::Process => Some(std::os::unix::process::parent_id()),
            #[cfg(not(unix))]
            Variables::Process => None,
        }
    }

    /// The value of a variable; an empty one counts as unset, as the AWS SDKs and client-go treat
    /// the variables that concern us.
    pub fn variable(&self, name: &str) -> Result<Option<String>> {
        let Some(value) = self.raw(name).filter(|value| !value.is_empty()) else {
            return Ok(None);
        };
        value.into_string().map(Some).map_err(|_| {
            Error::configuration(format!("the variable `{name}` is not valid UTF-8"))
                .with_hint(format!("set `{name}` to plain text, or unset it"))
        })
    }

    /// The value of a variable that names a file or folder.
    #[must_use]
    pub fn path_variable(&self, name: &str) -> Option<PathBuf> {
        self.raw(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    }

    /// The home directory: `HOME` (`USERPROFILE` on Windows).
    #[must_use]
    pub fn home(&self) -> Option<PathBuf> {
        self.path_variable(if cfg!(windows) { "USERPROFILE" } else { "HOME" })
    }

    /// The path that a user wrote: `~/` is the home directory, for in a kubeconfig no shell does
    /// that.
    pub fn expand(&self, path: &Path) -> Result<PathBuf> {
        let Ok(below_home) = path.strip_prefix("~") else {
            return Ok(path.to_owned());
        };
        let home = self.home().ok_or_else(|| {
            let path = path.display();
            Error::configuration(format!(
                "cannot resolve `{path}`: there is no home directory"
            ))
            .with_hint("set HOME, or write the path in full")
        })?;
        Ok(home.join(below_home))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the variables"
    )]
    fn raw(&self, name: &str) -> Option<OsString> {
        match &self.variables {
            Variables::Given(variables) => variables.get(name).cloned(),
            Variables::Process => std::env::var_os(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    #[test]
    fn tilde_is_the_home_directory() {
        let clock = Clock::fixed(Timestamp::from_unix(0));
        let home = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
        let host = Host::with([(home, "/home/alice")], clock);
        for (path, want) in [
            ("~/env.yaml", "/home/alice/env.yaml"),
            ("~", "/home/alice"),
            ("./~/env.yaml", "./~/env.yaml"),
            ("~bob/env.yaml", "~bob/env.yaml"),
            ("/env.yaml", "/env.yaml"),
        ] {
            assert_eq!(
                host.expand(Path::new(path)).unwrap(),
                PathBuf::from(want),
                "{path}"
            );
        }
        let homeless = Host::with([("X", "")], clock);
        assert!(homeless.expand(Path::new("~/env.yaml")).is_err());
    }

    #[test]
    fn variables_are_hidden_and_empty_is_unset() {
        let clock = Clock::fixed(Timestamp::from_unix(0));
        let host = Host::with([("AWS_SECRET_ACCESS_KEY", "hunter2"), ("EMPTY", "")], clock);
        assert_eq!(host.variable("EMPTY").unwrap(), None);
        assert_eq!(
            host.variable("AWS_SECRET_ACCESS_KEY").unwrap().unwrap(),
            "hunter2"
        );
        assert!(!format!("{host:?}").contains("hunter2"));
    }
}
