//! Verifies identity tokens, as all clouds do: JSON web tokens that are signed with RS256 (RFC 7519).

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use encodings::base64::decode_url;
use serde_json::Value;

/// A token whose signature has not been verified.
pub(crate) struct Token {
    header: Value,
    /// The claims.
    pub(crate) claims: Value,
    signed: String,
    signature: Vec<u8>,
}

/// Why the signature of a token is rejected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Rejection {
    /// It is not one with RS256.
    Algorithm,
    /// The issuer has no RSA key with this id.
    UnknownKey,
    /// The key did not sign this token.
    Signature,
}

impl Token {
    /// Decodes a token; `None` if it is malformed.
    pub(crate) fn decode(token: &str) -> Option<Self> {
        let [header, claims, signature] = *token.split('.').collect::<Vec<_>>() else {
            return None;
        };
        let json = |part: &str| serde_json::from_slice::<Value>(&decode_url(part)?).ok();
        Some(Self {
            header: json(header)?,
            claims: json(claims)?,
            signed: format!("{header}.{claims}"),
            signature: decode_url(signature)?,
        })
    }

    /// Verifies the signature with the issuer's keys (RFC 7517).
    pub(crate) fn verify(&self, jwks: &Value) -> Result<(), Rejection> {
        if self.header["alg"] != "RS256" {
            return Err(Rejection::Algorithm);
        }
        let key = self.key(jwks).ok_or(Rejection::UnknownKey)?;
        let (signed, signature) = (self.signed.as_bytes(), &self.signature);
        key.verify(&RSA_PKCS1_2048_8192_SHA256, signed, signature)
            .map_err(|_| Rejection::Signature)
    }

    /// The audiences: the claim `aud`.
    pub(crate) fn audiences(&self) -> Vec<&str> {
        match &self.claims["aud"] {
            Value::String(audience) => vec![audience],
            Value::Array(audiences) => audiences.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    fn key(&self, jwks: &Value) -> Option<RsaPublicKeyComponents<Vec<u8>>> {
        let id = self.header["kid"].as_str()?;
        let keys = jwks["keys"].as_array()?;
        let key = keys.iter().find(|key| key["kid"] == id)?;
        if key["kty"] != "RSA" {
            return None;
        }
        Some(RsaPublicKeyComponents {
            n: decode_url(key["n"].as_str()?)?,
            e: decode_url(key["e"].as_str()?)?,
        })
    }
}
