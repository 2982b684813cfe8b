//! The providers that Pulumi Cloud runs, as far as the tests need them: `aws-login`,
//! `pulumi-stacks`, `oidc`; and those of the original evaluator's cases: `test` and `schema`, which
//! give what they get, and `secret-wrapper`, which gives it as a secret.

use std::collections::BTreeMap;
use std::sync::Arc;

use encodings::percent;
use encodings::timestamp::Seconds;
use esc::evaluator::provider::{self, Provider};
use esc::{Data, Number, Value};
use esc::{Error, Failure, HostResult};
use kubectl_esc::clock::parse_duration;
use serde_json::json;

use super::configuration::Stack;
use super::{PulumiCloud, definitions};
use crate::http::{Reply, Request};
use crate::sts::Sts;

/// The names of all providers.
pub(super) const NAMES: [&str; 6] = [
    "aws-login",
    "oidc",
    "pulumi-stacks",
    "schema",
    "secret-wrapper",
    "test",
];

/// What an opening happens in.
pub(super) struct World {
    pub(super) organization: String,
    /// The root environment, as `${context.rootEnvironment.name}`.
    pub(super) environment: String,
    /// Whether the root environment is a stored one.
    pub(super) is_stored: bool,
    pub(super) login: String,
    pub(super) token_type: &'static str,
    pub(super) team: Option<String>,
    pub(super) now: Seconds,
    pub(super) sts: Option<Sts>,
    pub(super) stacks: Vec<Stack>,
}

/// The providers of an opening.
pub(super) struct Providers {
    all: Vec<Named>,
}

struct Named {
    name: &'static str,
    inputs: String,
    outputs: String,
    world: Arc<World>,
}

impl Providers {
    pub(super) fn new(world: World) -> Self {
        let world = Arc::new(world);
        let all = NAMES.map(|name| {
            let (inputs, outputs) = schemas(name);
            Named {
                name,
                inputs: inputs.to_string(),
                outputs: outputs.to_string(),
                world: Arc::clone(&world),
            }
        });
        Self { all: all.into() }
    }
}

impl provider::Providers for Providers {
    fn provider(&self, name: &str) -> HostResult<&dyn Provider> {
        let mut all = self.all.iter();
        let found = all.find(|provider| provider.name == name);
        found
            .map(|provider| provider as &dyn Provider)
            .ok_or_else(|| failed(format!("unknown provider \"{name}\"")))
    }
}

impl Provider for Named {
    fn input_schema(&self) -> &str {
        &self.inputs
    }

    fn output_schema(&self) -> &str {
        &self.outputs
    }

    fn open(&self, inputs: &Value) -> HostResult<Value> {
        match self.name {
            "aws-login" => self.world.aws_login(inputs),
            "oidc" => self.world.identity_token(inputs),
            "pulumi-stacks" => self.world.stack_outputs(inputs),
            "secret-wrapper" => Ok(Value {
                secret: true,
                ..inputs.clone()
            }),
            _ => Ok(inputs.clone()),
        }
    }
}

/// The schemas of a provider's inputs and outputs.
pub(super) fn schemas(name: &str) -> (serde_json::Value, serde_json::Value) {
    let text = json!({"type": "string"});
    let secret = json!({"type": "string", "secret": true});
    let keys = json!({
        "type": "object",
        "properties": {"accessKeyId": text, "secretAccessKey": secret, "sessionToken": secret},
        "required": ["accessKeyId", "secretAccessKey"],
    });
    let pattern = "^([0-9]+h)?([0-9]+m)?([0-9]+s)?$";
    match name {
        "aws-login" => (
            json!({"oneOf": [
                {
                    "type": "object",
                    "properties": {"oidc": {
                        "type": "object",
                        "properties": {
                            "roleArn": {"type": "string", "minLength": 20, "maxLength": 2048},
                            "sessionName": {"type": "string", "minLength": 2, "maxLength": 64,
                                "pattern": "^[\\w+=,.@-]*$"},
                            "duration": {"type": "string", "pattern": pattern},
                            "policyArns": {"type": "array", "items": text},
                            "subjectAttributes": {"type": "array", "items": text},
                        },
                        "required": ["roleArn", "sessionName"],
                    }},
                    "required": ["oidc"],
                },
                {"type": "object", "properties": {"static": keys}, "required": ["static"]},
            ]}),
            keys,
        ),
        "oidc" => (
            json!({
                "type": "object",
                "properties": {
                    "audience": text,
                    "duration": {"type": "string", "pattern": pattern},
                    "identityToken": {
                        "type": "object",
                        "properties": {"version": {"type": "string", "const": "v2"}},
                        "required": ["version"],
                    },
                },
                "required": ["audience", "identityToken"],
            }),
            secret,
        ),
        "pulumi-stacks" => (
            json!({
                "type": "object",
                "properties": {"stacks": {
                    "type": "object",
                    "minProperties": 1,
                    "additionalProperties": {
                        "type": "object",
                        "properties": {"stack": {
                            "type": "string",
                            "pattern": "^[a-zA-Z0-9-_.]{1,100}\\/[a-zA-Z0-9-_.]{1,100}$",
                        }},
                        "required": ["stack"],
                    },
                }},
                "required": ["stacks"],
            }),
            json!({"type": "object", "additionalProperties": true}),
        ),
        _ => (json!(true), json!(true)),
    }
}

impl World {
    fn aws_login(&self, inputs: &Value) -> HostResult<Value> {
        let Some(login) = inputs.property("oidc") else {
            let keys = inputs.property("static");
            let keys = keys.ok_or_else(|| failed("one of oidc and static is needed"))?;
            let given = |name: &str| keys.property(name).and_then(Value::as_text);
            let mut outputs = BTreeMap::new();
            for name in ["accessKeyId", "secretAccessKey", "sessionToken"] {
                if let Some(text) = given(name) {
                    let mut value = Value::secret(text.clone());
                    value.secret = name != "accessKeyId";
                    outputs.insert(name.to_owned(), value);
                }
            }
            return Ok(Value::new(Data::Object(outputs)));
        };
        let given = |name: &str| login.property(name).and_then(Value::as_str);
        let seconds = seconds(given("duration").unwrap_or("2h"))?;
        let token = self.login_token(login);
        let mut form = vec![
            ("Action", "AssumeRoleWithWebIdentity"),
            ("Version", "2011-06-15"),
            ("RoleArn", given("roleArn").unwrap_or_default()),
            ("RoleSessionName", given("sessionName").unwrap_or_default()),
            ("DurationSeconds", seconds.as_str()),
            ("WebIdentityToken", token.as_str()),
        ];
        let policies = login.property("policyArns").map(|value| &value.data);
        let policies = match policies {
            Some(Data::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let names: Vec<_> = (1..=policies.len())
            .map(|number| format!("PolicyArns.member.{number}.arn"))
            .collect();
        form.extend(names.iter().map(String::as_str).zip(policies));
        let sts = self.sts.as_ref();
        let sts = sts.ok_or_else(|| failed("this stand-in has no AWS"))?;
        let content_type = "application/x-www-form-urlencoded".to_owned();
        let request = Request {
            method: "POST".to_owned(),
            target: "/".to_owned(),
            headers: vec![
                ("Host".to_owned(), "sts.amazonaws.com".to_owned()),
                ("Content-Type".to_owned(), content_type),
            ],
            body: percent::form(&form).into_bytes(),
            connection: 0,
        };
        let Reply::Answer(answer) = sts.answer(&request) else {
            return Err(failed("AWS STS did not answer"));
        };
        let body = answer.text();
        if answer.status != 200 {
            let [code, message] = ["Code", "Message"].map(|name| element(&body, name));
            return Err(failed(format!(
                "unable to assume the role: operation error STS: AssumeRoleWithWebIdentity, \
                 https response error StatusCode: {}, api error {code}: {message}",
                answer.status
            )));
        }
        let keys = ["AccessKeyId", "SecretAccessKey", "SessionToken"];
        let names = ["accessKeyId", "secretAccessKey", "sessionToken"];
        let outputs = names.iter().zip(keys).map(|(name, key)| {
            let mut value = Value::secret(element(&body, key));
            value.secret = *name != "accessKeyId";
            ((*name).to_owned(), value)
        });
        Ok(Value::new(Data::Object(outputs.collect())))
    }

    /// The identity token of a login, of the first version.
    fn login_token(&self, login: &Value) -> String {
        let issuer = PulumiCloud::login_issuer();
        let is_default = !self.environment.contains('/');
        let audience = if is_default && self.is_stored {
            self.organization.clone()
        } else {
            format!("aws:{}", self.organization)
        };
        let attributes = match login.property("subjectAttributes").map(|value| &value.data) {
            Some(Data::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let subject = if attributes.is_empty() {
            let (organization, environment) = (&self.organization, &self.environment);
            format!("pulumi:environments:org:{organization}:env:{environment}")
        } else {
            let attributes = attributes.iter().map(|attribute| {
                let value = match *attribute {
                    "pulumi.user.login" => &self.login,
                    "pulumi.organization.login" => &self.organization,
                    "pulumi.token.type" => self.token_type,
                    "pulumi.token.team" => self.team.as_deref().unwrap_or_default(),
                    _ => &self.environment,
                };
                format!(":{attribute}:{value}")
            });
            let attributes: String = attributes.collect();
            let organization = &self.organization;
            format!("pulumi:environments:pulumi.organization.login:{organization}{attributes}")
        };
        let mut claims = issuer.claims(&audience, &subject, self.now);
        for (claim, value) in [
            ("org", &self.organization),
            ("current_env", &self.environment),
            ("root_env", &self.environment),
            ("trigger_user", &self.login),
        ] {
            claims.insert(claim.to_owned(), json!(value));
        }
        issuer.sign(&claims)
    }

    /// `fn::open::oidc`: an identity token of the second version.
    fn identity_token(&self, inputs: &Value) -> HostResult<Value> {
        if !self.is_stored {
            return Err(failed("identity tokens are for stored environments only"));
        }
        let given = |name: &str| inputs.property(name).and_then(Value::as_str);
        let lifetime: Seconds = seconds(given("duration").unwrap_or("1h"))?
            .parse()
            .map_err(|_| failed("the duration is too long"))?;
        if !(60..=3600).contains(&lifetime) {
            return Err(failed("duration must be between 1m and 1h"));
        }
        let issuer = PulumiCloud::token_issuer();
        let (project, name) = self
            .environment
            .split_once('/')
            .unwrap_or(("default", &self.environment));
        let environment_id = definitions::id(&self.organization, project, name);
        let organization_id = format!("org-{}", self.organization);
        let subject = format!("pulumi:org:{organization_id}:env:{environment_id}");
        let audience = given("audience").unwrap_or_default();
        let mut claims = issuer.claims(audience, &subject, self.now);
        claims.insert("exp".to_owned(), json!(self.now + lifetime));
        for (claim, value) in [
            ("org", &self.organization),
            ("org_id", &organization_id),
            ("current_env", &self.environment),
            ("current_env_id", &environment_id),
            ("root_env", &self.environment),
            ("root_env_id", &environment_id),
            ("actor", &self.login),
        ] {
            claims.insert(format!("https://pulumi.com/{claim}"), json!(value));
        }
        Ok(Value::secret(issuer.sign(&claims)))
    }

    fn stack_outputs(&self, inputs: &Value) -> HostResult<Value> {
        let Some(Data::Object(stacks)) = inputs.property("stacks").map(|value| &value.data) else {
            return Err(failed("stacks must be an object"));
        };
        let outputs = stacks.iter().map(|(name, inputs)| {
            let stack = inputs.property("stack").and_then(Value::as_str);
            let wanted = stack.unwrap_or_default();
            let mut known = self.stacks.iter();
            let stack = known
                .find(|stack| stack.organization == self.organization && stack.stack == wanted)
                .ok_or_else(|| failed(format!("stack \"{wanted}\" not found")))?;
            let outputs = stack.outputs.iter().map(|(output, value)| {
                let mut value = from_json(value);
                value.secret = stack.secrets.contains(output);
                (output.clone(), value)
            });
            Ok((name.clone(), Value::new(Data::Object(outputs.collect()))))
        });
        let outputs = outputs.collect::<HostResult<_>>()?;
        Ok(Value::new(Data::Object(outputs)))
    }
}

fn from_json(value: &serde_json::Value) -> Value {
    Value::new(match value {
        serde_json::Value::Null => Data::Null,
        serde_json::Value::Bool(value) => Data::Bool(*value),
        serde_json::Value::Number(number) => Data::Number(Number::from_text(number.to_string())),
        serde_json::Value::String(text) => Data::String(text.as_str().into()),
        serde_json::Value::Array(items) => Data::Array(items.iter().map(from_json).collect()),
        serde_json::Value::Object(entries) => Data::Object(
            entries
                .iter()
                .map(|(name, entry)| (name.clone(), from_json(entry)))
                .collect(),
        ),
    })
}

/// A duration in seconds, as text.
fn seconds(duration: &str) -> HostResult<String> {
    let parsed = parse_duration(duration);
    let parsed = parsed.ok_or_else(|| failed("the duration cannot be read"))?;
    Ok(parsed.as_secs().to_string())
}

/// The text of an element of STS's answers.
fn element<'a>(xml: &'a str, name: &str) -> &'a str {
    let (_, rest) = xml.split_once(&format!("<{name}>")).unwrap_or_default();
    rest.split_once('<').unwrap_or_default().0
}

fn failed(why: impl Into<String>) -> Box<dyn Failure> {
    Error::new(why).into()
}
