//! What both commands share that change kubeconfigs.

use std::fmt::Write as _;

use super::flags::KubeconfigFlags;
use super::{difference, output};
use crate::config::OpenRequest;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::kubernetes::eks_login::Login;
use crate::kubernetes::kubeconfig::{Changes, Files, Merged, Mode, redacted};

/// Changes the files, or shows what would change.
pub(super) fn apply(
    flags: &KubeconfigFlags,
    request: &OpenRequest,
    host: &Host,
    change: impl FnOnce(&Merged) -> Result<Changes>,
) -> Result<()> {
    let files = Files::locate(flags.kubeconfig.as_deref(), host)?;
    let mode = if flags.dry_run {
        Mode::Preview
    } else {
        Mode::Write(request.timeout)
    };
    let edited = files.update(mode, change)?;
    let mut shown = String::new();
    for file in &edited {
        let path = file.path.display().to_string();
        if flags.dry_run {
            let before = file.before.as_deref();
            // The name by which `patch` knows that there is no file yet.
            let before_name = before.map_or("/dev/null", |_| &path);
            let (before, after) = (redacted(before.unwrap_or_default()), redacted(&file.after));
            shown.push_str(&difference::unified(&before, &after, before_name, &path));
        } else {
            let _ = writeln!(shown, "changed {path}");
        }
    }
    if edited.is_empty() && !flags.dry_run {
        "nothing to change\n".clone_into(&mut shown);
    }
    match shown.strip_suffix('\n') {
        Some(shown) => output::print(shown),
        None => Ok(()),
    }
}

/// Refuses names that nobody could call.
pub(super) fn check_names(flags: &KubeconfigFlags) -> Result<()> {
    for (flag, name) in [
        ("--alias", &flags.alias),
        ("--user-alias", &flags.user_alias),
    ] {
        if name.as_ref().is_some_and(|name| name.trim().is_empty()) {
            return Err(
                Error::configuration(format!("the name of `{flag}` is empty"))
                    .with_hint("give a name, or leave the flag out"),
            );
        }
    }
    Ok(())
}

/// Refuses to take a user's name over from somebody who logs in otherwise: nothing would bring back
/// what stands there.
pub(super) fn check_user(merged: &Merged, name: &str) -> Result<()> {
    let Some(user) = merged.user(name) else {
        return Ok(());
    };
    match user.exec.as_ref().map(Login::of) {
        Some(Login::Plugin | Login::Eks(_) | Login::Unclear(_)) => Ok(()),
        Some(Login::Other) | None => Err(Error::configuration(format!(
            "the kubeconfig has another user `{name}`, who does not log in to EKS"
        ))
        .with_hint("choose another name with `--alias` or `--user-alias`")),
    }
}

/// Refuses to take a context over that leads another user somewhere.
pub(super) fn check_context(merged: &Merged, name: &str, user: &str) -> Result<()> {
    match merged.context(name) {
        Some(context) if context.user != user && !context.user.is_empty() => {
            check_user(merged, &context.user).map_err(|_| {
                Error::configuration(format!(
                    "the kubeconfig has another context `{name}`, of the user `{}`",
                    context.user
                ))
                .with_hint("choose another name with `--alias`")
            })
        }
        _ => Ok(()),
    }
}
