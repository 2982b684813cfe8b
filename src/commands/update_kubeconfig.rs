//! `update-kubeconfig`: writes a cluster, a user and a context that use this plugin.

use std::path::{Path, PathBuf};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use clap::Args;
use esc::PropertyPath;
use esc::format::{Secrets, json};
use kubeconfig::{Changes, Cluster, EntryChange, Kubeconfig, MergedKubeconfig, new_kubeconfig};
use serde_json::Map;

use super::flags::{GetTokenFlags, KubeconfigFlags, heading};
use super::{edit_kubeconfig, output, spinner};
use crate::authenticate::{self, OpenedEnvironment};
use crate::aws::arn::{ClusterArn, check_role_arn};
use crate::aws::eks_token::check_cluster_name;
use crate::aws::endpoint::Region;
use crate::bounded_read::{read_until, unreadable};
use crate::clock::Deadline;
use crate::config::{Origin, Request, Setting, Target, default_region};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::kubernetes::plugin_user::{self, PluginUser};
use crate::log::Message;

pub(super) const ABOUT: &str =
    "Add or update the kubeconfig entries of an EKS cluster: cluster, user and context";

/// The largest file with CA certificates of an API server, in bytes.
const MAX_CERTIFICATES_BYTES: usize = 1024 * 1024;

#[derive(Args, Debug)]
#[command(about = ABOUT, mut_arg("cluster_name", |arg| arg.visible_alias("name")))]
pub(super) struct Arguments {
    #[command(flatten)]
    flags: GetTokenFlags,

    #[command(flatten)]
    kubeconfig: KubeconfigFlags,

    /// Default namespace of the context
    ///
    /// [default: that of the kubeconfig in the environment]
    #[arg(long, value_name = "NAMESPACE", help_heading = heading::KUBECONFIG)]
    namespace: Option<String>,

    /// Write the absolute path of this program instead of `kubectl-esc`
    ///
    /// For clients with another PATH, such as desktop applications.
    #[arg(long, help_heading = heading::KUBECONFIG)]
    absolute_command: bool,

    /// Print a standalone kubeconfig instead of editing a file
    #[arg(long, conflicts_with_all = ["dry_run", "kubeconfig", "set_current"])]
    #[arg(help_heading = heading::OUTPUT)]
    stdout: bool,

    /// Property path of a kubeconfig in the environment that describes the cluster
    ///
    /// [default: files.KUBECONFIG, then the Amazon EKS API]
    #[arg(long, value_name = "PATH", conflicts_with = "server", help_heading = heading::CLUSTER)]
    from: Option<String>,

    /// Context in that kubeconfig to use
    ///
    /// [default: its current context]
    #[arg(long, value_name = "NAME", conflicts_with = "server", help_heading = heading::CLUSTER)]
    context: Option<String>,

    /// URL of the API server
    ///
    /// [default: from the environment or the Amazon EKS API]
    #[arg(long, value_name = "URL", help_heading = heading::CLUSTER)]
    server: Option<String>,

    /// PEM file with the CA certificates of the API server
    #[arg(long, value_name = "FILE", requires = "server", help_heading = heading::CLUSTER)]
    certificate_authority: Option<PathBuf>,

    /// CA certificates of the API server, in Base64 as in a kubeconfig
    #[arg(
        long,
        value_name = "BASE64",
        requires = "server",
        conflicts_with = "certificate_authority",
        help_heading = heading::CLUSTER
    )]
    certificate_authority_data: Option<String>,
}

/// The cluster to write, and the settings for the plugin.
struct ClusterInfo {
    cluster: Cluster,
    name: String,
    region: Option<String>,
    namespace: Option<String>,
    /// Whether `--namespace` set the namespace.
    is_namespace_chosen: bool,
}

pub(super) fn run(arguments: &Arguments, context: Context<'_>) -> Result<()> {
    let host = context.host;
    let mut request = arguments.flags.settings(&Map::new(), host)?;
    take_arn_apart(&mut request)?;
    let context = context.with_timeout(request.open.timeout);
    let mut info = find_cluster(arguments, &request, context)?;
    if let Some(namespace) = &arguments.namespace {
        info.namespace = Some(namespace.clone());
        info.is_namespace_chosen = true;
    }
    check(&info, &request)?;
    edit_kubeconfig::check_names(&arguments.kubeconfig)?;
    let names = EntryNames::new(&arguments.kubeconfig, &info.name);
    let user = plugin_user(arguments, &request, &info, host)?;
    for warning in edit_kubeconfig::warnings(&user) {
        output::note(Message::Line(&warning));
    }
    if arguments.stdout {
        let changes = Changes {
            current_context: Some(names.context.clone()),
            ..entry_changes(&names, &info, user, None)
        };
        return output::print(new_kubeconfig(&changes).trim_end());
    }
    let flags = &arguments.kubeconfig;
    let mut current_context = None;
    edit_kubeconfig::apply(flags, &request.open, host, |kubeconfig| {
        names.check(kubeconfig, &info.cluster)?;
        let mut changes = entry_changes(&names, &info, user.clone(), Some(kubeconfig));
        current_context = kubeconfig.current_context().map(str::to_owned);
        if flags.set_current || current_context.is_none() {
            changes.current_context = Some(names.context.clone());
        }
        Ok(changes)
    })?;
    if flags.dry_run {
        return Ok(());
    }
    output::print(match current_context {
        Some(current) if current != names.context && !flags.set_current => format!(
            "the current context is still `{current}`; switch with `kubectl config use-context {}`",
            names.context
        ),
        _ => format!("the current context is `{}`", names.context),
    })
}

/// Splits the ARN of a cluster in the setting for its name into the region and the name.
fn take_arn_apart(request: &mut Request) -> Result<()> {
    let Some(cluster) = &mut request.cluster_name else {
        return Ok(());
    };
    let Some(arn) = ClusterArn::parse(&cluster.value) else {
        return Ok(());
    };
    let region = Setting::new(arn.region.to_owned(), cluster.origin.clone());
    match &request.region {
        Some(other) if other.value != region.value => {
            let message = format!(
                "`{}` is in region `{}`, but {} is `{}`",
                cluster.value, region.value, other.origin, other.value
            );
            return Err(Error::configuration(message)
                .with_hint("omit the region, or pass the cluster's name instead of its ARN"));
        }
        Some(_) => {}
        None => request.region = Some(region),
    }
    cluster.value = arn.name.to_owned();
    Ok(())
}

/// Rejects what no cluster or AWS would accept, and warns about a region that looks misspelled.
fn check(info: &ClusterInfo, request: &Request) -> Result<()> {
    info.cluster.check()?;
    check_cluster_name(&info.name)?;
    if let Some(role) = request.role_arn.clone() {
        role.parse(|arn| check_role_arn(arn))?;
    }
    if let Some(region) = &info.region
        && let Some(warning) = Region::parse(region)?.spelling_warning()
    {
        output::note(Message::Line(&format!("warning: {warning}")));
    }
    Ok(())
}

/// The user that runs this plugin with the settings of this call.
fn plugin_user(
    arguments: &Arguments,
    request: &Request,
    info: &ClusterInfo,
    host: &Host,
) -> Result<PluginUser> {
    let flags = GetTokenFlags {
        environment: arguments.flags.environment(host),
        cluster_name: Some(info.name.clone()),
        region: info.region.clone(),
        ..arguments.flags.clone()
    };
    let command = if arguments.absolute_command {
        absolute_command()?
    } else {
        plugin_user::COMMAND.to_owned()
    };
    Ok(PluginUser {
        command,
        args: flags.to_arguments(host)?,
        env: Some(Vec::new()),
        api_version: request.api_version,
    })
}

fn absolute_command() -> Result<String> {
    let cannot_find = || {
        Error::configuration("cannot find the path of this program")
            .with_hint("omit `--absolute-command`, and edit `command` in the kubeconfig")
    };
    let path = std::env::current_exe().map_err(|error| cannot_find().caused_by(error))?;
    path.into_os_string()
        .into_string()
        .map_err(|_| cannot_find())
}

/// The names of the entries.
struct EntryNames {
    cluster: String,
    user: String,
    context: String,
}

impl EntryNames {
    fn new(flags: &KubeconfigFlags, cluster: &str) -> Self {
        let context = flags.alias.clone().unwrap_or_else(|| cluster.to_owned());
        Self {
            cluster: cluster.to_owned(),
            user: flags.user_alias.clone().unwrap_or_else(|| context.clone()),
            context,
        }
    }

    /// Rejects overwriting entries that are not for EKS.
    fn check(&self, kubeconfig: &MergedKubeconfig, cluster: &Cluster) -> Result<()> {
        edit_kubeconfig::check_user(kubeconfig, &self.user)?;
        edit_kubeconfig::check_context(kubeconfig, &self.context, &self.user)?;
        // A recreated EKS cluster has a new server. But if users who are not for EKS use the cluster, it
        // is another one with the same name.
        let server = kubeconfig.server(&self.cluster);
        if server.is_none_or(|server| server == cluster.server) {
            return Ok(());
        }
        let contexts = kubeconfig.contexts();
        let mut contexts = contexts
            .iter()
            .filter(|context| context.cluster == self.cluster);
        contexts.try_for_each(|context| {
            edit_kubeconfig::check_user(kubeconfig, &context.user).map_err(|_| {
                Error::configuration(format!(
                    "the kubeconfig already has a cluster `{}`, which context `{}` uses",
                    self.cluster, context.name
                ))
                .with_hint(
                    "rename that cluster first, or write to another file with `--kubeconfig`",
                )
            })
        })
    }
}

fn entry_changes(
    names: &EntryNames,
    info: &ClusterInfo,
    mut user: PluginUser,
    kubeconfig: Option<&MergedKubeconfig>,
) -> Changes {
    let context = kubeconfig.and_then(|kubeconfig| kubeconfig.context(&names.context));
    // An existing namespace was chosen by hand.
    let namespace = match context.and_then(|context| context.namespace) {
        Some(_) if !info.is_namespace_chosen => None,
        _ => info.namespace.as_deref(),
    };
    // Variables in an entry of this plugin were added by hand. Those of another program are not for
    // this plugin.
    let old_user = kubeconfig.and_then(|kubeconfig| kubeconfig.user(&names.user));
    let old_exec = old_user.and_then(|user| user.exec);
    if old_exec.is_some_and(|exec| exec.command == plugin_user::COMMAND) {
        user.env = None;
    }
    Changes {
        entries: vec![
            info.cluster.entry(&names.cluster),
            user.entry(&names.user),
            EntryChange::context(&names.context, &names.cluster, &names.user, namespace),
        ],
        current_context: None,
    }
}

fn find_cluster(
    arguments: &Arguments,
    request: &Request,
    context: Context<'_>,
) -> Result<ClusterInfo> {
    let from_flags = cluster_from_flags(arguments, context)?;
    if let (Some(cluster), Some(name)) = (&from_flags, &request.cluster_name) {
        // Nothing is missing: no need to open the environment.
        let region = match &request.region {
            Some(region) => Some(region.value.clone()),
            None => Region::of_api_server(&cluster.server).map(|region| region.to_string()),
        };
        return Ok(ClusterInfo {
            cluster: cluster.clone(),
            name: name.value.clone(),
            region,
            namespace: None,
            is_namespace_chosen: false,
        });
    }
    let opened = spinner::while_opening(context, || authenticate::open(&request.open, context))?;
    context.log.warnings(&opened.warnings());
    let described = match from_flags {
        Some(cluster) => Some((cluster, None)),
        None => kubeconfig_in_environment(arguments, &opened)?
            .map(|kubeconfig| kubeconfig.cluster_of(arguments.context.as_deref()))
            .transpose()?,
    };
    let region_of_server = described.as_ref().and_then(|(cluster, _)| {
        let region = Region::of_api_server(&cluster.server)?;
        Some(Setting::new(region.to_string(), Origin::ApiServer))
    });
    let target = Target::resolve(
        request,
        opened.environment(),
        region_of_server,
        default_region(context.host)?,
    )?;
    if target.cluster_name.secret {
        return Err(Error::configuration(
            "the cluster's name is a secret in the environment, so it cannot be in a kubeconfig",
        )
        .with_hint("pass the name with `--cluster-name`"));
    }
    let (cluster, namespace) = match described {
        Some(described) => described,
        None => (
            authenticate::describe_cluster(&opened, &target, context)?,
            None,
        ),
    };
    Ok(ClusterInfo {
        cluster,
        name: target.cluster_name.value,
        // A secret region stays in the environment, where the plugin reads it.
        region: (!target.region.secret).then_some(target.region.value),
        namespace,
        is_namespace_chosen: false,
    })
}

/// The cluster of `--server` and the flags for its CA certificates.
fn cluster_from_flags(arguments: &Arguments, context: Context<'_>) -> Result<Option<Cluster>> {
    let Some(server) = &arguments.server else {
        return Ok(None);
    };
    let certificates = match (
        &arguments.certificate_authority,
        &arguments.certificate_authority_data,
    ) {
        (Some(file), _) => {
            let path = context.host.expand(file)?;
            Some(read_certificates(&path, context.deadline)?)
        }
        (None, Some(data)) => {
            let pem = BASE64_STANDARD.decode(data.trim());
            if !pem.is_ok_and(|pem| has_certificate(&pem)) {
                return Err(Error::configuration(
                    "`--certificate-authority-data` is not a PEM certificate in Base64",
                )
                .with_hint("pass the value of `certificate-authority-data` in a kubeconfig"));
            }
            Some(data.trim().to_owned())
        }
        (None, None) => None,
    };
    Ok(Some(Cluster {
        server: server.clone(),
        certificate_authority_data: certificates,
        ..Cluster::default()
    }))
}

fn read_certificates(path: &Path, deadline: Deadline) -> Result<String> {
    let shown = path.display();
    let hint = "pass a PEM file with the CA certificates of the API server";
    let pem = read_until(path, MAX_CERTIFICATES_BYTES, deadline)
        .map_err(|error| unreadable(format!("cannot read `{shown}`"), hint, error))?;
    if !has_certificate(&pem) {
        return Err(
            Error::configuration(format!("`{shown}` contains no PEM certificate")).with_hint(hint),
        );
    }
    Ok(BASE64_STANDARD.encode(&pem))
}

fn has_certificate(pem: &[u8]) -> bool {
    String::from_utf8_lossy(pem).contains("-----BEGIN CERTIFICATE-----")
}

/// The kubeconfig in the environment: at the path of `--from`, or else `files.KUBECONFIG`.
fn kubeconfig_in_environment(
    arguments: &Arguments,
    opened: &OpenedEnvironment,
) -> Result<Option<Kubeconfig>> {
    let environment = opened.environment();
    let text = if let Some(path) = &arguments.from {
        let path: PropertyPath = path.parse().map_err(|problem| {
            Error::configuration("`--from` is not a property path")
                .caused_by(problem)
                .with_hint("pass a path such as files.KUBECONFIG")
        })?;
        let value = environment.get(&path).ok_or_else(|| {
            Error::configuration(format!("the environment has no value at `{path}`"))
                .with_hint("pass the path of a kubeconfig, such as files.KUBECONFIG")
        })?;
        // Pulumi stacks output kubeconfigs as text or as objects.
        match value.as_text() {
            Some(text) => text.clone(),
            None => json::compact(value, Secrets::Revealed),
        }
    } else {
        let mut files = environment.files().into_iter();
        match files.find(|file| file.name == "KUBECONFIG") {
            Some(file) => file.text,
            None if arguments.context.is_some() => {
                return Err(Error::configuration(
                    "`--context` needs a kubeconfig, but the environment has no `files.KUBECONFIG`",
                )
                .with_hint("pass the path of a kubeconfig in the environment with `--from`"));
            }
            None => return Ok(None),
        }
    };
    let text = text.as_str().ok_or_else(|| {
        Error::configuration("the kubeconfig in the environment is not text")
            .with_hint("choose another kubeconfig with `--from`")
    })?;
    Ok(Some(Kubeconfig::parse(text)?))
}
