//! Stacks whose state is in Pulumi Cloud.
//!
//! `GET /api/stacks/ORG/PROJECT/STACK/export` is in the API's description. `batch-decrypt` and
//! `decrypt` beside it are not; they are what the Pulumi CLI calls (pulumi/pulumi,
//! `pkg/backend/httpstate/client/client.go`, `sdk/go/common/apitype/stacks.go`). The CLI's newest
//! versions know `outputs` too, which servers may not have.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde::de::IgnoredAny;

use crate::error::{Error, Kind, Result};
use crate::http::{Method, Response};
use crate::pulumi_cloud::client::Cloud;
use crate::pulumi_cloud::failure::Refusal;
use crate::pulumi_cloud::name::{Organization, is_name};
use crate::pulumi_cloud::transport::{Call, LARGEST_ANSWER};
use crate::secret::{Secret, Text};
use esc::format::{Secrets, json};
use esc::{Data, Value};

/// The largest export, in bytes: the limit for states on this machine.
const LARGEST_EXPORT: usize = 64 * 1024 * 1024;

/// The most ciphertexts in one request: what the CLI sends.
const LARGEST_BATCH: usize = 1_000;

/// A stack whose state is in Pulumi Cloud.
#[derive(Debug)]
pub struct Stack<'c> {
    cloud: &'c Cloud<'c>,
    organization: Organization,
    project: String,
    name: String,
}

impl Cloud<'_> {
    /// A stack. Asks for the organisation where neither the name nor a setting says it.
    pub fn stack(
        &self,
        organization: Option<&str>,
        project: &str,
        name: &str,
    ) -> Result<Stack<'_>> {
        if !is_name(project) || !is_name(name) {
            return Err(Error::new(
                Kind::Definition,
                "a stack's project and name have 1 to 100 letters, digits and `-_.`",
            ));
        }
        let organization = match organization {
            Some(organization) => Organization::parse(organization, "the stack's name")?,
            None => self.organization()?,
        };
        Ok(Stack {
            cloud: self,
            organization,
            project: project.to_owned(),
            name: name.to_owned(),
        })
    }
}

impl Stack<'_> {
    /// The organisation that it is in.
    #[must_use]
    pub fn organization(&self) -> &str {
        self.organization.as_str()
    }

    /// The state, as JSON.
    pub fn export(&self) -> Result<Secret<Vec<u8>>> {
        let answer = self.cloud.transport.send(Call {
            limit: LARGEST_EXPORT,
            ..self.call(
                "reading the state of a stack",
                Method::Get,
                &self.path("export"),
                &[],
            )
        })?;
        match answer.status {
            200 if is_json(answer.body.expose()) => Ok(answer.body),
            200 => Err(self.cloud.unexpected("it is not JSON")),
            _ => Err(self.denied(&self.cloud.refusal(&answer))),
        }
    }

    /// Decrypts ciphertexts of the state, each in base64; the plaintexts come in the same order.
    pub fn decrypt(&self, ciphertexts: &[String]) -> Result<Vec<Text>> {
        let mut plaintexts = Vec::with_capacity(ciphertexts.len());
        for batch in ciphertexts.chunks(LARGEST_BATCH) {
            match self.decrypt_batch(batch)? {
                Some(batch) => plaintexts.extend(batch),
                None => {
                    for ciphertext in batch {
                        plaintexts.push(self.decrypt_one(ciphertext)?);
                    }
                }
            }
        }
        Ok(plaintexts)
    }

    /// Decrypts all at once; `None` where the server is too old to do that.
    fn decrypt_batch(&self, ciphertexts: &[String]) -> Result<Option<Vec<Text>>> {
        let list = ciphertexts.iter().map(|text| Value::from(text.as_str()));
        let list = Value::new(Data::Array(list.collect()));
        let answer = self.post("batch-decrypt", "ciphertexts", list)?;
        match answer.status {
            200 => {}
            404 | 405 => return Ok(None),
            _ => return Err(self.denied(&self.cloud.refusal(&answer))),
        }
        let json = self.cloud.json(&answer)?;
        // The names are the ciphertexts.
        let plaintexts = json.property("plaintexts");
        let texts = ciphertexts
            .iter()
            .map(|ciphertext| plaintext(plaintexts?.property(ciphertext)?));
        let texts = texts.collect::<Option<Vec<_>>>().ok_or_else(|| {
            self.cloud
                .unexpected("it does not hold one plaintext for each ciphertext")
        })?;
        Ok(Some(texts))
    }

    fn decrypt_one(&self, ciphertext: &str) -> Result<Text> {
        let answer = self.post("decrypt", "ciphertext", Value::from(ciphertext))?;
        if answer.status != 200 {
            return Err(self.denied(&self.cloud.refusal(&answer)));
        }
        let json = self.cloud.json(&answer)?;
        json.property("plaintext")
            .and_then(plaintext)
            .ok_or_else(|| self.cloud.unexpected("it holds no plaintext"))
    }

    fn post(&self, operation: &str, name: &str, content: Value) -> Result<Response> {
        let body = Value::new(Data::Object([(name.to_owned(), content)].into()));
        let body = json::compact(&body, Secrets::Revealed);
        self.cloud.transport.send(self.call(
            "decrypting secrets of a stack",
            Method::Post,
            &self.path(operation),
            body.as_bytes(),
        ))
    }

    fn call<'a>(
        &'a self,
        purpose: &'a str,
        method: Method,
        path: &'a str,
        body: &'a [u8],
    ) -> Call<'a> {
        Call {
            purpose,
            method,
            path,
            token: Some(&self.cloud.account.token),
            body,
            limit: LARGEST_ANSWER,
            repeatable: true,
        }
    }

    fn path(&self, operation: &str) -> String {
        let Self {
            organization,
            project,
            name,
            ..
        } = self;
        format!("/api/stacks/{organization}/{project}/{name}/{operation}")
    }

    /// The error for a refusal: who is refused, and what would help.
    fn denied(&self, refusal: &Refusal) -> Error {
        if !matches!(refusal.status, 403 | 404) {
            return self.cloud.general(refusal);
        }
        let organization = &self.organization;
        let full = format!("{organization}/{}/{}", self.project, self.name);
        let user = self.cloud.user().ok();
        let whom = self.cloud.whom(user.as_ref());
        let error = if refusal.status == 403 {
            Error::new(
                Kind::Denied,
                format!("{whom} may not read the stack `{full}`"),
            )
            .with_hint(format!(
                "ask an administrator of `{organization}` for the permission to read it"
            ))
        } else {
            let hint = user.and_then(|user| user.membership_hint(organization));
            let hint = hint.unwrap_or_else(|| {
                "check the name, or ask for access; `pulumi stack ls --all` lists what there is"
                    .to_owned()
            });
            Error::configuration(format!(
                "there is no stack `{full}`, or {whom} has no access to it"
            ))
            .with_hint(hint)
        };
        refusal.with_cause(error)
    }
}

/// Whether it is JSON. Nothing of it is kept: states are large.
fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(text).is_ok()
}

/// Bytes as Go's JSON has them: base64.
fn plaintext(value: &Value) -> Option<Text> {
    let bytes = BASE64_STANDARD.decode(value.as_str()?).ok()?;
    Some(Text::from(bytes))
}
