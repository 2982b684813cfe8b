//! One setting's value, and where it was said.

use std::fmt;

use serde_json::{Map, Value as Json};

use crate::error::{Error, Result};
use crate::host::Host;
use crate::secret::REDACTED;
use esc::Environment;

/// A value and its origin. `Debug` hides a secret one.
#[derive(Clone, Eq, PartialEq)]
pub struct Setting<T = String> {
    /// The value.
    pub value: T,
    /// Where it was said.
    pub origin: Origin,
    /// Whether it must not be shown: the environment may hold any setting as a secret.
    pub secret: bool,
}

impl<T> Setting<T> {
    /// A value said by `origin`, which may be shown.
    pub fn new(value: T, origin: Origin) -> Self {
        Self {
            value,
            origin,
            secret: false,
        }
    }

    /// The same setting with its value read into another type; an error names the origin, and
    /// nothing of a secret.
    pub fn parse<U>(self, read: impl FnOnce(&T) -> Result<U>) -> Result<Setting<U>> {
        match read(&self.value) {
            Ok(value) => Ok(Setting {
                value,
                origin: self.origin,
                secret: self.secret,
            }),
            Err(error) if self.secret => {
                let message = format!("cannot use {}: its value has the wrong form", self.origin);
                Err(Error::new(error.kind(), message)
                    .with_hint("correct the value, which is a secret and therefore not shown"))
            }
            Err(error) => Err(error.within(format_args!("cannot use {}", self.origin))),
        }
    }
}

impl<T: fmt::Display> Setting<T> {
    /// The value as messages may show it.
    pub fn shown(&self) -> String {
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
        let mut shown = formatter.debug_struct("Setting");
        shown
            .field("value", value)
            .field("origin", &self.origin)
            .finish()
    }
}

/// Where a setting was said.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Origin {
    /// The host name of the API server.
    ApiServer,
    /// The cluster's extension in the kubeconfig: the name in it.
    ClusterExtension(&'static str),
    /// Nowhere.
    Default,
    /// A place in the opened environment: its path.
    Environment(String),
    /// A flag: its name.
    Flag(&'static str),
    /// A variable: its name.
    Variable(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ApiServer => formatter.write_str("the host name of the API server"),
            Self::ClusterExtension(name) => {
                write!(
                    formatter,
                    "`{name}` in the cluster's extension of the kubeconfig"
                )
            }
            Self::Default => formatter.write_str("the default"),
            Self::Environment(path) => write!(formatter, "`{path}` in the environment"),
            Self::Flag(name) => write!(formatter, "the flag `{name}`"),
            Self::Variable(name) => write!(formatter, "the variable `{name}`"),
        }
    }
}

/// A setting that is asked for in one place after the other, until one of them has it.
pub(crate) struct Search {
    found: Option<Setting>,
}

impl Search {
    /// Starts with what a flag says.
    pub(crate) fn flag(name: &'static str, value: Option<&String>) -> Self {
        Self {
            found: value.map(|value| Setting::new(value.clone(), Origin::Flag(name))),
        }
    }

    /// Starts with what was found before.
    pub(crate) fn given(setting: Option<&Setting>) -> Self {
        Self {
            found: setting.cloned(),
        }
    }

    /// Looks at a variable.
    pub(crate) fn variable(self, name: &'static str, host: &Host) -> Result<Self> {
        self.or_try(|| {
            Ok(host
                .variable(name)?
                .map(|it| Setting::new(it, Origin::Variable(name))))
        })
    }

    /// Looks at a text in the opened environment, below each of the names in turn.
    pub(crate) fn environment(self, environment: &Environment, path: &[&str]) -> Result<Self> {
        self.or_try(|| {
            let found = path
                .iter()
                .try_fold(&environment.values, |value, name| value.property(name));
            let Some(value) = found.filter(|value| !value.is_null()) else {
                return Ok(None);
            };
            let path = path.join(".");
            match value.as_str() {
                Some("") => Ok(None),
                Some(text) => {
                    let origin = Origin::Environment(path);
                    let secret = value.secret;
                    Ok(Some(Setting {
                        value: text.to_owned(),
                        origin,
                        secret,
                    }))
                }
                None => Err(Error::configuration(format!(
                    "`{path}` in the environment is not a string"
                ))
                .with_hint(format!(
                    "write `{path}` as a string, or give the setting by a flag"
                ))),
            }
        })
    }

    /// Looks at the cluster's extension.
    pub(crate) fn extension(
        self,
        extension: &Map<String, Json>,
        name: &'static str,
    ) -> Result<Self> {
        self.or_try(|| match extension.get(name) {
            None | Some(Json::Null) => Ok(None),
            Some(Json::String(text)) if text.is_empty() => Ok(None),
            Some(Json::String(text)) => Ok(Some(Setting::new(
                text.clone(),
                Origin::ClusterExtension(name),
            ))),
            Some(_) => Err(Error::configuration(format!(
                "{} is not a string",
                Origin::ClusterExtension(name)
            ))
            .with_hint("mend the extension, or give the setting by a flag")),
        })
    }

    /// Looks anywhere else.
    pub(crate) fn or_try(self, look: impl FnOnce() -> Result<Option<Setting>>) -> Result<Self> {
        match self.found {
            Some(_) => Ok(self),
            None => Ok(Self { found: look()? }),
        }
    }

    /// What was found.
    pub(crate) fn end(self) -> Option<Setting> {
        self.found
    }
}
