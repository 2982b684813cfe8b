//! Finds the cluster to write: from the flags, a kubeconfig in the environment, or the cloud's API.

use std::path::Path;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use esc::PropertyPath;
use esc::format::{Secrets, json};
use kubeconfig::{Cluster, ContextCluster, Kubeconfig};

use super::Arguments;
use crate::authenticate::{self, OpenedEnvironment, provider};
use crate::aws::endpoint::Region;
use crate::azure::authority::AuthorityHost;
use crate::bounded_read::{read_until, unreadable};
use crate::clock::Deadline;
use crate::commands::flags::GetTokenFlags;
use crate::commands::spinner;
use crate::config::{ClusterProvider, Origin, Request, Setting, Target, default_region};
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::gcp::gke::ClusterName;
use crate::host::Host;

/// The largest file with CA certificates of an API server, in bytes.
const MAX_CERTIFICATES_BYTES: usize = 1024 * 1024;

/// The cluster to write, and the settings for the plugin.
pub(super) struct ClusterInfo {
    pub(super) provider: ClusterProvider,
    pub(super) cluster: Cluster,
    /// The name in the cloud, if it is known.
    pub(super) cluster_name: Option<String>,
    /// The default name of the entries.
    pub(super) entry_name: String,
    /// The flags of `get-token` to write.
    pub(super) flags: GetTokenFlags,
    pub(super) namespace: Option<String>,
    /// Whether `--namespace` set the namespace.
    pub(super) is_namespace_chosen: bool,
}

pub(super) fn find_cluster(
    arguments: &Arguments,
    request: &Request,
    context: Context<'_>,
) -> Result<ClusterInfo> {
    let from_flags = cluster_from_flags(arguments, context)?;
    let known = known_provider(arguments, request);
    if let Some(provider) = known {
        check_flags(arguments, request, provider)?;
    }
    if let Some(cluster) = &from_flags
        && let Some(info) = without_environment(arguments, request, known, cluster, context.host)?
    {
        return Ok(info);
    }
    let opened = spinner::while_opening(context, || authenticate::open(&request.open, context))?;
    context.log.warnings(&opened.warnings());
    let provider = match known {
        Some(provider) => provider,
        None => choose_provider(request, &opened)?,
    };
    check_flags(arguments, request, provider)?;
    let described = match from_flags {
        Some(cluster) => Some(without_context(cluster)),
        None if provider == ClusterProvider::Gke && arguments.looks_up_gke_cluster() => None,
        None => kubeconfig_in_environment(arguments, &opened)?
            .map(|kubeconfig| kubeconfig.cluster_of(arguments.context.as_deref()))
            .transpose()?,
    };
    match (provider, described) {
        (ClusterProvider::Eks, described) => {
            eks_cluster(arguments, request, &opened, described, context)
        }
        (provider, Some(found)) => {
            access_token_info(arguments, request, provider, found, context.host)
        }
        (ClusterProvider::Gke, None) => {
            let names = GkeNames::new(arguments, context.host)?;
            let name = names.require_all()?;
            let wants_dns = arguments.dns_endpoint;
            let cluster =
                authenticate::describe_gke_cluster(&opened, request, &name, wants_dns, context)?;
            let found = without_context(cluster);
            access_token_info(arguments, request, provider, found, context.host)
        }
        (ClusterProvider::Aks, None) => Err(no_server(
            provider,
            "pass `--server URL` with `--certificate-authority FILE`, or add `files.KUBECONFIG` to the \
             environment",
        )),
    }
}

/// The cluster of `--server`, if nothing is missing: no need to open the environment.
fn without_environment(
    arguments: &Arguments,
    request: &Request,
    known: Option<ClusterProvider>,
    cluster: &Cluster,
    host: &Host,
) -> Result<Option<ClusterInfo>> {
    let found = without_context(cluster.clone());
    match (known, &request.cluster_name) {
        (Some(provider @ (ClusterProvider::Gke | ClusterProvider::Aks)), _) => {
            access_token_info(arguments, request, provider, found, host).map(Some)
        }
        (None | Some(ClusterProvider::Eks), Some(name)) => {
            let region = match &request.region {
                Some(region) => Some(region.value.clone()),
                None => Region::of_api_server(&cluster.server).map(|region| region.to_string()),
            };
            let name = name.value.clone();
            Ok(Some(eks_info(arguments, found, name, region)))
        }
        (None | Some(ClusterProvider::Eks), None) => Ok(None),
    }
}

impl Arguments {
    /// The flag that is only for looking up GKE clusters, if one is set.
    fn gke_flag(&self) -> Option<&'static str> {
        let flags = [
            ("--location", self.location.is_some()),
            ("--project", self.project.is_some()),
            ("--dns-endpoint", self.dns_endpoint),
        ];
        let mut flags = flags.into_iter();
        flags.find(|(_, is_set)| *is_set).map(|(flag, _)| flag)
    }

    /// Whether to ask the API of GKE even if the environment has a kubeconfig, perhaps of another cluster.
    fn looks_up_gke_cluster(&self) -> bool {
        self.from.is_none()
            && self.context.is_none()
            && (self.location.is_some() || self.dns_endpoint)
    }
}

/// The provider, as far as it is known before the environment is opened: from the setting, from a flag for
/// GKE, or by the domain of `--server`.
fn known_provider(arguments: &Arguments, request: &Request) -> Option<ClusterProvider> {
    if let Some(provider) = &request.provider {
        return Some(provider.value);
    }
    if arguments.gke_flag().is_some() {
        return Some(ClusterProvider::Gke);
    }
    let server = arguments.server.as_deref()?;
    if AuthorityHost::of_api_server(server).is_some() {
        return Some(ClusterProvider::Aks);
    }
    Region::of_api_server(server).map(|_| ClusterProvider::Eks)
}

/// The provider that the environment decides on. The name of the cluster may be of any provider, but with
/// several logins it means EKS, as in `get-token`.
fn choose_provider(request: &Request, opened: &OpenedEnvironment) -> Result<ClusterProvider> {
    let is_named =
        (request.cluster_name.as_ref()).is_some_and(|name| matches!(name.origin, Origin::Flag(_)));
    if !is_named {
        return provider::choose(request, opened).map(|chosen| chosen.provider);
    }
    match provider::choose(&without_name(request), opened) {
        Err(error) if error.kind() == Kind::Credentials => Ok(ClusterProvider::Eks),
        chosen => chosen.map(|chosen| chosen.provider),
    }
}

fn without_name(request: &Request) -> Request {
    Request {
        cluster_name: None,
        ..request.clone()
    }
}

/// Rejects flags that are only for another provider. The name of the cluster is for all of them.
fn check_flags(arguments: &Arguments, request: &Request, provider: ClusterProvider) -> Result<()> {
    if let Some(flag) = arguments.gke_flag() {
        provider.check_flag(flag, ClusterProvider::Gke)?;
    }
    provider::reject_other_flags(&without_name(request), provider)
}

/// A cluster that is not from a kubeconfig.
fn without_context(cluster: Cluster) -> ContextCluster {
    ContextCluster {
        name: String::new(),
        cluster,
        namespace: None,
    }
}

fn eks_info(
    arguments: &Arguments,
    found: ContextCluster,
    name: String,
    region: Option<String>,
) -> ClusterInfo {
    ClusterInfo {
        provider: ClusterProvider::Eks,
        cluster: found.cluster,
        cluster_name: Some(name.clone()),
        entry_name: name.clone(),
        flags: GetTokenFlags {
            cluster_name: Some(name),
            region,
            ..arguments.flags.clone()
        },
        namespace: found.namespace,
        is_namespace_chosen: false,
    }
}

/// An EKS cluster with the settings of the environment, and described by Amazon EKS if nothing else does.
fn eks_cluster(
    arguments: &Arguments,
    request: &Request,
    opened: &OpenedEnvironment,
    described: Option<ContextCluster>,
    context: Context<'_>,
) -> Result<ClusterInfo> {
    let region_of_server = described.as_ref().and_then(|found| {
        let region = Region::of_api_server(&found.cluster.server)?;
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
    let found = match described {
        Some(described) => described,
        None => without_context(authenticate::describe_cluster(opened, &target, context)?),
    };
    // A secret region stays in the environment, where the plugin reads it.
    let region = (!target.region.secret).then_some(target.region.value);
    let name = target.cluster_name.value;
    Ok(eks_info(arguments, found, name, region))
}

/// A GKE or AKS cluster: the plugin needs no name of it, but the entries do.
fn access_token_info(
    arguments: &Arguments,
    request: &Request,
    provider: ClusterProvider,
    found: ContextCluster,
    host: &Host,
) -> Result<ClusterInfo> {
    let name = arguments.flags.cluster_name.clone();
    let name_of_vendor = match provider {
        ClusterProvider::Gke => GkeNames::new(arguments, host)?.context_name(),
        _ => None,
    };
    let name_in_kubeconfig = Some(found.name).filter(|name| !name.is_empty());
    let entry_name = name_of_vendor
        .or_else(|| name.clone())
        .or(name_in_kubeconfig)
        .or_else(|| arguments.kubeconfig.alias.clone())
        .ok_or_else(|| {
            Error::configuration("no name specified for the cluster")
                .with_hint("pass `--name NAME`, or `--alias NAME`")
        })?;
    let azure_authority_host = match provider {
        ClusterProvider::Aks => azure_authority_host(arguments, request, &found.cluster)?,
        _ => None,
    };
    Ok(ClusterInfo {
        provider,
        cluster: found.cluster,
        cluster_name: name,
        entry_name,
        flags: GetTokenFlags {
            provider: Some(provider.to_string()),
            cluster_name: None,
            azure_authority_host,
            ..arguments.flags.clone()
        },
        namespace: found.namespace,
        is_namespace_chosen: false,
    })
}

/// The authority to write: that of the flag, or that of the API server's cloud, because clients may not
/// pass the server to the plugin.
fn azure_authority_host(
    arguments: &Arguments,
    request: &Request,
    cluster: &Cluster,
) -> Result<Option<String>> {
    if let Some(setting) = request.azure_authority_host.clone() {
        setting.parse(|url| AuthorityHost::parse(url))?;
        return Ok(arguments.flags.azure_authority_host.clone());
    }
    let authority = AuthorityHost::of_api_server(&cluster.server);
    let authority = authority.filter(|authority| *authority != AuthorityHost::default());
    Ok(authority.map(|authority| authority.as_str().to_owned()))
}

fn no_server(provider: ClusterProvider, hint: &str) -> Error {
    let provider = provider.title();
    let message = format!("no API server specified for the {provider} cluster");
    Error::configuration(message).with_hint(hint)
}

/// What names a GKE cluster: as arguments of `gcloud container clusters get-credentials`.
struct GkeNames {
    name: Option<String>,
    location: Option<String>,
    project: Option<String>,
}

impl GkeNames {
    fn new(arguments: &Arguments, host: &Host) -> Result<Self> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        let project = given(&arguments.project);
        Ok(Self {
            name: given(&arguments.flags.cluster_name),
            location: given(&arguments.location),
            project: match project {
                Some(project) => Some(project),
                None => host.variable("CLOUDSDK_CORE_PROJECT")?,
            },
        })
    }

    fn all(&self) -> Option<ClusterName<'_>> {
        Some(ClusterName {
            name: self.name.as_deref()?,
            location: self.location.as_deref()?,
            project: self.project.as_deref()?,
        })
    }

    /// The name that gcloud gives the entries.
    fn context_name(&self) -> Option<String> {
        let ClusterName {
            project,
            location,
            name,
        } = self.all()?;
        Some(format!("gke_{project}_{location}_{name}"))
    }

    fn require_all(&self) -> Result<ClusterName<'_>> {
        if let Some(name) = self.all() {
            return Ok(name);
        }
        if self.name.is_none() && self.location.is_none() {
            return Err(no_server(
                ClusterProvider::Gke,
                "pass `--name`, `--location` and `--project` to look it up, pass `--server URL` with \
                 `--certificate-authority FILE`, or add `files.KUBECONFIG` to the environment",
            ));
        }
        let parts = [
            ("`--name`", &self.name),
            ("`--location`", &self.location),
            ("`--project`", &self.project),
        ];
        let missing = parts.iter().filter(|(_, value)| value.is_none());
        let missing: Vec<_> = missing.map(|(flag, _)| *flag).collect();
        let missing = missing.join(" and ");
        let message = format!("cannot look up the GKE cluster without {missing}");
        Err(Error::configuration(message)
            .with_hint(format!("pass {missing}, or the API server with `--server`")))
    }
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
