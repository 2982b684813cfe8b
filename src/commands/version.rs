//! The version of this build, and of the C library that it is linked with.

/// The text of `--version`. On Linux with glibc, a second line says how glibc is linked: a statically
/// linked one is only updated by a new build (SECURITY.md).
#[cfg(static_glibc)]
pub(super) const LONG: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\nglibc: linked statically, ",
    env!("KUBECTL_ESC_GLIBC")
);
#[cfg(all(target_os = "linux", target_env = "gnu", not(static_glibc)))]
pub(super) const LONG: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\nglibc: linked dynamically, built with ",
    env!("KUBECTL_ESC_GLIBC")
);
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(super) const LONG: &str = env!("CARGO_PKG_VERSION");
