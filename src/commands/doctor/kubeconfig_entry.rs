//! The step `kubeconfig`: the user of a context, as clients see it, and the call that they make.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::Arguments;
use crate::authenticate::doctor::{KubeconfigCluster, Step};
use crate::commands::token_request;
use crate::config::Request;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exec_plugins::ExecPlugin;
use crate::host::Host;
use crate::kubernetes::ApiVersion;
use crate::kubernetes::exec_info;
use crate::kubernetes::kubeconfig_files::KubeconfigFiles;
use crate::kubernetes::plugin_user::{COMMAND, fragile_arguments};
use crate::process::Program;
use kubeconfig::{ClusterServer, Exec, MergedKubeconfig, User};

pub(super) const STEP: &str = "kubeconfig";

/// The step, and the call if it can be made.
pub(super) struct KubeconfigEntry {
    pub(super) step: Step,
    pub(super) call: Option<PluginCall>,
}

/// The call of the plugin that a client makes for a context.
pub(super) struct PluginCall {
    pub(super) request: Request,
    /// This host with the variables that the client sets.
    pub(super) host: Host,
    pub(super) cluster: KubeconfigCluster,
}

/// What is wrong with an entry, though the call can be made.
#[derive(Default)]
struct Problems {
    failures: Vec<Error>,
    /// Each with its hint.
    warnings: Vec<(String, &'static str)>,
}

/// Examines the context that the arguments name, or else the current one.
pub(super) fn examine(arguments: &Arguments, context: Context<'_>) -> KubeconfigEntry {
    let mut problems = Problems::default();
    let mut found = String::new();
    let call = read(arguments, context).and_then(|(kubeconfig, name)| {
        let entry = kubeconfig.require_context(&name)?;
        let user = kubeconfig.user(&entry.user).ok_or_else(|| {
            no_entry(format!(
                "context `{name}`: there is no user `{}`",
                entry.user
            ))
        })?;
        let cluster = cluster_of(&kubeconfig, &entry)?;
        let exec = plugin(&user)?;
        found = match check_program(exec, &user.directory, context.host) {
            Ok(path) => format!("runs `{}`", path.display()),
            Err(error) => {
                problems.failures.push(error);
                format!("runs `{}`", exec.command)
            }
        };
        let version = exec.api_version.as_deref().unwrap_or("no `apiVersion`");
        let mode = exec.interactive_mode.as_deref().unwrap_or("not set");
        found = format!(
            "user `{}` of context `{name}` {found} ({version}, interactiveMode {mode})",
            user.name
        );
        problems.check(exec);
        let host = context.host.overriding(
            exec.env
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str())),
        );
        let info = exec_info(exec, &cluster.server)?;
        let host = host.overriding([(exec_info::VARIABLE, info.as_str())]);
        Ok(PluginCall {
            request: request(exec, &host)?,
            host,
            cluster,
        })
    });
    let (call, error) = match call {
        Ok(call) => (Some(call), None),
        Err(error) => (None, Some(error)),
    };
    let failures: Vec<_> = problems.failures.into_iter().chain(error).collect();
    KubeconfigEntry {
        step: step(found, &failures, &problems.warnings),
        call,
    }
}

/// The name of the context, and its cluster.
pub(super) fn cluster(
    arguments: &Arguments,
    context: Context<'_>,
) -> Result<(String, KubeconfigCluster)> {
    let (kubeconfig, name) = read(arguments, context)?;
    let cluster = cluster_of(&kubeconfig, &kubeconfig.require_context(&name)?)?;
    Ok((name, cluster))
}

/// Reads the kubeconfig. Returns it with the name of the context.
fn read(arguments: &Arguments, context: Context<'_>) -> Result<(MergedKubeconfig, String)> {
    let files = KubeconfigFiles::locate(arguments.kubeconfig.as_deref(), context.host)?;
    let kubeconfig = files.load(context.deadline)?;
    if !kubeconfig.files().any(|(_, exists)| exists) {
        let paths = kubeconfig.files();
        let paths: Vec<_> = paths
            .map(|(path, _)| format!("`{}`", path.display()))
            .collect();
        let message = format!("there is no kubeconfig {}", paths.join(" or "));
        return Err(Error::configuration(message).with_hint(
            "pass `--kubeconfig FILE`, create one with `kubectl-esc update-kubeconfig`, or pass \
             ENVIRONMENT to diagnose it without a kubeconfig",
        ));
    }
    let name = arguments.context.clone();
    let name = name.or_else(|| kubeconfig.current_context().map(str::to_owned));
    let name = name.ok_or_else(|| {
        Error::configuration("the kubeconfig has no current context").with_hint(
            "pass `--context NAME`, or choose one with `kubectl config use-context NAME`",
        )
    })?;
    Ok((kubeconfig, name))
}

fn cluster_of(
    kubeconfig: &MergedKubeconfig,
    context: &kubeconfig::Context,
) -> Result<KubeconfigCluster> {
    let name = context.cluster.clone();
    match kubeconfig.cluster_server(&name) {
        Some(server) => Ok(KubeconfigCluster { name, server }),
        None => Err(no_entry(format!(
            "context `{}`: there is no cluster `{name}`",
            context.name
        ))),
    }
}

fn no_entry(message: String) -> Error {
    Error::configuration(message)
        .with_hint("correct the context, or add the entry with `kubectl-esc update-kubeconfig`")
}

/// The exec entry of a user that runs this plugin.
fn plugin(user: &User) -> Result<&Exec> {
    let name = &user.name;
    let Some(exec) = &user.exec else {
        let message = format!("user `{name}` runs no exec plugin");
        return Err(Error::configuration(message).with_hint(
            "choose another context with `--context`, or add a user with `update-kubeconfig`",
        ));
    };
    let message = || format!("user `{name}` runs `{}`, not kubectl-esc", exec.command);
    match ExecPlugin::identify(exec) {
        ExecPlugin::KubectlEsc => Ok(exec),
        ExecPlugin::Convertible(_) | ExecPlugin::Unsupported(..) => {
            Err(Error::configuration(message())
                .with_hint("convert the user with `kubectl-esc convert-kubeconfig ENVIRONMENT`"))
        }
        ExecPlugin::Other => {
            Err(Error::configuration(message())
                .with_hint("choose another context with `--context`"))
        }
    }
}

/// The program that clients run. They look up a name in `PATH`, and a relative path in the directory of
/// the kubeconfig.
fn check_program(exec: &Exec, directory: &Path, host: &Host) -> Result<PathBuf> {
    let command = Path::new(&exec.command);
    let is_name = command.components().count() == 1;
    let command = if is_name {
        command.to_owned()
    } else {
        directory.join(command)
    };
    let find = |command: &OsStr| {
        Program::find(command, host).map_err(|error| {
            let hint = "install kubectl-esc, add its directory to PATH, or write its absolute path as \
                        `command` of the user";
            Error::configuration(error.to_string()).with_hint(hint)
        })
    };
    let program = find(command.as_os_str())?;
    if exec.args.first().is_some_and(|argument| argument == "esc") {
        find(OsStr::new(COMMAND))?;
    }
    Ok(program.path().to_owned())
}

impl Problems {
    fn check(&mut self, exec: &Exec) {
        let is_v1 = exec.api_version.as_deref() == Some(ApiVersion::V1.as_str());
        let fix_mode = "set `interactiveMode: Never` in the user's `exec` entry";
        match exec.interactive_mode.as_deref() {
            Some("Always") => self.warnings.push((
                "with `interactiveMode: Always`, clients fail if they have no terminal".to_owned(),
                fix_mode,
            )),
            None if is_v1 => {
                let message = "`interactiveMode` is missing, and clients require it in `v1`";
                self.fail(message, fix_mode);
            }
            Some("Never" | "IfAvailable") | None => {}
            Some(other) => {
                let message = format!("`{other}` is not an `interactiveMode`");
                self.fail(message, fix_mode);
            }
        }
        if exec.args.iter().any(|argument| argument == "--token-only") {
            let message = "with `--token-only`, the output is not an ExecCredential";
            self.fail(
                message,
                "remove `--token-only` from the arguments of the user",
            );
        }
        let states_version = exec.args.iter().any(|arg| arg.starts_with("--api-version"))
            || exec
                .env
                .iter()
                .any(|(name, _)| name == "KUBECTL_ESC_API_VERSION");
        if exec.api_version.as_deref() == Some(ApiVersion::V1Beta1.as_str()) && !states_version {
            self.warnings.push((
                "clients that do not tell the plugin the version expect `v1beta1`, and get `v1`"
                    .to_owned(),
                "add `--api-version v1beta1` to the arguments of the user, or use `v1`",
            ));
        }
        for argument in fragile_arguments(&exec.args) {
            self.warnings.push((
                format!(
                    "fabric8 and the .NET client change arguments with blanks, quotes, `$` or `~`: \
                     `{argument}`"
                ),
                "pass the value as a variable in `env` of the user",
            ));
        }
    }

    fn fail(&mut self, message: impl Into<String>, hint: &str) {
        self.failures
            .push(Error::configuration(message).with_hint(hint));
    }
}

/// The exec info that client-go passes to the plugin.
fn exec_info(exec: &Exec, cluster: &ClusterServer) -> Result<String> {
    let version = exec.api_version.as_deref().ok_or_else(|| {
        Error::configuration("the user's `exec` entry has no `apiVersion`")
            .with_hint(format!("set `apiVersion: {}`", ApiVersion::V1.as_str()))
    })?;
    let mut info = json!({
        "kind": "ExecCredential",
        "apiVersion": version,
        "spec": {"interactive": false},
    });
    if exec.provide_cluster_info {
        info["spec"]["cluster"] = json!({
            "server": cluster.url,
            "config": cluster.exec_extension,
        });
    }
    Ok(info.to_string())
}

/// The request that the plugin makes of its arguments and variables.
fn request(exec: &Exec, host: &Host) -> Result<Request> {
    let arguments = match exec.args.split_first() {
        Some((first, rest)) if first == "esc" => rest,
        _ => &exec.args,
    };
    let line = std::iter::once(COMMAND).chain(arguments.iter().map(String::as_str));
    token_request(line.map(Into::into), host)
        .map_err(|error| error.within("the plugin rejects the arguments or variables of the user"))
}

/// Combines what was found with all problems. The hint is that of the first one.
fn step(found: String, failures: &[Error], warnings: &[(String, &'static str)]) -> Step {
    let mut lines: Vec<_> = (!found.is_empty()).then_some(found).into_iter().collect();
    lines.extend(
        failures
            .iter()
            .map(|error| Step::failed(STEP, error).detail),
    );
    lines.extend(warnings.iter().map(|(warning, _)| warning.clone()));
    let detail = lines.join("\n");
    match (failures, warnings) {
        ([first, ..], _) => Step {
            detail,
            ..Step::failed(STEP, first)
        },
        ([], [(_, hint), ..]) => Step::warning(STEP, detail, *hint),
        ([], []) => Step::ok(STEP, detail),
    }
}
