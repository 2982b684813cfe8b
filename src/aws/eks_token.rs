//! The bearer token for an EKS cluster: a presigned STS request.
//!
//! The token is the prefix `k8s-aws-v1.` and the presigned URL of a `GetCallerIdentity` request in
//! base64url. The cluster's aws-iam-authenticator sends that request to learn who signed it. The
//! header `x-k8s-aws-id` with the cluster's name is signed too, so that a token is valid for one
//! cluster only. Signing needs no network.

use std::time::Duration;

use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use percent_encoding::utf8_percent_encode;
use zeroize::Zeroizing;

use crate::aws::arn::ClusterArn;
use crate::aws::credentials::Credentials;
use crate::aws::endpoint::{EndpointMode, Region, StsHost};
use crate::aws::sigv4::Signer;
use crate::clock::Timestamp;
use crate::error::{Error, Kind, Result};
use crate::http::RESERVED;
use crate::secret::Secret;

/// Lifetime of a token. aws-iam-authenticator accepts it for 15 minutes after signing; its own client
/// and the AWS CLI leave one minute for clock skew and latency, too.
pub const LIFETIME: Duration = Duration::from_mins(14);

/// How long before its credentials a token expires: it becomes invalid together with them, and
/// client-go has no margin.
pub const CREDENTIALS_MARGIN: Duration = Duration::from_mins(1);

/// Maximum length of a token, in bytes: the limit that aws-iam-authenticator is about to adopt, because
/// session tokens of AWS STS have grown (its pull requests 1107 and 1108).
pub const MAXIMUM_LENGTH: usize = 16 * 1024;

/// The length above which released versions of aws-iam-authenticator reject a token without a reason.
const RELEASED_VERIFIERS_ACCEPT: usize = 4 * 1024;

/// The header that binds a token to a cluster.
pub(super) const CLUSTER_HEADER: &str = "x-k8s-aws-id";

const PREFIX: &str = "k8s-aws-v1.";

/// The value of `X-Amz-Expires`. STS ignores it; 60 seconds is what all other clients send.
const EXPIRES_PARAMETER: Duration = Duration::from_mins(1);

/// The inputs of a token.
#[derive(Clone, Copy, Debug)]
pub struct PresignRequest<'a> {
    /// The name of the cluster that the token is for.
    pub cluster_name: &'a str,
    /// The region whose STS the cluster calls to verify the token.
    pub region: &'a Region,
    /// The variant of that STS endpoint.
    pub endpoint_mode: EndpointMode,
    /// The credentials to sign with.
    pub credentials: &'a Credentials,
    /// The time of the signature, by AWS's clock.
    pub signed_at: Timestamp,
}

/// A token for one cluster.
#[derive(Clone, Debug)]
pub struct EksToken {
    /// The bearer token.
    pub token: Secret<String>,
    /// When to replace it, by the same clock as the signature.
    pub expires_at: Timestamp,
}

impl EksToken {
    /// Signs a token.
    ///
    /// Fails with [`Kind::Configuration`] if the cluster name or the region is invalid, and with
    /// [`Kind::Credentials`] if the credentials are about to expire or the token would be too long.
    pub fn presign(request: &PresignRequest<'_>) -> Result<Self> {
        check_cluster_name(request.cluster_name)?;
        let expires_at = expiry(request.signed_at, request.credentials)?;
        let host = StsHost::resolve(request.region, request.endpoint_mode)?;
        let url = presigned_url(request, &host)?;

        let mut token = Zeroizing::new(String::with_capacity(PREFIX.len() + url.len() / 3 * 4 + 4));
        token.push_str(PREFIX);
        BASE64_URL_SAFE_NO_PAD.encode_string(url.as_bytes(), &mut token);
        if token.len() > MAXIMUM_LENGTH {
            let session_token = request.credentials.session_token.as_ref();
            let message = format!(
                "the token would be {} bytes long, but clusters reject tokens longer than \
                 {MAXIMUM_LENGTH} bytes",
                token.len()
            );
            return Err(Error::new(Kind::Credentials, message).with_hint(format!(
                "{SHORTEN_SESSION_TOKEN}: the AWS session token is {} bytes long",
                session_token.map_or(0, |token| token.expose().len())
            )));
        }
        Ok(Self {
            token: Secret::new(std::mem::take(&mut *token)),
            expires_at,
        })
    }

    /// A warning if the token is so long that only future clusters accept it.
    #[must_use]
    pub fn length_warning(&self) -> Option<String> {
        let length = self.token.expose().len();
        (length > RELEASED_VERIFIERS_ACCEPT).then(|| {
            format!(
                "the token is {length} bytes long, and most clusters reject tokens longer than \
                 {RELEASED_VERIFIERS_ACCEPT} bytes; {SHORTEN_SESSION_TOKEN}"
            )
        })
    }
}

const SHORTEN_SESSION_TOKEN: &str =
    "assume the role with fewer or shorter session policies and tags";

/// The token's own expiry, or that of its credentials less the margin. Never in the past, because
/// client-go would run the plugin again for every request.
fn expiry(signed_at: Timestamp, credentials: &Credentials) -> Result<Timestamp> {
    let token_expiry = signed_at.plus(LIFETIME);
    let Some(credentials_expiry) = credentials.expires_at else {
        return Ok(token_expiry);
    };
    let expiry = token_expiry.min(credentials_expiry.minus(CREDENTIALS_MARGIN));
    if expiry > signed_at {
        return Ok(expiry);
    }
    let state = if credentials_expiry > signed_at {
        "expire too soon,"
    } else {
        "expired"
    };
    let message = format!("the AWS credentials {state} at {credentials_expiry}");
    Err(Error::new(Kind::Credentials, message)
        .with_hint("get credentials that last longer, and check this machine's clock"))
}

/// Checks a cluster name: letters, digits, `.`, `_` and `-`. EKS does not allow dots, but IDs of other
/// clusters that use aws-iam-authenticator have them.
pub fn check_cluster_name(name: &str) -> Result<()> {
    if let Some(arn) = ClusterArn::parse(name) {
        let message = format!("`{name}` is the ARN of a cluster, not its name");
        return Err(Error::configuration(message).with_hint(format!("use the name `{}`", arn.name)));
    }
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(is_allowed) {
        return Ok(());
    }
    let message = format!("`{name}` is not a valid cluster name");
    Err(Error::configuration(message).with_hint("use a name that `aws eks list-clusters` prints"))
}

/// The URL in a token.
pub(super) fn presigned_url_in(token: &Secret<String>) -> Option<Zeroizing<String>> {
    let encoded = token.expose().strip_prefix(PREFIX)?;
    let url = BASE64_URL_SAFE_NO_PAD.decode(encoded).ok()?;
    String::from_utf8(url).ok().map(Zeroizing::new)
}

fn presigned_url(request: &PresignRequest<'_>, host: &StsHost) -> Result<Zeroizing<String>> {
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(EXPIRES_PARAMETER);
    let url = format!(
        "https://{}/?Action=GetCallerIdentity&Version=2011-06-15",
        host.host
    );
    let headers = [(CLUSTER_HEADER, request.cluster_name)];
    let signable = SignableRequest::new("GET", &url, headers.into_iter(), SignableBody::Bytes(&[]));
    let signer = Signer {
        credentials: request.credentials,
        region: &host.signing_region,
        service: "sts",
        signed_at: request.signed_at,
    };
    let instructions = signer.sign(signable, settings)?;

    // Escaped as in the canonical query of the signature, because the verifier sends the URL
    // unchanged.
    let values = instructions.params().iter().map(|(_, value)| value.len());
    let mut presigned = Zeroizing::new(String::with_capacity(
        values.fold(url.len(), |sum, length| sum + length * 3 + 32),
    ));
    presigned.push_str(&url);
    for (name, value) in instructions.params() {
        presigned.push('&');
        presigned.push_str(name);
        presigned.push('=');
        presigned.extend(utf8_percent_encode(value, RESERVED));
    }
    Ok(presigned)
}

#[cfg(test)]
mod tests;
