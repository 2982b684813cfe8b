//! `update-kubeconfig`: writes a cluster, a user and a context that use this plugin.

#![expect(clippy::doc_markdown, reason = "help text has no markup")]

mod find_cluster;

use std::path::PathBuf;

use clap::Args;
use kubeconfig::{Changes, EntryChange, MergedKubeconfig, new_kubeconfig};
use serde_json::Map;

use super::flags::{GetTokenFlags, KubeconfigFlags, heading};
use super::{edit_kubeconfig, output};
use crate::aws::arn::{ClusterArn, check_role_arn};
use crate::aws::eks_token::check_cluster_name;
use crate::aws::endpoint::Region;
use crate::config::{ClusterProvider, Request, Setting};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::kubernetes::plugin_user::{self, PluginUser};
use crate::log::Message;
use find_cluster::{ClusterInfo, find_cluster};

pub(super) const ABOUT: &str =
    "Add or update the kubeconfig entries of a cluster: cluster, user and context";

const CLUSTER_NAME_HELP: &str = "Name of the cluster

[env: KUBECTL_ESC_CLUSTER_NAME for EKS] [default: eks.clusterName in the environment; for GKE and AKS the \
name in its kubeconfig]";

#[derive(Args, Debug)]
#[command(about = ABOUT, mut_arg("cluster_name", |arg| {
    arg.visible_alias("name").help("Name of the cluster").long_help(CLUSTER_NAME_HELP)
}))]
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
    /// [default: files.KUBECONFIG, then the API of Amazon EKS or GKE]
    #[arg(long, value_name = "PATH", conflicts_with = "server", help_heading = heading::CLUSTER)]
    from: Option<String>,

    /// Context in that kubeconfig to use
    ///
    /// [default: its current context]
    #[arg(long, value_name = "NAME", conflicts_with = "server", help_heading = heading::CLUSTER)]
    context: Option<String>,

    /// URL of the API server
    ///
    /// [default: from the environment, or from the API of Amazon EKS or GKE]
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

    /// Region or zone of the GKE cluster to look up
    #[arg(long, value_name = "LOCATION", help_heading = heading::GOOGLE_CLOUD)]
    location: Option<String>,

    /// Google Cloud project of the GKE cluster
    ///
    /// [env: CLOUDSDK_CORE_PROJECT]
    #[arg(long, value_name = "PROJECT", help_heading = heading::GOOGLE_CLOUD)]
    project: Option<String>,

    /// Use the DNS-based endpoint of the GKE cluster
    #[arg(long, conflicts_with_all = ["context", "from", "server"])]
    #[arg(help_heading = heading::GOOGLE_CLOUD)]
    dns_endpoint: bool,
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
    let names = EntryNames::new(&arguments.kubeconfig, &info.entry_name);
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
        names.check(kubeconfig, &info)?;
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

/// Rejects what no cluster or cloud would accept, and warns about a region that looks misspelled.
fn check(info: &ClusterInfo, request: &Request) -> Result<()> {
    info.cluster.check()?;
    if let Some(name) = &info.cluster_name {
        check_cluster_name(name).map_err(|error| match info.provider {
            ClusterProvider::Eks => error,
            ClusterProvider::Gke => {
                error.with_hint("use a name that `gcloud container clusters list` prints")
            }
            ClusterProvider::Aks => error.with_hint("use a name that `az aks list` prints"),
        })?;
    }
    if info.provider == ClusterProvider::Eks
        && let Some(role) = request.role_arn.clone()
    {
        role.parse(|arn| check_role_arn(arn))?;
    }
    if let Some(region) = &info.flags.region
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
        ..info.flags.clone()
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

    /// Rejects overwriting entries that are not for the provider.
    fn check(&self, kubeconfig: &MergedKubeconfig, info: &ClusterInfo) -> Result<()> {
        let provider = info.provider;
        edit_kubeconfig::check_user(kubeconfig, &self.user, provider)?;
        edit_kubeconfig::check_context(kubeconfig, &self.context, &self.user, provider)?;
        // A recreated cluster has a new server. But if users of other kinds use the cluster, it is another
        // one with the same name.
        let server = kubeconfig.server(&self.cluster);
        if server.is_none_or(|server| server == info.cluster.server) {
            return Ok(());
        }
        let contexts = kubeconfig.contexts();
        let mut contexts = contexts
            .iter()
            .filter(|context| context.cluster == self.cluster);
        contexts.try_for_each(|context| {
            edit_kubeconfig::check_user(kubeconfig, &context.user, provider).map_err(|_| {
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
