//! Output formats: values as JSON, YAML and strings, and an environment's variables as dotenv or shell
//! lines.

pub mod json;
pub mod string;
pub mod variables;
pub mod yaml;

/// How secrets are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Secrets {
    /// Each secret is replaced by [`REDACTED`](crate::text::REDACTED).
    Redacted,
    /// Secrets are written as they are.
    Revealed,
}
