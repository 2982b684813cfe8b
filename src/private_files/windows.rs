//! Systems where a user's directories are private by default, such as Windows.

#![expect(clippy::unnecessary_wraps, reason = "same signatures as on Unix")]

use std::fs::{Metadata, OpenOptions};
use std::io;
use std::path::Path;

pub(crate) fn open_options() -> OpenOptions {
    OpenOptions::new()
}

pub(crate) fn check_private(_: &Metadata) -> Result<(), &'static str> {
    Ok(())
}

pub(crate) fn check_unshared(_: &Metadata) -> Result<(), &'static str> {
    Ok(())
}

pub(crate) fn has_one_name(_: &Metadata) -> bool {
    true
}

pub(crate) fn create_dir(path: &Path) -> io::Result<()> {
    std::fs::create_dir_all(path)
}

pub(crate) fn is_own(_: &Metadata) -> bool {
    true
}

pub(crate) fn make_private(_: &Path) -> io::Result<()> {
    Ok(())
}

pub(crate) fn ignore_file_size_signal() {}
