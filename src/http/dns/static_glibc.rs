//! DNS lookups in a statically linked glibc.
//!
//! It contains the sources `files` (`/etc/hosts`) and `dns` (`/etc/resolv.conf`). For any other source
//! in the line `hosts:` of `/etc/nsswitch.conf` it would load a shared library that belongs to the
//! machine's own version of glibc. So only these two are used, like in a Go program without cgo, such
//! as the released `kubectl`.

#![expect(unsafe_code, reason = "a function of glibc that no crate wraps")]

use std::ffi::{c_char, c_int};
use std::io;
use std::sync::OnceLock;

unsafe extern "C" {
    /// `nss.h`: overrides the sources of a database for this process. Returns 0, or -1 and sets
    /// `errno`.
    fn __nss_configure_lookup(database: *const c_char, sources: *const c_char) -> c_int;
}

/// Restricts lookups to the built-in sources. Must be called before the first lookup.
pub(super) fn use_builtin_sources() -> io::Result<()> {
    static RESULT: OnceLock<Option<i32>> = OnceLock::new();
    let failure = RESULT.get_or_init(|| {
        // SAFETY: both strings are NUL-terminated and static, and glibc only reads them. `OnceLock`
        // lets one thread in, before the first lookup.
        let result = unsafe { __nss_configure_lookup(c"hosts".as_ptr(), c"files dns".as_ptr()) };
        match result {
            0 => None,
            _ => io::Error::last_os_error().raw_os_error(),
        }
    });
    failure.map_or(Ok(()), |error| Err(io::Error::from_raw_os_error(error)))
}
