//! The provider `gcp-login` on this machine: an access token of a service account, for an OIDC identity
//! (`oidc`) or for another access token (`accessToken`).
//!
//! Inputs and outputs are those of Pulumi Cloud's provider. `subjectAttributes` are accepted and
//! ignored: they configure the identity tokens that Pulumi Cloud issues, while here the identity
//! token comes from elsewhere.

use std::time::Duration;

use crate::clock::{Timestamp, parse_duration};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::gcp::endpoint::{Endpoint, Service};
use crate::gcp::iam_credentials::{GenerateAccessToken, generate_access_token};
use crate::gcp::identity_token_recipient;
use crate::gcp::sts::{self, GLOBAL, WorkloadIdentityProvider};
use crate::identity_token::IdentityTokenSettings;
use crate::oauth::AccessToken;
use crate::providers::inputs::{invalid, string, text};
use crate::providers::issued::Issued;
use crate::secret::{Secret, Text};
use esc::{Data, Number, Value};
use esc::{HostResult, InvalidInput, Provider};

/// Default lifetime of the access token, as in the provider's schema.
const DEFAULT_LIFETIME: Duration = Duration::from_hours(1);

/// The longest lifetime that an organization policy can allow.
const MAXIMUM_LIFETIME: Duration = Duration::from_hours(12);

/// The provider. It requests one access token for each login, however often a definition opens it.
pub(crate) struct GcpLogin<'a> {
    context: Context<'a>,
    identity_token: IdentityTokenSettings,
    issued: Issued<Impersonation, AccessToken>,
}

impl<'a> GcpLogin<'a> {
    /// Creates the provider. It reads files and connects only when a login needs it.
    #[must_use]
    pub(crate) fn new(context: Context<'a>, identity_token: IdentityTokenSettings) -> Self {
        Self {
            context,
            identity_token,
            issued: Issued::new(),
        }
    }

    /// Gets an access token of the service account.
    fn impersonate(&self, login: &Impersonation, secret_inputs: &[&str]) -> Result<AccessToken> {
        let endpoint = Endpoint::of(Service::IamCredentials, self.context.host)?;
        let generate = |caller, identity_token| {
            let request = GenerateAccessToken {
                service_account: &login.service_account,
                lifetime: login.lifetime,
                caller,
                identity_token,
                secret_inputs,
            };
            generate_access_token(self.context, &endpoint, &request)
        };
        match &login.caller {
            Caller::AccessToken(token) => generate(token, None),
            Caller::Federated(provider) => {
                let identity_token = self.read_identity_token(provider)?;
                let sts = Endpoint::of(Service::Sts, self.context.host)?;
                let (context, token) = (self.context, &identity_token);
                let federated = sts::exchange(context, &sts, provider, token, secret_inputs)?;
                generate(&federated.token, Some(token))
            }
        }
    }

    fn read_identity_token(&self, provider: &WorkloadIdentityProvider) -> Result<Secret<String>> {
        let audience = provider.default_audience();
        let recipient = identity_token_recipient(&audience);
        let source = (self.identity_token).source(&recipient, self.context.host)?;
        source.read(self.context)
    }
}

impl Provider for GcpLogin<'_> {
    fn input_schema(&self) -> &str {
        INPUTS
    }

    fn output_schema(&self) -> &str {
        OUTPUTS
    }

    fn check_inputs(&self, inputs: &Value) -> Vec<InvalidInput> {
        let invalid = |path: &[&str], check: fn(&str) -> Result<()>| {
            let input = path
                .iter()
                .try_fold(inputs, |value, name| value.property(name))?;
            let text = match &input.data {
                Data::Number(number) if !input.unknown => number.as_str(),
                _ => input.as_str()?,
            };
            Some(InvalidInput {
                path: path.iter().map(|name| (*name).to_owned()).collect(),
                failure: check(text).err()?.into(),
            })
        };
        let check_lifetime = |text: &str| lifetime(text).map(drop);
        let invalid = [
            invalid(&["project"], check_project),
            invalid(&["oidc", "workloadPoolId"], |id| {
                check_id("workloadPoolId", id)
            }),
            invalid(&["oidc", "providerId"], |id| check_id("providerId", id)),
            invalid(&["oidc", "region"], |id| check_id("region", id)),
            invalid(&["oidc", "serviceAccount"], check_service_account),
            invalid(&["oidc", "tokenLifetime"], check_lifetime),
            invalid(&["accessToken", "serviceAccount"], check_service_account),
            invalid(&["accessToken", "tokenLifetime"], check_lifetime),
        ];
        invalid.into_iter().flatten().collect()
    }

    fn open(&self, inputs: &Value) -> HostResult<Value> {
        let project = project(inputs)?;
        let login = match (inputs.property("oidc"), inputs.property("accessToken")) {
            (Some(login), None) => {
                let caller = Caller::Federated(workload_identity_provider(login, project)?);
                Impersonation::read(login, caller)?
            }
            (None, Some(login)) if login.property("serviceAccount").is_some() => {
                let caller = Caller::AccessToken(Secret::from(string(login, "accessToken")?));
                Impersonation::read(login, caller)?
            }
            (None, Some(login)) => {
                let token = text(login, "accessToken")?.clone();
                return Ok(outputs(project, token, None));
            }
            _ => return Err(invalid("gcp-login requires either `oidc` or `accessToken`").into()),
        };
        let request = |login: &Impersonation| self.impersonate(login, &secret_inputs(inputs));
        let AccessToken { token, expires_at } = self.issued.get_or_request(login, request)?;
        Ok(outputs(project, token.expose().as_str().into(), expires_at))
    }

    fn explains_mistakes(&self) -> bool {
        true
    }
}

/// The provider's outputs. All are secret, as in Pulumi Cloud.
fn outputs(project: &Number, access_token: Text, expires_at: Option<Timestamp>) -> Value {
    let string = |text: Text| Data::String(text);
    let expiry = expires_at.map(|expiry| string(expiry.to_string().into()));
    let outputs = [
        ("accessToken", Some(string(access_token))),
        ("expiry", expiry),
        ("project", Some(Data::Number(project.clone()))),
        ("tokenType", Some(string("Bearer".into()))),
    ];
    let entries = outputs.into_iter().filter_map(|(name, data)| {
        let secret = Value {
            secret: true,
            ..Value::new(data?)
        };
        Some((name.to_owned(), secret))
    });
    Value::new(Data::Object(entries.collect()))
}

/// The impersonation of a service account, validated.
#[derive(Eq, PartialEq)]
struct Impersonation {
    caller: Caller,
    service_account: String,
    lifetime: Duration,
}

/// Who impersonates.
#[derive(Eq, PartialEq)]
enum Caller {
    /// The identity in an identity token that this provider accepts.
    Federated(WorkloadIdentityProvider),
    /// The owner of this access token.
    AccessToken(Secret<String>),
}

impl Impersonation {
    fn read(inputs: &Value, caller: Caller) -> Result<Self> {
        let service_account = string(inputs, "serviceAccount")?;
        check_service_account(service_account)?;
        Ok(Self {
            caller,
            service_account: service_account.to_owned(),
            lifetime: match inputs.property("tokenLifetime") {
                Some(_) => lifetime(string(inputs, "tokenLifetime")?)?,
                None => DEFAULT_LIFETIME,
            },
        })
    }
}

fn workload_identity_provider(
    inputs: &Value,
    project: &Number,
) -> Result<WorkloadIdentityProvider> {
    let id = |name: &'static str| {
        let id = string(inputs, name)?;
        check_id(name, id).map(|()| id.to_owned())
    };
    Ok(WorkloadIdentityProvider {
        project_number: project.as_str().to_owned(),
        location: match inputs.property("region") {
            Some(_) => id("region")?,
            None => GLOBAL.to_owned(),
        },
        pool: id("workloadPoolId")?,
        provider: id("providerId")?,
    })
}

fn project(inputs: &Value) -> Result<&Number> {
    match inputs.property("project").map(|project| &project.data) {
        Some(Data::Number(number)) => check_project(number.as_str()).map(|()| number),
        _ => Err(not_a_project_number()),
    }
}

fn check_project(text: &str) -> Result<()> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some(()).ok_or_else(not_a_project_number)
}

fn not_a_project_number() -> Error {
    invalid("`project` is not the number of a Google Cloud project").with_hint(
        "use the number that `gcloud projects describe PROJECT --format='value(projectNumber)'` prints",
    )
}

/// Checks the ID of a part of the provider's resource name.
fn check_id(name: &str, id: &str) -> Result<()> {
    if is_made_of(id, ".-_") {
        return Ok(());
    }
    Err(invalid(format!(
        "`{name}` contains characters that Google Cloud does not allow"
    ))
    .with_hint("use the ID alone, not the full name that starts with `projects/`"))
}

fn check_service_account(account: &str) -> Result<()> {
    let is_unique_id = !account.is_empty() && account.bytes().all(|byte| byte.is_ascii_digit());
    let is_address = account.split_once('@').is_some_and(|(name, domain)| {
        is_made_of(name, ".-_") && is_made_of(domain, ".-_") && domain.contains('.')
    });
    if is_unique_id || is_address {
        return Ok(());
    }
    Err(
        invalid("`serviceAccount` is not the e-mail address of a service account")
            .with_hint("use an address such as `NAME@PROJECT.iam.gserviceaccount.com`"),
    )
}

/// Whether the text has only letters, digits and these characters, and is not empty.
fn is_made_of(text: &str, others: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || others.contains(c);
    !text.is_empty() && text.chars().all(is_allowed)
}

fn lifetime(text: &str) -> Result<Duration> {
    parse_duration(text)
        .filter(|lifetime| !lifetime.is_zero() && *lifetime <= MAXIMUM_LIFETIME)
        .ok_or_else(|| {
            invalid("`tokenLifetime` must be more than zero and at most 12 hours")
                .with_hint("use a duration such as `1h` or `30m`")
        })
}

/// The inputs that are secret, besides the access token.
fn secret_inputs(inputs: &Value) -> Vec<&str> {
    let login = inputs.property("oidc").or(inputs.property("accessToken"));
    let names = ["workloadPoolId", "providerId", "region", "serviceAccount"];
    let login = names.iter().filter_map(|name| login?.property(name));
    let secret = login.filter(|value| value.secret).filter_map(Value::as_str);
    let project = inputs.property("project").filter(|value| value.secret);
    let project = project.and_then(|value| match &value.data {
        Data::Number(number) => Some(number.as_str()),
        _ => None,
    });
    secret.chain(project).collect()
}

/// The input schema of Pulumi Cloud's provider, with examples.
const INPUTS: &str = r#"{
  "type": "object",
  "oneOf": [
    {
      "type": "object",
      "properties": {
        "project": {"type": "number", "examples": [123456789012]},
        "oidc": {
          "type": "object",
          "properties": {
            "workloadPoolId": {"type": "string"},
            "providerId": {"type": "string"},
            "serviceAccount": {
              "type": "string",
              "examples": ["NAME@PROJECT.iam.gserviceaccount.com"]
            },
            "region": {"type": "string"},
            "tokenLifetime": {
              "type": "string", "default": "1h", "pattern": "^([0-9]+h)?([0-9]+m)?([0-9]+s)?$",
              "examples": ["1h"]
            },
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
          "required": ["workloadPoolId", "providerId", "serviceAccount"]
        }
      },
      "required": ["project", "oidc"]
    },
    {
      "type": "object",
      "properties": {
        "project": {"type": "number", "examples": [123456789012]},
        "accessToken": {
          "type": "object",
          "properties": {
            "accessToken": {"type": "string", "secret": true},
            "serviceAccount": {
              "type": "string",
              "examples": ["NAME@PROJECT.iam.gserviceaccount.com"]
            },
            "tokenLifetime": {
              "type": "string", "default": "1h", "pattern": "^([0-9]+h)?([0-9]+m)?([0-9]+s)?$",
              "examples": ["1h"]
            }
          },
          "required": ["accessToken"]
        }
      },
      "required": ["project", "accessToken"]
    }
  ]
}"#;

/// The output schema of Pulumi Cloud's provider.
const OUTPUTS: &str = r#"{
  "type": "object",
  "properties": {
    "accessToken": {"type": "string", "secret": true},
    "expiry": {"type": "string"},
    "project": {"type": "number"},
    "tokenType": {"type": "string"}
  },
  "required": ["accessToken", "project", "tokenType"]
}"#;

#[cfg(test)]
mod tests;
