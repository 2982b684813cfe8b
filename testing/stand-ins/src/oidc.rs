//! An OpenID Connect issuer like GitHub Actions or Pulumi Cloud, which signs identity tokens with RS256
//! and publishes its key as a JWKS; and the identity token endpoint of GitHub Actions.

use std::sync::{Arc, LazyLock};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use encodings::base64::encode_url;
use encodings::percent;
use encodings::timestamp::Seconds;
use serde_json::{Map, Value, json};

use crate::MARKER;
use crate::http::{Reply, Response, Server};

/// One key for all issuers of a test run, because generating a key is slow.
static KEY: LazyLock<Arc<KeyPair>> = LazyLock::new(|| Arc::new(new_key()));

/// An issuer.
#[derive(Clone)]
pub struct Issuer {
    url: String,
    key_id: String,
    key: Arc<KeyPair>,
}

impl Issuer {
    /// An issuer with the test run's key.
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            key_id: "key-1".to_owned(),
            key: Arc::clone(&KEY),
        }
    }

    /// The same issuer with another key under the same id.
    #[must_use]
    pub fn with_another_key(&self) -> Self {
        Self {
            key: Arc::new(new_key()),
            ..self.clone()
        }
    }

    /// The same issuer with another key id.
    #[must_use]
    pub fn with_key_id(&self, key_id: &str) -> Self {
        Self {
            key_id: key_id.to_owned(),
            ..self.clone()
        }
    }

    /// The `iss` of its tokens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The public key as a JSON Web Key Set (RFC 7517).
    pub fn jwks(&self) -> Value {
        let [modulus, exponent] = public_numbers(&self.key);
        json!({"keys": [{
            "kty": "RSA",
            "alg": "RS256",
            "use": "sig",
            "kid": self.key_id,
            "n": encode_url(&modulus),
            "e": encode_url(&exponent),
        }]})
    }

    /// Valid claims, which expire five minutes after `now`.
    pub fn claims(&self, audience: &str, subject: &str, now: Seconds) -> Map<String, Value> {
        let claims = json!({
            "iss": self.url,
            "aud": audience,
            "sub": subject,
            "iat": now,
            "nbf": now,
            "exp": now + 300,
            "jti": format!("{subject}-{now}-{MARKER}"),
        });
        match claims {
            Value::Object(claims) => claims,
            _ => Map::new(),
        }
    }

    /// A valid token.
    pub fn token(&self, audience: &str, subject: &str, now: Seconds) -> String {
        self.sign(&self.claims(audience, subject, now))
    }

    /// A token that expired a minute ago.
    pub fn expired_token(&self, audience: &str, subject: &str, now: Seconds) -> String {
        self.sign(&self.claims(audience, subject, now - 360))
    }

    /// A token with a claim that was changed after signing.
    pub fn tampered_token(&self, audience: &str, subject: &str, now: Seconds) -> String {
        let token = self.token(audience, "someone-else", now);
        let claims = Value::Object(self.claims(audience, subject, now));
        let parts: Vec<_> = token.split('.').collect();
        format!(
            "{}.{}.{}",
            parts[0],
            encode_url(claims.to_string().as_bytes()),
            parts[2]
        )
    }

    /// Signs any claims.
    pub fn sign(&self, claims: &Map<String, Value>) -> String {
        let header = json!({"alg": "RS256", "typ": "JWT", "kid": self.key_id});
        self.sign_with_header(&header, claims)
    }

    /// Signs any claims with any header.
    pub fn sign_with_header(&self, header: &Value, claims: &Map<String, Value>) -> String {
        let claims = Value::Object(claims.clone()).to_string();
        let signed = format!(
            "{}.{}",
            encode_url(header.to_string().as_bytes()),
            encode_url(claims.as_bytes())
        );
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                signed.as_bytes(),
                &mut signature,
            )
            .expect("an RSA signature");
        format!("{signed}.{}", encode_url(&signature))
    }
}

/// The modulus and the exponent of an `RSAPublicKey` in DER (RFC 8017), a sequence of two integers.
fn public_numbers(key: &KeyPair) -> [Vec<u8>; 2] {
    let mut rest = der(key.public_key().as_ref()).0;
    [(); 2].map(|()| {
        let (integer, after) = der(rest);
        rest = after;
        let zeros = integer.iter().take_while(|byte| **byte == 0).count();
        integer[zeros..].to_vec()
    })
}

/// The content of the first DER element, and the rest.
fn der(bytes: &[u8]) -> (&[u8], &[u8]) {
    let (start, length) = match bytes[1] {
        short @ ..0x80 => (2, usize::from(short)),
        long => {
            let start = 2 + usize::from(long & 0x7f);
            let digits = bytes[2..start].iter();
            (
                start,
                digits.fold(0, |length, byte| length << 8 | usize::from(*byte)),
            )
        }
    };
    bytes[start..].split_at(length)
}

fn new_key() -> KeyPair {
    KeyPair::generate(KeySize::Rsa2048).expect("an RSA key")
}

/// The identity token endpoint of GitHub Actions: a GET with `Authorization: bearer …` and `audience`
/// in the query returns JSON with the token in `value`.
pub struct GitHubActions {
    server: Server,
}

impl GitHubActions {
    /// The value for `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
    pub const REQUEST_TOKEN: &str = "request-token-of-the-job";

    /// Starts an endpoint that issues tokens for this subject. `now` returns the current time.
    pub fn start(
        issuer: Issuer,
        subject: &str,
        now: impl Fn() -> Seconds + Send + Sync + 'static,
    ) -> Self {
        let subject = subject.to_owned();
        let server = Server::start(None, move |request| {
            let authorization = request.header("authorization").unwrap_or_default();
            let is_authorized = authorization
                .split_once(' ')
                .is_some_and(|(scheme, token)| {
                    scheme.eq_ignore_ascii_case("bearer") && token == Self::REQUEST_TOKEN
                });
            let query = percent::pairs(request.query()).unwrap_or_default();
            let parameter = |name: &str| {
                let mut matching = query.iter().filter(|(known, _)| known == name);
                let value = matching.next().map(|(_, value)| value.as_str());
                value.filter(|_| matching.next().is_none())
            };
            let response = match (
                request.method.as_str(),
                is_authorized,
                parameter("audience"),
            ) {
                (method, ..) if method != "GET" => Response::new(405, "text/plain", ""),
                (_, true, Some(audience)) if parameter("api-version") == Some("2.0") => {
                    let token = issuer.token(audience, &subject, now());
                    let body = json!({"count": token.len(), "value": token});
                    Response::new(200, "application/json; charset=utf-8", body.to_string())
                }
                (_, true, _) => Response::new(400, "application/json", "{}"),
                _ => Response::new(401, "application/json", "{}"),
            };
            Reply::Answer(response)
        });
        Self { server }
    }

    /// The value for `ACTIONS_ID_TOKEN_REQUEST_URL`, which has a query.
    pub fn url(&self) -> String {
        format!("http://{}/token?api-version=2.0", self.server.address())
    }
}
