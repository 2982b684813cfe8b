//! Name lookup where glibc is linked statically.
//!
//! Such a glibc has `files` (`/etc/hosts`) and `dns` (`/etc/resolv.conf`) in it. For any other word
//! in the line `hosts:` of `/etc/nsswitch.conf` it would load a library of the machine, which is
//! made for that machine's own glibc. So these two are asked, and nothing else: what a Go program
//! without cgo does, such as the released `kubectl`.

#![expect(unsafe_code, reason = "a function of glibc that no crate wraps")]

use std::ffi::{c_char, c_int};
use std::io;
use std::sync::OnceLock;

unsafe extern "C" {
    /// `nss.h`: sets the sources for a database in this process, whatever the configuration says.
    /// 0, or -1 and `errno`.
    fn __nss_configure_lookup(database: *const c_char, sources: *const c_char) -> c_int;
}

/// Has names looked up by what is linked. To be called before any name is looked up.
pub(super) fn use_linked_sources() -> io::Result<()> {
    static OUTCOME: OnceLock<Option<i32>> = OnceLock::new();
    let failure = OUTCOME.get_or_init(|| {
        // SAFETY: both texts end in NUL and live as long as the process, and glibc only reads them.
        // One thread at a time comes here, and before the first lookup.
        let outcome = unsafe { __nss_configure_lookup(c"hosts".as_ptr(), c"files dns".as_ptr()) };
        match outcome {
            0 => None,
            _ => io::Error::last_os_error().raw_os_error(),
        }
    });
    failure.map_or(Ok(()), |error| Err(io::Error::from_raw_os_error(error)))
}
