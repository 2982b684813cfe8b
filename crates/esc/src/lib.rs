//! The environment language of Pulumi ESC: reads, checks and evaluates environment definitions, and writes
//! the results in the formats of ESC's command line.
//!
//! The crate does no I/O. It gets definitions as text, and calls traits of the host for everything else:
//! an [`Importer`] for the definitions that `imports` names, [`Providers`] for `fn::open` and `fn::rotate`,
//! and a [`Decrypter`] for encrypted secrets.
//!
//! # Pipeline
//!
//! ```text
//! Definition (YAML text) → syntax tree → expressions → lazy evaluation → Evaluation
//!                                                      ↑ Importer, Providers, Decrypter
//! Evaluation { environment: values, diagnostics: errors and warnings, sources: texts to render them }
//! ```
//!
//! Results and messages equal those of ESC's own evaluator, unless documented otherwise.
//!
//! # Usage
//!
//! ```
//! use esc::format::{Secrets, json};
//! use esc::{Definition, Error, Evaluator, HostResult, Importer, PropertyPath, Provider, Providers, Style, Value};
//!
//! struct Host;
//!
//! impl Importer for Host {
//!     fn import(&self, name: &str) -> HostResult<Definition> {
//!         Err(Error::new(format!("environment {name:?} not found")).into())
//!     }
//! }
//!
//! impl Providers for Host {
//!     fn provider(&self, name: &str) -> HostResult<&dyn Provider> {
//!         match name {
//!             "greeter" => Ok(&Greeter),
//!             _ => Err(Error::new(format!("unknown provider {name:?}")).into()),
//!         }
//!     }
//! }
//!
//! /// Returns a secret greeting.
//! struct Greeter;
//!
//! impl Provider for Greeter {
//!     fn input_schema(&self) -> &str {
//!         r#"{"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}"#
//!     }
//!
//!     fn output_schema(&self) -> &str {
//!         r#"{"type": "string"}"#
//!     }
//!
//!     fn open(&self, inputs: &Value) -> HostResult<Value> {
//!         let name = inputs.property("name").and_then(Value::as_str);
//!         Ok(Value::secret(format!("hello {}", name.unwrap_or_default())))
//!     }
//! }
//!
//! let definition = Definition {
//!     name: "dev".to_owned(),
//!     shown_as: "./dev.yaml".to_owned(),
//!     text: "values: {region: eu-west-1, greeting: {'fn::open::greeter': {name: '${region}'}}}"
//!         .to_owned()
//!         .into(),
//! };
//! let evaluator = Evaluator::new(&Host, &Host);
//!
//! // Check a definition without calling its providers: their outputs are unknown.
//! let checked = evaluator.check(definition.clone());
//! assert!(checked.diagnostics.is_empty());
//!
//! // Evaluate it. Use the values only if no diagnostic is an error.
//! let opened = evaluator.open(definition);
//! eprintln!("{}", opened.sources.render(&opened.diagnostics, Style::Plain));
//! assert!(!opened.diagnostics.iter().any(esc::Diagnostic::is_error));
//!
//! // Get a value by its path, or write values in a format.
//! let path: PropertyPath = "greeting".parse()?;
//! let greeting = opened.environment.get(&path).and_then(Value::as_str);
//! assert_eq!(greeting, Some("hello eu-west-1"));
//! let text = json::compact(&opened.environment.values, Secrets::Redacted);
//! assert_eq!(text.as_str(), Some(r#"{"greeting":"[secret]","region":"eu-west-1"}"#));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Limits
//!
//! A definition is untrusted input. [`evaluator::limits`] bounds its size, its nesting, and the work and
//! memory of an evaluation, including the patterns of its schemas. An exceeded limit is a diagnostic. An
//! evaluation runs on its own thread, whose stack is large enough for the permitted depth.
//!
//! # Secrets
//!
//! Every string value is a [`Text`], which is wiped on drop and hidden by `Debug`. A [`Value`] knows whether it is
//! secret; a value that is computed from a secret is secret too. Messages do not quote secrets, rendered
//! source lines hide them, and the formats replace them if asked to ([`format::Secrets::Redacted`]).

#![cfg_attr(not(test), warn(clippy::too_many_arguments, clippy::too_many_lines))]

mod base64;
pub mod deep_stack;
mod diagnostic;
pub mod envelope;
mod environment;
mod error;
pub mod evaluator;
pub mod format;
pub mod interpolation;
mod names;
pub mod property_path;
pub mod report;
mod sources;
pub mod text;
mod text_builder;
pub mod value;
mod yaml_scalar;

pub use diagnostic::{Diagnostic, Position, Range, Severity};
pub use environment::{Environment, EnvironmentEntry};
pub use error::{Error, Failure, HostResult, causes, one_line};
pub use evaluator::{
    ContextSource, Decrypter, Definition, Evaluation, Evaluator, Importer, InvalidInput, Provider,
    Providers, Rotator, nearest_name,
};
pub use names::is_valid_name;
pub use property_path::PropertyPath;
pub use report::Style;
pub use sources::Sources;
pub use text::Text;
pub(crate) use text_builder::TextBuilder;
pub use value::{Data, Number, Value};
