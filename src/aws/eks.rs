//! Asks Amazon EKS for the API server of a cluster: `DescribeCluster`.

use aws_sdk_eks::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use aws_sdk_eks::operation::describe_cluster::DescribeClusterOutput;
use http::uri::Authority;

use crate::aws::endpoint::{EndpointSettings, Region, Service};
use crate::aws::failure::{Operation, ServiceCall, shortened};
use crate::aws::{Credentials, sdk};
use crate::context::Context;
use crate::error::{Error, Kind, Result, one_line};

/// What a client needs to connect to a cluster.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct DescribedCluster {
    /// The URL of the API server.
    pub endpoint: String,
    /// The certificate authority: PEM in Base64.
    pub certificate_authority_data: String,
}

/// Describes the cluster `cluster_name`. Fails if it is not active.
///
/// Requires the permission `eks:DescribeCluster`. Respects `AWS_ENDPOINT_URL_EKS`,
/// `AWS_ENDPOINT_URL`, `AWS_USE_FIPS_ENDPOINT` and `AWS_USE_DUALSTACK_ENDPOINT`. Blocks until the
/// deadline at the latest.
pub(crate) fn describe_cluster(
    context: Context<'_>,
    region: &Region,
    credentials: &Credentials,
    cluster_name: &str,
) -> Result<DescribedCluster> {
    let settings = EndpointSettings::read(context.host, Service::Eks)?;
    sdk::with_aws_time(context, || {
        describe_once(context, region, &settings, credentials, cluster_name)
    })
}

fn describe_once(
    context: Context<'_>,
    region: &Region,
    settings: &EndpointSettings,
    credentials: &Credentials,
    cluster_name: &str,
) -> Result<DescribedCluster> {
    let configuration = sdk::configuration(context, region.as_str(), settings, Some(credentials))?;
    let request = aws_sdk_eks::Client::new(&configuration)
        .describe_cluster()
        .name(cluster_name);
    let call = ServiceCall {
        context,
        operation: Operation::DescribeCluster {
            name: cluster_name,
            region: region.as_str(),
        },
        has_custom_endpoint: settings.endpoint.is_some(),
        secrets: credentials.secrets().collect(),
    };
    sdk::block_on(context, Service::Eks, async {
        let server = server(region, settings).await?;
        let response = request.send().await;
        let response = response.map_err(|error| call.failure(&server, &error))?;
        read(response, cluster_name)?
            .ok_or_else(|| call.not_from_aws(&server, "a response without a cluster"))
    })
}

/// The host that the SDK is going to call, with its port unless that is the default.
async fn server(region: &Region, settings: &EndpointSettings) -> Result<Authority> {
    let parameters = Params::builder()
        .region(region.as_str())
        .use_fips(settings.endpoint_mode.fips)
        .use_dual_stack(settings.endpoint_mode.dual_stack)
        .set_endpoint(settings.endpoint.clone())
        .build();
    let endpoint = match parameters {
        Ok(parameters) => DefaultResolver::new().resolve_endpoint(&parameters).await,
        Err(error) => Err(error.into()),
    };
    sdk::authority(Service::Eks, region.as_str(), endpoint)
}

/// `None` if the response lacks what a client needs.
fn read(response: DescribeClusterOutput, name: &str) -> Result<Option<DescribedCluster>> {
    let Some(cluster) = response.cluster else {
        return Ok(None);
    };
    // In all other states the API server is not there yet, or no longer.
    let status = cluster.status.as_ref().map_or("", |status| status.as_str());
    if !matches!(status, "ACTIVE" | "UPDATING") {
        let status = shortened(&one_line(status));
        let message = format!("the EKS cluster `{name}` is not active: its status is `{status}`");
        return Err(Error::new(Kind::Unavailable, message)
            .with_hint("wait until its status is `ACTIVE`, then try again"));
    }
    let authority = cluster
        .certificate_authority
        .and_then(|authority| authority.data);
    Ok(cluster
        .endpoint
        .zip(authority)
        .map(|(endpoint, certificate_authority_data)| DescribedCluster {
            endpoint,
            certificate_authority_data,
        }))
}
