//! Asks AWS STS whose a token is, as the cluster does with each token that it gets.

use crate::aws::eks_token;
use crate::clock::Deadline;
use crate::error::{Error, Kind, Result};
use crate::http::HttpClient;
use crate::secret::{REDACTED, Secret};

/// The longest answer that is taken, in bytes. STS's has some hundreds.
const LARGEST_ANSWER: usize = 64 * 1024;

/// The ARN of whoever signed the token. The request goes to the host in the token, whatever the
/// variables say of endpoints, because that is where the cluster asks.
pub fn ask(
    http: &HttpClient,
    token: &Secret<String>,
    cluster_name: &str,
    deadline: Deadline,
) -> Result<String> {
    let url = eks_token::presigned_url_in(token)
        .ok_or_else(|| Error::new(Kind::Internal, "the token holds no URL"))?;
    let headers = [
        (eks_token::CLUSTER_HEADER, cluster_name),
        ("accept", "application/json"),
    ];
    let answer = http.get(&url, &headers, deadline, LARGEST_ANSWER)?;
    let body = serde_json::from_slice(answer.body.expose()).unwrap_or(serde_json::Value::Null);
    if answer.status == 200 {
        let path = "/GetCallerIdentityResponse/GetCallerIdentityResult/Arn";
        let arn = body.pointer(path).and_then(serde_json::Value::as_str);
        return arn.map(str::to_owned).ok_or_else(|| {
            Error::new(Kind::Unavailable, "what answered is not AWS STS")
                .with_hint("check the network: a proxy may answer in its place")
        });
    }
    let kind = match answer.status {
        429 | 500.. => Kind::Unavailable,
        _ => Kind::Denied,
    };
    let text = |name: &str| body.pointer(&format!("/Error/{name}"))?.as_str();
    let code = text("Code").unwrap_or("no reason given");
    let message = text("Message").unwrap_or_default();
    // A message may quote what was signed.
    let message = message.replace(token.expose(), REDACTED);
    Err(Error::new(
        kind,
        "AWS STS does not take the token, and so no cluster will",
    )
    .with_hint("check the credentials: they may be wrong, ended or revoked")
    .caused_by(format!("{code}: {message} (HTTP status {})", answer.status)))
}
