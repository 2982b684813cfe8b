//! From the start of a command to its end: signals, stops, the exit code.

#[cfg(unix)]
mod unix;
#[cfg(not(unix))]
mod windows;

#[cfg(unix)]
pub(super) use unix::{Supervision, end_by_interrupt};
#[cfg(not(unix))]
pub(super) use windows::{Supervision, end_by_interrupt};
