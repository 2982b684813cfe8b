//! `completion`: prints the script with which a shell completes command lines, and answers its calls.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Arg, Args, Command, CommandFactory, ValueEnum};
use clap_complete::engine::{
    ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter, complete,
};
use clap_complete::env::{Bash, EnvCompleter, Fish, Powershell, Zsh};
use kubeconfig::{Changes, MergedKubeconfig};

use super::flags::CacheFlags;
use super::{CommandLine, output};
use crate::authenticate::environment_names;
use crate::clock::Deadline;
use crate::config::Reference;
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::host::Host;
use crate::http::HttpClient;
use crate::kubernetes::kubeconfig_files::{KubeconfigFiles, UpdateMode};
use crate::log::Log;

pub(super) const ABOUT: &str = "Print a script that completes commands, flags and names in a shell";

/// In this variable, the scripts pass the name of the shell.
const VARIABLE: &str = "KUBECTL_ESC_COMPLETE";

/// The command with which kubectl's completion calls a plugin, as every program that uses Cobra has it.
const COBRA_COMMAND: &str = "__complete";

/// kubectl runs a program with this script's name and the words after `kubectl esc`.
const KUBECTL_SCRIPT: &str = "#!/bin/sh\n\
    # Completes `kubectl esc`. Save it as `kubectl_complete-esc` on the PATH, and make it executable.\n\
    exec kubectl-esc __complete \"$@\"";

/// What clap's script for zsh lacks: compinit loads a file `_kubectl-esc` as the function that completes.
const ZSH_AUTOLOAD: &str = "if [[ $funcstack[1] == _kubectl-esc ]]; then\n    \
    _clap_dynamic_completer_kubectl_esc\nfi";

/// How long to wait for names from Pulumi Cloud or a kubeconfig.
const TIMEOUT: Duration = Duration::from_secs(1);

#[derive(Args, Debug)]
#[command(about = ABOUT)]
pub(super) struct Arguments {
    /// Shell, or kubectl for the program kubectl_complete-esc
    ///
    /// bash: add `source <(kubectl-esc completion bash)` to ~/.bashrc. zsh: the same with zsh in ~/.zshrc,
    /// after compinit. fish: add `kubectl-esc completion fish | source` to
    /// ~/.config/fish/config.fish. powershell: add `kubectl-esc completion powershell | Out-String |
    /// Invoke-Expression` to $PROFILE. kubectl: save the script as kubectl_complete-esc on the PATH, and
    /// make it executable.
    #[arg(value_name = "SHELL", value_enum)]
    shell: Shell,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
    Powershell,
    Kubectl,
}

impl Shell {
    /// The one that writes its script, and the answers to it.
    fn completer(self) -> Option<&'static dyn EnvCompleter> {
        match self {
            Self::Bash => Some(&Bash),
            Self::Zsh => Some(&Zsh),
            Self::Fish => Some(&Fish),
            Self::Powershell => Some(&Powershell),
            Self::Kubectl => None,
        }
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let Some(completer) = arguments.shell.completer() else {
        return output::print(KUBECTL_SCRIPT);
    };
    let mut script = Vec::new();
    let name = env!("CARGO_PKG_NAME");
    completer
        .write_registration(VARIABLE, name, name, name, &mut script)
        .map_err(|error| Error::new(Kind::Internal, "cannot write the script").caused_by(error))?;
    if matches!(arguments.shell, Shell::Zsh) {
        script.extend(ZSH_AUTOLOAD.bytes());
    }
    output::print(script.trim_ascii_end())
}

/// Answers a call of a script, which prints the candidates for the last word. `None` for other calls.
pub(super) fn respond(arguments: &[OsString], host: &Host) -> Option<Result<()>> {
    let (_, [first, words @ ..]) = arguments.split_first()? else {
        return None;
    };
    let mut text = Vec::new();
    if first == COBRA_COMMAND {
        let mut line = vec![OsString::from(env!("CARGO_PKG_NAME"))];
        line.extend(words.iter().cloned());
        let last = line.len() - 1;
        let found = complete(&mut command(&line, host), line, last, Some(Path::new(".")));
        text = cobra(&found.unwrap_or_default()).into_bytes();
    } else {
        if first != "--" {
            return None;
        }
        let shell = host.variable(VARIABLE).ok()??;
        let shell = Shell::from_str(&shell, false).ok()?.completer()?;
        // Like a failure to complete, this prints nothing.
        let _ = shell.write_complete(
            &mut command(words, host),
            words.to_vec(),
            Some(Path::new(".")),
            &mut text,
        );
    }
    let text = text.trim_ascii_end();
    Some(if text.is_empty() {
        Ok(())
    } else {
        output::print(text)
    })
}

/// The candidates as Cobra prints them: a value and its description per line, then a directive.
fn cobra(candidates: &[CompletionCandidate]) -> String {
    const NO_SPACE: u8 = 2;
    const NO_FILES: u8 = 4;
    let mut text = String::new();
    for candidate in candidates {
        text.push_str(&candidate.get_value().to_string_lossy());
        if let Some(help) = candidate.get_help() {
            let help = help.to_string();
            text.push('\t');
            text.push_str(help.lines().next().unwrap_or_default());
        }
        text.push('\n');
    }
    let is_directory =
        |candidate: &CompletionCandidate| candidate.get_value().to_string_lossy().ends_with('/');
    let directive = if candidates.iter().all(is_directory) {
        NO_FILES | NO_SPACE
    } else {
        NO_FILES
    };
    format!("{text}:{directive}")
}

/// The command line with the values of arguments that this machine or Pulumi Cloud knows. `words` is the
/// line to complete.
fn command(words: &[OsString], host: &Host) -> Command {
    let mut command = CommandLine::command();
    command.build();
    let kubeconfig = kubeconfig_flag(words);
    complete_arguments(command, kubeconfig.as_deref(), host)
}

fn complete_arguments(command: Command, kubeconfig: Option<&Path>, host: &Host) -> Command {
    let names = command
        .get_subcommands()
        .map(|command| command.get_name().to_owned());
    let names: Vec<_> = names.collect();
    let command = names.into_iter().fold(command, |command, name| {
        command.mut_subcommand(name, |command| {
            complete_arguments(command, kubeconfig, host)
        })
    });
    let of_environment = command.get_name() == "update-kubeconfig";
    command.mut_args(|arg| with_values(arg, of_environment, kubeconfig, host))
}

/// Adds values to an argument. Flags are hidden, so that they are only offered for a word that starts
/// with a dash, or where there is nothing else. `of_environment`: the command's `--context` names one in
/// the environment.
fn with_values(arg: Arg, of_environment: bool, kubeconfig: Option<&Path>, host: &Host) -> Arg {
    let arg = if arg.is_positional() {
        arg
    } else {
        arg.hide(true)
    };
    let (host, kubeconfig) = (host.clone(), kubeconfig.map(Path::to_owned));
    match arg.get_id().as_str() {
        "environment" => arg.add(ArgValueCompleter::new(move |word: &OsStr| {
            environments(word, &host)
        })),
        "secrets_of" => arg.add(ArgValueCompleter::new(move |word: &OsStr| {
            with_prefix(cloud_names(&host), word)
        })),
        "context" if of_environment => arg,
        "context" | "alias" => arg.add(ArgValueCompleter::new(move |word: &OsStr| {
            let names = kubeconfig_names(kubeconfig.as_deref(), &host, |kubeconfig| {
                let contexts = kubeconfig.contexts().into_iter();
                contexts.map(|context| context.name).collect()
            });
            with_prefix(names, word)
        })),
        "user_alias" => arg.add(ArgValueCompleter::new(move |word: &OsStr| {
            let names = kubeconfig_names(kubeconfig.as_deref(), &host, |kubeconfig| {
                kubeconfig
                    .users()
                    .into_iter()
                    .map(|user| user.name)
                    .collect()
            });
            with_prefix(names, word)
        })),
        _ => arg,
    }
}

/// Environments in Pulumi Cloud, unless the word is a path, and definition files.
fn environments(word: &OsStr, host: &Host) -> Vec<CompletionCandidate> {
    let is_path = matches!(Reference::parse(word, host), Ok(Reference::Local(_)));
    let names = if is_path {
        Vec::new()
    } else {
        cloud_names(host)
    };
    let mut candidates = with_prefix(names, word);
    let is_definition = |path: &Path| {
        let extension = path.extension();
        path.is_file()
            && extension.is_some_and(|extension| extension == "yaml" || extension == "yml")
    };
    candidates.extend(PathCompleter::any().filter(is_definition).complete(word));
    candidates
}

fn with_prefix(names: Vec<String>, word: &OsStr) -> Vec<CompletionCandidate> {
    let word = word.to_string_lossy();
    let names = names.into_iter().filter(|name| name.starts_with(&*word));
    names.map(CompletionCandidate::new).collect()
}

/// The names of environments in Pulumi Cloud; none after a failure.
fn cloud_names(host: &Host) -> Vec<String> {
    let (http, log) = (HttpClient::new(host), Log::disabled());
    let context = Context::new(host, &http, &log, TIMEOUT);
    let cache = CacheFlags::default().request(host).unwrap_or_default();
    environment_names(&cache, context).unwrap_or_default()
}

/// Names in the kubeconfig; none after a failure.
fn kubeconfig_names(
    path: Option<&Path>,
    host: &Host,
    names: impl FnOnce(&MergedKubeconfig) -> Vec<String>,
) -> Vec<String> {
    let mut found = Vec::new();
    if let Ok(files) = KubeconfigFiles::locate(path, host) {
        let _ = files.update(UpdateMode::DryRun, Deadline::after(TIMEOUT), |kubeconfig| {
            found = names(kubeconfig);
            Ok(Changes::default())
        });
    }
    found
}

/// The file of `--kubeconfig` in the words.
fn kubeconfig_flag(words: &[OsString]) -> Option<PathBuf> {
    const FLAG: &str = "--kubeconfig";
    let mut words = words
        .iter()
        .skip_while(|word| *word != FLAG && !word.to_string_lossy().starts_with("--kubeconfig="));
    let word = words.next()?;
    match word.to_str()?.split_once('=') {
        Some((_, path)) => Some(path.into()),
        None => words.next().map(PathBuf::from),
    }
}
