//! The AWS SDK's configuration, made by hand from what the caller gives: no profile, no instance
//! metadata, no variable.

use std::time::{Duration, SystemTime};

use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_sdk_sts::config::retry::RetryConfig;
use aws_sdk_sts::config::{
    Credentials as SigningCredentials, IdentityCache, SharedAsyncSleep, SharedCredentialsProvider,
    StalledStreamProtectionConfig,
};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::TimeSource;

use crate::aws::Credentials;
use crate::aws::sts::Settings;
use crate::clock::Deadline;
use crate::error::{Error, Result};
use crate::http::HttpClient;

/// The SDK's settings for a service in `region`. Without credentials, only calls that are not
/// signed can be made.
pub(super) fn configuration(
    http: &HttpClient,
    region: &str,
    settings: &Settings,
    deadline: Deadline,
    credentials: Option<&Credentials>,
) -> Result<SdkConfig> {
    // Three attempts fit into the deadline, so that a server that hangs is asked again.
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(attempt_timeout(deadline))
        .build();
    let retries = RetryConfig::standard()
        .with_max_attempts(3)
        .with_initial_backoff(Duration::from_millis(100))
        .with_max_backoff(Duration::from_secs(1));
    let signer = credentials.map(|credentials| {
        let token = credentials.session_token.as_ref();
        SharedCredentialsProvider::new(SigningCredentials::new(
            &credentials.access_key_id,
            credentials.secret_access_key.expose(),
            token.map(|token| token.expose().clone()),
            None,
            "kubectl-esc",
        ))
    });
    let mut configuration = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .app_name(AppName::new("kubectl-esc").map_err(internal)?)
        .region(Region::new(region.to_owned()))
        .use_fips(settings.endpoint_mode.fips)
        .use_dual_stack(settings.endpoint_mode.dual_stack)
        .http_client(http.smithy()?)
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .time_source(ServerTime(http.clone()))
        .timeout_config(timeouts)
        .retry_config(retries)
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .identity_cache(IdentityCache::no_cache());
    configuration.set_credentials_provider(signer);
    configuration.set_endpoint_url(settings.endpoint.clone());
    Ok(configuration.build())
}

/// How long one attempt may take.
pub(super) fn attempt_timeout(deadline: Deadline) -> Duration {
    (deadline.allowed() / 3).max(Duration::from_secs(2))
}

fn internal(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(crate::error::Kind::Internal, "cannot set up the AWS SDK").caused_by(error)
}

/// The servers' time, by which the SDK signs.
#[derive(Debug)]
struct ServerTime(HttpClient);

impl TimeSource for ServerTime {
    fn now(&self) -> SystemTime {
        self.0.now().system_time()
    }
}
