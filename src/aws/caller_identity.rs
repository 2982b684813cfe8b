//! Asks AWS STS which identity signed a token, as every cluster does with the tokens it receives.

use serde_json::Value as Json;

use crate::aws::eks_token;
use crate::aws::failure::{ErrorResponse, Operation, ServiceCall};
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::http::parse_url;
use crate::secret::Secret;

/// The largest response that is read, in bytes. A usual one has a few hundred.
const MAXIMUM_RESPONSE: usize = 64 * 1024;

/// Returns the ARN of the identity that signed the token for the cluster of this name.
///
/// The request goes to the host in the token, as the cluster's request does; variables that replace
/// the endpoint of STS have no effect.
pub(crate) fn ask(
    context: Context<'_>,
    token: &Secret<String>,
    cluster_name: &str,
) -> Result<String> {
    let internal = || Error::new(Kind::Internal, "the token contains no URL");
    let url = eks_token::presigned_url_in(token).ok_or_else(internal)?;
    let server = parse_url(&url)?.into_parts().authority;
    let server = server.ok_or_else(internal)?;
    let headers = [
        (eks_token::CLUSTER_HEADER, cluster_name),
        ("accept", "application/json"),
    ];
    let response = context
        .http
        .get(&url, &headers, context.deadline, MAXIMUM_RESPONSE)?;
    context.http.observe_aws_date(&response)?;
    let call = ServiceCall {
        context,
        operation: Operation::GetCallerIdentity,
        has_custom_endpoint: false,
        secrets: vec![token.expose()],
    };
    let body: Json = serde_json::from_slice(response.body.expose()).unwrap_or_default();
    let text = |path: &str| body.pointer(path).and_then(Json::as_str);
    if response.status == 200 {
        let arn = text("/GetCallerIdentityResponse/GetCallerIdentityResult/Arn");
        return arn
            .map(str::to_owned)
            .ok_or_else(|| call.not_from_aws(&server, "a response without an ARN"));
    }
    let rejection = ErrorResponse {
        status: response.status,
        code: text("/Error/Code"),
        message: text("/Error/Message").unwrap_or_default(),
        request_id: text("/RequestId"),
    };
    Err(call.rejection(&server, &rejection))
}
