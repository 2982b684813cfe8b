//! Entry points of the fuzz targets in `fuzz/` that the public interface lacks. Compiled only with
//! `--cfg fuzzing`, which cargo-fuzz sets.

#![allow(missing_docs, reason = "nobody but the fuzz targets calls these")]

use std::sync::Mutex;

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;

use crate::aws::endpoint::{EndpointSettings, Region};
use crate::aws::sts::{AssumeRole, AssumeRoleWithWebIdentity, Sts};
use crate::aws::{Credentials, caller_identity, eks};
use crate::azure::authority::AuthorityHost;
use crate::azure::token_endpoint::request_aks_token;
use crate::azure::{AzureLogin, Proof};
use crate::clock::Timestamp;
use crate::context::Context;
use crate::error::Result;
use crate::gcp::endpoint::{Endpoint, Service};
use crate::gcp::iam_credentials::{self, GenerateAccessToken};
use crate::gcp::sts::{self, WorkloadIdentityProvider};
use crate::host::Host;
use crate::http::HttpClient;
use crate::identity_token;
use crate::process::redaction::{Patterns, Redactor};
use crate::pulumi_state::{file, outputs, state};
use crate::secret::{Secret, Text};
use esc::Value;

/// A response to serve.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// Serves answers in order. Further requests fail.
#[derive(Debug)]
struct Answers(Mutex<std::vec::IntoIter<Answer>>);

impl HttpConnector for Answers {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        let next = self.0.lock().ok().and_then(|mut answers| answers.next());
        HttpConnectorFuture::ready(
            next.and_then(response)
                .ok_or_else(|| ConnectorError::io("no answer is left".into())),
        )
    }
}

/// `None` if HTTP cannot express the answer.
fn response(answer: Answer) -> Option<HttpResponse> {
    let status = answer.status.try_into().ok()?;
    let mut response = HttpResponse::new(status, SdkBody::from(answer.body));
    for (name, value) in answer.headers {
        response.headers_mut().try_append(name, value).ok()?;
    }
    Some(response)
}

/// A client that gets these answers, on a runtime whose clock skips all waiting.
#[must_use]
pub fn http_client(host: &Host, answers: Vec<Answer>) -> HttpClient {
    let answers = Answers(Mutex::new(answers.into_iter()));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    #[expect(clippy::unwrap_used, reason = "fuzzing cannot go on")]
    HttpClient::with_connector(host, SharedHttpConnector::new(answers), runtime.unwrap())
}

/// Calls `AssumeRoleWithWebIdentity`.
pub fn assume_role_with_web_identity(
    context: Context<'_>,
    role_arn: &str,
    token: &Secret<String>,
) -> Result<Credentials> {
    sts(context).assume_role_with_web_identity(&AssumeRoleWithWebIdentity {
        role_arn: role_arn.to_owned(),
        session_name: "fuzz".to_owned(),
        duration: None,
        policy_arns: Vec::new(),
        identity_token: token,
        secret_inputs: vec![role_arn],
    })
}

/// Calls `AssumeRole` with a secret external ID.
pub fn assume_role(
    context: Context<'_>,
    credentials: &Credentials,
    external_id: &str,
) -> Result<Credentials> {
    sts(context).assume_role(
        credentials,
        &AssumeRole {
            role_arn: "arn:aws:iam::123456789012:role/fuzz".to_owned(),
            session_name: "fuzz".to_owned(),
            external_id: Some(external_id.to_owned()),
            secret_inputs: Vec::new(),
        },
    )
}

fn sts(context: Context<'_>) -> Sts<'_> {
    Sts::new(context, "eu-west-1".to_owned(), EndpointSettings::default())
}

/// Calls `DescribeCluster`. Returns the endpoint and the certificate authority.
pub fn describe_cluster(
    context: Context<'_>,
    credentials: &Credentials,
) -> Result<(String, String)> {
    let region = Region::parse("eu-west-1")?;
    let cluster = eks::describe_cluster(context, &region, credentials, "fuzz")?;
    Ok((cluster.endpoint, cluster.certificate_authority_data))
}

/// Asks STS who signed a token.
pub fn caller_arn(context: Context<'_>, token: &Secret<String>) -> Result<String> {
    caller_identity::ask(context, token, "fuzz")
}

/// Exchanges an identity token at Google STS. Returns the access token.
pub fn exchange_at_google(
    context: Context<'_>,
    provider: &str,
    token: &Secret<String>,
) -> Result<Secret<String>> {
    let endpoint = Endpoint::of(Service::Sts, context.host)?;
    let workload_identity_provider = WorkloadIdentityProvider {
        project_number: "123456789012".to_owned(),
        location: sts::GLOBAL.to_owned(),
        pool: "fuzz".to_owned(),
        provider: provider.to_owned(),
    };
    let provider = &workload_identity_provider;
    sts::exchange(context, &endpoint, provider, token, &[&provider.provider])
        .map(|issued| issued.token)
}

/// Calls `generateAccessToken` for an hour. Returns the access token and its expiry.
pub fn generate_access_token(
    context: Context<'_>,
    service_account: &str,
    caller: &Secret<String>,
    identity_token: &Secret<String>,
) -> Result<(Secret<String>, Option<Timestamp>)> {
    let endpoint = Endpoint::of(Service::IamCredentials, context.host)?;
    let request = GenerateAccessToken {
        service_account,
        lifetime: std::time::Duration::from_hours(1),
        caller,
        identity_token: Some(identity_token),
        secret_inputs: &[service_account],
    };
    iam_credentials::generate_access_token(context, &endpoint, &request)
        .map(|issued| (issued.token, issued.expires_at))
}

/// Requests an access token for AKS, with an identity token or else a client secret.
pub fn request_token_for_aks(
    context: Context<'_>,
    identity_token: Option<&Secret<String>>,
    client_secret: &Secret<String>,
) -> Result<(Secret<String>, Option<Timestamp>)> {
    let login = AzureLogin {
        client_id: "5c1f".to_owned(),
        tenant_id: "acme.onmicrosoft.com".to_owned(),
        proof: match identity_token {
            Some(token) => Proof::Assertion(token.clone()),
            None => Proof::ClientSecret(client_secret.clone()),
        },
    };
    request_aks_token(context, &AuthorityHost::default(), &login)
        .map(|issued| (issued.token, issued.expires_at))
}

/// The expiry in an identity token.
#[must_use]
pub fn token_expiry(token: &str) -> Option<Timestamp> {
    identity_token::expiry(&Secret::from(token))
}

/// Redacts `secrets`, and those of `candidates` that `files` contain, in a stream of `writes`. Returns
/// the output after each write and at the end; `None` if there is nothing to redact.
pub fn redact(
    secrets: &[Text],
    candidates: &[Text],
    files: &[Text],
    writes: &[&[u8]],
) -> Result<Option<Vec<Vec<u8>>>> {
    let Some(patterns) = Patterns::new(secrets, candidates, files)? else {
        return Ok(None);
    };
    let mut redactor = Redactor::new(patterns);
    let mut outputs = Vec::new();
    for bytes in writes {
        let mut output = Vec::new();
        redactor.push(bytes, &mut output);
        outputs.push(output);
    }
    let mut output = Vec::new();
    redactor.finish(&mut output);
    outputs.push(output);
    Ok(Some(outputs))
}

/// Reads the outputs of a stack from its checkpoint file, or from an export of Pulumi Cloud. `decrypt`
/// decrypts a ciphertext. The error is the message for the user.
pub fn stack_outputs(
    text: &[u8],
    is_export: bool,
    decrypt: impl Fn(&str) -> Text,
) -> Result<Value, String> {
    let state = if is_export {
        state::read_export(text)
    } else {
        state::read_checkpoint(text)
    };
    let state = state.map_err(|error| error.to_string())?;
    let plaintexts = outputs::ciphertexts(&state.outputs).into_iter();
    let plaintexts = plaintexts.map(|text| (text.clone(), decrypt(&text)));
    outputs::convert(state.outputs, &plaintexts.collect()).map_err(|error| error.to_string())
}

/// Decompresses a state.
pub fn gunzip(compressed: &[u8], limit: usize) -> std::io::Result<Vec<u8>> {
    file::gunzip(compressed, limit).map(|mut text| std::mem::take(&mut *text))
}
