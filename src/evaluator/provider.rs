//! What the evaluator asks of the world: definitions to import, and providers to open.
//!
//! The traits ask for `Sync` because evaluation runs on a thread of its own, whose stack is large
//! enough for the depth that it allows.

use std::fmt;

use zeroize::Zeroizing;

use crate::environment::Value;
use crate::error::Error;

/// A provider that `fn::open` calls.
pub trait Provider: Sync {
    /// The schema that the inputs must satisfy before [`Provider::open`] is called: a JSON Schema
    /// (the subset that ESC's own provider schemas use) as JSON text.
    fn input_schema(&self) -> &str;

    /// The schema of what [`Provider::open`] returns, in the same form.
    fn output_schema(&self) -> &str;

    /// Does the provider's work with known, valid inputs. The error's message is shown at the
    /// call's place in the definition; its kind and hint go to the user.
    fn open(&self, inputs: &Value) -> Result<Value, Error>;

    /// The name of the output that is meant by `name`, an older name for it. A definition that uses
    /// the older name gets the value and a warning.
    fn renamed_output(&self, name: &str) -> Option<&'static str> {
        let _ = name;
        None
    }
}

/// Finds providers by name.
pub trait Providers: Sync {
    /// The provider called `name`. The error's message is shown at the call's place.
    fn provider(&self, name: &str) -> Result<&dyn Provider, Error>;
}

/// Finds the definitions that others import.
pub trait Importer: Sync {
    /// The definition that `name` means in an `imports` entry. The error's message is shown at the
    /// entry's place.
    fn import(&self, name: &str) -> Result<Definition, Error>;
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
