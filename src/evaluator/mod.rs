//! A local evaluator for environment definitions, which reads and opens nothing by itself: files,
//! providers and context are handed in.

mod interpolation;
pub mod limits;
pub mod provider;
mod syntax;
