//! `update-kubeconfig`: writes cluster, user and context for logging in with this plugin.

use std::path::PathBuf;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use clap::Args;
use serde_json::Map;

use super::flags::{GetTokenFlags, KubeconfigFlags};
use super::{kubeconfig, output};
use crate::authenticate::{self, OpenedEnvironment};
use crate::aws::eks_token::check_cluster_name;
use crate::aws::endpoint::Region;
use crate::config::{Origin, Request, Setting, Target, default_region};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::kubernetes::kubeconfig::{
    Changes, Cluster, Kubeconfig, Merged, PluginUser, context_entry, new_text,
};
use esc::PropertyPath;
use esc::format::{Secrets, json};

pub(super) const ABOUT: &str =
    "Write a cluster, a user and a context that log in with this plugin into the kubeconfig";

#[derive(Args, Debug)]
#[command(about = ABOUT)]
pub(super) struct Arguments {
    #[command(flatten)]
    flags: GetTokenFlags,

    #[command(flatten)]
    kubeconfig: KubeconfigFlags,

    /// Print a kubeconfig of its own with these entries, to be stored elsewhere
    #[arg(long, conflicts_with_all = ["dry_run", "kubeconfig", "set_current"])]
    stdout: bool,

    /// Path of a kubeconfig in the environment to take the cluster from [default:
    /// files.KUBECONFIG; where there is none, Amazon EKS is asked]
    #[arg(long, value_name = "PATH", conflicts_with = "server")]
    from: Option<String>,

    /// Context of that kubeconfig to take the cluster from [default: its current one]
    #[arg(long, value_name = "NAME", conflicts_with = "server")]
    context: Option<String>,

    /// URL of the API server, in place of what the environment or Amazon EKS says
    #[arg(long, value_name = "URL")]
    server: Option<String>,

    /// File with the certificate authority of that server
    #[arg(long, value_name = "FILE", requires = "server")]
    certificate_authority: Option<PathBuf>,

    /// Certificate authority of that server as a kubeconfig has it: PEM in Base64
    #[arg(
        long,
        value_name = "BASE64",
        requires = "server",
        conflicts_with = "certificate_authority"
    )]
    certificate_authority_data: Option<String>,
}

/// What is known of the cluster.
struct Found {
    cluster: Cluster,
    name: String,
    region: Option<String>,
    namespace: Option<String>,
}

pub(super) fn run(arguments: &Arguments, context: Context<'_>) -> Result<()> {
    let host = context.host;
    let request = arguments.flags.settings(&Map::new(), host)?;
    let found = find(
        arguments,
        &request,
        context.with_timeout(request.open.timeout),
    )?;
    found.cluster.check()?;
    check_cluster_name(&found.name)?;
    if let Some(region) = &found.region {
        Region::parse(region)?;
    }
    kubeconfig::check_names(&arguments.kubeconfig)?;
    let flags = GetTokenFlags {
        environment: Some(environment(&arguments.flags, host)?),
        cluster_name: Some(found.name.clone()),
        region: found.region.clone(),
        ..arguments.flags.clone()
    };
    let names = Names::new(&arguments.kubeconfig, &found.name);
    let args = flags.to_arguments(host)?;
    if arguments.stdout {
        let changes = Changes {
            current_context: Some(names.context.clone()),
            ..changes(&names, &found, args, None)
        };
        return output::print(new_text(&changes).trim_end());
    }
    kubeconfig::apply(&arguments.kubeconfig, &request.open, host, |merged| {
        names.check(merged, &found.cluster)?;
        let mut changes = changes(&names, &found, args, Some(merged));
        if arguments.kubeconfig.set_current {
            changes.current_context = Some(names.context.clone());
        }
        Ok(changes)
    })
}

/// The names of the entries.
struct Names {
    cluster: String,
    user: String,
    context: String,
}

impl Names {
    fn new(flags: &KubeconfigFlags, cluster: &str) -> Self {
        let context = flags.alias.clone().unwrap_or_else(|| cluster.to_owned());
        Self {
            cluster: cluster.to_owned(),
            user: flags.user_alias.clone().unwrap_or_else(|| context.clone()),
            context,
        }
    }

    fn check(&self, merged: &Merged, cluster: &Cluster) -> Result<()> {
        kubeconfig::check_user(merged, &self.user)?;
        kubeconfig::check_context(merged, &self.context, &self.user)?;
        // Another server under the cluster's name is right where the cluster was made anew, and
        // wrong where somebody else uses that name.
        let server = merged.server(&self.cluster);
        if server.is_none_or(|server| server == cluster.server) {
            return Ok(());
        }
        let contexts = merged.contexts();
        let mut users = contexts
            .iter()
            .filter(|context| context.cluster == self.cluster);
        users.try_for_each(|context| {
            kubeconfig::check_user(merged, &context.user).map_err(|_| {
                Error::configuration(format!(
                    "the kubeconfig has another cluster `{}`, which the context `{}` uses",
                    self.cluster, context.name
                ))
                .with_hint("rename that one first, or write into another file with `--kubeconfig`")
            })
        })
    }
}

fn changes(names: &Names, found: &Found, args: Vec<String>, merged: Option<&Merged>) -> Changes {
    let context = merged.and_then(|merged| merged.context(&names.context));
    // One that is there was chosen by hand.
    let namespace = match context.and_then(|context| context.namespace) {
        Some(_) => None,
        None => found.namespace.as_deref(),
    };
    // Variables of our own entry were added by hand; those of another program are not for us.
    let user = merged.and_then(|merged| merged.user(&names.user));
    let is_ours = user
        .and_then(|user| user.exec)
        .is_some_and(|exec| exec.command == crate::kubernetes::kubeconfig::COMMAND);
    let user = PluginUser {
        args,
        env: (!is_ours).then(Vec::new),
    };
    Changes {
        entries: vec![
            found.cluster.entry(&names.cluster),
            user.entry(&names.user),
            context_entry(&names.context, &names.cluster, &names.user, namespace),
        ],
        current_context: None,
    }
}

/// The environment as it was named, by the argument or by the variable.
fn environment(flags: &GetTokenFlags, host: &Host) -> Result<String> {
    let named = match &flags.environment {
        Some(environment) => Some(environment.clone()),
        None => host.variable("KUBECTL_ESC_ENVIRONMENT")?,
    };
    // The request was read before, which refuses a call without one.
    named.ok_or_else(|| Error::configuration("no environment is named"))
}

fn find(arguments: &Arguments, request: &Request, context: Context<'_>) -> Result<Found> {
    let given = given_cluster(arguments, context.host)?;
    if let (Some(cluster), Some(name)) = (&given, &request.cluster_name) {
        // All is known: nothing is opened, and nobody is asked.
        let region = match &request.region {
            Some(region) => Some(region.value.clone()),
            None => Region::of_api_server(&cluster.server).map(|region| region.to_string()),
        };
        return Ok(Found {
            cluster: cluster.clone(),
            name: name.value.clone(),
            region,
            namespace: None,
        });
    }
    let opened = authenticate::open(&request.open, context)?;
    context.log.warnings(&opened.warnings());
    let known = match given {
        Some(cluster) => Some((cluster, None)),
        None => own_kubeconfig(arguments, &opened)?
            .map(|kubeconfig| kubeconfig.cluster_of(arguments.context.as_deref()))
            .transpose()?,
    };
    let region_of_server = known.as_ref().and_then(|(cluster, _)| {
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
            "the cluster's name is a secret in the environment, and a kubeconfig holds none",
        )
        .with_hint("give the name by `--cluster-name`"));
    }
    let (cluster, namespace) = if let Some(known) = known {
        known
    } else {
        let cluster = authenticate::describe_cluster(&opened, &target, context)?;
        (cluster, None)
    };
    Ok(Found {
        cluster,
        name: target.cluster_name.value,
        // The plugin finds a secret one by itself.
        region: (!target.region.secret).then_some(target.region.value),
        namespace,
    })
}

/// The cluster that the flags describe.
fn given_cluster(arguments: &Arguments, host: &Host) -> Result<Option<Cluster>> {
    let Some(server) = &arguments.server else {
        return Ok(None);
    };
    let authority = match (
        &arguments.certificate_authority,
        &arguments.certificate_authority_data,
    ) {
        (Some(file), _) => Some(read_authority(&host.expand(file)?)?),
        (None, Some(data)) => {
            let pem = BASE64_STANDARD.decode(data.trim());
            if !pem.is_ok_and(|pem| is_certificate(&pem)) {
                return Err(Error::configuration(
                    "`--certificate-authority-data` is not a certificate in Base64",
                )
                .with_hint("give what a kubeconfig has as `certificate-authority-data`"));
            }
            Some(data.trim().to_owned())
        }
        (None, None) => None,
    };
    Ok(Some(Cluster {
        server: server.clone(),
        certificate_authority_data: authority,
        ..Cluster::default()
    }))
}

fn read_authority(path: &std::path::Path) -> Result<String> {
    let shown = path.display();
    let pem = std::fs::read(path).map_err(|error| {
        Error::configuration(format!("cannot read `{shown}`"))
            .with_hint("name a file with the certificate authority in PEM form")
            .caused_by(error)
    })?;
    if !is_certificate(&pem) {
        return Err(
            Error::configuration(format!("`{shown}` holds no certificate in PEM form"))
                .with_hint("give the file that the cluster's administrator calls its CA"),
        );
    }
    Ok(BASE64_STANDARD.encode(&pem))
}

fn is_certificate(pem: &[u8]) -> bool {
    String::from_utf8_lossy(pem).contains("-----BEGIN CERTIFICATE-----")
}

/// The kubeconfig that the environment holds: at the path that is given, or else the one that it
/// renders for kubectl.
fn own_kubeconfig(arguments: &Arguments, opened: &OpenedEnvironment) -> Result<Option<Kubeconfig>> {
    let environment = opened.environment();
    let text = if let Some(path) = &arguments.from {
        let path: PropertyPath = path.parse().map_err(|problem| {
            Error::configuration("`--from` is not a property path")
                .caused_by(problem)
                .with_hint("write a path such as files.KUBECONFIG")
        })?;
        let value = environment.get(&path).ok_or_else(|| {
            Error::configuration(format!("the environment has no `{path}`"))
                .with_hint("name the path of a kubeconfig, such as files.KUBECONFIG")
        })?;
        // A stack's output is a kubeconfig as an object, others are its text.
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
                    "the environment holds no `files.KUBECONFIG`, whose context `--context` names",
                )
                .with_hint("name the path of a kubeconfig in the environment with `--from`"));
            }
            None => return Ok(None),
        }
    };
    let text = text.as_str().ok_or_else(|| {
        Error::configuration("the environment's kubeconfig is not text")
            .with_hint("name another with `--from`")
    })?;
    Kubeconfig::parse(text).map(Some)
}
