//! Asks Google Kubernetes Engine for the API server of a cluster: `projects.locations.clusters.get`.

use percent_encoding::utf8_percent_encode;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::context::Context;
use crate::error::{Error, Kind, Result, one_line};
use crate::gcp::endpoint::{Endpoint, Service};
use crate::gcp::failure::{Operation, ServiceCall};
use crate::http::{Method, RESERVED, Request, shortened};
use crate::secret::Secret;

/// The maximum size of a response, in bytes. It lists the node pools.
const MAX_RESPONSE_BYTES: usize = 4 << 20;

/// The name of a cluster, unique in Google Cloud.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClusterName<'a> {
    /// The ID or number of the project.
    pub project: &'a str,
    /// The region or zone.
    pub location: &'a str,
    /// The cluster's name in the location.
    pub name: &'a str,
}

/// What a client needs to connect to a cluster.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct DescribedCluster {
    /// The URL of the API server.
    pub server: String,
    /// The certificate authority: PEM in Base64. `None` for the DNS-based endpoint, which has a public
    /// certificate.
    pub certificate_authority_data: Option<String>,
}

/// Describes a cluster. Fails if it is not running.
///
/// Returns the DNS-based endpoint on request, or if the cluster has no other, as gcloud does. Requires the
/// permission `container.clusters.get`. Respects `CLOUDSDK_API_ENDPOINT_OVERRIDES_CONTAINER`.
pub(crate) fn describe_cluster(
    context: Context<'_>,
    cluster: &ClusterName<'_>,
    token: &Secret<String>,
    wants_dns_endpoint: bool,
) -> Result<DescribedCluster> {
    let endpoint = Endpoint::of(Service::Container, context.host)?;
    let call = ServiceCall {
        endpoint: &endpoint,
        operation: Operation::GetCluster(cluster),
        secrets: vec![token.expose()],
    };
    let escaped = |text| utf8_percent_encode(text, RESERVED);
    let path = format!(
        "/v1/projects/{}/locations/{}/clusters/{}",
        escaped(cluster.project),
        escaped(cluster.location),
        escaped(cluster.name)
    );
    let authorization = Zeroizing::new(format!("Bearer {}", token.expose()));
    let request = Request {
        method: Method::Get,
        url: &endpoint.url(&path),
        headers: &[
            ("accept", "application/json"),
            ("authorization", &authorization),
        ],
        body: &[],
        limit: MAX_RESPONSE_BYTES,
    };
    let response = context.send("describing the GKE cluster", &request, true);
    let response = response.map_err(|failure| failure.error)?;
    if response.status != 200 {
        return Err(call.rejection(&response));
    }
    let no_cluster = || call.not_from_google("a response without a cluster and its endpoint");
    // The parser's error is dropped: it would quote the response.
    let found: Option<Cluster> = serde_json::from_slice(response.body.expose()).ok();
    let found = found.ok_or_else(no_cluster)?;
    found.check_status(cluster.name)?;
    if wants_dns_endpoint || !found.has_ip_endpoint() {
        return found.dns_endpoint(cluster.name);
    }
    found.ip_endpoint().ok_or_else(no_cluster)
}

/// A cluster: the fields that are read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cluster {
    status: String,
    /// The IP address of the API server.
    endpoint: Option<String>,
    master_auth: Option<MasterAuth>,
    #[serde(default)]
    control_plane_endpoints_config: ControlPlaneEndpoints,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MasterAuth {
    cluster_ca_certificate: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ControlPlaneEndpoints {
    dns_endpoint_config: DnsEndpoint,
    ip_endpoints_config: Option<IpEndpoints>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct DnsEndpoint {
    endpoint: Option<String>,
    /// Google omits `false`.
    allow_external_traffic: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct IpEndpoints {
    enabled: bool,
}

impl Cluster {
    /// In the other states, the API server is not there yet, or no longer.
    fn check_status(&self, name: &str) -> Result<()> {
        if matches!(self.status.as_str(), "RUNNING" | "RECONCILING" | "DEGRADED") {
            return Ok(());
        }
        let status = shortened(&one_line(&self.status));
        let message = format!("the GKE cluster `{name}` is not running: its status is `{status}`");
        Err(Error::new(Kind::Unavailable, message)
            .with_hint("wait until its status is `RUNNING`, then try again"))
    }

    fn has_ip_endpoint(&self) -> bool {
        let config = &self.control_plane_endpoints_config.ip_endpoints_config;
        config.as_ref().is_none_or(|config| config.enabled)
    }

    fn ip_endpoint(self) -> Option<DescribedCluster> {
        let endpoint = self.endpoint.filter(|endpoint| !endpoint.is_empty())?;
        // An IPv6 address needs brackets in a URL.
        let server = if endpoint.contains(':') {
            format!("https://[{endpoint}]")
        } else {
            format!("https://{endpoint}")
        };
        Some(DescribedCluster {
            server,
            certificate_authority_data: Some(self.master_auth?.cluster_ca_certificate?),
        })
    }

    /// The DNS-based endpoint. Fails if clients outside of Google Cloud cannot use it.
    fn dns_endpoint(self, name: &str) -> Result<DescribedCluster> {
        let config = self.control_plane_endpoints_config.dns_endpoint_config;
        let Some(endpoint) = config.endpoint.filter(|_| config.allow_external_traffic) else {
            let message =
                format!("the GKE cluster `{name}` has no DNS-based endpoint for external traffic");
            return Err(Error::configuration(message).with_hint(format!(
                "allow external traffic with `gcloud container clusters update {name} \
                 --enable-dns-access`, or pass `--server`"
            )));
        };
        Ok(DescribedCluster {
            server: format!("https://{endpoint}"),
            certificate_authority_data: None,
        })
    }
}
