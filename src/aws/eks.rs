//! Asks Amazon EKS where a cluster is: `DescribeCluster`.

use aws_sdk_eks::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use aws_sdk_eks::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_eks::operation::RequestId;
use aws_sdk_eks::operation::describe_cluster::{DescribeClusterError, DescribeClusterOutput};

use http::uri::Authority;

use crate::aws::endpoint::Region;
use crate::aws::sts::Settings;
use crate::aws::{Credentials, sdk};
use crate::clock::Deadline;
use crate::error::{Error, Kind, Result, one_line};
use crate::host::Host;
use crate::http::{HttpClient, parse_url, timed_out, unreachable};

/// Longer texts of the service are cut off: they are for a person.
const LONGEST_MESSAGE: usize = 1000;

/// A cluster, as far as clients need to know it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DescribedCluster {
    /// The URL of the API server.
    pub endpoint: String,
    /// The certificate authority: PEM in Base64.
    pub certificate_authority_data: String,
}

/// Asks EKS in `region` for the cluster `name`, which has to be up.
///
/// Needs the permission `eks:DescribeCluster`. `AWS_ENDPOINT_URL_EKS`, `AWS_ENDPOINT_URL`,
/// `AWS_USE_FIPS_ENDPOINT` and `AWS_USE_DUALSTACK_ENDPOINT` of the host are honoured. Blocks, at most
/// until the deadline.
pub fn describe_cluster(
    http: &HttpClient,
    host: &Host,
    region: &Region,
    credentials: &Credentials,
    name: &str,
    deadline: Deadline,
) -> Result<DescribedCluster> {
    let settings = Settings::of_service(host, "AWS_ENDPOINT_URL_EKS")?;
    let configuration = sdk::configuration(
        http,
        region.as_str(),
        &settings,
        deadline,
        Some(credentials),
    )?;
    let client = aws_sdk_eks::Client::new(&configuration);
    let call = Call {
        host,
        region,
        credentials,
        name,
        deadline,
    };
    let request = client.describe_cluster().name(name);
    let answer = http.block_on(deadline, async {
        let server = server(region, &settings).await?;
        let answer = request.send().await;
        answer.map_err(|error| call.failed(&server, &error))
    })?;
    let answer = answer.unwrap_or_else(|| Err(timed_out("Amazon EKS", deadline.allowed())))?;
    call.read(answer)
}

/// The host, with its port where it is not the usual one, that the SDK is going to ask.
async fn server(region: &Region, settings: &Settings) -> Result<Authority> {
    let no_endpoint = |cause: String| {
        let message = format!("there is no endpoint of Amazon EKS for the region `{region}`");
        Error::configuration(message)
            .with_hint("check the region, `AWS_USE_FIPS_ENDPOINT` and `AWS_USE_DUALSTACK_ENDPOINT`")
            .caused_by(cause)
    };
    let parameters = Params::builder()
        .region(region.as_str())
        .use_fips(settings.endpoint_mode.fips)
        .use_dual_stack(settings.endpoint_mode.dual_stack)
        .set_endpoint(settings.endpoint.clone())
        .build()
        .map_err(|error| no_endpoint(error.to_string()))?;
    let endpoint = DefaultResolver::new().resolve_endpoint(&parameters).await;
    let endpoint = endpoint.map_err(|error| no_endpoint(error.to_string()))?;
    let authority = parse_url(endpoint.url())?.into_parts().authority;
    // invariant: a URL that passed the check has a host.
    authority.ok_or_else(|| no_endpoint("the endpoint has no host".to_owned()))
}

/// A call: what its messages speak of.
struct Call<'a> {
    host: &'a Host,
    region: &'a Region,
    credentials: &'a Credentials,
    name: &'a str,
    deadline: Deadline,
}

impl Call<'_> {
    fn read(&self, answer: DescribeClusterOutput) -> Result<DescribedCluster> {
        let Some(cluster) = answer.cluster else {
            return Err(not_from_eks());
        };
        // Both states have an API server that answers; the others come before and after.
        let status = cluster.status.as_ref().map_or("", |status| status.as_str());
        if !matches!(status, "ACTIVE" | "UPDATING") {
            let message = format!(
                "the EKS cluster `{}` is not up: its status is `{}`",
                self.name,
                one_line(status)
            );
            return Err(Error::new(Kind::Unavailable, message)
                .with_hint("wait until its status is ACTIVE, and try again"));
        }
        let authority = cluster.certificate_authority.and_then(|it| it.data);
        match (cluster.endpoint, authority) {
            (Some(endpoint), Some(certificate_authority_data)) => Ok(DescribedCluster {
                endpoint,
                certificate_authority_data,
            }),
            _ => Err(not_from_eks()),
        }
    }

    fn failed(&self, server: &Authority, error: &SdkError<DescribeClusterError>) -> Error {
        match error {
            SdkError::TimeoutError(_) => {
                timed_out("Amazon EKS", sdk::attempt_timeout(self.deadline))
            }
            SdkError::DispatchFailure(failure) => {
                let who = format!("Amazon EKS at `{server}`");
                match failure.as_connector_error() {
                    Some(error) => unreachable(self.host, &who, server.host(), error),
                    None => Error::new(Kind::Unavailable, format!("cannot reach {who}")),
                }
            }
            SdkError::ServiceError(answer) => {
                let status = answer.raw().status().as_u16();
                let refusal = answer.err();
                let (kind, sentence, hint) = self.verdict(refusal.code(), status);
                let code = refusal.code().unwrap_or_default();
                let id = error.request_id().map(|id| format!(" (request id {id})"));
                let cause = format!(
                    "HTTP status {status} {code}: {}{}",
                    refusal.message().unwrap_or_default(),
                    id.unwrap_or_default()
                );
                Error::new(kind, sentence)
                    .with_hint(hint)
                    .caused_by(self.scrubbed(&cause))
            }
            _ => not_from_eks(),
        }
    }

    fn verdict(&self, code: Option<&str>, status: u16) -> (Kind, String, &'static str) {
        let (name, region) = (self.name, self.region);
        match code {
            Some("ResourceNotFoundException") => (
                Kind::Configuration,
                format!("there is no EKS cluster `{name}` in the region `{region}`"),
                "check the cluster's name, the region, and the account of the credentials",
            ),
            Some("ThrottlingException" | "TooManyRequestsException" | "ServerException") => busy(),
            Some("AccessDeniedException" | "AccessDenied") => (
                Kind::Denied,
                format!("the environment's credentials may not look up the EKS cluster `{name}`"),
                "allow eks:DescribeCluster, or give `--server` and `--certificate-authority`",
            ),
            _ if status == 429 || status >= 500 => busy(),
            _ if status == 401 || status == 403 => (
                Kind::Denied,
                "Amazon EKS does not accept the environment's credentials".to_owned(),
                "check the credentials in the environment, and this machine's clock",
            ),
            _ => (
                Kind::Configuration,
                format!("Amazon EKS does not accept the request for the cluster `{name}`"),
                "check the cluster's name and the region",
            ),
        }
    }

    /// One line of bounded length, without anything secret that the service may echo.
    fn scrubbed(&self, text: &str) -> String {
        let credentials = self.credentials;
        let mut text = text.replace(
            credentials.secret_access_key.expose().as_str(),
            crate::secret::REDACTED,
        );
        if let Some(token) = &credentials.session_token {
            text = text.replace(token.expose().as_str(), crate::secret::REDACTED);
        }
        let line = one_line(&text);
        match line.char_indices().nth(LONGEST_MESSAGE) {
            Some((end, _)) => format!("{}…", &line[..end]),
            None => line,
        }
    }
}

fn busy() -> (Kind, String, &'static str) {
    let message = "Amazon EKS cannot answer at the moment".to_owned();
    (Kind::Unavailable, message, "try again in a moment")
}

fn not_from_eks() -> Error {
    Error::new(Kind::Unavailable, "the answer is not one of Amazon EKS").with_hint(
        "check the network and `AWS_ENDPOINT_URL_EKS`: another may answer in the place of AWS",
    )
}
