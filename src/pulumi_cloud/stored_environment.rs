//! Environments that are stored in Pulumi Cloud.

use crate::error::{Error, Result};
use crate::opener::{Checked, Opener, Opening};
use crate::pulumi_cloud::client::Cloud;
use crate::pulumi_cloud::environment_name::{EnvironmentName, Organization};
use crate::pulumi_cloud::error_response::{ErrorResponse, Resource, approval_error};
use crate::pulumi_cloud::session;
use crate::pulumi_cloud::transport::ApiRequest;
use crate::secret::Secret;
use esc::format::{Secrets, json};
use esc::{Data, Value};

/// The maximum size of an error response to a decryption, in bytes.
const MAX_ERROR_BYTES: usize = 64 * 1024;

/// An environment that is stored in Pulumi Cloud.
pub struct StoredEnvironment<'c> {
    cloud: &'c Cloud<'c>,
    name: EnvironmentName,
    organization: Organization,
}

impl Opener for StoredEnvironment<'_> {
    fn open(self: Box<Self>) -> Result<Opening> {
        let open_path = format!("{}/open", self.name.versioned_path(&self.organization));
        let read_path = format!("{}/open", self.name.path(&self.organization));
        let opening = session::open(self.cloud, &open_path, &read_path, &[], |response| {
            self.explain(response)
        })?;
        // An import may need an approval. The request for the root includes those for imports.
        let mut errors = opening.diagnostics.iter().filter(|it| it.is_error());
        match errors.find(|error| is_about_approval(&error.summary)) {
            Some(error) => {
                let explained = approval_error(&self.name.to_string(), &self.cloud.caller());
                Err(explained.caused_by(error.summary.clone()))
            }
            None => Ok(opening),
        }
    }

    fn check(self: Box<Self>) -> Result<Checked> {
        let path = format!("{}/check", self.name.versioned_path(&self.organization));
        session::check(self.cloud, &path, &[], |response| self.explain(response))
    }
}

fn is_about_approval(text: &str) -> bool {
    ["approval", "approved", "open request"]
        .iter()
        .any(|phrase| text.contains(phrase))
}

impl<'c> StoredEnvironment<'c> {
    /// Refers to an environment. If its name has no organization, the default organization is
    /// used, which may have to be requested.
    pub fn new(cloud: &'c Cloud<'c>, name: &EnvironmentName) -> Result<Self> {
        let organization = cloud
            .organization_or_default(name.organization.as_deref(), "the environment's name")?;
        Ok(Self {
            cloud,
            name: name.in_organization(&organization),
            organization,
        })
    }

    /// Decrypts ciphertexts of this environment's definition, as they are written below
    /// `fn::secret: {ciphertext: …}`. The plaintexts have the same order.
    pub fn decrypt(&self, ciphertexts: &[&str]) -> Result<Vec<Secret<String>>> {
        let list = ciphertexts.iter().map(|text| Value::from(*text)).collect();
        let list = Value::new(Data::Array(list));
        let body = Value::new(Data::Object([("ciphertexts".to_owned(), list)].into()));
        let body = json::compact(&body, Secrets::Revealed);
        let path = format!("{}/decrypt-secrets", self.name.path(&self.organization));
        let response = self.cloud.send(ApiRequest {
            // A plaintext is no longer than its ciphertext, but JSON may escape each of its bytes.
            limit: MAX_ERROR_BYTES + 6 * body.as_bytes().len(),
            ..ApiRequest::post("decrypting secrets", &path, body.as_bytes())
        })?;
        if response.status != 200 {
            return Err(self.explain(&self.cloud.error_response(&response)));
        }
        let json = self.cloud.json(&response)?;
        let plaintexts = match json.property("plaintexts").map(|list| &list.data) {
            Some(Data::Array(items)) if items.len() == ciphertexts.len() => items
                .iter()
                .map(|item| item.as_str().map(Secret::from))
                .collect(),
            _ => None,
        };
        plaintexts.ok_or_else(|| {
            self.cloud
                .unexpected("it does not have one plaintext for each ciphertext")
        })
    }

    /// Makes the error for an error response. This takes up to two requests, to find out who the
    /// caller is and whether an approval is needed; if they fail, the message has less detail.
    fn explain(&self, response: &ErrorResponse) -> Error {
        if matches!(response.status, 403 | 404 | 409) {
            let name = self.name.to_string();
            let caller = self.cloud.caller();
            if self.needs_approval() {
                return response.approval_error(&name, &caller);
            }
            if response.status != 409 {
                let resource = Resource::Environment(&name);
                return response.access_error(&resource, &self.organization, &caller);
            }
        }
        self.cloud.error(response)
    }

    /// Whether opening the environment requires an approval.
    fn needs_approval(&self) -> bool {
        let path = format!("{}/metadata", self.name.path(&self.organization));
        let request = ApiRequest::get("checking whether an approval is needed", &path);
        let Ok(response) = self.cloud.send(request) else {
            return false;
        };
        let is_needed = |json: Value| {
            let needed = json.property("openRequestNeeded");
            needed.is_some_and(|needed| needed.data == Data::Bool(true))
        };
        response.status == 200 && self.cloud.json(&response).is_ok_and(is_needed)
    }
}
