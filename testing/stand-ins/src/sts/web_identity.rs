//! The checks of an identity token: format, provider, signature, claims, and the role's trust policy.

use encodings::timestamp::Seconds;
use serde_json::Value;

use super::answer::StsError;
use super::configuration::{Provider, Role, Trust};
use crate::identity_token::{Rejection, Token};

/// The tolerance for a provider's clock that is ahead, in seconds.
const LEEWAY: Seconds = 300;

/// The claims that trust policies check.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    /// `iss`
    pub(super) issuer: String,
    /// The `aud` that the provider is configured for.
    pub(super) audience: String,
    /// `sub`
    pub(super) subject: String,
}

/// Checks a token against the providers.
pub(super) fn verify(
    token: &str,
    providers: &[Provider],
    now: Seconds,
) -> Result<Identity, StsError> {
    let token = Token::decode(token).ok_or_else(malformed)?;
    let claims = &token.claims;
    let issuer = claims["iss"].as_str().ok_or_else(malformed)?;
    let provider = providers
        .iter()
        .find(|provider| provider.issuer == issuer)
        .ok_or_else(|| {
            invalid(format!(
                "No OpenIDConnect provider found in your account for {issuer}"
            ))
        })?;
    token
        .verify(&provider.jwks)
        .map_err(|rejection| match rejection {
            Rejection::Algorithm => {
                invalid("The ID Token provided is signed with an algorithm other than RS256.")
            }
            Rejection::UnknownKey => invalid(
                "Couldn't retrieve verification key from your identity provider, please reference \
                 AssumeRoleWithWebIdentity documentation for requirements",
            ),
            Rejection::Signature => {
                invalid("The ID Token provided has a signature that does not match.")
            }
        })?;
    check_times(claims, now)?;
    let audience = token
        .audiences()
        .into_iter()
        .find(|audience| provider.audiences.iter().any(|known| known == audience))
        .ok_or_else(|| invalid("Incorrect token audience"))?;
    let subject = claims["sub"].as_str().ok_or_else(malformed)?;
    Ok(Identity {
        issuer: issuer.to_owned(),
        audience: audience.to_owned(),
        subject: subject.to_owned(),
    })
}

fn check_times(claims: &Value, now: Seconds) -> Result<(), StsError> {
    let expires_at = claims["exp"].as_i64().ok_or_else(malformed)?;
    if now >= expires_at {
        return Err(StsError::new(
            400,
            "ExpiredTokenException",
            format!(
                "Token expired: current date/time {now} must be before the expiration date/time \
                 {expires_at}"
            ),
        ));
    }
    for claim in ["nbf", "iat"] {
        if claims[claim].as_i64().is_some_and(|at| at > now + LEEWAY) {
            return Err(invalid(format!(
                "Token is not yet valid: {claim} lies in the future."
            )));
        }
    }
    Ok(())
}

/// Whether a role's trust policy allows this identity.
pub(super) fn trusts(role: &Role, identity: &Identity) -> bool {
    role.trust.iter().any(|statement| match statement {
        Trust::Caller { .. } => false,
        Trust::WebIdentity {
            issuer,
            audience,
            subject,
        } => {
            let same_subject = match subject.strip_suffix('*') {
                Some(start) => identity.subject.starts_with(start),
                None => identity.subject == *subject,
            };
            *issuer == identity.issuer && *audience == identity.audience && same_subject
        }
    })
}

fn malformed() -> StsError {
    invalid("The ID Token provided is not a valid JWT.")
}

fn invalid(message: impl Into<String>) -> StsError {
    StsError::new(400, "InvalidIdentityToken", message)
}
