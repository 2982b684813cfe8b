//! What the evaluator asks of the world: definitions to import, providers to open, rotators to read
//! what they rotated, and a decrypter.
//!
//! The traits ask for `Sync` because evaluation runs on a thread of its own, whose stack is large
//! enough for the depth that it allows.

use std::fmt;

use zeroize::Zeroizing;

use crate::Value;
use crate::error::{Error, HostResult};
use crate::format::string::quoted;
use crate::text::Text;

/// A provider that `fn::open` calls.
pub trait Provider: Sync {
    /// The schema that the inputs must satisfy before [`Provider::open`] is called: a JSON Schema
    /// (the subset that ESC's own provider schemas use) as JSON text.
    fn input_schema(&self) -> &str;

    /// The schema of what [`Provider::open`] returns, in the same form.
    fn output_schema(&self) -> &str;

    /// Does the provider's work with known, valid inputs. The error's message is shown at the
    /// call's place in the definition; its kind and hint go to the user.
    fn open(&self, inputs: &Value) -> HostResult<Value>;

    /// The name of the output that is meant by `name`, an older name for it. A definition that uses
    /// the older name gets the value and a warning.
    fn renamed_output(&self, name: &str) -> Option<&'static str> {
        let _ = name;
        None
    }

    /// Whether mistakes in the inputs are told in few words that say what to do, rather than in
    /// those of ESC's evaluator: it lists what each alternative of a schema misses, and says nothing
    /// of properties that a schema forbids.
    fn explains_mistakes(&self) -> bool {
        false
    }
}

/// A rotator that `fn::rotate` calls: it keeps a state in the definition, which rotation renews.
/// Here it is only read.
pub trait Rotator: Sync {
    /// The schema of the inputs, in the form of [`Provider::input_schema`]. Inputs that its
    /// `rotateOnly` names are unknown outside of rotation.
    fn input_schema(&self) -> &str;

    /// The schema of the state.
    fn state_schema(&self) -> &str;

    /// The schema of what [`Rotator::open`] returns.
    fn output_schema(&self) -> &str;

    /// Gives the secret that the last rotation made. There is no state before the first one.
    fn open(&self, inputs: &Value, state: Option<&Value>) -> HostResult<Value>;
}

/// Finds providers and rotators by name.
pub trait Providers: Sync {
    /// The provider called `name`. The error's message is shown at the call's place.
    fn provider(&self, name: &str) -> HostResult<&dyn Provider>;

    /// The rotator called `name`. The error's message is shown at the call's place.
    fn rotator(&self, name: &str) -> HostResult<&dyn Rotator> {
        let name = quoted(name);
        let message = format!("unknown rotator {name}");
        Err(Error::new(message)
            .with_hint("rotators exist only in Pulumi Cloud; open the environment there")
            .into())
    }
}

/// Decrypts what `fn::secret` has as `ciphertext`.
pub trait Decrypter: Sync {
    /// Decrypts the bytes in the envelope that a definition has: what
    /// [`Decrypter`]'s counterpart made of the plaintext.
    fn decrypt(&self, ciphertext: &[u8]) -> HostResult<Text>;
}

/// The decrypter where there is none: the keys are with Pulumi Cloud.
#[derive(Clone, Copy, Debug)]
pub(super) struct NoDecrypter;

impl Decrypter for NoDecrypter {
    fn decrypt(&self, _: &[u8]) -> HostResult<Text> {
        let message = "decrypting: only Pulumi Cloud has the key of this secret";
        Err(Error::new(message)
            .with_hint(
                "open the environment in Pulumi Cloud, or write the secret as `fn::secret: TEXT`",
            )
            .into())
    }
}

/// Finds the definitions that others import.
pub trait Importer: Sync {
    /// The definition that `name` means in an `imports` entry. The error's message is shown at the
    /// entry's place.
    fn import(&self, name: &str) -> HostResult<Definition>;
}

/// A definition to evaluate. `Debug` leaves its text out, for secrets may stand in it.
#[derive(Clone)]
pub struct Definition {
    /// The environment's name: what positions and `context.currentEnvironment.name` say.
    pub name: String,
    /// What a person calls it in messages: a path.
    pub shown_as: String,
    /// The YAML text.
    pub text: Zeroizing<String>,
}

impl fmt::Debug for Definition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Definition");
        shown
            .field("name", &self.name)
            .field("shown_as", &self.shown_as)
            .finish_non_exhaustive()
    }
}
