//! The signals that this process has inherited as ignored, such as SIGHUP under `nohup`.

#![expect(unsafe_code, reason = "no library asks for the action of a signal")]

use std::mem::MaybeUninit;
use std::ptr;

/// Whether this process ignores a signal.
pub(super) fn is_ignored(number: i32) -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: without a new action, the call changes nothing. It fills `action` if it succeeds.
    unsafe {
        libc::sigaction(number, ptr::null(), action.as_mut_ptr()) == 0
            && action.assume_init().sa_sigaction == libc::SIG_IGN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ignored_signals_are_ignored() {
        // The runtime ignores SIGPIPE in every process.
        assert!(is_ignored(libc::SIGPIPE));
        assert!(!is_ignored(libc::SIGTERM));
        assert!(!is_ignored(-1));
    }
}
