//! Gets temporary credentials from AWS STS: `AssumeRole` and `AssumeRoleWithWebIdentity`.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_sts::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sts::types::{Credentials as IssuedCredentials, PolicyDescriptorType};
use http::uri::Authority;

use crate::aws::endpoint::EndpointSettings;
use crate::aws::failure::{Operation, RoleToAssume, ServiceCall};
use crate::aws::{Credentials, sdk};
use crate::clock::Timestamp;
use crate::context::Context;
use crate::error::Result;
use crate::secret::Secret;

/// Default session name.
pub(crate) const DEFAULT_SESSION_NAME: &str = "kubectl-esc";

/// The inputs of `AssumeRoleWithWebIdentity`.
#[derive(Clone, Debug)]
pub(crate) struct AssumeRoleWithWebIdentity<'a> {
    /// The role's ARN.
    pub role_arn: String,
    /// Identifies the session in the logs of AWS: 2 to 64 letters, digits and `_+=,.@-`.
    pub session_name: String,
    /// How long the credentials last, in whole seconds; an hour by default.
    pub duration: Option<Duration>,
    /// The ARNs of managed policies that restrict the session.
    pub policy_arns: Vec<String>,
    /// The OIDC identity token.
    pub identity_token: &'a Secret<String>,
    /// Which of the other inputs are secret: error messages redact them.
    pub secret_inputs: Vec<&'a str>,
}

/// The inputs of `AssumeRole`. The credentials last an hour.
#[derive(Clone, Debug)]
pub(crate) struct AssumeRole<'a> {
    /// The role's ARN.
    pub role_arn: String,
    /// Identifies the session in the logs of AWS: 2 to 64 letters, digits and `_+=,.@-`.
    pub session_name: String,
    /// The external ID that the role's trust policy requires. Error messages redact it.
    pub external_id: Option<String>,
    /// Which of the other inputs are secret: error messages redact them.
    pub secret_inputs: Vec<&'a str>,
}

/// A client for AWS STS in one region.
#[derive(Debug)]
pub(crate) struct Sts<'a> {
    context: Context<'a>,
    region: String,
    settings: EndpointSettings,
}

impl<'a> Sts<'a> {
    /// Creates a client. It connects on the first call.
    #[must_use]
    pub(crate) fn new(context: Context<'a>, region: String, settings: EndpointSettings) -> Self {
        Self {
            context,
            region,
            settings,
        }
    }

    /// Exchanges an identity token for credentials of a role. The request is not signed.
    pub(crate) fn assume_role_with_web_identity(
        &self,
        request: &AssumeRoleWithWebIdentity<'_>,
    ) -> Result<Credentials> {
        let token = request.identity_token.expose().as_str();
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
        let secrets = [&[token], request.secret_inputs.as_slice()].concat();
        let call = self.call(&request.role_arn, Some(request.identity_token), secrets);
        self.run(&call, async { Ok(operation.send().await?.credentials) })
    }

    /// Assumes a role with these credentials. The request is signed.
    pub(crate) fn assume_role(
        &self,
        credentials: &Credentials,
        request: &AssumeRole<'_>,
    ) -> Result<Credentials> {
        sdk::with_aws_time(self.context, || self.assume_role_once(credentials, request))
    }

    fn assume_role_once(
        &self,
        credentials: &Credentials,
        request: &AssumeRole<'_>,
    ) -> Result<Credentials> {
        let client = aws_sdk_sts::Client::new(&self.configuration(Some(credentials))?);
        let operation = client
            .assume_role()
            .role_arn(&request.role_arn)
            .role_session_name(&request.session_name)
            .set_external_id(request.external_id.clone());
        let mut secrets: Vec<_> = credentials.secrets().collect();
        secrets.extend(request.external_id.as_deref());
        secrets.extend(&request.secret_inputs);
        let call = self.call(&request.role_arn, None, secrets);
        self.run(&call, async { Ok(operation.send().await?.credentials) })
    }

    fn call<'c>(
        &'c self,
        role_arn: &'c str,
        identity_token: Option<&'c Secret<String>>,
        secrets: Vec<&'c str>,
    ) -> ServiceCall<'c> {
        ServiceCall {
            context: self.context,
            operation: Operation::AssumeRole(RoleToAssume {
                arn: role_arn,
                region: &self.region,
                identity_token,
            }),
            has_custom_endpoint: self.settings.endpoint.is_some(),
            secrets,
        }
    }

    /// Runs an operation of the SDK, until the deadline at the latest.
    fn run<E>(
        &self,
        call: &ServiceCall<'_>,
        operation: impl Future<Output = Result<Option<IssuedCredentials>, SdkError<E>>>,
    ) -> Result<Credentials>
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
    {
        sdk::block_on(self.context, async {
            let server = self.server().await?;
            let issued = operation.await;
            let issued = issued.map_err(|error| call.failure(&server, &error))?;
            // The SDK replaces what is missing by an empty text, or by 1970.
            let is_complete = |issued: &IssuedCredentials| {
                !issued.access_key_id.is_empty()
                    && !issued.secret_access_key.is_empty()
                    && !issued.session_token.is_empty()
                    && issued.expiration.secs() > 0
            };
            let issued = issued.filter(is_complete).ok_or_else(|| {
                call.not_from_aws(&server, "a response without complete credentials")
            })?;
            Ok(Credentials {
                access_key_id: issued.access_key_id,
                secret_access_key: Secret::new(issued.secret_access_key),
                session_token: Some(Secret::new(issued.session_token)),
                expires_at: Some(Timestamp::from_unix(issued.expiration.secs())),
            })
        })
    }

    fn configuration(&self, credentials: Option<&Credentials>) -> Result<SdkConfig> {
        sdk::configuration(self.context, &self.region, &self.settings, credentials)
    }

    /// The host that the SDK is going to call, with its port unless that is the default.
    async fn server(&self) -> Result<Authority> {
        let parameters = Params::builder()
            .region(&self.region)
            .use_fips(self.settings.endpoint_mode.fips)
            .use_dual_stack(self.settings.endpoint_mode.dual_stack)
            .set_endpoint(self.settings.endpoint.clone())
            .build();
        let endpoint = match parameters {
            Ok(parameters) => DefaultResolver::new().resolve_endpoint(&parameters).await,
            Err(error) => Err(error.into()),
        };
        sdk::authority(&self.region, endpoint)
    }
}

fn whole_seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_secs()).unwrap_or(i32::MAX)
}

#[cfg(test)]
pub(crate) mod tests;
