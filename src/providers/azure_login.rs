//! The provider `azure-login` on this machine: an application in Microsoft Entra ID with an OIDC identity
//! token (`oidc`) or a client secret. It makes no request to Azure: whatever uses the outputs does.
//!
//! Inputs and outputs are those of Pulumi Cloud's provider. `subjectAttributes` are accepted and
//! ignored: they configure the identity tokens that Pulumi Cloud issues, while here the identity
//! token comes from elsewhere.

use crate::azure::IDENTITY_TOKEN_RECIPIENT;
use crate::context::Context;
use crate::error::Result;
use crate::identity_token::IdentityTokenSettings;
use crate::providers::inputs::{invalid, string, text};
use crate::providers::issued::Issued;
use crate::secret::{Secret, Text};
use esc::{Data, Value};
use esc::{HostResult, InvalidInput, Provider};

/// The provider. It gets one identity token for all logins, because they have the same audience.
pub(crate) struct AzureLogin<'a> {
    context: Context<'a>,
    settings: IdentityTokenSettings,
    identity_token: Issued<(), Secret<String>>,
}

impl<'a> AzureLogin<'a> {
    /// Creates the provider. It reads files and connects only when an `oidc` login is opened.
    #[must_use]
    pub(crate) fn new(context: Context<'a>, settings: IdentityTokenSettings) -> Self {
        Self {
            context,
            settings,
            identity_token: Issued::new(),
        }
    }

    fn identity_token(&self) -> Result<Secret<String>> {
        self.identity_token.get_or_request((), |()| {
            let source = (self.settings).source(&IDENTITY_TOKEN_RECIPIENT, self.context.host)?;
            source.read(self.context)
        })
    }
}

impl Provider for AzureLogin<'_> {
    fn input_schema(&self) -> &str {
        INPUTS
    }

    fn output_schema(&self) -> &str {
        OUTPUTS
    }

    fn check_inputs(&self, inputs: &Value) -> Vec<InvalidInput> {
        let invalid = |name: &str, check: fn(&str) -> Result<()>| {
            let input = inputs.property(name)?.as_str()?;
            Some(InvalidInput {
                path: vec![name.to_owned()],
                failure: check(input).err()?.into(),
            })
        };
        let invalid = [
            invalid("clientId", check_client_id),
            invalid("tenantId", check_tenant_id),
        ];
        invalid.into_iter().flatten().collect()
    }

    fn open(&self, inputs: &Value) -> HostResult<Value> {
        check_client_id(string(inputs, "clientId")?)?;
        check_tenant_id(string(inputs, "tenantId")?)?;
        let output = |name: &str| text(inputs, name).cloned();
        let optional = |name: &str| inputs.property(name).map(|_| output(name)).transpose();
        let uses_oidc = match inputs.property("oidc").map(|oidc| &oidc.data) {
            Some(Data::Bool(uses_oidc)) => *uses_oidc,
            Some(_) => return Err(invalid("`oidc` must be `true` or `false`").into()),
            None => false,
        };
        let token = uses_oidc.then(|| self.identity_token()).transpose()?;
        let oidc = token.map(|token| {
            let token: Text = token.expose().as_str().into();
            object([("token", Some(Value::secret(token)))])
        });
        let secret = |text: Option<Text>| text.map(Value::secret);
        // All are secret, as in Pulumi Cloud.
        Ok(object([
            ("clientId", secret(Some(output("clientId")?))),
            ("clientSecret", secret(optional("clientSecret")?)),
            ("oidc", oidc),
            ("subscriptionId", secret(optional("subscriptionId")?)),
            ("tenantId", secret(Some(output("tenantId")?))),
        ]))
    }

    fn explains_mistakes(&self) -> bool {
        true
    }
}

fn object<const N: usize>(entries: [(&str, Option<Value>); N]) -> Value {
    let entries = entries.into_iter();
    let entries = entries.filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::new(Data::Object(entries.collect()))
}

fn check_client_id(id: &str) -> Result<()> {
    if is_uuid(id) {
        return Ok(());
    }
    Err(
        invalid("`clientId` is not the ID of an application").with_hint(
            "use the application (client) ID, such as `aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee`",
        ),
    )
}

fn check_tenant_id(id: &str) -> Result<()> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let is_label = |label: &str| !label.is_empty() && label.chars().all(is_allowed);
    let is_domain = id.contains('.') && id.split('.').all(is_label);
    if is_uuid(id) || is_domain {
        return Ok(());
    }
    Err(invalid("`tenantId` is not the ID of a tenant").with_hint(
        "use the directory (tenant) ID, or a domain name such as `acme.onmicrosoft.com`",
    ))
}

fn is_uuid(text: &str) -> bool {
    let is_digit = |c: char| c.is_ascii_hexdigit() || c == '-';
    text.split('-').map(str::len).eq([8, 4, 4, 4, 12]) && text.chars().all(is_digit)
}

/// The input schema of Pulumi Cloud's provider, with examples.
const INPUTS: &str = r#"{
  "type": "object",
  "properties": {
    "clientId": {
      "type": "string",
      "examples": ["aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"]
    },
    "tenantId": {
      "type": "string",
      "examples": ["aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"]
    },
    "subscriptionId": {"type": "string"},
    "clientSecret": {"type": "string", "secret": true},
    "oidc": {"type": "boolean"},
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
  "required": ["clientId", "tenantId"]
}"#;

/// The output schema of Pulumi Cloud's provider.
const OUTPUTS: &str = r#"{
  "type": "object",
  "properties": {
    "clientId": {"type": "string"},
    "clientSecret": {"type": "string", "secret": true},
    "oidc": {
      "type": "object",
      "properties": {"token": {"type": "string", "secret": true}},
      "required": ["token"]
    },
    "subscriptionId": {"type": "string"},
    "tenantId": {"type": "string"}
  },
  "required": ["clientId", "tenantId"]
}"#;

#[cfg(test)]
mod tests;
