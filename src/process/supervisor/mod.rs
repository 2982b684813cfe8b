//! Supervises a running command: signals, job control, the exit code.

#[cfg(unix)]
mod unix;
#[cfg(not(unix))]
mod windows;

#[cfg(unix)]
pub(crate) use unix::DeferredSignals;
#[cfg(unix)]
pub(super) use unix::{Supervisor, exit_by_sigint};
#[cfg(not(unix))]
pub(crate) use windows::DeferredSignals;
#[cfg(not(unix))]
pub(super) use windows::{Supervisor, exit_by_sigint};
