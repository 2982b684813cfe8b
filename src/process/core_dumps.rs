//! Prevents core dumps of this process, which would contain secrets.

/// Prevents core dumps where only this process is affected.
pub(crate) fn disable() {
    // A program that this process executes can be dumped again.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

/// Prevents core dumps of this process, and of programs that it executes.
pub(crate) fn disable_for_children() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        let none = Rlimit {
            current: Some(0),
            maximum: Some(0),
        };
        let _ = setrlimit(Resource::Core, none);
    }
}
