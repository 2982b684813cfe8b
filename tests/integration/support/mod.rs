//! Runs the binary and kubectl. Nothing here uses the library's own signing or verifying.

pub mod aws;
pub mod kubectl;
pub mod plugin;
