//! `run`: runs a command inside an environment.

use std::ffi::OsString;
use std::io::{self, IsTerminal};

use clap::Args;

use super::flags::OpenFlags;
use super::output;
use crate::authenticate::open;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::process::HandOver;
use crate::process::redaction::Patterns;
use crate::process::{Invocation, Program, Sink, Streams};

pub(super) const ABOUT: &str =
    "Open an environment and run a command in it, with its environmentVariables and files";

#[derive(Args, Debug)]
#[command(about = ABOUT, after_help = AFTER_HELP)]
pub(super) struct Arguments {
    /// Environment to open: a local definition such as ./env.yaml
    #[arg(value_name = "ENVIRONMENT")]
    environment: String,

    /// Command to run, and its arguments, in which ${PATH} is a value of the environment, such as
    /// ${aws.region}
    #[arg(value_name = "COMMAND", required = true, trailing_var_arg = true)]
    command: Vec<OsString>,

    /// Pass the command's output through as it is, secrets included
    #[arg(short = 'i', long, visible_alias = "interactive")]
    no_redact: bool,

    #[command(flatten)]
    flags: OpenFlags,
}

const AFTER_HELP: &str = "The exit code is that of the command; 128 and the signal's number where a \
    signal ended it; 126 and 127 where it could not be started.";

pub(super) fn run(arguments: &Arguments, context: Context<'_>) -> Result<u8> {
    let (name, rest) = arguments.command.split_first().ok_or_else(|| {
        Error::configuration("no command is given")
            .with_hint("write it after `--`: `kubectl-esc run ./env.yaml -- kubectl get pods`")
    })?;
    // Before anything is opened: a mistyped name costs no login.
    let program = Program::find(name, context.host)?;
    let request = arguments
        .flags
        .request(&arguments.environment, context.host)?;
    let opened = open(&request, context.with_timeout(request.timeout))?;
    let warnings = opened.warnings();
    if !warnings.is_empty() {
        output::block(&warnings);
    }
    let given = HandOver::of(opened.environment(), rest)?;
    let streams = if arguments.no_redact {
        Streams::Inherited
    } else {
        streams(&given)?
    };
    let invocation = Invocation {
        program,
        variables: given.variables,
        arguments: given.arguments,
        files: given.files,
        streams,
    };
    context.log.info(format_args!(
        "running `{}` with {} variables and {} files",
        invocation.program.path().display(),
        invocation.variables.len(),
        invocation.files.len()
    ));
    let ended = invocation.run(context.host)?;
    if let Some(leftovers) = &ended.leftovers {
        output::report(leftovers);
    }
    Ok(ended.finish())
}

/// A terminal shows what the command writes; whatever else takes it, such as a log, gets it
/// redacted.
fn streams(given: &HandOver) -> Result<Streams> {
    let to_redact = |is_terminal: bool, sink: Sink| (!is_terminal).then_some(sink);
    let stdout = to_redact(io::stdout().is_terminal(), Box::new(io::stdout()));
    let stderr = to_redact(io::stderr().is_terminal(), Box::new(io::stderr()));
    if stdout.is_none() && stderr.is_none() {
        return Ok(Streams::Inherited);
    }
    let patterns = Patterns::new(&given.secrets, &given.all_secrets, given.texts())?;
    Ok(match patterns {
        None => Streams::Inherited,
        Some(patterns) => Streams::Redacted {
            patterns,
            joined: stdout.is_some() && stderr.is_some() && are_one_file(),
            stdout,
            stderr,
        },
    })
}

/// Whether standard output and standard error are the same file or pipe.
#[cfg(unix)]
fn are_one_file() -> bool {
    use std::fs::File;
    use std::os::fd::AsFd;
    use std::os::unix::fs::MetadataExt;
    let identity = |stream: io::Result<std::os::fd::OwnedFd>| {
        let metadata = File::from(stream?).metadata()?;
        Ok::<_, io::Error>((metadata.dev(), metadata.ino()))
    };
    let stdout = identity(io::stdout().as_fd().try_clone_to_owned());
    let stderr = identity(io::stderr().as_fd().try_clone_to_owned());
    matches!((stdout, stderr), (Ok(stdout), Ok(stderr)) if stdout == stderr)
}

/// Unknown here; two pipes serve, and only the order between the two may change.
#[cfg(not(unix))]
fn are_one_file() -> bool {
    false
}
