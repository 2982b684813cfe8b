//! Asks AWS STS for temporary credentials: `AssumeRoleWithWebIdentity` and `AssumeRole`.
//!
//! No variable is read but those of [`Settings::from_host`].

mod failure;

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_sts::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use aws_sdk_sts::error::SdkError;
use aws_sdk_sts::types::{Credentials as IssuedCredentials, PolicyDescriptorType};

use crate::aws::endpoint::EndpointMode;
use crate::aws::sts::failure::{Call, Operation};
use crate::aws::{Credentials, sdk};
use crate::clock::{Deadline, Timestamp};
use crate::error::{Error, Kind, Result};
use crate::host::Host;
use crate::http::{HttpClient, parse_url, timed_out};
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
pub struct AssumeRole<'a> {
    /// The role's ARN.
    pub role_arn: String,
    /// Names the session in AWS's records: 2 to 64 letters, digits and `_+=,.@-`.
    pub session_name: String,
    /// What the role's trust policy asks of a third party.
    pub external_id: Option<String>,
    /// Those of the inputs that are secrets: no message shows them.
    pub hidden: Vec<&'a str>,
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
        Self::of_service(host, "AWS_ENDPOINT_URL_STS")
    }

    /// The same for the service whose own endpoint variable this is.
    pub(super) fn of_service(host: &Host, own: &str) -> Result<Self> {
        let mut endpoint = None;
        if !switch(host, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")? {
            for variable in [own, "AWS_ENDPOINT_URL"] {
                if let Some(url) = host.variable(variable)? {
                    parse_url(&url).map_err(|problem| {
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

    /// When every call has to be over.
    #[must_use]
    pub fn deadline(&self) -> Deadline {
        self.deadline
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
    ///
    /// The call is signed by the clock of the last server that answered. Where that was none, and
    /// STS's refusal shows that this machine's clock is wrong, it is signed anew by STS's.
    pub fn assume_role(&self, with: &Credentials, request: &AssumeRole<'_>) -> Result<Credentials> {
        let signed_by = self.http.clock_offset();
        let assumed = self.assume_role_once(with, request);
        match &assumed {
            Err(error) if error.kind() == Kind::Denied && self.http.clock_offset() != signed_by => {
                self.assume_role_once(with, request)
            }
            _ => assumed,
        }
    }

    fn assume_role_once(
        &self,
        with: &Credentials,
        request: &AssumeRole<'_>,
    ) -> Result<Credentials> {
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
        secrets.extend(request.external_id.as_deref());
        secrets.extend(&request.hidden);
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
            .unwrap_or_else(|| Err(timed_out("AWS STS", self.deadline.allowed())))
    }

    fn configuration(&self, credentials: Option<&Credentials>) -> Result<SdkConfig> {
        sdk::configuration(
            &self.http,
            &self.region,
            &self.settings,
            self.deadline,
            credentials,
        )
    }

    fn attempt_timeout(&self) -> Duration {
        sdk::attempt_timeout(self.deadline)
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
        let parameters = Params::builder()
            .region(&self.region)
            .use_fips(self.settings.endpoint_mode.fips)
            .use_dual_stack(self.settings.endpoint_mode.dual_stack)
            .set_endpoint(self.settings.endpoint.clone())
            .build()
            .map_err(|error| no_endpoint(error.to_string()))?;
        let endpoint = DefaultResolver::new().resolve_endpoint(&parameters).await;
        let endpoint = endpoint.map_err(|error| no_endpoint(error.to_string()))?;
        let authority = parse_url(endpoint.url())?.into_parts().authority;
        // invariant: a URL that passed the check has a host.
        authority.ok_or_else(|| no_endpoint("the endpoint has no host".to_owned()))
    }
}

fn whole_seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_secs()).unwrap_or(i32::MAX)
}

#[cfg(test)]
pub(crate) mod tests;
