//! `run`: runs a command with the variables and files of an environment.

#![expect(clippy::doc_markdown, reason = "help text has no markup")]

use std::ffi::OsString;
use std::io::{self, IsTerminal};

use clap::Args;

use super::flags::{OpenFlags, environment_or_variable, heading};
use super::{output, spinner};
use crate::authenticate::open;
use crate::context::Context;
use crate::error::{Error, Kind, Result, counted};
use crate::log::Message;
use crate::process::CommandEnv;
use crate::process::redaction::Patterns;
use crate::process::{Invocation, Program, Sink, Streams};

pub(super) const ABOUT: &str =
    "Run a command with the environmentVariables and files of an environment";

#[derive(Args, Debug)]
#[command(about = ABOUT, after_help = AFTER_HELP)]
pub(super) struct Arguments {
    /// Environment to open: a name in Pulumi Cloud or a definition file
    ///
    /// Names are such as acme/platform/prod or acme/platform/prod@3, files such as ./env.yaml. [env:
    /// KUBECTL_ESC_ENVIRONMENT]
    // Without an environment, `--` starts the command.
    #[arg(value_name = "ENVIRONMENT", value_terminator = "--")]
    environment: Option<OsString>,

    /// Command to run, and its arguments
    ///
    /// ${PATH} in an argument is replaced by a value of the environment, such as ${aws.region}.
    #[arg(value_name = "COMMAND", trailing_var_arg = true)]
    command: Vec<OsString>,

    /// Do not redact secrets in the output of the command
    #[arg(short = 'i', long, visible_alias = "interactive", help_heading = heading::OUTPUT)]
    no_redact: bool,

    #[command(flatten)]
    flags: OpenFlags,
}

const AFTER_HELP: &str = "The exit code is the command's: 128 plus the signal number if a signal \
    terminated it, 126 if it is not executable, 127 if it is not found.";

pub(super) fn run(arguments: &Arguments, context: Context<'_>) -> Result<u8> {
    let (name, rest) = arguments.command.split_first().ok_or_else(|| {
        Error::configuration("no command specified")
            .with_hint("add COMMAND after `--`: `kubectl-esc run ./env.yaml -- kubectl get pods`")
    })?;
    // Before the environment is opened, so that a mistyped name costs no login.
    let program = Program::find(name, context.host)?;
    let environment = environment_or_variable(arguments.environment.as_ref(), context.host)?;
    let request = arguments.flags.request(&environment, context.host)?;
    let context = context.with_timeout(request.timeout);
    let opened = spinner::while_opening(context, || open(&request, context))?;
    let warnings = opened.warnings();
    if !warnings.is_empty() {
        output::block(&warnings);
    }
    let command_env = CommandEnv::new(opened.environment(), rest)?;
    if command_env.is_unused_by(rest) {
        output::note(Message::Line(&format!(
            "warning: the environment `{}` has no `environmentVariables` and no `files` to pass to `{}`",
            request.environment,
            name.display()
        )));
    }
    let streams = if arguments.no_redact {
        Streams::Inherited
    } else {
        redacted_streams(&command_env)?
    };
    let invocation = Invocation {
        program,
        variables: command_env.variables,
        arguments: command_env.arguments,
        files: command_env.files,
        streams,
    };
    context.log.info(format_args!(
        "running `{}` with {} and {}",
        invocation.program.path().display(),
        counted(invocation.variables.len(), "variable"),
        counted(invocation.files.len(), "file")
    ));
    let mut exit = invocation.run(context.host)?;
    if let Some(error) = &exit.cleanup_error {
        output::report(error);
    }
    if let Some(error) = exit.lost_output.take() {
        let error = output::lost("the output of the command", error);
        if exit.code == 0 {
            return Err(error);
        }
        // SIGPIPE may have terminated the command, which would not say why.
        if error.kind() != Kind::OutputClosed {
            output::report(&error);
        }
    }
    Ok(exit.finish())
}

/// Redacts each output stream that is not a terminal, such as a CI log.
fn redacted_streams(command_env: &CommandEnv) -> Result<Streams> {
    let stdout = (!io::stdout().is_terminal()).then(|| Box::new(output::stdout()) as Sink);
    let stderr = (!io::stderr().is_terminal()).then(|| Box::new(output::stderr()) as Sink);
    if stdout.is_none() && stderr.is_none() {
        return Ok(Streams::Inherited);
    }
    let patterns = Patterns::new(
        &command_env.secrets,
        &command_env.environment_secrets,
        command_env.values(),
    )?;
    Ok(match patterns {
        None => Streams::Inherited,
        Some(patterns) => Streams::Redacted {
            patterns,
            joined: stdout.is_some() && stderr.is_some() && are_same_file(),
            stdout,
            stderr,
        },
    })
}

/// Whether standard output and standard error are the same file or pipe.
#[cfg(unix)]
fn are_same_file() -> bool {
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

/// Unknown on this system. With two pipes, the order between the streams may change.
#[cfg(not(unix))]
fn are_same_file() -> bool {
    false
}
