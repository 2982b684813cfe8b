//! The host that a call runs on, as a value: environment variables, home directory and clock.
//!
//! The library reads these only through this module, so that tests can pass their own.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::clock::Clock;
use crate::error::{Error, Result};

/// Environment variables, home directory and clock.
#[derive(Clone, Debug)]
pub struct Host {
    variables: Variables,
    clock: Clock,
}

#[derive(Clone)]
struct Variables {
    /// Variables that take precedence over those of the process.
    set: BTreeMap<String, OsString>,
    /// Whether the other variables are those of the process, or do not exist.
    is_process: bool,
}

/// Shows only names: values may be access keys or tokens.
impl std::fmt::Debug for Variables {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_list().entries(self.set.keys()).finish()
    }
}

impl Host {
    /// The current machine and process.
    #[must_use]
    pub fn system() -> Self {
        Self {
            variables: Variables {
                set: BTreeMap::new(),
                is_process: true,
            },
            clock: Clock::system(),
        }
    }

    /// A host with these variables and this clock, independent of the current process.
    pub fn with<K: Into<String>, V: Into<OsString>>(
        variables: impl IntoIterator<Item = (K, V)>,
        clock: Clock,
    ) -> Self {
        let variables = variables
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        Self {
            variables: Variables {
                set: variables,
                is_process: false,
            },
            clock,
        }
    }

    /// This host with other values for these variables.
    #[must_use]
    pub fn overriding<'v>(&self, variables: impl IntoIterator<Item = (&'v str, &'v str)>) -> Self {
        let mut host = self.clone();
        let variables = variables.into_iter();
        let variables = variables.map(|(name, value)| (name.to_owned(), value.into()));
        host.variables.set.extend(variables);
        host
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// The process id of the parent process; `None` if the operating system does not report it.
    #[must_use]
    pub fn parent_process(&self) -> Option<u32> {
        if !self.variables.is_process {
            return None;
        }
        #[cfg(unix)]
        return Some(std::os::unix::process::parent_id());
        #[cfg(windows)]
        return crate::process_table::parent_of(std::process::id());
        #[cfg(not(any(unix, windows)))]
        None
    }

    /// The value of a variable. An empty one counts as unset, as in the AWS SDKs and client-go.
    pub fn variable(&self, name: &str) -> Result<Option<String>> {
        let value = self.variable_if_set(name)?;
        Ok(value.filter(|value| !value.is_empty()))
    }

    /// The name and value of the first of these variables that is set.
    pub fn first_variable<'n>(&self, names: &[&'n str]) -> Result<Option<(&'n str, String)>> {
        for name in names {
            if let Some(value) = self.variable(name)? {
                return Ok(Some((name, value)));
            }
        }
        Ok(None)
    }

    /// The value of a variable that may be empty, such as a passphrase.
    pub fn variable_if_set(&self, name: &str) -> Result<Option<String>> {
        let value = self.raw(name).map(OsString::into_string).transpose();
        value.map_err(|_| {
            Error::configuration(format!("the variable `{name}` is not valid UTF-8"))
                .with_hint(format!("set `{name}` to valid UTF-8, or unset it"))
        })
    }

    /// The value of a variable that is a path. An empty one counts as unset.
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

    /// The directory `.kube`, where kubectl looks for it. On Windows, its home directory can differ from
    /// that of other programs.
    #[must_use]
    pub fn kube_directory(&self) -> Option<PathBuf> {
        let home = if cfg!(windows) {
            self.windows_home_of_kubectl()
        } else {
            self.home()
        };
        home.map(|home| home.join(".kube"))
    }

    /// client-go's rule (`util/homedir`): the first home directory with a kubeconfig; or else the first that
    /// is writable, exists, or is named by a variable.
    fn windows_home_of_kubectl(&self) -> Option<PathBuf> {
        let [home, profile] = ["HOME", "USERPROFILE"].map(|name| self.path_variable(name));
        let drive = self.path_variable("HOMEDRIVE").map(PathBuf::into_os_string);
        let drive = drive.zip(self.path_variable("HOMEPATH"));
        let drive = drive.map(|(mut drive, path)| {
            drive.push(path);
            PathBuf::from(drive)
        });
        let has_kubeconfig = |path: &&PathBuf| path.join(".kube").join("config").exists();
        let is_writable = |path: &&PathBuf| {
            let metadata = path.metadata();
            metadata.is_ok_and(|it| it.is_dir() && !it.permissions().readonly())
        };
        let mut with_kubeconfig = [&home, &drive, &profile].into_iter().flatten();
        let choices = || [&home, &profile, &drive].into_iter().flatten();
        let chosen = (with_kubeconfig.find(has_kubeconfig))
            .or_else(|| choices().find(is_writable))
            .or_else(|| choices().find(|path| path.exists()))
            .or_else(|| choices().next());
        chosen.cloned()
    }

    /// Expands `~/` in a path, because no shell does that in a kubeconfig.
    pub fn expand(&self, path: &Path) -> Result<PathBuf> {
        let Ok(relative) = path.strip_prefix("~") else {
            return Ok(path.to_owned());
        };
        let home = self.home().ok_or_else(|| {
            let path = path.display();
            Error::configuration(format!(
                "cannot resolve `{path}`: there is no home directory"
            ))
            .with_hint("set HOME, or use an absolute path")
        })?;
        // With the separators of this system.
        Ok(home.join(relative.components().collect::<PathBuf>()))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the only place that reads variables"
    )]
    fn raw(&self, name: &str) -> Option<OsString> {
        let Variables { set, is_process } = &self.variables;
        match set.get(name) {
            Some(value) => Some(value.clone()),
            None if *is_process => std::env::var_os(name),
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    #[test]
    fn tilde_is_expanded_to_the_home_directory() {
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
        let without_home = Host::with([("X", "")], clock);
        assert!(without_home.expand(Path::new("~/env.yaml")).is_err());
    }

    #[test]
    fn kubectl_on_windows_prefers_a_home_directory_with_a_kubeconfig() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["empty", "profile", "drive/.kube"] {
            std::fs::create_dir_all(path(name)).unwrap();
        }
        std::fs::write(path("drive/.kube/config"), "").unwrap();
        let home_of = |variables: &[(&str, PathBuf)]| {
            let clock = Clock::fixed(Timestamp::from_unix(0));
            Host::with(variables.iter().cloned(), clock).windows_home_of_kubectl()
        };
        let drive = [
            ("HOMEDRIVE", folder.path().to_owned()),
            ("HOMEPATH", "/drive".into()),
        ];
        let (home, profile) = (("HOME", path("empty")), ("USERPROFILE", path("profile")));
        let missing = ("HOME", path("missing"));
        let [drive, below] = drive;
        let all = [home.clone(), profile.clone(), drive.clone(), below];
        assert_eq!(home_of(&all), Some(path("drive")));
        assert_eq!(
            home_of(&[home, profile.clone(), drive]),
            Some(path("empty"))
        );
        assert_eq!(home_of(&[missing.clone(), profile]), Some(path("profile")));
        assert_eq!(home_of(&[missing]), Some(path("missing")));
        assert_eq!(home_of(&[]), None);
    }

    #[test]
    fn overriding_variables_take_precedence() {
        let clock = Clock::fixed(Timestamp::from_unix(0));
        let host = Host::with([("A", "1"), ("B", "2")], clock).overriding([("B", "3"), ("C", "")]);
        for (name, want) in [("A", Some("1")), ("B", Some("3")), ("C", None)] {
            assert_eq!(host.variable(name).unwrap().as_deref(), want, "{name}");
        }
    }

    #[test]
    fn variables_are_hidden_and_empty_ones_are_unset() {
        let clock = Clock::fixed(Timestamp::from_unix(0));
        let host = Host::with([("AWS_SECRET_ACCESS_KEY", "hunter2"), ("EMPTY", "")], clock);
        assert_eq!(host.variable("EMPTY").unwrap(), None);
        assert_eq!(host.variable_if_set("EMPTY").unwrap().unwrap(), "");
        assert_eq!(host.variable_if_set("ABSENT").unwrap(), None);
        assert_eq!(
            host.variable("AWS_SECRET_ACCESS_KEY").unwrap().unwrap(),
            "hunter2"
        );
        assert!(!format!("{host:?}").contains("hunter2"));
    }
}
