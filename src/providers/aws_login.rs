//! The provider `aws-login` on this machine: `static` credentials, or those of a role that trusts an
//! OIDC identity (`oidc`).
//!
//! Inputs and outputs are those of Pulumi Cloud's provider. `subjectAttributes` are accepted and
//! ignored: they configure the identity tokens that Pulumi Cloud issues, while here the identity
//! token comes from elsewhere.

use std::time::Duration;

use crate::aws::arn::role_partition;
use crate::aws::endpoint::EndpointSettings;
use crate::aws::partition::Partition;
use crate::aws::sts::{AssumeRoleWithWebIdentity, Sts};
use crate::aws::{Credentials, IDENTITY_TOKEN_RECIPIENT};
use crate::clock::parse_duration;
use crate::context::Context;
use crate::error::Result;
use crate::identity_token::IdentityTokenSettings;
use crate::opener::{Expiry, KeyExpiry};
use crate::providers::inputs::{invalid, string, text};
use crate::providers::issued::Issued;
use crate::secret::Text;
use esc::{Data, Value};
use esc::{HostResult, InvalidInput, Provider};

/// Default session duration, as in the provider's schema.
const DEFAULT_DURATION: Duration = Duration::from_hours(2);

/// The limits of `DurationSeconds` at STS: 900 to 43,200.
const MINIMUM_DURATION: Duration = Duration::from_mins(15);
const MAXIMUM_DURATION: Duration = Duration::from_hours(12);

/// The settings of an `oidc` login that are not among its inputs.
#[derive(Clone, Debug)]
pub(crate) struct AwsLoginSettings {
    /// The region whose STS is called; by default one in the role's partition. The credentials are
    /// valid in all regions of the partition.
    pub region: Option<String>,
    /// The identity token to exchange.
    pub identity_token: IdentityTokenSettings,
}

/// The provider. It calls STS once for each login, however often a definition opens it.
pub(crate) struct AwsLogin<'a> {
    context: Context<'a>,
    settings: AwsLoginSettings,
    issued: Issued<OidcLogin, Credentials>,
}

impl<'a> AwsLogin<'a> {
    /// Creates the provider. It reads files and connects only when an `oidc` login is opened.
    #[must_use]
    pub(crate) fn new(context: Context<'a>, settings: AwsLoginSettings) -> Self {
        Self {
            context,
            settings,
            issued: Issued::new(),
        }
    }

    /// The keys that STS issued through this provider, with their expiry.
    #[must_use]
    pub(crate) fn keys(&self) -> Vec<KeyExpiry> {
        let keys = self.issued.outputs().into_iter().filter_map(|credentials| {
            Some(KeyExpiry {
                access_key_id: credentials.access_key_id,
                expiry: Expiry::At(credentials.expires_at?),
            })
        });
        keys.collect()
    }

    fn log_in(&self, inputs: &Value) -> Result<Credentials> {
        let login = OidcLogin::read(inputs)?;
        let request = |login: &OidcLogin| self.request(login, secret_inputs(inputs));
        self.issued.get_or_request(login, request)
    }

    fn request(&self, login: &OidcLogin, secret_inputs: Vec<&str>) -> Result<Credentials> {
        let region = match &self.settings.region {
            Some(region) => region.clone(),
            None => login.default_region()?.to_owned(),
        };
        let host = self.context.host;
        let source = (self.settings.identity_token).source(&IDENTITY_TOKEN_RECIPIENT, host)?;
        let identity_token = source.read(self.context)?;
        let endpoint = EndpointSettings::for_sts(host)?;
        Sts::new(self.context, region, endpoint).assume_role_with_web_identity(
            &AssumeRoleWithWebIdentity {
                role_arn: login.role_arn.clone(),
                session_name: login.session_name.clone(),
                duration: Some(login.duration),
                policy_arns: login.policy_arns.clone(),
                identity_token: &identity_token,
                secret_inputs,
            },
        )
    }
}

impl Provider for AwsLogin<'_> {
    fn input_schema(&self) -> &str {
        INPUTS
    }

    fn output_schema(&self) -> &str {
        OUTPUTS
    }

    fn check_inputs(&self, inputs: &Value) -> Vec<InvalidInput> {
        let login = inputs.property("oidc");
        let invalid = |name: &str, check: fn(&str) -> Result<()>| {
            let input = login?.property(name)?.as_str()?;
            Some(InvalidInput {
                path: ["oidc", name].map(str::to_owned).to_vec(),
                failure: check(input).err()?.into(),
            })
        };
        let invalid = [
            invalid("roleArn", check_role_arn),
            invalid("sessionName", check_session_name),
            invalid("duration", |text| duration(text).map(drop)),
        ];
        invalid.into_iter().flatten().collect()
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
            _ => Err(invalid("aws-login requires either `oidc` or `static`").into()),
        }
    }

    fn explains_mistakes(&self) -> bool {
        true
    }

    fn renamed_output(&self, name: &str) -> Option<&'static str> {
        (name == "keyId").then_some("accessKeyId")
    }
}

/// The provider's outputs. All are secret, as in Pulumi Cloud.
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

/// The inputs of an `oidc` login, validated.
#[derive(Eq, PartialEq)]
struct OidcLogin {
    role_arn: String,
    session_name: String,
    duration: Duration,
    policy_arns: Vec<String>,
}

impl OidcLogin {
    fn read(inputs: &Value) -> Result<Self> {
        let login = Self {
            role_arn: string(inputs, "roleArn")?.to_owned(),
            session_name: string(inputs, "sessionName")?.to_owned(),
            duration: match inputs.property("duration") {
                Some(_) => duration(string(inputs, "duration")?)?,
                None => DEFAULT_DURATION,
            },
            policy_arns: policy_arns(inputs)?
                .iter()
                .map(|arn| arn.as_str().map(str::to_owned))
                .collect::<Option<_>>()
                .ok_or_else(|| invalid("`policyArns` must be a list of strings"))?,
        };
        check_role_arn(&login.role_arn)?;
        check_session_name(&login.session_name)?;
        Ok(login)
    }

    /// The partition in the role's ARN; `None` if it is not the ARN of a role.
    fn partition(&self) -> Option<&str> {
        role_partition(&self.role_arn)
    }

    /// A region of the role's partition that every account can use.
    fn default_region(&self) -> Result<&'static str> {
        let partition = self.partition().and_then(Partition::by_name);
        partition
            .map(|partition| partition.default_region)
            .ok_or_else(|| {
                invalid("the AWS partition in `roleArn` is unknown")
                    .with_hint("check the ARN, or pass the region with `--region`")
            })
    }
}

fn check_role_arn(arn: &str) -> Result<()> {
    if role_partition(arn).is_some() {
        return Ok(());
    }
    Err(
        invalid("`roleArn` is not the ARN of an IAM role").with_hint(
            "use an ARN such as `arn:aws:iam::123456789012:role/NAME`, whose account has 12 digits",
        ),
    )
}

fn check_session_name(name: &str) -> Result<()> {
    // The schema's pattern is not anchored, so it matches any text.
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if name.chars().all(is_allowed) {
        return Ok(());
    }
    Err(
        invalid("`sessionName` contains characters that AWS does not allow")
            .with_hint("use letters, digits and `_+=,.@-`"),
    )
}

fn policy_arns(inputs: &Value) -> Result<&[Value]> {
    match inputs.property("policyArns").map(|value| &value.data) {
        Some(Data::Array(items)) => Ok(items),
        Some(_) => Err(invalid("`policyArns` must be a list of strings")),
        None => Ok(&[]),
    }
}

/// The inputs that are secret.
fn secret_inputs(inputs: &Value) -> Vec<&str> {
    ["roleArn", "sessionName"]
        .iter()
        .filter_map(|name| inputs.property(name))
        .chain(policy_arns(inputs).unwrap_or_default())
        .filter(|value| value.secret)
        .filter_map(Value::as_str)
        .collect()
}

fn duration(text: &str) -> Result<Duration> {
    parse_duration(text)
        .filter(|duration| (MINIMUM_DURATION..=MAXIMUM_DURATION).contains(duration))
        .ok_or_else(|| {
            invalid("`duration` must be between 15 minutes and 12 hours")
                .with_hint("use a duration such as `1h` or `1h30m`")
        })
}

/// The input schema of Pulumi Cloud's provider, with examples.
const INPUTS: &str = r#"{
  "type": "object",
  "oneOf": [
    {
      "type": "object",
      "properties": {
        "oidc": {
          "type": "object",
          "properties": {
            "roleArn": {
              "type": "string", "minLength": 20, "maxLength": 2048,
              "examples": ["arn:aws:iam::123456789012:role/NAME"]
            },
            "sessionName": {"type": "string", "minLength": 2, "maxLength": 64, "pattern": "[\\w+=,.@-]*"},
            "duration": {
              "type": "string", "default": "2h", "pattern": "^([0-9]+h)?([0-9]+m)?([0-9]+s)?$",
              "examples": ["1h30m"]
            },
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

/// The output schema of Pulumi Cloud's provider.
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
