//! The command line. Only the modules below this one write to standard output and standard error.

mod cache;
mod check;
mod convert_kubeconfig;
mod doctor;
mod edit_kubeconfig;
mod flags;
mod get_token;
mod open;
mod output;
mod run;
mod update_kubeconfig;

use std::ffi::OsString;

use clap::{ArgAction, Parser, Subcommand};

use crate::config::{DEFAULT_TIMEOUT, Request};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::http::HttpClient;
use crate::log::{Level, Log};

/// Logs kubectl, helm and Pulumi in to a Kubernetes cluster with what a Pulumi ESC environment holds
#[derive(Debug, Parser)]
#[expect(clippy::doc_markdown, reason = "help text has no markup")]
#[command(name = "kubectl-esc", version, disable_help_subcommand = true)]
struct CommandLine {
    /// Tell about each step on standard error; twice for more [variable: KUBECTL_ESC_LOG=1 or 2]
    #[arg(short, long = "verbose", global = true, action = ArgAction::Count)]
    verbosity: u8,

    #[command(subcommand)]
    command: Command,
}

// The flags of a command are put together when that command is asked for: a token needs no others.
// What stands on the variants is for the list of commands, what stands on their arguments for each.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
enum Command {
    #[command(about = cache::ABOUT)]
    Cache(cache::Arguments),
    #[command(about = check::ABOUT)]
    Check(check::Arguments),
    #[command(about = convert_kubeconfig::ABOUT)]
    ConvertKubeconfig(convert_kubeconfig::Arguments),
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
}

/// Runs the command line and returns the exit code of the process.
pub fn run(arguments: impl IntoIterator<Item = OsString>, host: &Host) -> u8 {
    let command_line = match CommandLine::try_parse_from(arguments) {
        Ok(command_line) => command_line,
        Err(problem) if !problem.use_stderr() => {
            return finish(done(output::print(problem.render().to_string().trim_end())));
        }
        Err(problem) => return finish(Err(usage_error(&problem))),
    };
    finish(dispatch(&command_line, host))
}

/// The request that the arguments of a `get-token` command line make, program name included. For
/// tests that make the call in their own process.
#[doc(hidden)]
pub fn token_request(
    arguments: impl IntoIterator<Item = OsString>,
    host: &Host,
) -> Result<Request> {
    match CommandLine::try_parse_from(arguments) {
        Ok(CommandLine {
            command: Command::GetToken(arguments),
            ..
        }) => arguments.request(host),
        Ok(_) => Err(Error::configuration("not a `get-token` command line")),
        Err(problem) => Err(usage_error(&problem)),
    }
}

/// Does what is asked for. The exit code is 0 but for `run`, whose command has one.
fn dispatch(command_line: &CommandLine, host: &Host) -> Result<u8> {
    let log = Log::new(level(command_line.verbosity, host)?, &output::note);
    let http = HttpClient::new(host);
    let context = Context::new(host, &http, &log, DEFAULT_TIMEOUT);
    match &command_line.command {
        Command::Cache(arguments) => done(cache::run(arguments, host)),
        Command::Check(arguments) => done(check::run(arguments, context)),
        Command::ConvertKubeconfig(arguments) => done(convert_kubeconfig::run(arguments, context)),
        Command::Doctor(arguments) => done(doctor::run(arguments, context)),
        Command::GetToken(arguments) => done(get_token::run(arguments, context)),
        Command::Open(arguments) => done(open::run(arguments, context)),
        Command::Run(arguments) => run::run(arguments, context),
        Command::UpdateKubeconfig(arguments) => done(update_kubeconfig::run(arguments, context)),
    }
}

fn done(result: Result<()>) -> Result<u8> {
    result.map(|()| 0)
}

fn finish(result: Result<u8>) -> u8 {
    match result {
        Ok(code) => code,
        Err(error) => {
            output::report(&error);
            error.kind().exit_code()
        }
    }
}

/// Lets a panic, which is a bug of ours, end the process with one sentence and the exit code of an
/// internal error. What the panic says is left out, for it may quote any value.
pub fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map_or_else(String::new, |place| format!(" at {place}"));
        let error = Error::new(
            crate::error::Kind::Internal,
            format!("kubectl-esc {} has a bug{place}", env!("CARGO_PKG_VERSION")),
        )
        .with_hint("please report it, with the command that you ran");
        output::report(&error);
        #[expect(clippy::exit, reason = "a panic on any thread has to end the process")]
        #[expect(clippy::disallowed_methods, reason = "the same")]
        std::process::exit(error.kind().exit_code().into());
    }));
}

/// What `-v` and `KUBECTL_ESC_LOG` say together.
fn level(flags: u8, host: &Host) -> Result<Option<Level>> {
    let variable = match host.variable("KUBECTL_ESC_LOG")?.as_deref() {
        None | Some("0") => 0,
        Some("1") => 1,
        Some("2") => 2,
        Some(_) => {
            return Err(
                Error::configuration("the variable `KUBECTL_ESC_LOG` is not 0, 1 or 2")
                    .with_hint("set it to 1 for steps, to 2 for more, or unset it"),
            );
        }
    };
    Ok(match flags.max(variable) {
        0 => None,
        1 => Some(Level::Info),
        _ => Some(Level::Debug),
    })
}

/// Puts clap's words into the shape of every other error.
fn usage_error(problem: &clap::Error) -> Error {
    let rendered = problem.render().to_string();
    let mut paragraphs = rendered.split("\n\n");
    let first = paragraphs.next().unwrap_or_default();
    let first = first.strip_prefix("error: ").unwrap_or(first);
    let tip = paragraphs.find_map(|paragraph| paragraph.trim().strip_prefix("tip: "));
    let message =
        if first.trim().is_empty() || first.starts_with("Usage") || first.starts_with("Logs") {
            "no command is given"
        } else {
            first
        };
    Error::configuration(message).with_hint(
        tip.unwrap_or("`kubectl-esc --help` shows the commands and flags")
            .trim(),
    )
}
