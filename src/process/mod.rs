//! Runs a command with the variables and files of an environment, and redacts its output.
//!
//! The command shares our process group and terminal. To its caller it behaves as if it was started
//! directly: it receives signals, and its exit code is returned. Its files are removed afterwards.

pub(crate) mod command_env;
mod private_dir;
pub(crate) mod program;
pub(crate) mod redaction;
mod streams;
mod supervisor;

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::process::Command;

pub(crate) use command_env::CommandEnv;
pub(crate) use program::Program;
pub(crate) use streams::{Sink, Streams};

use crate::error::{Error, Kind, Result};
use crate::host::Host;
use crate::secret::Text;
use private_dir::PrivateDir;
use supervisor::Supervisor;

/// A command to run. `Debug` leaves out arguments and variables, which may be secret.
pub(crate) struct Invocation {
    /// The program.
    pub program: Program,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Variables to add to those of this process.
    pub variables: Vec<(String, Text)>,
    /// Files: the variable that holds the path, and the content. They override `variables`.
    pub files: Vec<(String, Text)>,
    /// Where its output goes.
    pub streams: Streams,
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

/// How a command exited.
#[derive(Debug)]
pub(crate) struct Exit {
    /// Its exit code; 128 plus the signal number if a signal terminated it, as in a shell.
    pub code: u8,
    /// Whether SIGINT terminated the command and was also sent to this process: the user pressed
    /// Ctrl-C.
    pub interrupted: bool,
    /// Why the command's files could not be removed.
    pub cleanup_error: Option<Error>,
}

impl Exit {
    /// Returns the exit code for this process. If the command was interrupted, this does not return:
    /// SIGINT terminates this process too, so that a shell stops the script that called it, as it
    /// would for the command itself.
    #[must_use]
    pub(crate) fn finish(self) -> u8 {
        if self.interrupted {
            supervisor::exit_by_sigint();
        }
        self.code
    }
}

impl Invocation {
    /// Runs the command until it exits.
    pub(crate) fn run(self, host: &Host) -> Result<Exit> {
        // From here on, signals do not terminate this process, so that the files are removed.
        let mut supervisor = Supervisor::start()?;
        private_dir::remove_leftovers(host);
        let (directory, paths) = write_files(&self.files, host)?;
        let result = match supervisor.pending_exit() {
            Some(exit) => Ok(exit),
            None => self.spawn_and_wait(&paths, &mut supervisor),
        };
        let cleanup_error = directory.and_then(|directory| directory.remove().err());
        let mut exit = result?;
        exit.cleanup_error = cleanup_error;
        // Background processes of the command may still write to the pipes.
        supervisor.wait_for_streams();
        Ok(exit)
    }

    fn spawn_and_wait(
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
                let message = format!("the value of the variable `{name}` is not valid UTF-8");
                Error::new(Kind::Definition, message).with_hint("encode it, or move it to `files`")
            })?;
            command.env(name, value);
        }
        for (name, path) in paths {
            command.env(name, path);
        }
        let pipes = self.streams.attach(&mut command)?;
        let mut child = command
            .spawn()
            .map_err(|error| self.program.spawn_error(error))?;
        // `command` holds the write ends of the pipes: the readers would never see the end.
        drop(command);
        for pipe in pipes {
            let guard = supervisor.track_stream();
            std::thread::Builder::new()
                .spawn(move || {
                    pipe.copy();
                    drop(guard);
                })
                .map_err(|error| {
                    Error::new(Kind::Internal, "cannot start a thread").caused_by(error)
                })?;
        }
        supervisor.wait(&mut child)
    }
}

/// The directory of the files, and the variables that hold their paths.
type WrittenFiles = (Option<PrivateDir>, Vec<(String, PathBuf)>);

/// Writes the files. If one cannot be written, all are removed.
fn write_files(files: &[(String, Text)], host: &Host) -> Result<WrittenFiles> {
    if files.is_empty() {
        return Ok((None, Vec::new()));
    }
    let directory = PrivateDir::create(host)?;
    let mut paths = Vec::new();
    for (name, content) in files {
        let path = directory.write(name, content)?;
        paths.push((name.clone(), path));
    }
    Ok((Some(directory), paths))
}
