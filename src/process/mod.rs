//! Runs a command with the variables and files of an environment, and redacts its output.
//!
//! The command shares our process group and terminal. To its caller it behaves as if it was started
//! directly: it receives signals, and its exit code is returned. Its files are removed afterwards.

pub(crate) mod command_env;
pub(crate) mod core_dumps;
#[cfg(unix)]
mod ignored_signals;
mod private_dir;
pub(crate) mod program;
pub(crate) mod redaction;
mod streams;
mod supervisor;

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

pub(crate) use command_env::CommandEnv;
pub(crate) use program::Program;
pub(crate) use streams::{Sink, Streams};

use crate::clock::Deadline;
use crate::error::{Error, Kind, Result};
use crate::host::Host;
use crate::secret::Text;
use private_dir::PrivateDir;
pub(crate) use supervisor::DeferredSignals;
use supervisor::Supervisor;

/// How long background processes of the command may still write after it has exited.
const STREAM_DELAY: Duration = Duration::from_secs(1);

/// A command to run.
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
    /// Why some of its output could not be written.
    pub lost_output: Option<io::Error>,
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
        let has_files = !self.files.is_empty();
        let directory = has_files.then(|| PrivateDir::create(host)).transpose()?;
        let mut paths = Vec::new();
        if let Some(directory) = &directory {
            for (name, content) in &self.files {
                paths.push((name.clone(), directory.write(name, content)?));
            }
        }
        let result = match supervisor.pending_exit() {
            Some(exit) => Ok(exit),
            None => self.spawn_and_wait(&paths, &mut supervisor),
        };
        let cleanup_error = directory.and_then(|directory| directory.remove().err());
        let mut exit = result?;
        exit.cleanup_error = cleanup_error;
        // Background processes of the command may still write to the pipes.
        supervisor.wait_for_streams(Deadline::after(STREAM_DELAY));
        exit.lost_output = supervisor.take_lost_output();
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
        // The threads start first: a command must not run without them.
        for pipe in self.streams.attach(&mut command)? {
            let stream = supervisor.track_stream();
            std::thread::Builder::new()
                .spawn(move || stream.close(pipe.copy().err()))
                .map_err(|error| Error::of_system("cannot start a thread", error))?;
        }
        let mut child = command
            .spawn()
            .map_err(|error| self.program.spawn_error(error))?;
        // `command` holds the write ends of the pipes: the readers would never see the end.
        drop(command);
        supervisor.wait(&mut child)
    }
}
