//! `POST /api/oauth/token`: exchanges an identity token or a refresh token for an access token.

use std::collections::BTreeMap;

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use encodings::base64::decode_url;
use encodings::percent;
use encodings::timestamp::Seconds;
use serde_json::{Value, json};

use super::configuration::{Owner, Token, Trust};
use super::sessions;
use super::state::{Answer, ApiError, Outcome, State};
use crate::http::Request;

const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
const ACCESS_TOKEN: &str = "urn:pulumi:token-type:access_token:";
/// The default lifetime of an access token, in seconds: what ESC's CLI requests.
const DEFAULT_EXPIRATION: Seconds = 7200;

impl State {
    /// Issues a refresh token.
    pub(super) fn issue_refresh_token(&mut self, owner: Owner) -> String {
        let token = format!("pulr-{}", sessions::random());
        self.refresh_tokens.insert(token.clone(), owner);
        token
    }
}

/// Answers a request for a token.
pub(super) fn token(state: &mut State, request: &Request, now: Seconds) -> Outcome {
    let fields = fields(request).ok_or_else(|| ApiError::bad_request("the body cannot be read"))?;
    let field = |name: &str| fields.get(name).map_or("", String::as_str);
    match field("grant_type") {
        TOKEN_EXCHANGE => exchange(state, &fields, now),
        "refresh_token" => {
            // A refresh token is valid once; the response has the next.
            let owner = state
                .refresh_tokens
                .remove(field("refresh_token"))
                .ok_or_else(|| ApiError::new(401, "Unauthorized: invalid refresh token"))?;
            let next = state.issue_refresh_token(owner.clone());
            let mut answer = issue(state, owner, DEFAULT_EXPIRATION, now);
            answer["refresh_token"] = json!(next);
            Ok(Answer::json(&answer.into()))
        }
        other => Err(ApiError::bad_request(&format!(
            "unknown grant_type `{other}`"
        ))),
    }
}

fn exchange(state: &mut State, fields: &BTreeMap<String, String>, now: Seconds) -> Outcome {
    let field = |name: &str| fields.get(name).map_or("", String::as_str);
    if field("subject_token_type") != ID_TOKEN {
        return Err(ApiError::bad_request("unknown subject_token_type"));
    }
    let organization = field("audience")
        .strip_prefix("urn:pulumi:org:")
        .ok_or_else(|| ApiError::bad_request("invalid audience"))?;
    let kind = field("requested_token_type")
        .strip_prefix(ACCESS_TOKEN)
        .ok_or_else(|| ApiError::bad_request("unknown requested_token_type"))?;
    let scope = field("scope");
    let (owner, grant) = match (kind, scope.split_once(':')) {
        ("organization", None) if scope.is_empty() || scope == "admin" => {
            let owner = Owner::Organization(organization.to_owned());
            (owner, "organization".to_owned())
        }
        ("team", Some(("team", team))) => {
            let owner = Owner::Team {
                organization: organization.to_owned(),
                team: team.to_owned(),
            };
            (owner, format!("team:{team}"))
        }
        ("personal", Some(("user", login))) => (
            Owner::Personal(login.to_owned()),
            format!("personal:{login}"),
        ),
        _ => return Err(ApiError::bad_request("invalid scope for the token type")),
    };
    let expiration = match field("expiration") {
        "" => DEFAULT_EXPIRATION,
        text => text
            .parse()
            .ok()
            .filter(|seconds| *seconds > 0)
            .ok_or_else(|| ApiError::bad_request("invalid expiration"))?,
    };
    let trusts = &state.configuration.trusts;
    let trust = verify(trusts, organization, field("subject_token"), now)
        .map_err(|why| ApiError::new(401, format!("Unauthorized: {why}")))?;
    if !trust.grants.contains(&grant) {
        let message = "Forbidden: no policy of the organization allows this token";
        return Err(ApiError::new(403, message));
    }
    let mut answer = issue(state, owner, expiration, now);
    answer["issued_token_type"] = json!(format!("{ACCESS_TOKEN}{kind}"));
    answer["scope"] = json!(scope);
    Ok(Answer::json(&answer.into()))
}

/// Issues an access token, and returns the response with it.
fn issue(state: &mut State, owner: Owner, expiration: Seconds, now: Seconds) -> Value {
    let text = format!("pul-{}", sessions::random());
    state.configuration.tokens.push(Token {
        text: text.clone(),
        name: "exchanged".to_owned(),
        owner,
        expires_at: Some(now + expiration),
        revoked: false,
    });
    json!({
        "access_token": text,
        "issued_token_type": format!("{ACCESS_TOKEN}personal"),
        "token_type": "token",
        "expires_in": expiration,
    })
}

/// Checks an identity token: format, issuer, signature, audience, times, subject.
fn verify<'a>(
    trusts: &'a [Trust],
    organization: &str,
    token: &str,
    now: Seconds,
) -> Result<&'a Trust, &'static str> {
    let malformed = "the subject token is not a JWT";
    let [head, payload, signature] = *token.split('.').collect::<Vec<_>>() else {
        return Err(malformed);
    };
    let json = |part: &str| serde_json::from_slice::<Value>(&decode_url(part)?).ok();
    let (Some(header), Some(claims), Some(signature)) =
        (json(head), json(payload), decode_url(signature))
    else {
        return Err(malformed);
    };
    let mut of_issuer = trusts
        .iter()
        .filter(|trust| trust.organization == organization && claims["iss"] == *trust.issuer)
        .peekable();
    let first = of_issuer.peek().ok_or("the issuer is not trusted")?;
    let keys = first.jwks["keys"].as_array().into_iter().flatten();
    let key = keys
        .filter(|_| header["alg"] == "RS256")
        .find(|key| key["kid"] == header["kid"])
        .and_then(|key| {
            let number = |name: &str| decode_url(key[name].as_str()?);
            Some(RsaPublicKeyComponents {
                n: number("n")?,
                e: number("e")?,
            })
        })
        .ok_or("the subject token is signed with an unknown key")?;
    let signed = format!("{head}.{payload}");
    key.verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &signature)
        .map_err(|_| "the signature of the subject token does not match")?;
    let audience = format!("urn:pulumi:org:{organization}");
    let is_audience = match &claims["aud"] {
        Value::Array(audiences) => audiences.contains(&json!(audience)),
        single => *single == audience,
    };
    if !is_audience {
        return Err("the subject token is for another audience");
    }
    let expires_at = claims["exp"].as_i64().unwrap_or(0);
    let not_before = claims["nbf"].as_i64().unwrap_or(0);
    if now >= expires_at || now < not_before {
        return Err("the subject token is expired or not yet valid");
    }
    let subject = claims["sub"].as_str().unwrap_or_default();
    of_issuer
        .find(|trust| match trust.subject.strip_suffix('*') {
            Some(start) => subject.starts_with(start),
            None => subject == trust.subject,
        })
        .ok_or("the subject is not trusted")
}

/// The fields of a form or of a JSON object.
fn fields(request: &Request) -> Option<BTreeMap<String, String>> {
    let body = std::str::from_utf8(&request.body).ok()?;
    let kind = request.header("content-type").unwrap_or_default();
    if kind.starts_with("application/x-www-form-urlencoded") {
        return Some(percent::pairs(body)?.into_iter().collect());
    }
    let body: BTreeMap<String, Value> = serde_json::from_str(body).ok()?;
    let fields = body.into_iter().map(|(name, value)| {
        let text = match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        (name, text)
    });
    Some(fields.collect())
}
