//! The traits through which the evaluator calls its host: to import definitions, open providers, read
//! rotated secrets, and decrypt.
//!
//! They require `Sync` because evaluation runs on a separate thread with a large stack.

use std::fmt;

use zeroize::Zeroizing;

use crate::Value;
use crate::error::{Error, Failure, HostResult};
use crate::format::string::quoted;
use crate::text::Text;

/// A provider, called by `fn::open`.
pub trait Provider: Sync {
    /// The schema of the inputs as JSON text: a JSON Schema in the subset that ESC's own providers
    /// use. [`Provider::open`] is called only with inputs that satisfy it.
    fn input_schema(&self) -> &str;

    /// The schema of the result of [`Provider::open`], in the same form.
    fn output_schema(&self) -> &str;

    /// Validates inputs that satisfy the schema, beyond what a schema can express. It is called in checks too,
    /// where some inputs may be unknown, and does no I/O. The default accepts everything.
    fn check_inputs(&self, inputs: &Value) -> Vec<InvalidInput> {
        let _ = inputs;
        Vec::new()
    }

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

/// An input that a provider rejects.
pub struct InvalidInput {
    /// The names that lead from the inputs to it, such as `["oidc", "roleArn"]`.
    pub path: Vec<String>,
    /// Why, and what to do about it. The message must not quote the input, which may be a secret.
    pub failure: Box<dyn Failure>,
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

/// Looks up what `${context}` holds besides the names of environments.
pub trait ContextSource: Sync {
    /// The property at `path` below `context`, such as `pulumi.user.login`. `None` if the source does not
    /// know the path. The message of an error is reported at the access.
    fn property(&self, path: &str) -> Option<HostResult<Value>>;
}

/// The default source, which knows nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct NoContext;

impl ContextSource for NoContext {
    fn property(&self, _: &str) -> Option<HostResult<Value>> {
        None
    }
}

/// What the evaluator calls.
#[derive(Clone, Copy)]
pub(super) struct Host<'a> {
    pub(super) importer: &'a dyn Importer,
    pub(super) providers: &'a dyn Providers,
    pub(super) decrypter: &'a dyn Decrypter,
    pub(super) context: &'a dyn ContextSource,
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
