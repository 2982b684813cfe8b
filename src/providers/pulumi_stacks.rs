//! The provider `pulumi-stacks`: the outputs of Pulumi stacks, including secrets.
//!
//! Inputs and outputs are those of Pulumi Cloud's provider, except that a stack's name may start with an
//! organization, as in the Pulumi CLI.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, Kind, Result};
use crate::file_tracker::FileTracker;
use crate::host::Host;
use crate::pulumi_state::StackName;
use crate::pulumi_state::diy_backend::DiyBackend;
use crate::pulumi_state::outputs;
use crate::pulumi_state::passphrase::{self, PassphraseKey};
use crate::pulumi_state::state::{self, MalformedState, SecretsProvider, State};
use crate::secret::{Secret, Text};
use esc::{Data, Value};
use esc::{HostResult, Provider};

/// Access to the backend that stores the states of stacks.
pub(crate) trait Backends: Sync {
    /// The configured backend, if it is not Pulumi Cloud.
    fn diy_backend(&self) -> Result<Option<DiyBackendUrl>>;

    /// Exports the state of a stack from Pulumi Cloud, as JSON.
    fn export(&self, stack: &StackName) -> Result<Secret<Vec<u8>>>;

    /// Lets Pulumi Cloud decrypt ciphertexts in the state of a stack. Returns the plaintexts in the
    /// same order.
    fn decrypt(&self, stack: &StackName, ciphertexts: &[String]) -> Result<Vec<Text>>;
}

/// The URL of a DIY backend, which only stores states.
pub(crate) struct DiyBackendUrl {
    /// The URL, such as `file://~`. It may contain a password.
    pub url: Secret<String>,
    /// The setting that it comes from, for messages.
    pub named_by: String,
}

/// The provider `pulumi-stacks`. It reads each stack only once.
pub(crate) struct PulumiStacks<'b> {
    host: Host,
    backends: &'b dyn Backends,
    tracker: FileTracker,
    stacks: Mutex<Stacks>,
}

/// The backend, and the outputs of the stacks that have been read.
#[derive(Default)]
struct Stacks {
    backend: Option<Backend>,
    outputs: Vec<(StackName, Value)>,
}

enum Backend {
    Cloud,
    Diy(DiyBackend),
}

impl<'b> PulumiStacks<'b> {
    /// Creates the provider. The backend is not accessed before a stack is opened.
    #[must_use]
    pub(crate) fn new(host: &Host, backends: &'b dyn Backends) -> Self {
        Self {
            host: host.clone(),
            backends,
            tracker: FileTracker::default(),
            stacks: Mutex::default(),
        }
    }

    /// Records the files that the provider reads in `tracker`.
    #[must_use]
    pub(crate) fn tracking(self, tracker: FileTracker) -> Self {
        Self { tracker, ..self }
    }

    fn find_backend(&self) -> Result<Backend> {
        let Some(DiyBackendUrl { url, named_by }) = self.backends.diy_backend()? else {
            return Ok(Backend::Cloud);
        };
        let (scheme, path) = url.expose().split_once("://").unwrap_or_default();
        if scheme.eq_ignore_ascii_case("file") {
            let backend = DiyBackend::open(path, &self.host, self.tracker.clone())?;
            return Ok(Backend::Diy(backend));
        }
        // The rest of the URL may contain a password.
        let scheme: String = scheme.chars().take(20).collect();
        Err(Error::configuration(format!(
            "the stacks are in a backend `{scheme}://…` (from {named_by}), which only the Pulumi CLI \
             can read"
        ))
        .with_hint(
            "set `PULUMI_BACKEND_URL` to `https://api.pulumi.com`, or to `file://DIRECTORY` with a copy \
             of the state",
        ))
    }

    /// The outputs of a stack.
    fn outputs(&self, stacks: &mut Stacks, name: &StackName) -> Result<Value> {
        if let Some((_, outputs)) = stacks.outputs.iter().find(|(known, _)| known == name) {
            return Ok(outputs.clone());
        }
        let backend = match &mut stacks.backend {
            Some(backend) => backend,
            none => none.insert(self.find_backend()?),
        };
        let State {
            outputs,
            secrets_provider,
            ..
        } = match backend {
            Backend::Diy(backend) => backend.state(name)?,
            Backend::Cloud => {
                let export = self.backends.export(name)?;
                state::read_export(export.expose())
                    .map_err(|error| unreadable_state(name, error))?
            }
        };
        let ciphertexts = outputs::ciphertexts(&outputs);
        let plaintexts = if ciphertexts.is_empty() {
            Vec::new()
        } else {
            self.decrypt(name, backend, secrets_provider.as_ref(), &ciphertexts)?
        };
        let plaintexts: BTreeMap<_, _> = ciphertexts.into_iter().zip(plaintexts).collect();
        let outputs = outputs::convert(outputs, &plaintexts)
            .map_err(|error| unreadable_state(name, error))?;
        stacks.outputs.push((name.clone(), outputs.clone()));
        Ok(outputs)
    }

    fn decrypt(
        &self,
        name: &StackName,
        backend: &Backend,
        provider: Option<&SecretsProvider>,
        ciphertexts: &[String],
    ) -> Result<Vec<Text>> {
        let stack = format!("the stack `{name}`");
        let unsupported = |message: String| {
            Error::configuration(message).with_hint(
                "read the outputs with `pulumi stack output --show-secrets`, or change the encryption \
                 with `pulumi stack change-secrets-provider`",
            )
        };
        let Some(provider) = provider else {
            return Err(unsupported(format!(
                "the state of {stack} does not specify how its secrets are encrypted"
            )));
        };
        match (provider.kind.as_str(), backend) {
            ("passphrase", _) => {
                let key =
                    PassphraseKey::derive(provider.salt(), &self.host, &self.tracker, &stack)?;
                let plaintexts = ciphertexts.iter().map(|text| key.decrypt(text));
                plaintexts.collect::<Option<_>>().ok_or_else(|| {
                    let reason = passphrase::UNSUPPORTED_CIPHERTEXT.to_owned();
                    unreadable_state(name, MalformedState(reason))
                })
            }
            ("service", Backend::Cloud) => self.backends.decrypt(name, ciphertexts),
            ("service", Backend::Diy(_)) => Err(unsupported(format!(
                "the secrets of {stack} were encrypted by Pulumi Cloud, but its state is on this \
                 machine"
            ))),
            _ => {
                let key = provider.key_service().map_or_else(
                    || "a key that only the Pulumi CLI can use".to_owned(),
                    |service| format!("a key in `{service}`"),
                );
                Err(unsupported(format!(
                    "the secrets of {stack} are encrypted with {key}, which kubectl-esc does not \
                     support"
                )))
            }
        }
    }
}

fn unreadable_state(name: &StackName, cause: MalformedState) -> Error {
    Error::configuration(format!("cannot read the state of the stack `{name}`"))
        .caused_by(cause)
        .with_hint("check whether the Pulumi CLI can read it: `pulumi stack output`")
}

impl Provider for PulumiStacks<'_> {
    fn input_schema(&self) -> &str {
        INPUTS
    }

    fn output_schema(&self) -> &str {
        OUTPUTS
    }

    fn open(&self, inputs: &Value) -> HostResult<Value> {
        let Some(Data::Object(inputs)) = inputs.property("stacks").map(|value| &value.data) else {
            return Err(Error::new(Kind::Definition, "`stacks` is not a map").into());
        };
        // A panic cannot leave the stacks inconsistent, so a poisoned lock is used nevertheless.
        let mut stacks = self.stacks.lock().unwrap_or_else(PoisonError::into_inner);
        let mut outputs = BTreeMap::new();
        for (key, input) in inputs {
            let name = input.property("stack");
            let text = name.and_then(Value::as_str).ok_or_else(|| {
                Error::new(Kind::Definition, "`stack` is missing or not a string")
            })?;
            let result = StackName::parse(text).and_then(|name| self.outputs(&mut stacks, &name));
            let is_secret = name.is_some_and(|name| name.secret);
            let value = result.map_err(|error| {
                if is_secret {
                    without_name(&error)
                } else {
                    error
                }
            })?;
            outputs.insert(key.clone(), value);
        }
        Ok(Value::new(Data::Object(outputs)))
    }

    fn explains_mistakes(&self) -> bool {
        true
    }
}

/// The error for a stack whose name is a secret, which other messages would quote.
fn without_name(error: &Error) -> Error {
    Error::new(
        error.kind(),
        "cannot read the outputs of a stack whose name is a secret",
    )
    .with_hint("write the stack's name without `fn::secret` to see the reason")
}

/// The input schema of Pulumi Cloud's provider (pulumi/docs, `data/esc_schemas.json`), with an optional
/// organization before the project.
const INPUTS: &str = r#"{
  "type": "object",
  "properties": {
    "stacks": {
      "type": "object",
      "minProperties": 1,
      "additionalProperties": {
        "type": "object",
        "properties": {
          "stack": {
            "type": "string",
            "pattern": "^([a-zA-Z0-9_.-]{1,100}/)?[a-zA-Z0-9_.-]{1,100}/[a-zA-Z0-9_.-]{1,100}$",
            "examples": ["eks-cluster/demo"]
          }
        },
        "required": ["stack"]
      }
    }
  },
  "required": ["stacks"]
}"#;

/// The output schema of Pulumi Cloud's provider.
const OUTPUTS: &str = r#"{"type": "object", "additionalProperties": true}"#;
