//! The provider `aws-login` on this machine: `static` credentials, or those of a role that trusts
//! an OIDC identity (`oidc`).
//!
//! Inputs and outputs are those of Pulumi Cloud's provider of this name. `subjectAttributes` are
//! taken and change nothing: they shape the tokens that Pulumi Cloud makes, while here the token
//! comes from elsewhere and is complete.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::aws::Credentials;
use crate::aws::endpoint::Partition;
use crate::aws::sts::{self, AssumeRoleWithWebIdentity, Sts};
use crate::aws::web_identity::Choice;
use crate::clock::{Deadline, parse_duration};
use crate::error::{Error, Kind, Result};
use crate::host::Host;
use crate::http::HttpClient;
use crate::opener::KeyExpiry;
use crate::secret::Text;
use esc::{Data, Value};
use esc::{HostResult, Provider};

/// How long a session lasts that does not say so: the default that the provider's schema names.
const DEFAULT_DURATION: Duration = Duration::from_hours(2);

/// What STS accepts as `DurationSeconds`: 900 to 43,200.
const SHORTEST_DURATION: Duration = Duration::from_mins(15);
const LONGEST_DURATION: Duration = Duration::from_hours(12);

/// What an `oidc` login needs to know beyond its inputs.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The region whose STS is asked; where it is not said, one of the role's partition. The
    /// credentials are good in all regions of the partition.
    pub region: Option<String>,
    /// Where the identity token comes from.
    pub identity: Choice,
    /// By when everything has to be done.
    pub deadline: Deadline,
}

/// The provider. It asks STS once for each login, however often a definition opens it.
pub(crate) struct AwsLogin {
    host: Host,
    http: HttpClient,
    settings: Settings,
    issued: Mutex<Vec<(Login, Credentials)>>,
}

impl AwsLogin {
    /// The provider on this machine. Nothing is read, started or connected before an `oidc` login
    /// is opened.
    #[must_use]
    pub(crate) fn new(host: &Host, http: &HttpClient, settings: Settings) -> Self {
        Self {
            host: host.clone(),
            http: http.clone(),
            settings,
            issued: Mutex::default(),
        }
    }

    /// A panic while the list was held cannot have left it half changed.
    fn issued(&self) -> MutexGuard<'_, Vec<(Login, Credentials)>> {
        self.issued.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The keys that STS issued through this provider, and when they expire.
    #[must_use]
    pub(crate) fn keys(&self) -> Vec<KeyExpiry> {
        let issued = self.issued();
        let keys = issued.iter().filter_map(|(_, credentials)| {
            Some(KeyExpiry {
                access_key_id: credentials.access_key_id.clone(),
                expires_at: credentials.expires_at?,
            })
        });
        keys.collect()
    }

    fn log_in(&self, inputs: &Value) -> Result<Credentials> {
        let login = Login::read(inputs)?;
        let known = {
            let issued = self.issued();
            let same = issued.iter().find(|(known, _)| *known == login);
            same.map(|(_, credentials)| credentials.clone())
        };
        if let Some(credentials) = known {
            return Ok(credentials);
        }
        let region = self.settings.region.clone();
        let region = region.map_or_else(|| login.home_region().map(str::to_owned), Ok)?;
        let deadline = self.settings.deadline;
        let source = self.settings.identity.source(&self.host)?;
        let identity_token = source.read(&self.host, &self.http, deadline)?;
        let settings = sts::Settings::from_host(&self.host)?;
        let sts = Sts::new(&self.http, region, settings, deadline);
        let credentials = sts.assume_role_with_web_identity(&AssumeRoleWithWebIdentity {
            role_arn: login.role_arn.clone(),
            session_name: login.session_name.clone(),
            duration: Some(login.duration),
            policy_arns: login.policy_arns.clone(),
            identity_token: &identity_token,
            hidden: hidden(inputs),
        })?;
        self.issued().push((login, credentials.clone()));
        Ok(credentials)
    }
}

impl Provider for AwsLogin {
    fn input_schema(&self) -> &str {
        INPUTS
    }

    fn output_schema(&self) -> &str {
        OUTPUTS
    }

    fn open(&self, inputs: &Value) -> HostResult<Value> {
        match (inputs.property("oidc"), inputs.property("static")) {
            (Some(login), None) => {
                let Credentials {
                    access_key_id,
                    secret_access_key,
                    session_token,
                    ..
                } = self.log_in(login)?;
                Ok(outputs(
                    access_key_id.into(),
                    secret_access_key.expose().as_str().into(),
                    session_token.map(|token| token.expose().as_str().into()),
                ))
            }
            (None, Some(keys)) => Ok(outputs(
                text(keys, "accessKeyId")?.clone(),
                text(keys, "secretAccessKey")?.clone(),
                match keys.property("sessionToken") {
                    Some(_) => Some(text(keys, "sessionToken")?.clone()),
                    None => None,
                },
            )),
            _ => Err(invalid("aws-login takes one of `oidc` and `static`").into()),
        }
    }

    fn explains_mistakes(&self) -> bool {
        true
    }

    fn renamed_output(&self, name: &str) -> Option<&'static str> {
        (name == "keyId").then_some("accessKeyId")
    }
}

/// The logins may hold inputs that are secrets.
impl fmt::Debug for AwsLogin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AwsLogin")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// The provider's result. All of it is secret, as it is where Pulumi Cloud opens the provider.
fn outputs(access_key_id: Text, secret_access_key: Text, session_token: Option<Text>) -> Value {
    let outputs = [
        ("accessKeyId", Some(access_key_id)),
        ("secretAccessKey", Some(secret_access_key)),
        ("sessionToken", session_token),
    ];
    let entries = outputs
        .into_iter()
        .filter_map(|(name, text)| Some((name.to_owned(), Value::secret(text?))));
    Value::new(Data::Object(entries.collect()))
}

/// The inputs of an `oidc` login that make a difference here.
#[derive(Eq, PartialEq)]
struct Login {
    role_arn: String,
    session_name: String,
    duration: Duration,
    policy_arns: Vec<String>,
}

impl Login {
    fn read(inputs: &Value) -> Result<Self> {
        let login = Self {
            role_arn: string(inputs, "roleArn")?.to_owned(),
            session_name: string(inputs, "sessionName")?.to_owned(),
            duration: match inputs.property("duration") {
                Some(_) => duration(string(inputs, "duration")?)?,
                None => DEFAULT_DURATION,
            },
            policy_arns: match inputs.property("policyArns").map(|value| &value.data) {
                Some(Data::Array(items)) => {
                    let arns = items.iter().map(|item| item.as_str().map(str::to_owned));
                    let arns: Option<_> = arns.collect();
                    arns.ok_or_else(|| invalid("`policyArns` holds something other than text"))?
                }
                Some(_) => return Err(invalid("`policyArns` is not a list")),
                None => Vec::new(),
            },
        };
        if login.partition().is_none() {
            return Err(invalid("`roleArn` is not the ARN of an IAM role")
                .with_hint("write it as arn:aws:iam::123456789012:role/NAME"));
        }
        // The schema's pattern is not anchored, so it lets any text pass.
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
        if !login.session_name.chars().all(is_allowed) {
            return Err(
                invalid("`sessionName` has characters that AWS does not allow")
                    .with_hint("use letters, digits and `_+=,.@-`"),
            );
        }
        Ok(login)
    }

    /// The partition in the role's ARN, where the ARN is one of a role.
    fn partition(&self) -> Option<&str> {
        let mut parts = self.role_arn.splitn(6, ':');
        let mut next = || parts.next();
        let (arn, partition, service) = (next()?, next()?, next()?);
        let (region, account, resource) = (next()?, next()?, next()?);
        let is_account = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
        let is_role = resource
            .strip_prefix("role/")
            .is_some_and(|name| !name.is_empty());
        let is_arn = arn == "arn" && service == "iam" && region.is_empty();
        (is_arn && is_account && is_role).then_some(partition)
    }

    /// A region of the role's partition that all its accounts can use.
    fn home_region(&self) -> Result<&'static str> {
        let partition = self.partition().and_then(Partition::of_name);
        partition
            .map(|partition| partition.default_region)
            .ok_or_else(|| {
                invalid("`roleArn` is in a partition of AWS that is not known")
                    .with_hint("check the ARN, or name the region with `--region`")
            })
    }
}

/// The inputs of an `oidc` login that are secrets.
fn hidden(inputs: &Value) -> Vec<&str> {
    let mut hidden = Vec::new();
    let policies = match inputs.property("policyArns") {
        Some(Value {
            data: Data::Array(items),
            ..
        }) => items.as_slice(),
        _ => &[],
    };
    let texts = ["roleArn", "sessionName"];
    let texts = texts.iter().filter_map(|name| inputs.property(name));
    for value in texts.chain(policies) {
        if value.secret {
            hidden.extend(value.as_str());
        }
    }
    hidden
}

fn duration(text: &str) -> Result<Duration> {
    parse_duration(text)
        .filter(|duration| (SHORTEST_DURATION..=LONGEST_DURATION).contains(duration))
        .ok_or_else(|| {
            invalid("`duration` is not from 15 minutes to 12 hours, as AWS wants it")
                .with_hint("write a duration such as `1h` or `1h30m`")
        })
}

fn string<'a>(inputs: &'a Value, name: &str) -> Result<&'a str> {
    let text = text(inputs, name)?;
    text.as_str()
        .ok_or_else(|| invalid(format!("`{name}` is not valid UTF-8")))
}

fn text<'a>(inputs: &'a Value, name: &str) -> Result<&'a Text> {
    let text = inputs.property(name).and_then(Value::as_text);
    text.ok_or_else(|| invalid(format!("`{name}` is missing or is not a text")))
}

/// What the schemas do not catch. No message quotes an input: it may be a secret.
fn invalid(message: impl Into<String>) -> Error {
    Error::new(Kind::Definition, message)
}

/// The inputs, as Pulumi Cloud's schema of the provider has them.
const INPUTS: &str = r#"{
  "type": "object",
  "oneOf": [
    {
      "type": "object",
      "properties": {
        "oidc": {
          "type": "object",
          "properties": {
            "roleArn": {"type": "string", "minLength": 20, "maxLength": 2048},
            "sessionName": {"type": "string", "minLength": 2, "maxLength": 64, "pattern": "[\\w+=,.@-]*"},
            "duration": {"type": "string", "default": "2h", "pattern": "^([0-9]+h)?([0-9]+m)?([0-9]+s)?$"},
            "policyArns": {"type": "array", "items": {"type": "string"}},
            "subjectAttributes": {
              "type": "array",
              "items": {
                "type": "string",
                "enum": [
                  "currentEnvironment.name",
                  "rootEnvironment.name",
                  "pulumi.user.login",
                  "pulumi.organization.login",
                  "pulumi.token.type",
                  "pulumi.token.team"
                ]
              }
            }
          },
          "required": ["roleArn", "sessionName"]
        }
      },
      "required": ["oidc"]
    },
    {
      "type": "object",
      "properties": {
        "static": {
          "type": "object",
          "properties": {
            "accessKeyId": {"type": "string"},
            "secretAccessKey": {"type": "string", "secret": true},
            "sessionToken": {"type": "string", "secret": true}
          },
          "required": ["accessKeyId", "secretAccessKey"]
        }
      },
      "required": ["static"]
    }
  ]
}"#;

/// The outputs, as Pulumi Cloud's schema of the provider has them.
const OUTPUTS: &str = r#"{
  "type": "object",
  "properties": {
    "accessKeyId": {"type": "string"},
    "secretAccessKey": {"type": "string", "secret": true},
    "sessionToken": {"type": "string", "secret": true}
  },
  "required": ["accessKeyId", "secretAccessKey"]
}"#;

#[cfg(test)]
mod tests;
