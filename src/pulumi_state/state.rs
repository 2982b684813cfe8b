//! The state of a stack: a checkpoint file, or an export from Pulumi Cloud.
//!
//! The formats are defined in pulumi/pulumi: `sdk/go/common/apitype/core.go`, and
//! `pkg/resource/stack/{checkpoint,deployment}.go` for their versions. Only the outputs of the root
//! resource and the secrets provider are read, which are the same in versions 1 to 4. (Version 0 is
//! version 1 without the envelope.)
//!
//! Version 4 lists features that a reader has to support. The list is ignored: only one of them concerns
//! outputs, a kind of value with a signature, and outputs with an unknown signature are rejected anyway.

use std::borrow::Cow;
use std::fmt;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::error::Category;
use serde_json::value::RawValue;

use esc::format::json::{self, Selection};
use esc::{Data, Value};

/// The latest supported version.
const LATEST_VERSION: u64 = 4;

/// The nesting limit of outputs, as for definitions.
pub(crate) const NESTING: usize = 128;

/// The maximum size of outputs, in bytes.
pub(crate) const MAX_OUTPUT_BYTES: usize = 16 << 20;

/// The maximum number of values in outputs: scalars, lists and objects. During an evaluation, there are
/// several copies of an object with one entry, each of 800 bytes.
pub(crate) const MAX_OUTPUT_VALUES: usize = 50_000;

/// The type of the root resource, whose outputs are those of the stack.
const ROOT_TYPE: &str = "pulumi:pulumi:Stack";

/// The relevant parts of a state.
pub(crate) struct State {
    /// The raw outputs: secrets and other special values are objects with a signature. An empty object if
    /// there are none.
    pub(crate) outputs: Value,
    /// How the secrets are encrypted.
    pub(crate) secrets_provider: Option<SecretsProvider>,
    /// The project in the URN of the root resource.
    pub(crate) project: Option<String>,
}

/// How the secrets of a state are encrypted.
#[derive(Deserialize)]
pub(crate) struct SecretsProvider {
    /// `passphrase`, `service` or `cloud`.
    #[serde(rename = "type", default)]
    pub(crate) kind: String,
    #[serde(default)]
    state: Option<ProviderState>,
}

/// The relevant settings of a secrets provider.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ProviderState {
    salt: Option<String>,
    url: Option<String>,
}

impl SecretsProvider {
    /// The salt and verifier of the provider `passphrase`.
    pub(crate) fn salt(&self) -> &str {
        let salt = self.state.as_ref().and_then(|state| state.salt.as_deref());
        salt.unwrap_or_default()
    }

    /// The key service of the provider `cloud`, such as `awskms`.
    pub(crate) fn key_service(&self) -> Option<&str> {
        let url = self.state.as_ref()?.url.as_deref()?;
        let (scheme, _) = url.split_once("://")?;
        let is_scheme = scheme.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_scheme.then_some(scheme)
    }
}

/// Why a text is not a valid state. The subject of the message is "it". Never quotes the text, which may
/// contain secrets.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct MalformedState(pub(crate) String);

/// A file in `.pulumi/stacks`.
#[derive(Deserialize)]
struct Checkpoint<'a> {
    #[serde(default)]
    version: u64,
    #[serde(borrow, rename = "checkpoint", default)]
    inner: Option<Latest<'a>>,
    /// The deployment in version 0.
    #[serde(borrow, default)]
    latest: Option<Deployment<'a>>,
}

#[derive(Deserialize)]
struct Latest<'a> {
    #[serde(borrow, default)]
    latest: Option<Deployment<'a>>,
}

/// The response to `GET /api/stacks/…/export`.
#[derive(Deserialize)]
struct Export<'a> {
    #[serde(default)]
    version: u64,
    #[serde(borrow, default)]
    deployment: Option<Deployment<'a>>,
}

#[derive(Default, Deserialize)]
struct Deployment<'a> {
    #[serde(
        borrow,
        default,
        rename = "resources",
        deserialize_with = "root_resource"
    )]
    root: Option<Resource<'a>>,
    #[serde(default)]
    secrets_providers: Option<SecretsProvider>,
}

#[derive(Deserialize)]
struct Resource<'a> {
    #[serde(borrow, default)]
    urn: Cow<'a, str>,
    #[serde(borrow, rename = "type", default)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    parent: Cow<'a, str>,
    #[serde(borrow, default)]
    outputs: Option<&'a RawValue>,
}

impl Resource<'_> {
    fn is_root(&self) -> bool {
        self.kind == ROOT_TYPE && self.parent.is_empty()
    }
}

/// Reads a list of resources, and keeps the root resource: states are large.
fn root_resource<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Resource<'de>>, D::Error> {
    struct Resources;

    impl<'de> Visitor<'de> for Resources {
        type Value = Option<Resource<'de>>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a list of resources")
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut resources: A) -> Result<Self::Value, A::Error> {
            let mut root = None;
            while let Some(resource) = resources.next_element::<Resource<'de>>()? {
                root = root.or_else(|| resource.is_root().then_some(resource));
            }
            Ok(root)
        }
    }

    deserializer.deserialize_any(Resources)
}

/// Parses a file in `.pulumi/stacks`.
pub(crate) fn read_checkpoint(text: &[u8]) -> Result<State, MalformedState> {
    let checkpoint: Checkpoint<'_> = parse(text)?;
    check_version(checkpoint.version)?;
    let deployment = checkpoint.inner.and_then(|inner| inner.latest);
    State::of(deployment.or(checkpoint.latest))
}

/// Parses an export. A stack that was never deployed has no deployment.
pub(crate) fn read_export(text: &[u8]) -> Result<State, MalformedState> {
    let export: Export<'_> = parse(text)?;
    if export.deployment.is_some() {
        check_version(export.version)?;
    }
    State::of(export.deployment)
}

fn parse<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, MalformedState> {
    serde_json::from_slice(text).map_err(|error| {
        // A later version may have another structure: report the version then.
        #[derive(Deserialize)]
        struct Versioned {
            #[serde(default)]
            version: u64,
        }
        if error.classify() == Category::Data
            && let Ok(Versioned { version }) = serde_json::from_slice(text)
            && let Err(unsupported) = check_version(version)
        {
            return unsupported;
        }
        let position = format!("at line {}, column {}", error.line(), error.column());
        MalformedState(match error.classify() {
            Category::Eof => format!("it ends unexpectedly {position}"),
            Category::Data => {
                format!("it is not the state of a stack: unexpected structure {position}")
            }
            Category::Syntax | Category::Io => format!("it is not valid JSON {position}"),
        })
    })
}

fn check_version(version: u64) -> Result<(), MalformedState> {
    if version > LATEST_VERSION {
        return Err(MalformedState(format!(
            "it has version {version}, but only versions up to {LATEST_VERSION} are supported"
        )));
    }
    Ok(())
}

impl State {
    fn of(deployment: Option<Deployment<'_>>) -> Result<Self, MalformedState> {
        let Deployment {
            root,
            secrets_providers,
        } = deployment.unwrap_or_default();
        let outputs = match root.as_ref().and_then(|root| root.outputs) {
            Some(outputs) => read_outputs(outputs)?,
            None => Value::new(Data::Object([].into())),
        };
        // urn:pulumi:STACK::PROJECT::TYPE::NAME
        let project = root.and_then(|root| Some(root.urn.split("::").nth(1)?.to_owned()));
        Ok(Self {
            outputs,
            secrets_provider: secrets_providers.filter(|provider| !provider.kind.is_empty()),
            project,
        })
    }
}

fn read_outputs(text: &RawValue) -> Result<Value, MalformedState> {
    let text = text.get().as_bytes();
    if text.len() > MAX_OUTPUT_BYTES {
        let limit = MAX_OUTPUT_BYTES >> 20;
        return Err(MalformedState(format!(
            "its outputs are larger than {limit} MiB"
        )));
    }
    let mut count = 0;
    let outputs = json::parse_selected(text, NESTING, &Selection::All, |_| {
        count += 1;
        count <= MAX_OUTPUT_VALUES
    });
    let outputs = outputs.map_err(|_| {
        MalformedState(if count > MAX_OUTPUT_VALUES {
            format!("its outputs have more than {MAX_OUTPUT_VALUES} values")
        } else {
            format!("its outputs are nested deeper than {NESTING} levels")
        })
    })?;
    match outputs.data {
        Data::Object(_) => Ok(outputs),
        _ => Err(MalformedState("its outputs are not an object".to_owned())),
    }
}

#[cfg(test)]
mod tests;
