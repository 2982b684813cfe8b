//! Help and usage errors. Only built when they are printed: `get-token` parses without texts that no one
//! reads.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, CommandFactory};

use super::CommandLine;
use crate::error::{Error, Result};
use crate::host::Host;

/// Where the documentation is.
const DOCUMENTATION: &str = env!("CARGO_PKG_REPOSITORY");

const DEFAULT_WIDTH: usize = 80;

/// In narrower terminals, names of flags would not fit.
const MIN_WIDTH: usize = 40;

/// The largest number of edits between a flag and a suggestion for it. clap's own measure also matches
/// flags that only share letters, such as `--version` and `--region`.
const MAX_EDITS: usize = 2;

/// The examples of the commands, as descriptions and commands without the program's name. Each fits in a
/// narrow terminal.
const EXAMPLES: &[(&str, &[(&str, &str)])] = &[
    (
        "",
        &[
            (
                "Add an EKS cluster to the kubeconfig",
                "update-kubeconfig acme/platform/prod",
            ),
            ("Find out why kubectl cannot log in", "doctor"),
            (
                "Run a command with an environment",
                "run acme/platform/prod -- helm list",
            ),
        ],
    ),
    (
        "cache",
        &[
            ("List the cached credentials", "cache list"),
            ("Fetch new credentials in the next call", "cache clear"),
        ],
    ),
    (
        "cache clear",
        &[
            ("Remove all entries", "cache clear"),
            (
                "Remove the entries of one environment",
                "cache clear acme/platform/prod",
            ),
        ],
    ),
    (
        "cache list",
        &[
            ("List the entries", "cache list"),
            ("List them for a script", "cache list -o json"),
        ],
    ),
    (
        "check",
        &[
            ("Validate a definition file", "check ./env.yaml"),
            (
                "Validate an environment in Pulumi Cloud",
                "check acme/platform/prod",
            ),
            (
                "Validate standard input, for an editor",
                "check - -o json < env.yaml",
            ),
        ],
    ),
    (
        "completion",
        &[
            ("In ~/.bashrc", "completion bash"),
            ("For `kubectl esc`", "completion kubectl"),
        ],
    ),
    (
        "convert-kubeconfig",
        &[
            (
                "Preview the changes",
                "convert-kubeconfig acme/platform/prod --dry-run",
            ),
            (
                "Convert the user of one context",
                "convert-kubeconfig ./env.yaml --context prod",
            ),
        ],
    ),
    (
        "credential-process",
        &[
            (
                "In ~/.aws/config, after `credential_process =`",
                "credential-process acme/platform/prod",
            ),
            (
                "With a role of the environment",
                "credential-process ./env.yaml --credentials aws.creds",
            ),
        ],
    ),
    (
        "doctor",
        &[
            (
                "Diagnose a context of the kubeconfig",
                "doctor --context prod",
            ),
            (
                "Log each step and its requests",
                "doctor acme/platform/prod -i prod -vv",
            ),
        ],
    ),
    (
        "get-token",
        &[
            (
                "Print a token, as kubectl does it",
                "get-token acme/platform/prod -i prod",
            ),
            (
                "Only the bearer token, with new credentials",
                "get-token ./env.yaml --token-only --refresh",
            ),
            ("Log each step", "get-token acme/platform/prod -i prod -v"),
        ],
    ),
    (
        "open",
        &[
            ("Print all values as JSON", "open acme/platform/prod"),
            (
                "Print one value without quotes",
                "open acme/platform/prod aws.region -o string",
            ),
            (
                "Print the variables for a shell, redacted",
                "open ./env.yaml -o shell --redact",
            ),
        ],
    ),
    (
        "run",
        &[
            ("List Helm releases", "run acme/platform/prod -- helm list"),
            (
                "Pass a value of the environment",
                "run ./env.yaml -- echo '${aws.region}'",
            ),
        ],
    ),
    (
        "update-kubeconfig",
        &[
            (
                "Add the cluster that the environment names",
                "update-kubeconfig acme/platform/prod",
            ),
            (
                "Add another cluster, and preview the changes",
                "update-kubeconfig ./env.yaml --name dev --dry-run",
            ),
        ],
    ),
    (
        "version",
        &[
            ("Print the version", "version"),
            ("Print it for a script", "version -o json"),
        ],
    ),
];

/// The help or version that the arguments ask for, or the error that explains why they are wrong. `error`
/// is that of the plain command line.
pub(super) fn respond(error: clap::Error, arguments: &[OsString], host: &Host) -> Result<String> {
    let program = program_name(arguments, host);
    let width = width(host);
    let mut command = command(&program, width);
    let error = command
        .try_get_matches_from_mut(arguments)
        .err()
        .unwrap_or(error);
    let is_help = match error.kind() {
        // A client that calls the plugin without arguments would take the help for a credential.
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            host.path_variable("KUBERNETES_EXEC_INFO").is_none()
        }
        _ => !error.use_stderr(),
    };
    if is_help {
        return Ok(tidy(&error.render().to_string(), width));
    }
    Err(usage_error(&error, &program, &command, arguments))
}

/// The command line with everything that help shows.
pub(super) fn command(program: &str, width: usize) -> Command {
    let mut command = CommandLine::command()
        .bin_name(program)
        .disable_help_subcommand(false)
        .term_width(width);
    command.build();
    describe(command, "", program)
}

/// Adds the examples and the address of the documentation to a command and its subcommands.
fn describe(command: Command, path: &str, program: &str) -> Command {
    let names = command
        .get_subcommands()
        .map(|command| command.get_name().to_owned());
    let names: Vec<_> = names.filter(|name| name != "help").collect();
    let command = names.into_iter().fold(command, |command, name| {
        let path = format!("{path} {name}").trim_start().to_owned();
        command.mut_subcommand(name, |subcommand| describe(subcommand, &path, program))
    });
    let mut text = String::new();
    if let Some((_, examples)) = EXAMPLES.iter().find(|(name, _)| *name == path) {
        text.push_str("Examples:\n");
        for (description, arguments) in *examples {
            let _ = writeln!(text, "  # {description}\n  {program} {arguments}");
        }
        text.push('\n');
    }
    // What a command says about its exit code. The text for `--help` replaces it.
    if let Some(after_help) = command.get_after_help() {
        let _ = write!(text, "{after_help}\n\n");
    }
    let _ = write!(text, "Documentation: {DOCUMENTATION}");
    command.after_long_help(text)
}

/// `kubectl esc` if kubectl runs this program as its plugin.
///
/// kubectl does not tell. It replaces itself with the plugin and passes the plugin's path as the name of
/// the program, but so does a person who types the path. In between, bash and zsh set `_` to the path of
/// the command that they run, which kubectl passes on unchanged.
fn program_name(arguments: &[OsString], host: &Host) -> String {
    let has_directory = |path: &Path| path.parent().is_some_and(|parent| parent != Path::new(""));
    let is_path = arguments
        .first()
        .is_some_and(|name| has_directory(Path::new(name)));
    let shell_command = host.path_variable("_");
    let is_kubectl = shell_command.is_some_and(|path| path.file_stem() == Some("kubectl".as_ref()));
    if is_path && is_kubectl {
        "kubectl esc".to_owned()
    } else {
        env!("CARGO_PKG_NAME").to_owned()
    }
}

/// The width to wrap at: `COLUMNS`, or else that of the terminal.
fn width(host: &Host) -> usize {
    let variable = host.variable("COLUMNS").ok().flatten();
    let variable = variable.and_then(|columns| columns.parse().ok());
    let terminal = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    let width = variable.filter(|width| *width > 0).or_else(terminal);
    width.unwrap_or(DEFAULT_WIDTH).max(MIN_WIDTH)
}

/// Wraps the usage, and removes the indentation of empty lines, which clap does not do.
fn tidy(text: &str, width: usize) -> String {
    let lines = text.trim_end().lines().map(|line| {
        let line = line.trim_end();
        match line.rsplit_once(' ') {
            Some((start, end)) if start.starts_with("Usage:") && line.len() > width => {
                format!("{start}\n       {end}")
            }
            _ => line.to_owned(),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Converts an error of clap, which is several paragraphs of text, into ours.
fn usage_error(
    error: &clap::Error,
    program: &str,
    command: &Command,
    arguments: &[OsString],
) -> Error {
    let rendered = error.render().to_string();
    let mut paragraphs = rendered.split("\n\n");
    let message = match error.kind() {
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            "no command specified"
        }
        _ => paragraphs
            .next()
            .unwrap_or_default()
            .trim_start_matches("error: "),
    };
    let hint = match error.kind() {
        ErrorKind::UnknownArgument => flag_hint(error, program),
        _ => paragraphs
            .find_map(|paragraph| paragraph.trim().strip_prefix("tip: "))
            .map(str::to_owned),
    };
    let hint = hint.unwrap_or_else(|| {
        let path = command_path(command, arguments);
        let shown = if path.is_empty() {
            "commands and flags"
        } else {
            "flags"
        };
        format!("run `{program}{path} --help` to see the {shown}")
    });
    Error::configuration(message).with_hint(hint.trim())
}

/// The hint for a flag that looks like another one.
fn flag_hint(error: &clap::Error, program: &str) -> Option<String> {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let flag = text(ContextKind::InvalidArg)?;
    if matches!(flag, "--version" | "-V") {
        return Some(format!("run `{program} version`"));
    }
    let similar = text(ContextKind::SuggestedArg)?;
    let is_similar = strsim::damerau_levenshtein(flag, similar) <= MAX_EDITS
        || similar.starts_with(flag)
        || flag.starts_with(similar);
    is_similar.then(|| format!("did you mean `{similar}`?"))
}

/// The names of the subcommands in the arguments, each after a space.
fn command_path(mut command: &Command, arguments: &[OsString]) -> String {
    let mut path = String::new();
    for argument in arguments
        .iter()
        .skip(1)
        .filter_map(|argument| argument.to_str())
    {
        if argument.starts_with('-') {
            continue;
        }
        let Some(subcommand) = command.find_subcommand(argument) else {
            break;
        };
        path.push(' ');
        path.push_str(subcommand.get_name());
        command = subcommand;
    }
    path
}
