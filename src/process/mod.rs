//! Runs a command with what an environment hands over: variables, private files, redacted output.
//!
//! The command runs in our process group and on our terminal, and ends as if it ran alone: signals
//! reach it, its exit code is handed back. Its files are gone afterwards.

pub mod command_env;
mod private_dir;
pub mod program;
pub mod redaction;
mod streams;
mod supervisor;

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::process::Command;

pub use command_env::CommandEnv;
pub use program::Program;
pub use streams::{Sink, Streams};

use crate::error::{Error, Kind, Result};
use crate::host::Host;
use crate::secret::Text;
use private_dir::PrivateDir;
use supervisor::Supervisor;

/// A command to run. `Debug` shows names alone: arguments and variables may hold secrets.
pub struct Invocation {
    /// The program.
    pub program: Program,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Variables on top of those of this process.
    pub variables: Vec<(String, Text)>,
    /// Files: the variable that is to hold the path, and the content. They win over `variables`.
    pub files: Vec<(String, Text)>,
    /// Where its output goes.
    pub streams: Streams,
}

/// How a command ended.
#[derive(Debug)]
pub struct Exit {
    /// Its exit code; 128 and the signal's number where a signal ended it, as shells say it.
    pub code: u8,
    /// Whether SIGINT ended it and reached this process too: somebody pressed Ctrl-C.
    pub interrupted: bool,
    /// Why files of the command may be left, where they could not be removed.
    pub leftovers: Option<Error>,
}

impl fmt::Debug for Invocation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Invocation")
            .field("program", &self.program)
            .field("streams", &self.streams)
            .finish_non_exhaustive()
    }
}

impl Exit {
    /// The exit code for this process. Where the command was interrupted, this does not return: the
    /// process ends by SIGINT too, so that the shell that waits for it stops its script, as it does
    /// for the command alone.
    #[must_use]
    pub fn finish(self) -> u8 {
        if self.interrupted {
            supervisor::exit_by_sigint();
        }
        self.code
    }
}

impl Invocation {
    /// Runs the command to its end.
    pub fn run(self, host: &Host) -> Result<Exit> {
        // From here on signals no longer end this process: what follows is cleaned up.
        let mut supervisor = Supervisor::start()?;
        private_dir::remove_leftovers(host);
        let (folder, paths) = write_files(&self.files, host)?;
        let result = match supervisor.pending_exit() {
            Some(ended) => Ok(ended),
            None => self.start_and_wait(&paths, &mut supervisor),
        };
        let leftovers = folder.and_then(|folder| folder.remove().err());
        let mut ended = result?;
        ended.leftovers = leftovers;
        // Whoever the command left behind may still write.
        supervisor.wait_for_streams();
        Ok(ended)
    }

    fn start_and_wait(
        self,
        paths: &[(String, PathBuf)],
        supervisor: &mut Supervisor,
    ) -> Result<Exit> {
        let mut command = Command::new(self.program.path());
        #[cfg(unix)]
        {
            use std::os::unix::process::CommandExt;
            command.arg0(self.program.name());
        }
        command.args(&self.arguments);
        for (name, value) in &self.variables {
            let value = value.to_os_string().ok_or_else(|| {
                let message = format!("the value of the variable `{name}` is not UTF-8");
                Error::new(Kind::Definition, message)
                    .with_hint("encode it, or put it under `files`")
            })?;
            command.env(name, value);
        }
        for (name, path) in paths {
            command.env(name, path);
        }
        let pumps = self.streams.attach(&mut command)?;
        let mut child = command
            .spawn()
            .map_err(|error| self.program.cannot_start(error))?;
        // The command's value holds the writing ends of the pipes.
        drop(command);
        for pump in pumps {
            let ended = supervisor.stream();
            std::thread::Builder::new()
                .spawn(move || {
                    pump.run();
                    drop(ended);
                })
                .map_err(|error| {
                    Error::new(Kind::Internal, "cannot start a thread").caused_by(error)
                })?;
        }
        supervisor.wait(&mut child)
    }
}

type Files = (Option<PrivateDir>, Vec<(String, PathBuf)>);

/// Writes the files. Where one cannot be written, those before it are removed.
fn write_files(files: &[(String, Text)], host: &Host) -> Result<Files> {
    if files.is_empty() {
        return Ok((None, Vec::new()));
    }
    let folder = PrivateDir::create(host)?;
    let mut paths = Vec::new();
    for (name, content) in files {
        let path = folder.write(name, content)?;
        paths.push((name.clone(), path));
    }
    Ok((Some(folder), paths))
}
