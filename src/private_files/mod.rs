//! Files and directories that only this user can access.

use std::fs::File;
use std::io;
use std::path::Path;

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(crate) use unix::*;
#[cfg(not(unix))]
mod windows;
#[cfg(not(unix))]
pub(crate) use windows::*;

/// Creates a private file. For `tempfile::Builder::make_in`, which, unlike `tempfile_in`, keeps the code
/// of the operating system's error.
pub(crate) fn create_new(path: &Path) -> io::Result<File> {
    let mut options = open_options();
    options.read(true).write(true).create_new(true).open(path)
}
