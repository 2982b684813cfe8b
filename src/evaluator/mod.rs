//! A local evaluator for environment definitions, which reads and opens nothing by itself: files,
//! providers and context are handed in.

pub mod provider;
