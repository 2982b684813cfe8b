//! Exchanges an identity token for an access token at Google's Security Token Service (RFC 8693).

use std::fmt;

use crate::context::Context;
use crate::error::Result;
use crate::gcp::CLOUD_PLATFORM;
use crate::gcp::endpoint::Endpoint;
use crate::gcp::failure::{Operation, ServiceCall};
use crate::oauth::{self, AccessToken};
use crate::secret::Secret;

/// The location of workload identity pools.
pub(crate) const GLOBAL: &str = "global";

/// A provider of a workload identity pool: the issuer and the audiences whose identity tokens Google
/// accepts. `Display` writes its resource name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct WorkloadIdentityProvider {
    /// The number of the project, not its ID.
    pub project_number: String,
    /// The location of the pool.
    pub location: String,
    /// The ID of the pool.
    pub pool: String,
    /// The ID of the provider.
    pub provider: String,
}

impl WorkloadIdentityProvider {
    /// The audience that a provider accepts in identity tokens unless it lists others.
    pub(crate) fn default_audience(&self) -> String {
        format!("https://iam.googleapis.com/{self}")
    }
}

impl fmt::Display for WorkloadIdentityProvider {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            project_number,
            location,
            pool,
            provider,
        } = self;
        write!(
            formatter,
            "projects/{project_number}/locations/{location}/workloadIdentityPools/{pool}/providers/{provider}"
        )
    }
}

/// Exchanges an identity token for an access token of the identity in it. `secret_inputs` are redacted from
/// error messages.
pub(crate) fn exchange(
    context: Context<'_>,
    endpoint: &Endpoint,
    provider: &WorkloadIdentityProvider,
    identity_token: &Secret<String>,
    secret_inputs: &[&str],
) -> Result<AccessToken> {
    let token = identity_token.expose().as_str();
    let call = ServiceCall {
        endpoint,
        operation: Operation::ExchangeToken {
            provider,
            identity_token,
        },
        secrets: [&[token], secret_inputs].concat(),
    };
    let audience = format!("//iam.googleapis.com/{provider}");
    let form = [
        (
            "grant_type",
            "urn:ietf:params:oauth:grant-type:token-exchange",
        ),
        ("audience", &audience),
        ("scope", CLOUD_PLATFORM),
        (
            "requested_token_type",
            "urn:ietf:params:oauth:token-type:access_token",
        ),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
        ("subject_token", token),
    ];
    oauth::request_token(context, &endpoint.url("/v1/token"), &form, |response| {
        call.rejection(response)
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::context::test_context::TestContext;
    use crate::gcp::endpoint::Service;
    use crate::http::test_server::{TestServer, http_response};

    #[test]
    fn identity_token_is_exchanged_without_authorization() {
        let body = r#"{"access_token":"ya29.federated","issued_token_type":"urn:ietf:params:oauth:token-type:access_token","token_type":"Bearer","expires_in":300}"#;
        let server = TestServer::responding([http_response(200, "", body)]);
        let url = format!("{}/", server.url());
        let variables = [("CLOUDSDK_API_ENDPOINT_OVERRIDES_STS", url.as_str())];
        let context = TestContext::new(&variables, Duration::from_secs(20));
        let endpoint = Endpoint::of(Service::Sts, &context.host).unwrap();
        let provider = WorkloadIdentityProvider {
            project_number: "123".to_owned(),
            location: GLOBAL.to_owned(),
            pool: "pool".to_owned(),
            provider: "oidc".to_owned(),
        };
        let token = Secret::from("a.b.c");
        let issued = exchange(context.get(), &endpoint, &provider, &token, &[]).unwrap();
        assert_eq!(issued.token.expose(), "ya29.federated");
        let request = server.requests().pop().unwrap();
        let (head, form) = request.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST /v1/token HTTP/1.1\r\n"), "{head}");
        assert!(head.contains("\r\ncontent-type: application/x-www-form-urlencoded"));
        assert!(!head.to_lowercase().contains("authorization"), "{head}");
        assert_eq!(
            form,
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange\
             &audience=%2F%2Fiam.googleapis.com%2Fprojects%2F123%2Flocations%2Fglobal%2FworkloadIdentityPools%2Fpool%2Fproviders%2Foidc\
             &scope=https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fcloud-platform\
             &requested_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token\
             &subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Ajwt&subject_token=a.b.c"
        );
    }
}
