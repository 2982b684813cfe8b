//! The AWS SDK, configured from our own settings alone: it reads no profile, no instance metadata and
//! no variable.

use std::time::{Duration, SystemTime};

use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_sdk_sts::config::retry::RetryConfig;
use aws_sdk_sts::config::{
    IdentityCache, SharedAsyncSleep, SharedCredentialsProvider, StalledStreamProtectionConfig,
};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::TimeSource;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_types::endpoint::Endpoint;
use http::uri::Authority;

use crate::aws::Credentials;
use crate::aws::endpoint::{EndpointSettings, Service};
use crate::clock::Deadline;
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::http::{HttpClient, parse_url, timed_out};

/// The SDK's configuration for STS in `region`. Calls are signed only if there are
/// credentials.
pub(super) fn configuration(
    context: Context<'_>,
    region: &str,
    settings: &EndpointSettings,
    credentials: Option<&Credentials>,
) -> Result<SdkConfig> {
    // Three attempts fit into the deadline, so that a server that hangs is called again.
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(attempt_timeout(context.deadline))
        .build();
    let retries = RetryConfig::standard()
        .with_max_attempts(3)
        .with_initial_backoff(Duration::from_millis(100))
        .with_max_backoff(Duration::from_secs(1));
    let mut configuration = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .app_name(AppName::new("kubectl-esc").map_err(|error| {
            Error::new(Kind::Internal, "cannot set up the AWS SDK").caused_by(error)
        })?)
        .region(Region::new(region.to_owned()))
        .use_fips(settings.endpoint_mode.fips)
        .use_dual_stack(settings.endpoint_mode.dual_stack)
        .http_client(context.http.smithy()?)
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .time_source(AwsTime(context.http.clone()))
        .timeout_config(timeouts)
        .retry_config(retries)
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .identity_cache(IdentityCache::no_cache());
    configuration.set_credentials_provider(
        credentials.map(|credentials| SharedCredentialsProvider::new(credentials.to_sdk())),
    );
    configuration.set_endpoint_url(settings.endpoint.clone());
    Ok(configuration.build())
}

/// How long one attempt may take.
pub(super) fn attempt_timeout(deadline: Deadline) -> Duration {
    (deadline.allowed() / 3).max(Duration::from_secs(2))
}

/// The host of an endpoint that the SDK resolved, with its port unless that is the default.
pub(super) fn authority(region: &str, endpoint: Result<Endpoint, BoxError>) -> Result<Authority> {
    let no_endpoint = |cause: BoxError| {
        let message = format!("AWS STS has no endpoint in the region `{region}`");
        Error::configuration(message)
            .with_hint("check the region, `AWS_USE_FIPS_ENDPOINT` and `AWS_USE_DUALSTACK_ENDPOINT`")
            .caused_by(cause.to_string())
    };
    let endpoint = endpoint.map_err(no_endpoint)?;
    let authority = parse_url(endpoint.url())?.into_parts().authority;
    // invariant: a URL that passed the check has a host.
    authority.ok_or_else(|| no_endpoint("the endpoint has no host".into()))
}

/// Runs a call to STS, until the deadline at the latest.
pub(super) fn block_on<T>(
    context: Context<'_>,
    call: impl Future<Output = Result<T>>,
) -> Result<T> {
    let deadline = context.deadline;
    let result = context.http.block_on(deadline, call)?;
    result.unwrap_or_else(|| Err(timed_out(Service::Sts, deadline.allowed())))
}

/// Makes a call with a signature. If it is the first one to AWS, it is signed by this machine's clock; if
/// the rejection shows that this clock is wrong, the call is repeated with the time of AWS.
pub(super) fn with_aws_time<T>(context: Context<'_>, call: impl Fn() -> Result<T>) -> Result<T> {
    let offset_before = context.http.aws_clock_offset();
    let result = call();
    let clock_changed = context.http.aws_clock_offset() != offset_before;
    match result {
        Err(error) if error.kind() == Kind::Denied && clock_changed => call(),
        result => result,
    }
}

/// AWS's clock: requests are signed by it, so that they are accepted even if this machine's clock is
/// wrong.
#[derive(Debug)]
struct AwsTime(HttpClient);

impl TimeSource for AwsTime {
    fn now(&self) -> SystemTime {
        self.0.aws_time().system_time()
    }
}
