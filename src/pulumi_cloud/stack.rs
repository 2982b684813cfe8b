//! Stacks whose state is in Pulumi Cloud.
//!
//! `GET /api/stacks/ORG/PROJECT/STACK/export` is in the API's description. `batch-decrypt` and
//! `decrypt` are not; the Pulumi CLI uses them (pulumi/pulumi,
//! `pkg/backend/httpstate/client/client.go` and `sdk/go/common/apitype/stacks.go`). Newer versions
//! of the CLI use `outputs` too, which not all servers have.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde::de::IgnoredAny;

use crate::error::{Error, Kind, Result};
use crate::http::Response;
use crate::pulumi_cloud::client::Cloud;
use crate::pulumi_cloud::environment_name::Organization;
use crate::pulumi_cloud::error_response::Resource;
use crate::pulumi_cloud::transport::ApiRequest;
use crate::secret::{Secret, Text};
use esc::format::{Secrets, json};
use esc::{Data, Value, is_valid_name};

/// The maximum size of an export, in bytes: the same as for a state file.
const MAX_EXPORT_BYTES: usize = 64 * 1024 * 1024;

/// The maximum size of all plaintexts of a stack, in bytes.
const MAX_PLAINTEXT_BYTES: usize = 16 * 1024 * 1024;

/// The maximum number of ciphertexts in one request, as in the CLI.
const MAX_BATCH_LEN: usize = 1_000;

/// A stack whose state is in Pulumi Cloud.
pub struct CloudStack<'c> {
    cloud: &'c Cloud<'c>,
    organization: Organization,
    project: String,
    name: String,
}

impl<'c> CloudStack<'c> {
    /// Refers to a stack. Without an organization, the default organization is used, which may
    /// have to be requested.
    pub fn new(
        cloud: &'c Cloud<'c>,
        organization: Option<&str>,
        project: &str,
        name: &str,
    ) -> Result<Self> {
        if !is_valid_name(project) || !is_valid_name(name) {
            return Err(Error::new(
                Kind::Definition,
                "the project and the name of a stack must have 1 to 100 letters, digits and `-_.`",
            ));
        }
        Ok(Self {
            cloud,
            organization: cloud.organization_or_default(organization, "the stack's name")?,
            project: project.to_owned(),
            name: name.to_owned(),
        })
    }

    /// The organization of the stack.
    #[must_use]
    pub fn organization(&self) -> &str {
        self.organization.as_str()
    }

    /// Exports the state, as JSON.
    pub fn export(&self) -> Result<Secret<Vec<u8>>> {
        let path = self.path("export");
        let response = self.cloud.send(ApiRequest {
            limit: MAX_EXPORT_BYTES,
            ..ApiRequest::get("reading the state of a stack", &path)
        })?;
        match response.status {
            200 if is_json(response.body.expose()) => Ok(response.body),
            200 => Err(self.cloud.unexpected("it is not JSON")),
            _ => Err(self.error(&response)),
        }
    }

    /// Decrypts ciphertexts of the state, each in base64. The plaintexts have the same order.
    pub fn decrypt(&self, ciphertexts: &[String]) -> Result<Vec<Text>> {
        let mut plaintexts = Vec::with_capacity(ciphertexts.len());
        let mut size = 0;
        let mut add = |plaintext: Text| {
            size += plaintext.as_bytes().len();
            if size > MAX_PLAINTEXT_BYTES {
                let reason = format!("it decrypts to more than {MAX_PLAINTEXT_BYTES} bytes");
                return Err(self.cloud.unexpected(reason));
            }
            plaintexts.push(plaintext);
            Ok(())
        };
        for batch in ciphertexts.chunks(MAX_BATCH_LEN) {
            match self.decrypt_batch(batch)? {
                Some(batch) => batch.into_iter().try_for_each(&mut add)?,
                None => {
                    for ciphertext in batch {
                        add(self.decrypt_one(ciphertext)?)?;
                    }
                }
            }
        }
        Ok(plaintexts)
    }

    /// Decrypts ciphertexts in one request; `None` if the server is too old for that.
    fn decrypt_batch(&self, ciphertexts: &[String]) -> Result<Option<Vec<Text>>> {
        let list = ciphertexts.iter().map(|text| Value::from(text.as_str()));
        let list = Value::new(Data::Array(list.collect()));
        let response = self.post("batch-decrypt", "ciphertexts", list)?;
        match response.status {
            200 => {}
            404 | 405 => return Ok(None),
            _ => return Err(self.error(&response)),
        }
        let json = self.cloud.json(&response)?;
        // An object whose keys are the ciphertexts.
        let plaintexts = json.property("plaintexts");
        let plaintexts: Option<Vec<_>> = ciphertexts
            .iter()
            .map(|ciphertext| plaintext(plaintexts?.property(ciphertext)?))
            .collect();
        match plaintexts {
            Some(plaintexts) => Ok(Some(plaintexts)),
            None => Err(self
                .cloud
                .unexpected("it does not have one plaintext for each ciphertext")),
        }
    }

    fn decrypt_one(&self, ciphertext: &str) -> Result<Text> {
        let response = self.post("decrypt", "ciphertext", Value::from(ciphertext))?;
        if response.status != 200 {
            return Err(self.error(&response));
        }
        let json = self.cloud.json(&response)?;
        json.property("plaintext")
            .and_then(plaintext)
            .ok_or_else(|| self.cloud.unexpected("it has no plaintext"))
    }

    /// Posts an object with one field.
    fn post(&self, operation: &str, field: &str, value: Value) -> Result<Response> {
        let body = Value::new(Data::Object([(field.to_owned(), value)].into()));
        let body = json::compact(&body, Secrets::Revealed);
        let path = self.path(operation);
        self.cloud.send(ApiRequest {
            is_repeatable: true,
            ..ApiRequest::post("decrypting secrets of a stack", &path, body.as_bytes())
        })
    }

    fn path(&self, operation: &str) -> String {
        format!("/api/stacks/{}/{operation}", self.full_name())
    }

    fn full_name(&self) -> String {
        format!("{}/{}/{}", self.organization, self.project, self.name)
    }

    fn error(&self, response: &Response) -> Error {
        let response = self.cloud.error_response(response);
        let name = self.full_name();
        self.cloud
            .resource_error(&response, &Resource::Stack(&name), &self.organization)
    }
}

/// Whether the text is valid JSON. It is not kept in memory: states are large.
fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(text).is_ok()
}

/// Decodes bytes in base64, as Go's JSON encodes them.
fn plaintext(value: &Value) -> Option<Text> {
    let bytes = BASE64_STANDARD.decode(value.as_str()?).ok()?;
    Some(Text::from(bytes))
}
