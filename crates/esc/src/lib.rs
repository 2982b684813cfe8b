//! The Pulumi ESC environment language: parses, checks and evaluates environment definitions.

mod diagnostic;
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
pub use environment::{Entry, Environment};
pub use error::{Error, Failure, HostResult, causes, one_line};
pub use evaluator::{
    Decrypter, Definition, Evaluation, Evaluator, Importer, Provider, Providers, Rotator,
};
pub use names::is_valid_name;
pub use property_path::PropertyPath;
pub use report::Style;
pub use sources::Sources;
pub use text::Text;
pub(crate) use text_builder::TextBuilder;
pub use value::{Data, Number, Value};
