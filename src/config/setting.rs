//! A setting's value, and where it was set.

use std::fmt;

use serde_json::{Map, Value as Json};

use crate::error::{Error, Result};
use crate::host::Host;
use crate::secret::REDACTED;
use esc::Environment;

/// A value and its origin. `Debug` hides a secret value.
#[derive(Clone, Eq, PartialEq)]
pub struct Setting<T = String> {
    /// The value.
    pub value: T,
    /// Where it was set.
    pub origin: Origin,
    /// Whether the value is secret: an environment may hold any setting as a secret.
    pub secret: bool,
}

impl<T> Setting<T> {
    /// A value that is not secret.
    pub fn new(value: T, origin: Origin) -> Self {
        Self {
            value,
            origin,
            secret: false,
        }
    }

    /// The same setting with its value parsed. The error names the origin, and shows nothing of a
    /// secret value.
    pub fn parse<U>(self, parse: impl FnOnce(&T) -> Result<U>) -> Result<Setting<U>> {
        match parse(&self.value) {
            Ok(value) => Ok(Setting {
                value,
                origin: self.origin,
                secret: self.secret,
            }),
            Err(error) if self.secret => {
                let message = format!("cannot use {}: its value is malformed", self.origin);
                Err(Error::new(error.kind(), message)
                    .with_hint("correct the value; it is secret and therefore not shown"))
            }
            Err(error) => Err(error.within(format_args!("cannot use {}", self.origin))),
        }
    }
}

impl<T: fmt::Display> Setting<T> {
    /// The value for messages: `[secret]` if it is secret.
    pub fn redacted(&self) -> String {
        if self.secret {
            REDACTED.to_owned()
        } else {
            self.value.to_string()
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Setting<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value: &dyn fmt::Debug = if self.secret { &REDACTED } else { &self.value };
        formatter
            .debug_struct("Setting")
            .field("value", value)
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

/// Where a setting was set. `Display` says it in words.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Origin {
    /// The host name of the API server.
    ApiServer,
    /// A caller of the library.
    Caller,
    /// The cluster extension in the kubeconfig: the name in it.
    ClusterExtension(&'static str),
    /// The opened environment: the property path.
    Environment(String),
    /// A flag or an argument.
    Flag(&'static str),
    /// An environment variable of the process.
    Variable(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ApiServer => formatter.write_str("the host name of the API server"),
            Self::Caller => formatter.write_str("the caller"),
            Self::ClusterExtension(name) => {
                write!(
                    formatter,
                    "`{name}` in the cluster extension of the kubeconfig"
                )
            }
            Self::Environment(path) => write!(formatter, "`{path}` in the environment"),
            Self::Flag(name) => write!(formatter, "the flag `{name}`"),
            Self::Variable(name) => write!(formatter, "the variable `{name}`"),
        }
    }
}

/// Looks for a setting in one place after another. The first place that has it wins.
#[derive(Default)]
pub(crate) struct SettingSearch {
    found: Option<Setting>,
}

impl SettingSearch {
    /// Starts with a setting that may be known already.
    pub(crate) fn starting_with(setting: Option<&Setting>) -> Self {
        Self {
            found: setting.cloned(),
        }
    }

    /// Starts with the value of a flag.
    pub(crate) fn flag(name: &'static str, value: Option<&String>) -> Self {
        Self {
            found: value.map(|value| Setting::new(value.clone(), Origin::Flag(name))),
        }
    }

    /// Looks at an environment variable of the process.
    pub(crate) fn variable(self, name: &'static str, host: &Host) -> Result<Self> {
        self.or_else(|| {
            let value = host.variable(name)?;
            Ok(value.map(|value| Setting::new(value, Origin::Variable(name))))
        })
    }

    /// Looks at the string at `path` in the opened environment.
    pub(crate) fn environment(self, environment: &Environment, path: &[&str]) -> Result<Self> {
        self.or_else(|| {
            let value = path
                .iter()
                .try_fold(&environment.values, |value, name| value.property(name));
            let Some(value) = value.filter(|value| !value.is_null()) else {
                return Ok(None);
            };
            let path = path.join(".");
            match value.as_str() {
                Some("") => Ok(None),
                Some(text) => Ok(Some(Setting {
                    value: text.to_owned(),
                    origin: Origin::Environment(path),
                    secret: value.secret,
                })),
                None => Err(Error::configuration(format!(
                    "`{path}` in the environment is not a string"
                ))
                .with_hint(format!("write `{path}` as a string, or pass the flag"))),
            }
        })
    }

    /// Looks at the cluster extension.
    pub(crate) fn extension(
        self,
        extension: &Map<String, Json>,
        name: &'static str,
    ) -> Result<Self> {
        self.or_else(|| {
            let origin = Origin::ClusterExtension(name);
            match extension.get(name) {
                None | Some(Json::Null) => Ok(None),
                Some(Json::String(text)) if text.is_empty() => Ok(None),
                Some(Json::String(text)) => Ok(Some(Setting::new(text.clone(), origin))),
                Some(_) => Err(Error::configuration(format!("{origin} is not a string"))
                    .with_hint("fix the extension, or pass the flag")),
            }
        })
    }

    /// Looks anywhere else.
    pub(crate) fn or_else(self, look_up: impl FnOnce() -> Result<Option<Setting>>) -> Result<Self> {
        match self.found {
            Some(_) => Ok(self),
            None => Ok(Self { found: look_up()? }),
        }
    }

    /// The setting, if any place had it.
    pub(crate) fn finish(self) -> Option<Setting> {
        self.found
    }
}
