//! The bearer token that an EKS cluster takes: a presigned STS request.
//!
//! The token is the prefix `k8s-aws-v1.` and the base64url text of a URL that asks STS
//! `GetCallerIdentity`. The cluster's aws-iam-authenticator sends that request and so learns who
//! signed it. The cluster's name is signed as the header `x-k8s-aws-id`, so a token is good for one
//! cluster only. Nothing here needs the network.

use std::time::Duration;

use aws_credential_types::Credentials as SigningCredentials;
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign,
};
use aws_sigv4::sign::v4::SigningParams;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

use crate::aws::credentials::Credentials;
use crate::aws::endpoint::{EndpointMode, Region, StsHost};
use crate::clock::Timestamp;
use crate::error::{Error, Kind, Result};
use crate::secret::Secret;

/// How long a token is told to be good for. The verifier takes it for 15 minutes from its signing;
/// aws-iam-authenticator and the AWS CLI leave one minute for clocks and for the way.
pub const LIFETIME: Duration = Duration::from_mins(14);

/// How long before the end of its credentials a token is told to end. client-go has no margin of
/// its own, and a token dies with the credentials that signed it.
pub const CREDENTIALS_MARGIN: Duration = Duration::from_mins(1);

/// The longest token, in bytes, that the verifier takes; it refuses a longer one without a reason.
pub const MAXIMUM_LENGTH: usize = 4096;

/// The header that binds a token to a cluster.
pub(super) const CLUSTER_HEADER: &str = "x-k8s-aws-id";

const PREFIX: &str = "k8s-aws-v1.";

/// What `X-Amz-Expires` says, in seconds. STS ignores it, and every other client says 60.
const EXPIRES_PARAMETER: Duration = Duration::from_mins(1);

/// What a token is made of.
#[derive(Clone, Copy, Debug)]
pub struct PresignRequest<'a> {
    /// The cluster's name, which the cluster's verifier knows too.
    pub cluster_name: &'a str,
    /// The region whose STS is to be asked.
    pub region: &'a Region,
    /// FIPS and dual-stack.
    pub endpoint_mode: EndpointMode,
    /// Who signs.
    pub credentials: &'a Credentials,
    /// The time that goes into the signature.
    pub signed_at: Timestamp,
}

/// A token for one cluster.
#[derive(Clone, Debug)]
pub struct EksToken {
    /// The bearer token.
    pub token: Secret<String>,
    /// When it is to be replaced.
    pub expires_at: Timestamp,
}

impl EksToken {
    /// Signs a token.
    ///
    /// Kinds of error: [`Kind::Configuration`] for a cluster's name or a region that cannot be
    /// signed for; [`Kind::Credentials`] where the credentials are at their end or make a token that
    /// is too long.
    pub fn presign(request: &PresignRequest<'_>) -> Result<Self> {
        check_cluster_name(request.cluster_name)?;
        let expires_at = expiry(request.signed_at, request.credentials)?;
        let host = StsHost::resolve(request.region, request.endpoint_mode)?;
        let url = presigned_url(request, &host)?;

        let mut token = Zeroizing::new(String::with_capacity(PREFIX.len() + url.len() / 3 * 4 + 4));
        token.push_str(PREFIX);
        BASE64_URL_SAFE_NO_PAD.encode_string(url.as_bytes(), &mut token);
        if token.len() > MAXIMUM_LENGTH {
            let session = request.credentials.session_token.as_ref();
            return Err(Error::new(
                Kind::Credentials,
                format!(
                    "the token would be {} bytes long, and EKS refuses tokens over {MAXIMUM_LENGTH}",
                    token.len()
                ),
            )
            .with_hint(format!(
                "the AWS session token has {} bytes: assume the role with fewer or shorter session \
                 policies and tags",
                session.map_or(0, |token| token.expose().len())
            )));
        }
        Ok(Self {
            token: Secret::new(std::mem::take(&mut *token)),
            expires_at,
        })
    }
}

/// When the token has to be replaced: at its own end or shortly before the credentials' end, and
/// never in the past, for client-go would run the plugin again for every single request.
fn expiry(signed_at: Timestamp, credentials: &Credentials) -> Result<Timestamp> {
    let own = signed_at.plus(LIFETIME);
    let Some(end) = credentials.expires_at else {
        return Ok(own);
    };
    let capped = own.min(end.minus(CREDENTIALS_MARGIN));
    if capped > signed_at {
        return Ok(capped);
    }
    let state = if end > signed_at { "expire" } else { "expired" };
    Err(Error::new(
        Kind::Credentials,
        format!("the AWS credentials {state} at {end}"),
    )
    .with_hint("get credentials that last longer, and see that this machine's clock is right"))
}

/// Checks that a cluster's name can be signed as a header: printable ASCII without blanks around it.
/// EKS allows less, but aws-iam-authenticator takes any text as the id of a cluster.
pub fn check_cluster_name(name: &str) -> Result<()> {
    let printable = name.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    if printable && !name.is_empty() && name.trim() == name {
        return Ok(());
    }
    Err(
        Error::configuration(format!("`{name}` is not the name of a cluster"))
            .with_hint("write the name that `aws eks list-clusters` shows"),
    )
}

/// The URL that a token holds.
pub(super) fn presigned_url_in(token: &Secret<String>) -> Option<Zeroizing<String>> {
    let encoded = token.expose().strip_prefix(PREFIX)?;
    let url = BASE64_URL_SAFE_NO_PAD.decode(encoded).ok()?;
    String::from_utf8(url).ok().map(Zeroizing::new)
}

fn presigned_url(request: &PresignRequest<'_>, host: &StsHost) -> Result<Zeroizing<String>> {
    let internal = |error: &dyn std::fmt::Display| {
        Error::new(
            Kind::Internal,
            format!("cannot presign the STS request: {error}"),
        )
    };
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(EXPIRES_PARAMETER);
    let identity = SigningCredentials::new(
        request.credentials.access_key_id.as_str(),
        request.credentials.secret_access_key.expose().as_str(),
        request
            .credentials
            .session_token
            .as_ref()
            .map(|token| token.expose().clone()),
        None,
        "kubectl-esc",
    )
    .into();
    let parameters = SigningParams::builder()
        .identity(&identity)
        .region(&host.signing_region)
        .name("sts")
        .time(request.signed_at.system_time())
        .settings(settings)
        .build()
        .map_err(|error| internal(&error))?
        .into();
    let url = format!(
        "https://{}/?Action=GetCallerIdentity&Version=2011-06-15",
        host.host
    );
    let headers = [(CLUSTER_HEADER, request.cluster_name)];
    let signable = SignableRequest::new("GET", &url, headers.into_iter(), SignableBody::Bytes(&[]))
        .map_err(|error| internal(&error))?;
    let (instructions, _) = sign(signable, &parameters)
        .map_err(|error| internal(&error))?
        .into_parts();

    // The same escapes as in the signature's canonical query, so that the verifier, which takes the
    // URL as it stands, sends what was signed.
    let escaped: usize = instructions
        .params()
        .iter()
        .map(|(_, value)| value.len() * 3 + 32)
        .sum();
    let mut signed = Zeroizing::new(String::with_capacity(url.len() + escaped));
    signed.push_str(&url);
    for (name, value) in instructions.params() {
        signed.push('&');
        signed.push_str(name);
        signed.push('=');
        signed.extend(utf8_percent_encode(value, RESERVED));
    }
    Ok(signed)
}

/// Everything but the unreserved characters of RFC 3986, as `SigV4` wants it escaped.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(session: Option<&str>, expires_at: Option<i64>) -> Credentials {
        Credentials {
            access_key_id: "ASIAEXAMPLE".to_owned(),
            secret_access_key: Secret::from("wJalrXUtnFEMI"),
            session_token: session.map(Secret::from),
            expires_at: expires_at.map(Timestamp::from_unix),
        }
    }

    fn presign(credentials: &Credentials, cluster_name: &str) -> Result<EksToken> {
        EksToken::presign(&PresignRequest {
            cluster_name,
            region: &Region::parse("eu-west-1")?,
            endpoint_mode: EndpointMode::default(),
            credentials,
            signed_at: Timestamp::from_unix(1_000_000),
        })
    }

    #[test]
    fn the_expiry_is_capped_by_the_credentials() {
        for (end, want) in [
            (None, Ok(1_000_840)),
            (Some(1_010_000), Ok(1_000_840)),
            (Some(1_000_900), Ok(1_000_840)),
            (Some(1_000_600), Ok(1_000_540)),
            (Some(1_000_061), Ok(1_000_001)),
            (
                Some(1_000_060),
                Err("the AWS credentials expire at 1970-01-12T13:47:40Z"),
            ),
            (
                Some(999_999),
                Err("the AWS credentials expired at 1970-01-12T13:46:39Z"),
            ),
        ] {
            let token = presign(&credentials(Some("s"), end), "c");
            let got = token
                .map(|token| token.expires_at.unix())
                .map_err(|error| error.to_string());
            assert_eq!(got, want.map_err(str::to_owned), "{end:?}");
        }
    }

    #[test]
    fn a_token_that_no_verifier_takes_is_refused() {
        for (session, fits) in [(2_000, true), (2_600, true), (2_700, false), (4_096, false)] {
            let token = presign(&credentials(Some(&"x".repeat(session)), None), "c");
            match token {
                Ok(token) => assert!(fits && token.token.expose().len() <= MAXIMUM_LENGTH),
                Err(error) => {
                    assert!(!fits);
                    assert_eq!(error.kind(), Kind::Credentials);
                    assert!(
                        error.to_string().contains("EKS refuses tokens over 4096"),
                        "{error}"
                    );
                }
            }
        }
    }

    #[test]
    fn names_that_cannot_be_signed_are_refused() {
        for name in ["", " a", "a\nb", "a\0", "é"] {
            let error = presign(&credentials(None, None), name).unwrap_err();
            assert_eq!(error.kind(), Kind::Configuration, "{name:?}");
        }
    }
}
