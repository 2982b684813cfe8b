//! Runs code that recurses as deep as a definition or a value nests.

use std::io;
use std::panic;
use std::thread;

/// The stack size in bytes. A thousand levels of evaluation take less than a quarter of it, even in a
/// debug build. Pages that are never touched take no memory.
const STACK_BYTES: usize = 64 << 20;

/// Calls `work` on a thread with a large stack. A panic continues on the calling thread.
///
/// # Errors
///
/// If the thread cannot be started.
pub fn with_deep_stack<T: Send>(name: &str, work: impl FnOnce() -> T + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let thread = thread::Builder::new()
            .name(name.to_owned())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, work)?;
        Ok(thread
            .join()
            .unwrap_or_else(|payload| panic::resume_unwind(payload)))
    })
}
