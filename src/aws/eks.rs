//! Asks Amazon EKS for the API server of a cluster: `DescribeCluster`.

use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings};
use http::uri::Authority;
use percent_encoding::utf8_percent_encode;
use serde::Deserialize;
use serde_json::Value as Json;

use crate::aws::endpoint::{EndpointSettings, Region, Service, eks_url};
use crate::aws::failure::{ErrorResponse, Operation, ServiceCall, shortened};
use crate::aws::sigv4::Signer;
use crate::aws::{Credentials, sdk};
use crate::context::Context;
use crate::error::{Error, Kind, Result, one_line};
use crate::http::{Method, RESERVED, Request, Response, parse_url};

/// The maximum size of a response, in bytes. Usual ones have a few kilobytes.
const MAX_RESPONSE_BYTES: usize = 1 << 20;

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
    let url = match &settings.endpoint {
        Some(endpoint) => endpoint.trim_end_matches('/').to_owned(),
        None => eks_url(region, settings.endpoint_mode)?,
    };
    let url = format!(
        "{url}/clusters/{}",
        utf8_percent_encode(cluster_name, RESERVED)
    );
    let server = parse_url(&url)?.into_parts().authority;
    let describe = DescribeCluster {
        call: ServiceCall {
            context,
            operation: Operation::DescribeCluster {
                name: cluster_name,
                region: region.as_str(),
            },
            has_custom_endpoint: settings.endpoint.is_some(),
            secrets: credentials.secrets().collect(),
        },
        // invariant: a URL that passed the check has a host.
        server: server.ok_or_else(|| Error::new(Kind::Internal, "the URL has no host"))?,
        url,
        cluster_name,
    };
    sdk::with_aws_time(context, || {
        let response = describe.send(&Signer {
            credentials,
            region: region.as_str(),
            service: "eks",
            signed_at: context.http.aws_time(),
        })?;
        describe.read(&response)
    })
}

struct DescribeCluster<'a> {
    call: ServiceCall<'a>,
    url: String,
    server: Authority,
    cluster_name: &'a str,
}

impl DescribeCluster<'_> {
    /// Sends the signed request, and returns a successful response.
    fn send(&self, signer: &Signer<'_>) -> Result<Response> {
        let url = &self.url;
        let signable = SignableRequest::new("GET", url, [].into_iter(), SignableBody::Bytes(&[]));
        let instructions = signer.sign(signable, SigningSettings::default())?;
        let signature = ["authorization", "x-amz-date", "x-amz-security-token"];
        let mut headers = vec![("accept", "application/json")];
        headers.extend(signature.into_iter().filter_map(|name| {
            let mut added = instructions.headers();
            let (_, value) = added.find(|(found, _)| found.eq_ignore_ascii_case(name))?;
            Some((name, value))
        }));
        let request = Request {
            method: Method::Get,
            url,
            headers: &headers,
            body: &[],
            limit: MAX_RESPONSE_BYTES,
        };
        let context = self.call.context;
        let response = (context.send("describing the EKS cluster", &request, true))
            .map_err(|failure| self.call.with_region_hint(failure.error))?;
        context.http.observe_aws_date(&response)?;
        if response.status == 200 {
            return Ok(response);
        }
        Err(self.rejection(&response))
    }

    fn rejection(&self, response: &Response) -> Error {
        let body: Json = serde_json::from_slice(response.body.expose()).unwrap_or_default();
        let text = |name: &str| body.get(name).and_then(Json::as_str);
        let header = response.header("x-amzn-errortype");
        let code = header.or_else(|| text("code")).or_else(|| text("__type"));
        let response = ErrorResponse {
            status: response.status,
            // As in the protocol restJson1, the code may follow a namespace and precede a URL.
            code: code.and_then(|code| code.split(':').next()?.rsplit('#').next()),
            message: text("message").unwrap_or_default(),
            request_id: response.header("x-amzn-requestid"),
        };
        self.call.rejection(&self.server, &response)
    }

    /// Reads a successful response.
    fn read(&self, response: &Response) -> Result<DescribedCluster> {
        // The parser's error is dropped: it would quote the response.
        let body: Option<Body> = serde_json::from_slice(response.body.expose()).ok();
        let incomplete = || {
            let sent = "a response without a cluster";
            self.call.not_from_aws(&self.server, sent)
        };
        let cluster = body.and_then(|body| body.cluster).ok_or_else(incomplete)?;
        // In all other states the API server is not there yet, or no longer.
        if !matches!(cluster.status.as_str(), "ACTIVE" | "UPDATING") {
            let status = shortened(&one_line(&cluster.status));
            let message = format!(
                "the EKS cluster `{}` is not active: its status is `{status}`",
                self.cluster_name
            );
            return Err(Error::new(Kind::Unavailable, message)
                .with_hint("wait until its status is `ACTIVE`, then try again"));
        }
        let authority = cluster.certificate_authority.and_then(|found| found.data);
        let found = cluster.endpoint.zip(authority).ok_or_else(incomplete)?;
        Ok(DescribedCluster {
            endpoint: found.0,
            certificate_authority_data: found.1,
        })
    }
}

/// A response: the fields that are read.
#[derive(Deserialize)]
struct Body {
    cluster: Option<Cluster>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cluster {
    #[serde(default)]
    status: String,
    endpoint: Option<String>,
    certificate_authority: Option<CertificateAuthority>,
}

#[derive(Deserialize)]
struct CertificateAuthority {
    data: Option<String>,
}
