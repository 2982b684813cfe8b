//! The processes of a Windows machine. The standard library knows no other processes there.

#![expect(unsafe_code, reason = "the system's list of processes")]

use std::mem::size_of;

use windows_sys::Win32::Foundation::{CloseHandle, INVALID_HANDLE_VALUE};
use windows_sys::Win32::System::Diagnostics::ToolHelp::{
    CreateToolhelp32Snapshot, PROCESSENTRY32W, Process32FirstW, Process32NextW, TH32CS_SNAPPROCESS,
};

/// The parent of a process, which may have exited; `None` if there is no such process.
pub(crate) fn parent_of(id: u32) -> Option<u32> {
    let process = processes()
        .into_iter()
        .find(|process| process.th32ProcessID == id);
    process.map(|process| process.th32ParentProcessID)
}

fn processes() -> Vec<PROCESSENTRY32W> {
    let mut processes = Vec::new();
    let size = u32::try_from(size_of::<PROCESSENTRY32W>()).unwrap_or_default();
    let mut entry = PROCESSENTRY32W {
        dwSize: size,
        ..Default::default()
    };
    // SAFETY: the snapshot is used while it is open, and `entry` is a valid entry of the stated size.
    unsafe {
        let snapshot = CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0);
        if snapshot == INVALID_HANDLE_VALUE {
            return processes;
        }
        let mut found = Process32FirstW(snapshot, &raw mut entry);
        while found != 0 {
            processes.push(entry);
            found = Process32NextW(snapshot, &raw mut entry);
        }
        CloseHandle(snapshot);
    }
    processes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_process_has_a_parent() {
        let own = std::process::id();
        assert!(parent_of(own).is_some_and(|parent| parent != own));
        // IDs are multiples of four.
        assert_eq!(parent_of(u32::MAX), None);
    }
}
