//! The command line: parses arguments, runs a command, and prints its result.
//!
//! Only this module and its submodules write to standard output and standard error.

mod cache;
mod check;
mod completion;
mod convert_kubeconfig;
mod credential_process;
mod doctor;
mod edit_kubeconfig;
mod flags;
mod get_token;
mod help;
mod open;
mod output;
mod run;
mod spinner;
mod update_kubeconfig;
mod version;

use std::ffi::OsString;

use clap::{ArgAction, Parser, Subcommand};

use crate::config::{DEFAULT_TIMEOUT, Request};
use crate::context::Context;
use crate::error::{Error, Kind as ErrorKind, Result};
use crate::host::Host;
use crate::http::HttpClient;
use crate::log::{Level, Log};
use crate::process::core_dumps;

/// Authenticates kubectl, Helm and Pulumi to EKS, GKE and AKS with credentials from a Pulumi ESC environment
#[derive(Debug, Parser)]
#[expect(clippy::doc_markdown, reason = "help text has no markup")]
#[command(name = "kubectl-esc", version, long_version = version::LONG)]
#[command(disable_help_subcommand = true)]
struct CommandLine {
    /// Log each step to standard error (-vv for more)
    ///
    /// [env: KUBECTL_ESC_LOG=1 or 2]
    #[arg(short, long = "verbose", global = true, action = ArgAction::Count)]
    verbosity: u8,

    #[command(subcommand)]
    command: Command,
}

// Deferred: only the flags of the command that runs are built, which makes `get-token` start faster. The
// `about` of a variant is for the list of commands; the one of its `Arguments`, for the command's help.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
enum Command {
    #[command(about = cache::ABOUT)]
    Cache(cache::Arguments),
    #[command(about = check::ABOUT)]
    Check(check::Arguments),
    #[command(about = completion::ABOUT)]
    Completion(completion::Arguments),
    #[command(about = convert_kubeconfig::ABOUT)]
    ConvertKubeconfig(convert_kubeconfig::Arguments),
    #[command(about = credential_process::ABOUT)]
    CredentialProcess(credential_process::Arguments),
    #[command(about = doctor::ABOUT)]
    Doctor(doctor::Arguments),
    #[command(about = get_token::ABOUT)]
    GetToken(get_token::Arguments),
    #[command(about = open::ABOUT)]
    Open(open::Arguments),
    #[command(about = run::ABOUT)]
    Run(run::Arguments),
    #[command(about = update_kubeconfig::ABOUT)]
    UpdateKubeconfig(update_kubeconfig::Arguments),
    #[command(about = version::ABOUT)]
    Version(version::Arguments),
}

/// Fails because standard output is closed: every command would lose its result.
#[must_use]
pub fn reject_closed_stdout() -> u8 {
    report_result(Err(Error::configuration("standard output is closed")
        .with_hint("redirect it to a file or to /dev/null")))
}

/// Runs the command line and returns the exit code of the process.
pub fn run(arguments: impl IntoIterator<Item = OsString>, host: &Host) -> u8 {
    core_dumps::disable();
    let arguments: Vec<_> = arguments.into_iter().collect();
    report_result(match CommandLine::try_parse_from(&arguments) {
        Ok(command_line) => dispatch(&command_line, host),
        // Calls of completion scripts, help and the version are errors to clap.
        Err(error) => success(match completion::respond(&arguments, host) {
            Some(result) => result,
            None => help::respond(error, &arguments, host).and_then(output::print),
        }),
    })
}

/// Parses a `get-token` command line, including the program name, into a request. For `doctor`, and for
/// tests that authenticate in their own process.
#[doc(hidden)]
pub fn token_request(
    arguments: impl IntoIterator<Item = OsString>,
    host: &Host,
) -> Result<Request> {
    let arguments: Vec<_> = arguments.into_iter().collect();
    match CommandLine::try_parse_from(&arguments) {
        Ok(CommandLine {
            command: Command::GetToken(arguments),
            ..
        }) => arguments.request(host),
        Err(error) if error.use_stderr() => help::respond(error, &arguments, host)
            .and_then(|_| Err(Error::configuration("no command specified"))),
        _ => Err(Error::configuration("not a `get-token` command line")),
    }
}

/// The command line with everything that help shows, for the man pages.
#[doc(hidden)]
#[must_use]
pub fn command_line() -> clap::Command {
    help::command(env!("CARGO_PKG_NAME"), 0)
}

/// Runs a command. The exit code is 0, that of the child process of `run`, or that of a step of `doctor`.
fn dispatch(command_line: &CommandLine, host: &Host) -> Result<u8> {
    if !matches!(command_line.command, Command::Run(_)) {
        core_dumps::disable_for_children();
    }
    let log = Log::new(log_level(command_line.verbosity, host)?, &output::note);
    let http = HttpClient::new(host);
    let context = Context::new(host, &http, &log, DEFAULT_TIMEOUT);
    match &command_line.command {
        Command::Cache(arguments) => success(cache::run(arguments, host)),
        Command::Check(arguments) => success(check::run(arguments, context)),
        Command::Completion(arguments) => success(completion::run(arguments)),
        Command::ConvertKubeconfig(arguments) => {
            success(convert_kubeconfig::run(arguments, context))
        }
        Command::CredentialProcess(arguments) => {
            success(credential_process::run(arguments, context))
        }
        Command::Doctor(arguments) => doctor::run(arguments, context),
        Command::GetToken(arguments) => success(get_token::run(arguments, context)),
        Command::Open(arguments) => success(open::run(arguments, context)),
        Command::Run(arguments) => run::run(arguments, context),
        Command::UpdateKubeconfig(arguments) => success(update_kubeconfig::run(arguments, context)),
        Command::Version(arguments) => success(version::run(arguments)),
    }
}

fn success(result: Result<()>) -> Result<u8> {
    result.map(|()| 0)
}

fn report_result(result: Result<u8>) -> u8 {
    match result {
        Ok(exit_code) => exit_code,
        Err(error) => {
            if error.kind() != ErrorKind::OutputClosed {
                output::report(&error);
            }
            error.kind().exit_code()
        }
    }
}

/// Makes a panic print an error with its location and exit with the code of
/// [`ErrorKind::Internal`]. The panic message is not printed, because it may contain secrets.
pub fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let location = panic
            .location()
            .map_or_else(String::new, |location| format!(" at {location}"));
        let version = env!("CARGO_PKG_VERSION");
        let message = format!("kubectl-esc {version} has a bug{location}");
        let error = Error::new(ErrorKind::Internal, message)
            .with_hint("please report it, with the command that you ran");
        output::report(&error);
        #[expect(clippy::exit, reason = "a panic on any thread must end the process")]
        #[expect(clippy::disallowed_methods, reason = "the same")]
        std::process::exit(error.kind().exit_code().into());
    }));
}

/// The higher of the levels that `-v` and `KUBECTL_ESC_LOG` set.
fn log_level(flag_count: u8, host: &Host) -> Result<Option<Level>> {
    let variable = match host.variable("KUBECTL_ESC_LOG")?.as_deref() {
        None | Some("0") => 0,
        Some("1") => 1,
        Some("2") => 2,
        Some(_) => {
            return Err(
                Error::configuration("the variable `KUBECTL_ESC_LOG` must be 0, 1 or 2")
                    .with_hint("set it to 1 to log each step, to 2 for more, or unset it"),
            );
        }
    };
    Ok(match flag_count.max(variable) {
        0 => None,
        1 => Some(Level::Info),
        _ => Some(Level::Debug),
    })
}
