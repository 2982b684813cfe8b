//! Whether standard output was closed when the process started. The standard library opens `/dev/null` in
//! its place before `main`, so that writing to it looks like a success.

#![cfg_attr(
    unix,
    expect(unsafe_code, reason = "a function that runs before `main`")
)]

use std::sync::atomic::{AtomicBool, Ordering};

static CLOSED: AtomicBool = AtomicBool::new(false);

/// Whether standard output was closed. Always false on Windows.
pub(super) fn was_closed() -> bool {
    CLOSED.load(Ordering::Relaxed)
}

/// The C library calls this before the standard library starts.
#[cfg(unix)]
extern "C" fn check() {
    let is_closed = rustix::io::fcntl_getfd(rustix::stdio::stdout()).is_err();
    CLOSED.store(is_closed, Ordering::Relaxed);
}

#[cfg(unix)]
#[used]
#[cfg_attr(
    target_vendor = "apple",
    unsafe(link_section = "__DATA,__mod_init_func")
)]
#[cfg_attr(not(target_vendor = "apple"), unsafe(link_section = ".init_array"))]
static CHECK: extern "C" fn() = check;
