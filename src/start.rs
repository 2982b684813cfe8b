//! The begin of the process on Linux with glibc.
//!
//! It does what the standard library does before it calls a `main`, but for one thing: to tell of a
//! full stack in words of its own, that one reads `/proc/self/maps` and sets up a second stack, which
//! takes a tenth of a start. Without it a full stack still ends the process, by a signal and in silence.

#![expect(
    unsafe_code,
    reason = "the function that C calls first, and a signal that no crate ignores"
)]

use std::ffi::{c_char, c_int};
use std::os::fd::IntoRawFd;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::stdio::{stderr, stdin, stdout};

// SAFETY: no other function of the program has this name, and C calls it as it is declared.
#[unsafe(no_mangle)]
extern "C" fn main(_count: c_int, _arguments: *const *const c_char) -> c_int {
    open_missing_streams();
    // SAFETY: no thread and no handler is there yet that could be disturbed.
    unsafe {
        // A reader that has gone away is an error of the write, not the end of the process.
        libc::signal(libc::SIGPIPE, libc::SIG_IGN);
    }
    c_int::from(crate::run())
}

/// Gives those standard streams that are closed a place that leads nowhere: the next file to be
/// opened would take theirs, and get what is written to them.
fn open_missing_streams() {
    for stream in [stdin(), stdout(), stderr()] {
        if rustix::io::fcntl_getfd(stream) != Err(Errno::BADF) {
            continue;
        }
        match rustix::fs::open("/dev/null", OFlags::RDWR, Mode::empty()) {
            // It has the lowest number that was free, and is to stay open.
            Ok(nowhere) => drop(nowhere.into_raw_fd()),
            Err(_) => std::process::abort(),
        }
    }
}
