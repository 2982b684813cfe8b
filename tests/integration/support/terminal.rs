//! Runs a command with a pseudo-terminal as one of its streams.

use std::fs::File;
use std::io::Read;
use std::process::Stdio;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// A terminal of unknown size.
pub struct Terminal {
    master: File,
    slave: File,
    shown: Vec<u8>,
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
        Self {
            master: master.into(),
            slave,
            shown: Vec::new(),
        }
    }

    /// The terminal as a stream of a command.
    pub fn stream(&self) -> Stdio {
        self.slave.try_clone().expect("a descriptor").into()
    }

    /// Waits until this text was written to the terminal.
    pub fn wait_for(&mut self, text: &str) {
        while !self.shown().contains(text) {
            let mut buffer = [0; 4096];
            let count = self.master.read(&mut buffer).expect("an open terminal");
            self.shown.extend_from_slice(&buffer[..count]);
        }
    }

    /// Everything that was written to the terminal, once all programs have closed it.
    pub fn finish(self) -> String {
        let Self {
            mut master,
            slave,
            mut shown,
        } = self;
        drop(slave);
        // On Linux, reading fails after the last writer has closed the terminal.
        let _ = master.read_to_end(&mut shown);
        String::from_utf8_lossy(&shown).into_owned()
    }

    fn shown(&self) -> String {
        String::from_utf8_lossy(&self.shown).into_owned()
    }
}
