//! Runs the binary and kubectl. Nothing here uses the library's own signing or verifying.

pub mod aws;
pub mod azure;
pub(crate) mod definitions;
pub mod gcp;
pub mod kubectl;
pub mod plugin;
pub mod secret_scan;
#[cfg(unix)]
pub mod terminal;
