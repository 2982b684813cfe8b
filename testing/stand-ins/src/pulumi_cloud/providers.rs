//! The providers of Pulumi Cloud that the tests need: the logins to clouds, `pulumi-stacks` and `oidc`; and
//! those of the ESC evaluator's test cases: `test` and `schema`, which return their inputs, and
//! `secret-wrapper`, which returns them as a secret.

use std::collections::BTreeMap;
use std::sync::Arc;

use encodings::percent;
use encodings::timestamp::Seconds;
use esc::evaluator::provider::{self, Provider};
use esc::{Data, Number, Text, Value};
use esc::{Error, Failure, HostResult};
use kubectl_esc::clock::parse_duration;
use serde_json::json;

use super::configuration::Stack;
use super::{PulumiCloud, cloud_logins, definitions};
use crate::http::{Reply, Request};
use crate::sts::Sts;

/// The names of all providers.
pub(super) const NAMES: [&str; 8] = [
    "aws-login",
    "azure-login",
    "gcp-login",
    "oidc",
    "pulumi-stacks",
    "schema",
    "secret-wrapper",
    "test",
];

/// The pattern of a duration in Go's notation.
const DURATION: &str = "^([0-9]+h)?([0-9]+m)?([0-9]+s)?$";

/// The context of an open request.
pub(super) struct OpenContext {
    pub(super) organization: String,
    /// The value of `${context.rootEnvironment.name}`.
    pub(super) environment: String,
    /// Whether the root environment is stored.
    pub(super) is_stored: bool,
    pub(super) login: String,
    pub(super) token_type: &'static str,
    pub(super) team: Option<String>,
    pub(super) now: Seconds,
    pub(super) sts: Option<Sts>,
    pub(super) stacks: Vec<Stack>,
}

/// The providers of an open request.
pub(super) struct Providers {
    all: Vec<NamedProvider>,
}

struct NamedProvider {
    name: &'static str,
    inputs: String,
    outputs: String,
    context: Arc<OpenContext>,
}

impl Providers {
    pub(super) fn new(context: OpenContext) -> Self {
        let context = Arc::new(context);
        let all = NAMES.map(|name| {
            let (inputs, outputs) = schemas(name);
            NamedProvider {
                name,
                inputs: inputs.to_string(),
                outputs: outputs.to_string(),
                context: Arc::clone(&context),
            }
        });
        Self { all: all.into() }
    }
}

impl provider::Providers for Providers {
    fn provider(&self, name: &str) -> HostResult<&dyn Provider> {
        let mut all = self.all.iter();
        all.find(|provider| provider.name == name)
            .map(|provider| provider as &dyn Provider)
            .ok_or_else(|| failed(format!("unknown provider \"{name}\"")))
    }
}

impl Provider for NamedProvider {
    fn input_schema(&self) -> &str {
        &self.inputs
    }

    fn output_schema(&self) -> &str {
        &self.outputs
    }

    fn open(&self, inputs: &Value) -> HostResult<Value> {
        match self.name {
            "aws-login" => self.context.aws_login(inputs),
            "azure-login" => self.context.azure_login(inputs),
            "gcp-login" => self.context.gcp_login(inputs),
            "oidc" => self.context.identity_token(inputs),
            "pulumi-stacks" => self.context.stack_outputs(inputs),
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
    match name {
        "aws-login" => (login_inputs(), aws_keys()),
        "azure-login" => cloud_logins::azure_schemas(),
        "gcp-login" => cloud_logins::gcp_schemas(DURATION),
        "oidc" => (
            identity_token_inputs(),
            json!({"type": "string", "secret": true}),
        ),
        "pulumi-stacks" => (
            stack_inputs(),
            json!({"type": "object", "additionalProperties": true}),
        ),
        _ => (json!(true), json!(true)),
    }
}

fn aws_keys() -> serde_json::Value {
    let text = json!({"type": "string"});
    let secret = json!({"type": "string", "secret": true});
    json!({
        "type": "object",
        "properties": {"accessKeyId": text, "secretAccessKey": secret, "sessionToken": secret},
        "required": ["accessKeyId", "secretAccessKey"],
    })
}

fn login_inputs() -> serde_json::Value {
    let texts = json!({"type": "array", "items": {"type": "string"}});
    json!({"oneOf": [
        {
            "type": "object",
            "properties": {"oidc": {
                "type": "object",
                "properties": {
                    "roleArn": {"type": "string", "minLength": 20, "maxLength": 2048},
                    "sessionName": {"type": "string", "minLength": 2, "maxLength": 64,
                        "pattern": "^[\\w+=,.@-]*$"},
                    "duration": {"type": "string", "pattern": DURATION},
                    "policyArns": texts,
                    "subjectAttributes": texts,
                },
                "required": ["roleArn", "sessionName"],
            }},
            "required": ["oidc"],
        },
        {"type": "object", "properties": {"static": aws_keys()}, "required": ["static"]},
    ]})
}

fn identity_token_inputs() -> serde_json::Value {
    json!({
        "type": "object",
        "properties": {
            "audience": {"type": "string"},
            "duration": {"type": "string", "pattern": DURATION},
            "identityToken": {
                "type": "object",
                "properties": {"version": {"type": "string", "const": "v2"}},
                "required": ["version"],
            },
        },
        "required": ["audience", "identityToken"],
    })
}

fn stack_inputs() -> serde_json::Value {
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
    })
}

impl OpenContext {
    fn aws_login(&self, inputs: &Value) -> HostResult<Value> {
        if let Some(login) = inputs.property("oidc") {
            return self.assume_role(login);
        }
        let keys = inputs
            .property("static")
            .ok_or_else(|| failed("one of oidc and static is needed"))?;
        Ok(credentials(|name| {
            keys.property(name).and_then(Value::as_text).cloned()
        }))
    }

    fn assume_role(&self, login: &Value) -> HostResult<Value> {
        let input = |name: &str| login.property(name).and_then(Value::as_str);
        let seconds = seconds(input("duration").unwrap_or("2h"))?;
        let token = self.login_token("aws", login);
        let mut form = vec![
            ("Action", "AssumeRoleWithWebIdentity"),
            ("Version", "2011-06-15"),
            ("RoleArn", input("roleArn").unwrap_or_default()),
            ("RoleSessionName", input("sessionName").unwrap_or_default()),
            ("DurationSeconds", seconds.as_str()),
            ("WebIdentityToken", token.as_str()),
        ];
        let policies = strings(login, "policyArns");
        let names: Vec<_> = (1..=policies.len())
            .map(|number| format!("PolicyArns.member.{number}.arn"))
            .collect();
        form.extend(names.iter().map(String::as_str).zip(policies));
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let request = Request {
            method: "POST".to_owned(),
            target: "/".to_owned(),
            headers: vec![
                header("Host", "sts.amazonaws.com"),
                header("Content-Type", "application/x-www-form-urlencoded"),
            ],
            body: percent::form(&form).into_bytes(),
            connection: 0,
        };
        let sts = self.sts.as_ref();
        let sts = sts.ok_or_else(|| failed("this stand-in has no AWS"))?;
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
        Ok(credentials(|name| {
            let name = name[..1].to_uppercase() + &name[1..];
            Some(element(&body, &name).into())
        }))
    }

    /// The identity token for a login to a cloud, of the first version.
    pub(super) fn login_token(&self, cloud: &str, login: &Value) -> String {
        let issuer = PulumiCloud::login_issuer();
        let is_in_default_project = !self.environment.contains('/');
        let audience = if is_in_default_project && self.is_stored {
            self.organization.clone()
        } else {
            format!("{cloud}:{}", self.organization)
        };
        let attributes = strings(login, "subjectAttributes");
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
        let input = |name: &str| inputs.property(name).and_then(Value::as_str);
        let lifetime: Seconds = seconds(input("duration").unwrap_or("1h"))?
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
        let audience = input("audience").unwrap_or_default();
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
            let path = stack.unwrap_or_default();
            let mut stacks = self.stacks.iter();
            let stack = stacks
                .find(|stack| stack.organization == self.organization && stack.stack == path)
                .ok_or_else(|| failed(format!("stack \"{path}\" not found")))?;
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

/// The outputs of `aws-login`.
fn credentials(value: impl Fn(&str) -> Option<Text>) -> Value {
    let mut outputs = BTreeMap::new();
    for name in ["accessKeyId", "secretAccessKey", "sessionToken"] {
        if let Some(text) = value(name) {
            let mut value = Value::secret(text);
            value.secret = name != "accessKeyId";
            outputs.insert(name.to_owned(), value);
        }
    }
    Value::new(Data::Object(outputs))
}

/// The strings of a list.
fn strings<'a>(inputs: &'a Value, name: &str) -> Vec<&'a str> {
    match inputs.property(name).map(|value| &value.data) {
        Some(Data::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
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

/// The seconds of a duration, as text.
pub(super) fn seconds(duration: &str) -> HostResult<String> {
    let parsed = parse_duration(duration);
    let parsed = parsed.ok_or_else(|| failed("the duration cannot be read"))?;
    Ok(parsed.as_secs().to_string())
}

/// The text of an element in a response of STS.
fn element<'a>(xml: &'a str, name: &str) -> &'a str {
    let (_, rest) = xml.split_once(&format!("<{name}>")).unwrap_or_default();
    rest.split_once('<').unwrap_or_default().0
}

pub(super) fn failed(why: impl Into<String>) -> Box<dyn Failure> {
    Error::new(why).into()
}
