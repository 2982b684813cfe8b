//! Owners, modes and links of Unix.

use std::fs::{DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::{Arc, Once};

use rustix::fs::OFlags;
use signal_hook::consts::SIGXFSZ;

/// For the owner alone.
const FOLDER: u32 = 0o700;
const FILE: u32 = 0o600;
/// What others may do.
const OTHERS: u32 = 0o077;

/// Opens a file for reading: no link, and without waiting for whoever writes to a pipe.
pub(super) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags(flags())
        .open(path)
}

/// Opens a file for reading and writing; makes it where there is none.
pub(super) fn open_or_create(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(FILE)
        .custom_flags(flags())
        .open(path)
}

fn flags() -> i32 {
    (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed()
}

/// Whether it is what it should be, belongs to this user, and is open to nobody else.
pub(super) fn check(metadata: &Metadata, is_expected: bool) -> Result<(), &'static str> {
    if !is_expected {
        Err("it is something else than it should be")
    } else if metadata.uid() != rustix::process::geteuid().as_raw() {
        Err("it belongs to another user")
    } else if metadata.mode() & OTHERS != 0 {
        Err("others may use it")
    } else {
        Ok(())
    }
}

/// Makes a folder for this user alone, and the folders above it as usual.
pub(super) fn create_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.mode(FOLDER);
    match builder.create(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if let Some(above) = path.parent() {
                std::fs::create_dir_all(above)?;
            }
            builder.create(path)
        }
        result => result,
    }
}

/// Whether it is a folder, and no link to one, of this user.
pub(super) fn is_own_folder(metadata: &Metadata) -> bool {
    metadata.is_dir() && metadata.uid() == rustix::process::geteuid().as_raw()
}

/// Closes a folder to others. What they put into it before is not trusted, for it is not sealed.
pub(super) fn make_private(path: &Path) -> io::Result<()> {
    std::fs::set_permissions(path, Permissions::from_mode(FOLDER))
}

/// Lets writing fail where a file may not grow (`ulimit -f`), which else ends the process.
pub(super) fn survive_full_files() {
    static ONCE: Once = Once::new();
    // Where it cannot be caught, writing is as dangerous as before.
    ONCE.call_once(|| drop(signal_hook::flag::register(SIGXFSZ, Arc::default())));
}
