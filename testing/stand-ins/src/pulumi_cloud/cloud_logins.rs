//! The providers `gcp-login` and `azure-login` of Pulumi Cloud. Google Cloud accepts every identity token, and
//! issues an access token that shows for whom.

use std::collections::BTreeMap;

use encodings::timestamp::{Seconds, rfc3339};
use esc::{Data, HostResult, Value};
use serde_json::{Value as Json, json};

use super::PulumiCloud;
use super::providers::{OpenContext, failed, seconds};
use crate::identity_token::Token;

/// The audience of access tokens of Google Cloud.
const GOOGLE: &str = "google";

/// The schemas of gcp-login's inputs and outputs.
pub(super) fn gcp_schemas(duration: &str) -> (Json, Json) {
    let text = json!({"type": "string"});
    let secret = json!({"type": "string", "secret": true});
    let lifetime = json!({"type": "string", "pattern": duration});
    let oidc = json!({
        "type": "object",
        "properties": {
            "workloadPoolId": text, "providerId": text, "serviceAccount": text, "region": text,
            "tokenLifetime": lifetime,
            "subjectAttributes": {"type": "array", "items": text},
        },
        "required": ["workloadPoolId", "providerId", "serviceAccount"],
    });
    let access_token = json!({
        "type": "object",
        "properties": {"accessToken": secret, "serviceAccount": text, "tokenLifetime": lifetime},
        "required": ["accessToken"],
    });
    let inputs = |name: &str, schema: Json| {
        json!({
            "type": "object",
            "properties": {"project": {"type": "number"}, name: schema},
            "required": ["project", name],
        })
    };
    (
        json!({"oneOf": [inputs("oidc", oidc), inputs("accessToken", access_token)]}),
        json!({
            "type": "object",
            "properties": {
                "project": {"type": "number"}, "accessToken": secret, "tokenType": text,
                "expiry": text,
            },
            "required": ["project", "accessToken", "tokenType"],
        }),
    )
}

/// The schemas of azure-login's inputs and outputs.
pub(super) fn azure_schemas() -> (Json, Json) {
    let text = json!({"type": "string"});
    let secret = json!({"type": "string", "secret": true});
    let schema = |oidc: Json, more: Json| {
        let mut schema = json!({
            "type": "object",
            "properties": {
                "clientId": text, "tenantId": text, "subscriptionId": text, "clientSecret": secret,
                "oidc": oidc,
            },
            "required": ["clientId", "tenantId"],
        });
        if let (Json::Object(schema), Json::Object(more)) = (&mut schema["properties"], more) {
            schema.extend(more);
        }
        schema
    };
    let token = json!({
        "type": "object", "properties": {"token": secret}, "required": ["token"],
    });
    (
        schema(
            json!({"type": "boolean"}),
            json!({"subjectAttributes": {"type": "array", "items": text}}),
        ),
        schema(token, json!({})),
    )
}

impl OpenContext {
    /// `gcp-login`.
    pub(super) fn gcp_login(&self, inputs: &Value) -> HostResult<Value> {
        let project = inputs
            .property("project")
            .ok_or_else(|| failed("project is needed"))?;
        let text = |login: &Value, name: &str| {
            let value = login.property(name).and_then(Value::as_str);
            value.map(str::to_owned)
        };
        let (login, identity) = match (inputs.property("oidc"), inputs.property("accessToken")) {
            (Some(login), _) => (login, self.login_token("gcp", login)),
            (_, Some(login)) => (login, text(login, "accessToken").unwrap_or_default()),
            _ => return Err(failed("one of oidc and accessToken is needed")),
        };
        let mut outputs = BTreeMap::from([
            ("project".to_owned(), project.clone()),
            ("tokenType".to_owned(), Value::from("Bearer")),
        ]);
        let token = match text(login, "serviceAccount") {
            None => identity,
            Some(account) => {
                let lifetime = text(login, "tokenLifetime");
                let lifetime: Seconds = seconds(lifetime.as_deref().unwrap_or("1h"))?
                    .parse()
                    .map_err(|_| failed("the lifetime is too long"))?;
                let expiry = rfc3339(self.now + lifetime);
                outputs.insert("expiry".to_owned(), Value::from(expiry.as_str()));
                gcp_token(&account, self.now, lifetime)
            }
        };
        outputs.insert("accessToken".to_owned(), Value::secret(token));
        Ok(Value::new(Data::Object(outputs)))
    }

    /// `azure-login`.
    pub(super) fn azure_login(&self, inputs: &Value) -> HostResult<Value> {
        let mut outputs = BTreeMap::new();
        for name in ["clientId", "tenantId", "subscriptionId", "clientSecret"] {
            if let Some(value) = inputs.property(name) {
                let mut value = value.clone();
                value.secret |= name == "clientSecret";
                outputs.insert(name.to_owned(), value);
            }
        }
        if matches!(
            inputs.property("oidc").map(|oidc| &oidc.data),
            Some(Data::Bool(true))
        ) {
            let token = self.login_token("azure", inputs);
            let token = ("token".to_owned(), Value::secret(token));
            let oidc = Value::new(Data::Object([token].into()));
            outputs.insert("oidc".to_owned(), oidc);
        } else if !outputs.contains_key("clientSecret") {
            return Err(failed("one of oidc and clientSecret is needed"));
        }
        Ok(Value::new(Data::Object(outputs)))
    }
}

impl PulumiCloud {
    /// Authenticates an access token of `gcp-login` as GKE does. Returns the name of the user.
    pub fn authenticate_gke(&self, token: &str) -> Result<String, String> {
        let token = token.strip_prefix("ya29.").and_then(Token::decode);
        let token = token.ok_or("the token is malformed")?;
        token
            .verify(&Self::login_issuer().jwks())
            .map_err(|rejection| format!("the signature is invalid: {rejection:?}"))?;
        let expiry = token.claims["exp"].as_i64().unwrap_or_default();
        if token.audiences() != [GOOGLE] || expiry <= self.now() {
            return Err("the token is not for Google Cloud or has expired".to_owned());
        }
        let user = token.claims["sub"].as_str().unwrap_or_default();
        Ok(user.to_owned())
    }
}

/// An access token of Google Cloud for a service account.
fn gcp_token(account: &str, now: Seconds, lifetime: Seconds) -> String {
    let issuer = PulumiCloud::login_issuer();
    let mut claims = issuer.claims(GOOGLE, account, now);
    claims.insert("exp".to_owned(), json!(now + lifetime));
    format!("ya29.{}", issuer.sign(&claims))
}
