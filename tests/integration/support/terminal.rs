//! Runs a command with a pseudo-terminal as one of its streams.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::process::Stdio;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// A terminal of unknown size.
pub struct Terminal {
    master: OwnedFd,
    slave: File,
}

impl Terminal {
    /// Opens a terminal.
    pub fn open() -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&master).expect("access to the terminal");
        unlockpt(&master).expect("access to the terminal");
        let name = ptsname(&master, Vec::new()).expect("the name of the terminal");
        let mut options = File::options();
        options.read(true).write(true);
        let slave = options
            .open(name.to_str().expect("a path"))
            .expect("the terminal");
        Self { master, slave }
    }

    /// The terminal as a stream of a command.
    pub fn stream(&self) -> Stdio {
        self.slave.try_clone().expect("a descriptor").into()
    }

    /// Everything that was written to the terminal, once all programs have closed it.
    pub fn finish(self) -> String {
        drop(self.slave);
        let mut bytes = Vec::new();
        // On Linux, reading fails after the last writer has closed the terminal.
        let _ = File::from(self.master).read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}
