//! Asks AWS STS for temporary credentials: `AssumeRoleWithWebIdentity` and `AssumeRole`.
//!
//! The SDK's configuration is made by hand from what the caller gives: no profile, no instance
//! metadata, no variable but those that [`Settings::from_host`] reads.

mod failure;

use std::time::{Duration, SystemTime};

use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_sdk_sts::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use aws_sdk_sts::config::retry::RetryConfig;
use aws_sdk_sts::config::{
    Credentials as SigningCredentials, IdentityCache, SharedAsyncSleep, SharedCredentialsProvider,
    StalledStreamProtectionConfig,
};
use aws_sdk_sts::error::SdkError;
use aws_sdk_sts::types::{Credentials as IssuedCredentials, PolicyDescriptorType};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::TimeSource;

use crate::aws::Credentials;
use crate::aws::endpoint::EndpointMode;
use crate::aws::sts::failure::{Call, Operation};
use crate::clock::{Clock, Deadline, Timestamp};
use crate::error::{Error, Result};
use crate::host::Host;
use crate::http::{HttpClient, checked, too_late};
use crate::secret::Secret;

/// The name of a session of which nobody said how to call it.
pub const DEFAULT_SESSION_NAME: &str = "kubectl-esc";

/// How STS is addressed: which of its endpoints, or another in its place.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Settings {
    /// The URL to call in place of the region's endpoint.
    pub endpoint: Option<String>,
    /// Which of the region's endpoints to call.
    pub endpoint_mode: EndpointMode,
}

/// The inputs of `AssumeRoleWithWebIdentity`.
#[derive(Clone, Debug)]
pub struct AssumeRoleWithWebIdentity<'a> {
    /// The role's ARN.
    pub role_arn: String,
    /// Names the session in AWS's records: 2 to 64 letters, digits and `_+=,.@-`.
    pub session_name: String,
    /// How long the credentials last, in whole seconds; STS gives an hour where it is not said.
    pub duration: Option<Duration>,
    /// Managed policies that narrow what the session may do.
    pub policy_arns: Vec<String>,
    /// The OIDC identity token.
    pub identity_token: &'a Secret<String>,
    /// Which of the other inputs are secrets too: no message shows them.
    pub hidden: Vec<&'a str>,
}

/// The inputs of `AssumeRole`.
#[derive(Clone, Debug)]
pub struct AssumeRole {
    /// The role's ARN.
    pub role_arn: String,
    /// Names the session in AWS's records: 2 to 64 letters, digits and `_+=,.@-`.
    pub session_name: String,
    /// What the role's trust policy asks of a third party.
    pub external_id: Option<String>,
    /// How long the credentials last, in whole seconds; STS gives an hour where it is not said.
    pub duration: Option<Duration>,
}

/// AWS STS in one region.
#[derive(Debug)]
pub struct Sts {
    http: HttpClient,
    region: String,
    settings: Settings,
    deadline: Deadline,
}

impl Settings {
    /// What the variables say that all AWS tools share: `AWS_ENDPOINT_URL_STS`, then
    /// `AWS_ENDPOINT_URL` (both unless `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS` is true),
    /// `AWS_USE_FIPS_ENDPOINT` and `AWS_USE_DUALSTACK_ENDPOINT`.
    pub fn from_host(host: &Host) -> Result<Self> {
        let mut endpoint = None;
        if !switch(host, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")? {
            for variable in ["AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"] {
                if let Some(url) = host.variable(variable)? {
                    checked(&url).map_err(|problem| {
                        Error::configuration(format!("`{variable}` names no usable endpoint"))
                            .with_hint(problem.hint().unwrap_or_default().to_owned())
                            .caused_by(problem)
                    })?;
                    endpoint = Some(url);
                    break;
                }
            }
        }
        Ok(Self {
            endpoint,
            endpoint_mode: EndpointMode {
                fips: switch(host, "AWS_USE_FIPS_ENDPOINT")?,
                dual_stack: switch(host, "AWS_USE_DUALSTACK_ENDPOINT")?,
            },
        })
    }
}

/// Reads a variable that is `true` or `false`, in any case.
fn switch(host: &Host, variable: &str) -> Result<bool> {
    match host.variable(variable)? {
        None => Ok(false),
        Some(value) if value.eq_ignore_ascii_case("true") => Ok(true),
        Some(value) if value.eq_ignore_ascii_case("false") => Ok(false),
        Some(_) => Err(
            Error::configuration(format!("`{variable}` is neither `true` nor `false`")).with_hint(
                format!("set `{variable}` to `true` or `false`, or unset it"),
            ),
        ),
    }
}

impl Sts {
    /// STS in `region`. Nothing is started or connected before the first call.
    #[must_use]
    pub fn new(http: &HttpClient, region: String, settings: Settings, deadline: Deadline) -> Self {
        Self {
            http: http.clone(),
            region,
            settings,
            deadline,
        }
    }

    /// Exchanges an identity token for credentials of a role. The call is not signed.
    pub fn assume_role_with_web_identity(
        &self,
        request: &AssumeRoleWithWebIdentity<'_>,
    ) -> Result<Credentials> {
        let token = request.identity_token.expose();
        let client = aws_sdk_sts::Client::new(&self.configuration(None)?);
        let policies = request.policy_arns.iter();
        let policies = policies.map(|arn| PolicyDescriptorType::builder().arn(arn).build());
        let operation = client
            .assume_role_with_web_identity()
            .role_arn(&request.role_arn)
            .role_session_name(&request.session_name)
            .set_duration_seconds(request.duration.map(whole_seconds))
            .set_policy_arns((!request.policy_arns.is_empty()).then(|| policies.collect()))
            .web_identity_token(token);
        let mut secrets = vec![token.as_str()];
        secrets.extend(&request.hidden);
        let call = Call {
            operation: Operation::WebIdentity(request.identity_token),
            role_arn: &request.role_arn,
            sts: self,
            secrets,
        };
        self.run(&call, async { Ok(operation.send().await?.credentials) })
    }

    /// Assumes a role with the credentials at hand.
    pub fn assume_role(&self, with: &Credentials, request: &AssumeRole) -> Result<Credentials> {
        let client = aws_sdk_sts::Client::new(&self.configuration(Some(with))?);
        let operation = client
            .assume_role()
            .role_arn(&request.role_arn)
            .role_session_name(&request.session_name)
            .set_external_id(request.external_id.clone())
            .set_duration_seconds(request.duration.map(whole_seconds));
        let mut secrets = vec![with.secret_access_key.expose().as_str()];
        secrets.extend(
            with.session_token
                .as_ref()
                .map(|token| token.expose().as_str()),
        );
        let call = Call {
            operation: Operation::AssumeRole,
            role_arn: &request.role_arn,
            sts: self,
            secrets,
        };
        self.run(&call, async { Ok(operation.send().await?.credentials) })
    }

    /// Runs a call to its end or to the deadline, and words what went wrong.
    fn run<E: failure::ServiceFailure>(
        &self,
        call: &Call<'_>,
        operation: impl Future<Output = Result<Option<IssuedCredentials>, SdkError<E>>>,
    ) -> Result<Credentials> {
        let exchange = async {
            let server = self.server().await?;
            let issued = operation.await;
            let issued = issued.map_err(|error| call.failed(&server, &error))?;
            let issued =
                issued.ok_or_else(|| call.not_from_sts(&server, "it holds no credentials"))?;
            let IssuedCredentials {
                access_key_id,
                secret_access_key,
                session_token,
                expiration,
                ..
            } = issued;
            Ok(Credentials {
                access_key_id,
                secret_access_key: Secret::new(secret_access_key),
                session_token: Some(Secret::new(session_token)),
                expires_at: Some(Timestamp::from_unix(expiration.secs())),
            })
        };
        self.http
            .block_on(self.deadline, exchange)?
            .unwrap_or_else(|| Err(too_late("AWS STS", self.deadline.allowed())))
    }

    /// The SDK's settings. Without credentials, only calls that are not signed can be made.
    fn configuration(&self, credentials: Option<&Credentials>) -> Result<SdkConfig> {
        // Three attempts fit into the deadline, so that a server that hangs is asked again.
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(self.attempt_timeout())
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
            .region(Region::new(self.region.clone()))
            .use_fips(self.settings.endpoint_mode.fips)
            .use_dual_stack(self.settings.endpoint_mode.dual_stack)
            .http_client(self.http.smithy()?)
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .time_source(HostTime(self.http.host().clock()))
            .timeout_config(timeouts)
            .retry_config(retries)
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .identity_cache(IdentityCache::no_cache());
        configuration.set_credentials_provider(signer);
        configuration.set_endpoint_url(self.settings.endpoint.clone());
        Ok(configuration.build())
    }

    fn attempt_timeout(&self) -> Duration {
        (self.deadline.allowed() / 3).max(Duration::from_secs(2))
    }

    /// The host, with its port where it is not the usual one, that the SDK is going to ask.
    async fn server(&self) -> Result<http::uri::Authority> {
        let no_endpoint = |cause: String| {
            let message = format!(
                "there is no endpoint of AWS STS for the region `{}`",
                self.region
            );
            let hint = "check the region, `AWS_USE_FIPS_ENDPOINT` and `AWS_USE_DUALSTACK_ENDPOINT`";
            Error::configuration(message)
                .with_hint(hint)
                .caused_by(cause)
        };
        let url = if let Some(endpoint) = &self.settings.endpoint {
            endpoint.clone()
        } else {
            let parameters = Params::builder()
                .region(&self.region)
                .use_fips(self.settings.endpoint_mode.fips)
                .use_dual_stack(self.settings.endpoint_mode.dual_stack)
                .build()
                .map_err(|error| no_endpoint(error.to_string()))?;
            let endpoint = DefaultResolver::new().resolve_endpoint(&parameters).await;
            let endpoint = endpoint.map_err(|error| no_endpoint(error.to_string()))?;
            endpoint.url().to_owned()
        };
        let authority = checked(&url)?.into_parts().authority;
        // invariant: a URL that passed the check has a host.
        authority.ok_or_else(|| no_endpoint("the endpoint has no host".to_owned()))
    }
}

fn whole_seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_secs()).unwrap_or(i32::MAX)
}

fn internal(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(crate::error::Kind::Internal, "cannot set up the AWS SDK").caused_by(error)
}

/// The host's clock, by which the SDK signs.
#[derive(Debug)]
struct HostTime(Clock);

impl TimeSource for HostTime {
    fn now(&self) -> SystemTime {
        self.0.now().system_time()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::error::Kind;
    use crate::http::loopback::{Loopback, answer, closed_port};

    /// The claims are `{"sub":"alice","exp":1682640000}`.
    pub(crate) const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.\
        eyJzdWIiOiJhbGljZSIsImV4cCI6MTY4MjY0MDAwMH0.c2lnbmF0dXJlLXRoYXQtaXMtc2VjcmV0";

    pub(crate) const ROLE: &str = "arn:aws:iam::123456789012:role/kubectl";

    /// 2023-04-28T00:00:01Z, a second after the token's expiry.
    const NOW: i64 = 1_682_640_001;

    pub(crate) fn host(variables: &[(&str, &str)]) -> Host {
        let clock = Clock::fixed(Timestamp::from_unix(NOW));
        Host::with(variables.iter().copied(), clock)
    }

    pub(crate) fn sts_at(endpoint: String, allowed: Duration) -> Sts {
        let settings = Settings {
            endpoint: Some(endpoint),
            ..Settings::default()
        };
        let http = HttpClient::new(&host(&[]));
        Sts::new(
            &http,
            "eu-west-1".to_owned(),
            settings,
            Deadline::after(allowed),
        )
    }

    /// What STS answers to `operation`.
    pub(crate) fn issued(operation: &str) -> String {
        let body = format!(
            r#"<{operation}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
              <{operation}Result><Credentials>
                <AccessKeyId>ASIAISSUED</AccessKeyId>
                <SecretAccessKey>issued/secret+key</SecretAccessKey>
                <SessionToken>issued//token==</SessionToken>
                <Expiration>2023-04-28T01:00:01Z</Expiration>
              </Credentials></{operation}Result>
              <ResponseMetadata><RequestId>request-1</RequestId></ResponseMetadata>
            </{operation}Response>"#
        );
        answer(200, "content-type: text/xml\r\n", &body)
    }

    fn expected() -> Credentials {
        Credentials {
            access_key_id: "ASIAISSUED".to_owned(),
            secret_access_key: Secret::from("issued/secret+key"),
            session_token: Some(Secret::from("issued//token==")),
            expires_at: Timestamp::from_rfc3339("2023-04-28T01:00:01Z"),
        }
    }

    pub(crate) fn web_identity<'a>(token: &'a Secret<String>) -> AssumeRoleWithWebIdentity<'a> {
        AssumeRoleWithWebIdentity {
            role_arn: ROLE.to_owned(),
            session_name: "alice@example.com".to_owned(),
            duration: None,
            policy_arns: Vec::new(),
            identity_token: token,
            hidden: Vec::new(),
        }
    }

    pub(crate) fn assume_role() -> AssumeRole {
        AssumeRole {
            role_arn: ROLE.to_owned(),
            session_name: DEFAULT_SESSION_NAME.to_owned(),
            external_id: None,
            duration: None,
        }
    }

    pub(crate) fn keys() -> Credentials {
        Credentials {
            access_key_id: "ASIAEXAMPLE".to_owned(),
            secret_access_key: Secret::from("secret/key/of/alice"),
            session_token: Some(Secret::from("session/token/of/alice==")),
            expires_at: None,
        }
    }

    /// The form of a request's body, in the order of the names.
    fn form(request: &str) -> Vec<String> {
        let (_, body) = request.split_once("\r\n\r\n").unwrap();
        let mut fields: Vec<_> = body.split('&').map(str::to_owned).collect();
        fields.sort();
        fields
    }

    #[test]
    fn an_identity_token_is_exchanged_without_a_signature() {
        let server = Loopback::answering([issued("AssumeRoleWithWebIdentity")]);
        let sts = sts_at(server.url(), Duration::from_secs(20));
        let token = Secret::from(TOKEN);
        let credentials = sts.assume_role_with_web_identity(&web_identity(&token));
        assert_eq!(credentials.unwrap(), expected());
        let full = AssumeRoleWithWebIdentity {
            duration: Some(Duration::from_secs(900)),
            policy_arns: vec!["arn:aws:iam::aws:policy/ReadOnlyAccess".to_owned()],
            ..web_identity(&token)
        };
        sts.assume_role_with_web_identity(&full).unwrap();

        let requests = server.requests();
        assert_eq!(requests.len(), 2);
        let head = requests[0].to_ascii_lowercase();
        assert!(head.starts_with("post / http/1.1\r\n"), "{head}");
        assert!(head.contains("app/kubectl-esc"), "{head}");
        assert!(!head.contains("authorization:"), "{head}");
        let always = [
            "Action=AssumeRoleWithWebIdentity".to_owned(),
            "RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fkubectl".to_owned(),
            "RoleSessionName=alice%40example.com".to_owned(),
            "Version=2011-06-15".to_owned(),
            format!("WebIdentityToken={TOKEN}"),
        ];
        assert_eq!(form(&requests[0]), always);
        let mut all = always.to_vec();
        all.push("DurationSeconds=900".to_owned());
        all.push(
            "PolicyArns.member.1.arn=arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2FReadOnlyAccess".to_owned(),
        );
        all.sort();
        assert_eq!(form(&requests[1]), all);
    }

    #[test]
    fn a_role_on_top_is_assumed_with_a_signature_at_the_hosts_time() {
        let server = Loopback::answering([issued("AssumeRole")]);
        let sts = sts_at(server.url(), Duration::from_secs(20));
        let request = AssumeRole {
            external_id: Some("tenant 1".to_owned()),
            duration: Some(Duration::from_mins(30)),
            ..assume_role()
        };
        assert_eq!(sts.assume_role(&keys(), &request).unwrap(), expected());
        let requests = server.requests();
        let head = requests[0].to_ascii_lowercase();
        let scope = "credential=asiaexample/20230428/eu-west-1/sts/aws4_request";
        assert!(head.contains(scope), "{head}");
        assert!(head.contains("x-amz-date: 20230428t000001z\r\n"), "{head}");
        assert!(
            head.contains("x-amz-security-token: session/token/of/alice==\r\n"),
            "{head}"
        );
        assert_eq!(
            form(&requests[0]),
            [
                "Action=AssumeRole",
                "DurationSeconds=1800",
                "ExternalId=tenant%201",
                "RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fkubectl",
                "RoleSessionName=kubectl-esc",
                "Version=2011-06-15",
            ]
        );
    }

    #[test]
    fn a_failure_that_may_pass_is_tried_again() {
        let server = Loopback::answering([
            answer(503, "", ""),
            answer(500, "", ""),
            issued("AssumeRole"),
        ]);
        let sts = sts_at(server.url(), Duration::from_secs(20));
        assert_eq!(
            sts.assume_role(&keys(), &assume_role()).unwrap(),
            expected()
        );
        assert_eq!(server.requests().len(), 3);
    }

    #[test]
    fn a_silent_sts_is_left_at_the_deadline() {
        let server = Loopback::silent();
        let sts = sts_at(server.url(), Duration::from_millis(100));
        let error = sts.assume_role(&keys(), &assume_role()).unwrap_err();
        assert_eq!(error.kind(), Kind::Unavailable);
        assert_eq!(error.to_string(), "AWS STS did not answer within 100ms");
        assert_eq!(
            error.hint().unwrap(),
            "check the network, or allow more time with `--timeout`"
        );
    }

    #[test]
    fn an_sts_that_cannot_be_reached_is_named() {
        let authority = format!("127.0.0.1:{}", closed_port());
        let sts = sts_at(format!("http://{authority}"), Duration::from_secs(20));
        let error = sts.assume_role(&keys(), &assume_role()).unwrap_err();
        assert_eq!(error.kind(), Kind::Unavailable);
        assert_eq!(
            error.to_string(),
            format!("cannot reach AWS STS at `{authority}`")
        );
        assert_eq!(error.causes().next().unwrap(), "the connection was refused");
    }

    #[test]
    fn variables_say_how_sts_is_addressed() {
        let settings = |endpoint: Option<&str>, fips, dual_stack| Settings {
            endpoint: endpoint.map(str::to_owned),
            fips,
            dual_stack,
        };
        let (a, b) = ("https://a.example.com", "http://127.0.0.1:4566/x");
        for (variables, want) in [
            (vec![], settings(None, false, false)),
            (
                vec![("AWS_ENDPOINT_URL_STS", a), ("AWS_ENDPOINT_URL", b)],
                settings(Some(a), false, false),
            ),
            (
                vec![("AWS_ENDPOINT_URL", b)],
                settings(Some(b), false, false),
            ),
            (
                vec![
                    ("AWS_ENDPOINT_URL", "http://example.com"),
                    ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "True"),
                ],
                settings(None, false, false),
            ),
            (
                vec![
                    ("AWS_USE_FIPS_ENDPOINT", "TRUE"),
                    ("AWS_USE_DUALSTACK_ENDPOINT", "false"),
                ],
                settings(None, true, false),
            ),
            (
                vec![("AWS_USE_DUALSTACK_ENDPOINT", "true")],
                settings(None, false, true),
            ),
        ] {
            assert_eq!(
                Settings::from_host(&host(&variables)).unwrap(),
                want,
                "{variables:?}"
            );
        }
        for (variable, value, problem) in [
            (
                "AWS_ENDPOINT_URL_STS",
                "http://sts.example.com",
                "`AWS_ENDPOINT_URL_STS` names no usable endpoint",
            ),
            (
                "AWS_ENDPOINT_URL",
                "x",
                "`AWS_ENDPOINT_URL` names no usable endpoint",
            ),
            (
                "AWS_USE_FIPS_ENDPOINT",
                "1",
                "`AWS_USE_FIPS_ENDPOINT` is neither `true` nor `false`",
            ),
            (
                "AWS_USE_DUALSTACK_ENDPOINT",
                "yes",
                "`AWS_USE_DUALSTACK_ENDPOINT` is neither `true` nor `false`",
            ),
        ] {
            let error = Settings::from_host(&host(&[(variable, value)])).unwrap_err();
            assert_eq!(error.kind(), Kind::Configuration);
            assert_eq!(error.to_string(), problem);
            assert!(
                error.hint().is_some_and(|hint| !hint.is_empty()),
                "{variable}"
            );
        }
    }

    #[test]
    fn the_endpoint_follows_region_fips_and_dual_stack() {
        let http = HttpClient::new(&host(&[]));
        for (region, fips, dual_stack, want) in [
            ("eu-west-1", false, false, Ok("sts.eu-west-1.amazonaws.com")),
            ("us-east-1", false, false, Ok("sts.us-east-1.amazonaws.com")),
            (
                "us-east-1",
                true,
                false,
                Ok("sts-fips.us-east-1.amazonaws.com"),
            ),
            ("us-east-1", false, true, Ok("sts.us-east-1.api.aws")),
            (
                "us-gov-west-1",
                true,
                false,
                Ok("sts.us-gov-west-1.amazonaws.com"),
            ),
            (
                "cn-north-1",
                false,
                false,
                Ok("sts.cn-north-1.amazonaws.com.cn"),
            ),
            (
                "us-iso-east-1",
                false,
                false,
                Ok("sts.us-iso-east-1.c2s.ic.gov"),
            ),
            (
                "not a region",
                false,
                false,
                Err("there is no endpoint of AWS STS for the region `not a region`"),
            ),
        ] {
            let settings = Settings {
                endpoint: None,
                fips,
                dual_stack,
            };
            let deadline = Deadline::after(Duration::from_secs(20));
            let sts = Sts::new(&http, region.to_owned(), settings, deadline);
            let server = http.block_on(deadline, sts.server()).unwrap().unwrap();
            match want {
                Ok(host) => assert_eq!(server.unwrap().as_str(), host),
                Err(problem) => {
                    let error = server.unwrap_err();
                    assert_eq!(error.kind(), Kind::Configuration);
                    assert_eq!(error.to_string(), problem);
                }
            }
        }
    }

    #[test]
    fn an_endpoint_without_encryption_is_not_called() {
        let sts = sts_at("http://sts.example.com".to_owned(), Duration::from_secs(20));
        let error = sts.assume_role(&keys(), &assume_role()).unwrap_err();
        assert_eq!(error.kind(), Kind::Configuration);
        assert_eq!(
            error.to_string(),
            "the connection to `sts.example.com` would not be encrypted"
        );
    }
}
