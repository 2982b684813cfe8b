//! Shared by `update-kubeconfig` and `convert-kubeconfig`: applies changes to kubeconfig files, and
//! protects entries of other kinds.

use kubeconfig::{Changes, EditedFile, Exec, MergedKubeconfig};

use super::flags::KubeconfigFlags;
use super::output;
use crate::clock::Deadline;
use crate::config::{ClusterProvider, OpenRequest};
use crate::error::{Error, Result};
use crate::exec_plugins::ExecPlugin;
use crate::host::Host;
use crate::kubernetes::kubeconfig_files::{KubeconfigFiles, UpdateMode};
use crate::kubernetes::plugin_user::PluginUser;
use crate::process::DeferredSignals;
use crate::secret::REDACTED;

/// Changes the kubeconfig files, and lists them with the entries that changed. With `--dry-run`, only
/// prints the diff.
pub(super) fn apply(
    flags: &KubeconfigFlags,
    request: &OpenRequest,
    host: &Host,
    change: impl FnOnce(&MergedKubeconfig) -> Result<Changes>,
) -> Result<()> {
    let files = KubeconfigFiles::locate(flags.kubeconfig.as_deref(), host)?;
    let deadline = Deadline::after(request.timeout);
    if flags.dry_run {
        let edited = files.update(UpdateMode::DryRun, deadline, change)?;
        let diffs = edited.iter().map(|file| file.redacted_diff(REDACTED));
        let diff: String = diffs.collect();
        return match diff.strip_suffix('\n') {
            Some(diff) => output::print(diff),
            None => Ok(()),
        };
    }
    let signals = DeferredSignals::start()?;
    let is_canceled = || signals.is_pending();
    let mode = UpdateMode::Write {
        is_canceled: &is_canceled,
    };
    let edited = files.update(mode, deadline, change);
    // The locks are removed now.
    signals.deliver();
    let edited = edited?;
    let changed: Vec<_> = edited.iter().map(describe).collect();
    if changed.is_empty() {
        output::print("nothing to change")
    } else {
        output::print(changed.join("\n"))
    }
}

/// The file, and its entries that were added and updated.
fn describe(file: &EditedFile) -> String {
    let mut parts = Vec::new();
    for (verb, is_new) in [("added", true), ("updated", false)] {
        let entries = file.entries.iter().filter(|entry| entry.is_new == is_new);
        let entries: Vec<_> = entries
            .map(|entry| format!("{} `{}`", entry.section.content_key(), entry.name))
            .collect();
        if !entries.is_empty() {
            parts.push(format!("{verb} {}", entries.join(", ")));
        }
    }
    if parts.is_empty() {
        return format!("changed {}", file.path.display());
    }
    format!("changed {}: {}", file.path.display(), parts.join("; "))
}

/// Rejects blank names.
pub(super) fn check_names(flags: &KubeconfigFlags) -> Result<()> {
    for (flag, name) in [
        ("--alias", &flags.alias),
        ("--user-alias", &flags.user_alias),
    ] {
        if name.as_ref().is_some_and(|name| name.trim().is_empty()) {
            return Err(
                Error::configuration(format!("the name in `{flag}` is empty"))
                    .with_hint(format!("pass a name, or omit `{flag}`")),
            );
        }
    }
    Ok(())
}

/// Rejects overwriting a user who is not for clusters of the provider: the credentials would be lost.
pub(super) fn check_user(
    kubeconfig: &MergedKubeconfig,
    name: &str,
    provider: ClusterProvider,
) -> Result<()> {
    let Some(user) = kubeconfig.user(name) else {
        return Ok(());
    };
    if user.exec.is_some_and(|exec| is_for(&exec, provider)) {
        return Ok(());
    }
    let provider = provider.title();
    Err(Error::configuration(format!(
        "the kubeconfig already has a user `{name}`, which is not for {provider}"
    ))
    .with_hint("choose another name with `--alias` or `--user-alias`"))
}

/// Whether a plugin may be for clusters of the provider.
fn is_for(exec: &Exec, provider: ClusterProvider) -> bool {
    match ExecPlugin::identify(exec) {
        ExecPlugin::KubectlEsc => own_provider(exec).is_none_or(|own| own == provider),
        ExecPlugin::Convertible(command) => command.provider == provider,
        ExecPlugin::Unsupported(other, _) => other == provider,
        ExecPlugin::Other => false,
    }
}

/// The provider in the arguments or variables of this plugin; `None` if the environment decides.
pub(super) fn own_provider(exec: &Exec) -> Option<ClusterProvider> {
    let value = |flag: &str| {
        let mut arguments = exec.args.iter();
        let found = arguments.find_map(|argument| argument.strip_prefix(flag))?;
        match found.strip_prefix('=') {
            Some(value) => Some(value),
            None if found.is_empty() => arguments.next().map(String::as_str),
            None => None,
        }
    };
    let mut variables = exec.env.iter();
    let variable = variables.find(|(name, _)| name == "KUBECTL_ESC_PROVIDER");
    let variable = variable.map(|(_, value)| value.as_str());
    match value("--provider").or(variable) {
        Some(provider) => provider.parse().ok(),
        None => value("--cluster-name").map(|_| ClusterProvider::Eks),
    }
}

/// Rejects moving a context from a user who is not for the provider to `user`.
pub(super) fn check_context(
    kubeconfig: &MergedKubeconfig,
    name: &str,
    user: &str,
    provider: ClusterProvider,
) -> Result<()> {
    match kubeconfig.context(name) {
        Some(context) if context.user != user && !context.user.is_empty() => {
            check_user(kubeconfig, &context.user, provider).map_err(|_| {
                Error::configuration(format!(
                    "the kubeconfig already has a context `{name}`, of user `{}`",
                    context.user
                ))
                .with_hint("choose another name with `--alias`")
            })
        }
        _ => Ok(()),
    }
}

/// Warnings about arguments that some clients do not pass on unchanged.
pub(super) fn warnings(user: &PluginUser) -> impl Iterator<Item = String> {
    user.fragile_arguments().map(|argument| {
        format!(
            "warning: fabric8 and the .NET client change arguments with blanks, quotes, `$` or `~`: \
             `{argument}`"
        )
    })
}
