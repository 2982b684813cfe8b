//! The provider `pulumi-stacks` on this machine: what stacks output, secrets among them.
//!
//! Inputs and outputs are those of Pulumi Cloud's provider of this name, but that a stack's name may
//! have its organisation before it, as the Pulumi CLI writes names.

use std::collections::BTreeMap;
use std::fmt;
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

/// Where Pulumi keeps the state of stacks, and Pulumi Cloud, which may be the place.
pub trait Backends: Sync {
    /// The backend in use, where it is not Pulumi Cloud.
    fn diy_backend(&self) -> Result<Option<DiyBackendUrl>>;

    /// The state of a stack in Pulumi Cloud, as its export has it: JSON.
    fn export(&self, stack: &StackName) -> Result<Secret<Vec<u8>>>;

    /// Decrypts what Pulumi Cloud encrypted in the state of a stack. The plaintexts come in the order
    /// of the ciphertexts.
    fn decrypt(&self, stack: &StackName, ciphertexts: &[String]) -> Result<Vec<Text>>;
}

/// A backend that keeps states, and nothing else.
pub struct DiyBackendUrl {
    /// Its URL, such as `file://~`. It may hold a password.
    pub url: Secret<String>,
    /// What names it, for messages.
    pub named_by: String,
}

/// The provider. It reads each stack once, however often a definition names it.
pub struct PulumiStacks<'b> {
    host: Host,
    backends: &'b dyn Backends,
    files: FileTracker,
    progress: Mutex<Progress>,
}

/// What is known so far.
#[derive(Default)]
struct Progress {
    place: Option<StateSource>,
    stacks: Vec<(StackName, Value)>,
}

/// Where the stacks are.
enum StateSource {
    Cloud,
    DiyBackend(DiyBackend),
}

impl<'b> PulumiStacks<'b> {
    /// The provider on this machine. Nothing is read or connected before it is opened.
    #[must_use]
    pub fn new(host: &Host, backends: &'b dyn Backends) -> Self {
        Self {
            host: host.clone(),
            backends,
            files: FileTracker::default(),
            progress: Mutex::default(),
        }
    }

    /// The same provider; the files that it reads are noted in `files`.
    #[must_use]
    pub fn noting(self, files: FileTracker) -> Self {
        Self { files, ..self }
    }

    fn find_source(&self) -> Result<StateSource> {
        let Some(DiyBackendUrl { url, named_by }) = self.backends.diy_backend()? else {
            return Ok(StateSource::Cloud);
        };
        let (scheme, path) = url.expose().split_once("://").unwrap_or_default();
        if scheme.eq_ignore_ascii_case("file") {
            return Ok(StateSource::DiyBackend(DiyBackend::open(
                path,
                &self.host,
                self.files.clone(),
            )?));
        }
        // The rest of the URL may hold a password.
        let scheme: String = scheme.chars().take(20).collect();
        Err(Error::configuration(format!(
            "the stacks are in a backend `{scheme}://…`, from {named_by}, which only the Pulumi CLI \
             can read"
        ))
        .with_hint(
            "set PULUMI_BACKEND_URL to `https://api.pulumi.com`, or to `file://FOLDER` with a copy of \
             the state in it",
        ))
    }

    /// The outputs of a stack.
    fn outputs(&self, progress: &mut Progress, name: &StackName) -> Result<Value> {
        if let Some((_, outputs)) = progress.stacks.iter().find(|(known, _)| known == name) {
            return Ok(outputs.clone());
        }
        let place = match &mut progress.place {
            Some(place) => place,
            none => none.insert(self.find_source()?),
        };
        let State {
            outputs,
            secrets_provider,
            ..
        } = match place {
            StateSource::DiyBackend(folder) => folder.state(name)?,
            StateSource::Cloud => {
                let export = self.backends.export(name)?;
                state::read_export(export.expose()).map_err(|why| unreadable_state(name, why))?
            }
        };
        let ciphertexts = outputs::ciphertexts(&outputs);
        let plaintexts = if ciphertexts.is_empty() {
            Vec::new()
        } else {
            self.decrypt(name, place, secrets_provider.as_ref(), &ciphertexts)?
        };
        let plaintexts: BTreeMap<_, _> = ciphertexts.into_iter().zip(plaintexts).collect();
        let outputs =
            outputs::reveal(outputs, &plaintexts).map_err(|why| unreadable_state(name, why))?;
        progress.stacks.push((name.clone(), outputs.clone()));
        Ok(outputs)
    }

    fn decrypt(
        &self,
        name: &StackName,
        place: &StateSource,
        provider: Option<&SecretsProvider>,
        ciphertexts: &[String],
    ) -> Result<Vec<Text>> {
        let whose = format!("the stack `{name}`");
        let undecryptable = |message: String| {
            Error::configuration(message).with_hint(
                "read the outputs with the Pulumi CLI (`pulumi stack output --show-secrets`), or \
                 have the stack's secrets encrypted otherwise (`pulumi stack \
                 change-secrets-provider`)",
            )
        };
        match (provider.map(|it| (it.kind.as_str(), it)), place) {
            (Some(("passphrase", provider)), _) => {
                let key = PassphraseKey::derive(provider.salt(), &self.host, &self.files, &whose)?;
                let texts = ciphertexts.iter().map(|text| key.decrypt(text));
                texts.collect::<Option<_>>().ok_or_else(|| {
                    unreadable_state(name, MalformedState(passphrase::MALFORMED.to_owned()))
                })
            }
            (Some(("service", _)), StateSource::Cloud) => self.backends.decrypt(name, ciphertexts),
            (Some(("service", _)), StateSource::DiyBackend(_)) => Err(undecryptable(format!(
                "the secrets of {whose} were encrypted by Pulumi Cloud, and its state is on this \
                 machine"
            ))),
            (Some((_, provider)), _) => {
                let service = provider.key_service();
                let keeper = service.map_or_else(
                    || "a key that only the Pulumi CLI can use".to_owned(),
                    |service| format!("a key in `{service}`"),
                );
                Err(undecryptable(format!(
                    "the secrets of {whose} are encrypted with {keeper}, which kubectl-esc cannot \
                     use"
                )))
            }
            (None, _) => Err(undecryptable(format!(
                "the state of {whose} does not tell how its secrets are encrypted"
            ))),
        }
    }
}

/// The error for a state that cannot be understood.
fn unreadable_state(name: &StackName, why: MalformedState) -> Error {
    Error::configuration(format!("cannot read the state of the stack `{name}`"))
        .caused_by(why)
        .with_hint("check that the Pulumi CLI can read it: `pulumi stack output`")
}

impl Provider for PulumiStacks<'_> {
    fn input_schema(&self) -> &str {
        INPUTS
    }

    fn output_schema(&self) -> &str {
        OUTPUTS
    }

    fn open(&self, inputs: &Value) -> HostResult<Value> {
        let Some(Data::Object(stacks)) = inputs.property("stacks").map(|value| &value.data) else {
            return Err(invalid("`stacks` is no map").into());
        };
        // A panic while it was held cannot have left it half changed.
        let progress = self.progress.lock();
        let mut progress = progress.unwrap_or_else(PoisonError::into_inner);
        let outputs = stacks.iter().map(|(name, stack)| {
            let stack = stack.property("stack");
            let text = stack.and_then(Value::as_str);
            let text = text.ok_or_else(|| invalid("`stack` is missing or is not a text"))?;
            let outputs = StackName::parse(text).and_then(|it| self.outputs(&mut progress, &it));
            let is_secret = stack.is_some_and(|stack| stack.secret);
            let outputs =
                outputs.map_err(|error| if is_secret { hidden(&error) } else { error })?;
            Ok((name.clone(), outputs))
        });
        Ok(Value::new(Data::Object(outputs.collect::<Result<_>>()?)))
    }

    fn explains_mistakes(&self) -> bool {
        true
    }
}

/// The error for a stack whose name is a secret: messages would quote it.
fn hidden(error: &Error) -> Error {
    Error::new(
        error.kind(),
        "cannot read the outputs of a stack whose name is a secret",
    )
    .with_hint("write the stack's name without `fn::secret` to see why")
}

/// The outputs are secrets.
impl fmt::Debug for PulumiStacks<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PulumiStacks")
    }
}

/// What the schema does not catch.
fn invalid(message: &str) -> Error {
    Error::new(Kind::Definition, message)
}

/// The inputs, as Pulumi Cloud's schema of the provider has them (pulumi/docs,
/// `data/esc_schemas.json`), with an organisation before the project.
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
            "pattern": "^([a-zA-Z0-9_.-]{1,100}/)?[a-zA-Z0-9_.-]{1,100}/[a-zA-Z0-9_.-]{1,100}$"
          }
        },
        "required": ["stack"]
      }
    }
  },
  "required": ["stacks"]
}"#;

/// The outputs, as Pulumi Cloud's schema of the provider has them.
const OUTPUTS: &str = r#"{"type": "object", "additionalProperties": true}"#;
