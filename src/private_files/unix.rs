//! Owners, modes and symbolic links on Unix.

use std::fs::{DirBuilder, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::{Arc, Once};

use rustix::fs::OFlags;
use signal_hook::consts::SIGXFSZ;

const DIR_MODE: u32 = 0o700;
/// The mode of directories above a private one, as kubectl creates `~/.kube`.
const PARENT_MODE: u32 = 0o755;
const FILE_MODE: u32 = 0o600;
/// The permissions of group and others.
const OTHER_USERS: u32 = 0o077;
const OTHER_WRITERS: u32 = 0o022;

/// Options that reject symbolic links, do not block on a named pipe, and create private files.
pub(crate) fn open_options() -> OpenOptions {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mut options = OpenOptions::new();
    options
        .mode(FILE_MODE)
        .custom_flags(flags.bits().cast_signed());
    options
}

/// Checks that only this user can access a file or directory.
pub(crate) fn check_private(metadata: &Metadata) -> Result<(), &'static str> {
    if !is_own(metadata) {
        Err("it belongs to another user")
    } else if metadata.mode() & OTHER_USERS != 0 {
        Err("other users can access it")
    } else {
        Ok(())
    }
}

/// Checks that only this user can change what a directory contains.
pub(crate) fn check_unshared(metadata: &Metadata) -> Result<(), &'static str> {
    if !is_own(metadata) {
        Err("it belongs to another user")
    } else if metadata.mode() & OTHER_WRITERS != 0 {
        Err("other users can write to it")
    } else {
        Ok(())
    }
}

/// Whether a file has no other name (hard link).
pub(crate) fn has_one_name(metadata: &Metadata) -> bool {
    metadata.nlink() == 1
}

/// Creates a private directory, and its parents, which only this user can write to.
pub(crate) fn create_dir(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.mode(DIR_MODE);
    match builder.create(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if let Some(parent) = path.parent() {
                let mut parents = DirBuilder::new();
                parents.recursive(true).mode(PARENT_MODE).create(parent)?;
            }
            builder.create(path)
        }
        result => result,
    }
}

/// Whether this user owns a file or directory.
pub(crate) fn is_own(metadata: &Metadata) -> bool {
    metadata.uid() == rustix::process::geteuid().as_raw()
}

/// Makes a directory private. Files that others put into it before are not trusted: their seal is
/// invalid.
pub(crate) fn make_private(path: &Path) -> io::Result<()> {
    std::fs::set_permissions(path, Permissions::from_mode(DIR_MODE))
}

/// Makes a write beyond the limit for file sizes (`ulimit -f`) fail; by default, it terminates the
/// process.
pub(crate) fn ignore_file_size_signal() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| drop(signal_hook::flag::register(SIGXFSZ, Arc::default())));
}
