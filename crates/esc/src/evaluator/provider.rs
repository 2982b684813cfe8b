//! The traits through which the evaluator calls its host: to import definitions, open providers, read
//! rotated secrets, and decrypt.
//!
//! They require `Sync` because evaluation runs on a separate thread with a large stack.

use std::fmt;

use zeroize::Zeroizing;

use crate::Value;
use crate::error::{Error, HostResult};
use crate::format::string::quoted;
use crate::text::Text;

/// A provider, called by `fn::open`.
pub trait Provider: Sync {
    /// The schema of the inputs as JSON text: a JSON Schema in the subset that ESC's own providers
    /// use. [`Provider::open`] is called only with inputs that satisfy it.
    fn input_schema(&self) -> &str;

    /// The schema of the result of [`Provider::open`], in the same form.
    fn output_schema(&self) -> &str;

    /// Opens the provider with known, valid inputs. The message of an error is reported at the call in
    /// the definition.
    fn open(&self, inputs: &Value) -> HostResult<Value>;

    /// The current name of an output that was once called `name`, if it was renamed. A definition that
    /// uses the old name gets the value and a warning.
    fn renamed_output(&self, name: &str) -> Option<&'static str> {
        let _ = name;
        None
    }

    /// Whether invalid inputs are reported in short, actionable messages instead of upstream's, which
    /// list what each alternative of a schema misses, and omit properties that a schema forbids.
    fn explains_mistakes(&self) -> bool {
        false
    }
}

/// A rotator, called by `fn::rotate`. Rotation stores its state in the definition; evaluation only
/// reads it.
pub trait Rotator: Sync {
    /// The schema of the inputs, in the form of [`Provider::input_schema`]. Inputs that are listed in
    /// its `rotateOnly` are unknown in [`Rotator::open`].
    fn input_schema(&self) -> &str;

    /// The schema of the state.
    fn state_schema(&self) -> &str;

    /// The schema of the result of [`Rotator::open`].
    fn output_schema(&self) -> &str;

    /// Returns the secret that the last rotation created. `state` is `None` before the first rotation.
    fn open(&self, inputs: &Value, state: Option<&Value>) -> HostResult<Value>;
}

/// Finds providers and rotators by name.
pub trait Providers: Sync {
    /// Finds a provider. The message of an error is reported at the call in the definition.
    fn provider(&self, name: &str) -> HostResult<&dyn Provider>;

    /// Finds a rotator. The default is that there is none.
    fn rotator(&self, name: &str) -> HostResult<&dyn Rotator> {
        let name = quoted(name);
        let message = format!("unknown rotator {name}");
        Err(Error::new(message)
            .with_hint("rotators exist only in Pulumi Cloud; open the environment there")
            .into())
    }
}

/// Decrypts the `ciphertext` of `fn::secret`.
pub trait Decrypter: Sync {
    /// Decrypts a ciphertext, which the evaluator has taken out of its
    /// [envelope](crate::envelope).
    fn decrypt(&self, ciphertext: &[u8]) -> HostResult<Text>;
}

/// The default decrypter, which always fails: only Pulumi Cloud has the keys.
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

/// Finds imported definitions.
pub trait Importer: Sync {
    /// Returns the definition of an entry of `imports`. The message of an error is reported at that
    /// entry.
    fn import(&self, name: &str) -> HostResult<Definition>;
}

/// What the evaluator calls.
#[derive(Clone, Copy)]
pub(super) struct Host<'a> {
    pub(super) importer: &'a dyn Importer,
    pub(super) providers: &'a dyn Providers,
    pub(super) decrypter: &'a dyn Decrypter,
}

/// A definition to evaluate. `Debug` omits the text, which may contain secrets.
#[derive(Clone)]
pub struct Definition {
    /// The environment's name, as in [`Range::environment`](crate::Range::environment) and
    /// `${context.currentEnvironment.name}`.
    pub name: String,
    /// The name to display in messages, such as a file path.
    pub shown_as: String,
    /// The YAML text.
    pub text: Zeroizing<String>,
}

impl fmt::Debug for Definition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Definition")
            .field("name", &self.name)
            .field("shown_as", &self.shown_as)
            .finish_non_exhaustive()
    }
}
