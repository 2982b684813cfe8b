//! Environments that are stored in Pulumi Cloud.

use crate::error::{Error, Kind, Result};
use crate::http::Method;
use crate::opener::{Checked, Opener, Opening};
use crate::pulumi_cloud::client::Cloud;
use crate::pulumi_cloud::failure::Refusal;
use crate::pulumi_cloud::name::{Name, Organization};
use crate::pulumi_cloud::transport::{Call, LARGEST_ANSWER};
use crate::pulumi_cloud::user::User;
use crate::secret::Secret;
use esc::format::{Secrets, json};
use esc::{Data, Value};

/// An environment that is stored in Pulumi Cloud.
#[derive(Debug)]
pub struct Stored<'c> {
    pub(super) cloud: &'c Cloud<'c>,
    pub(super) name: Name,
    pub(super) organization: Organization,
}

impl Opener for Stored<'_> {
    fn open(&self) -> Result<Opening> {
        let open = format!("{}/open", self.name.versioned_path(&self.organization));
        let read = format!("{}/open", self.name.path(&self.organization));
        self.cloud
            .open(&open, &read, &[], |refusal| self.denied(refusal))
    }

    fn check(&self) -> Result<Checked> {
        let path = format!("{}/check", self.name.versioned_path(&self.organization));
        self.cloud.check(&path, &[], |refusal| self.denied(refusal))
    }
}

impl Stored<'_> {
    /// Decrypts ciphertexts of this environment's definition, each the text that stands below
    /// `fn::secret: {ciphertext: …}`; the plaintexts come in the same order.
    pub fn decrypt(&self, ciphertexts: &[&str]) -> Result<Vec<Secret<String>>> {
        let list = ciphertexts.iter().map(|text| Value::from(*text)).collect();
        let list = Value::new(Data::Array(list));
        let body = Value::new(Data::Object([("ciphertexts".to_owned(), list)].into()));
        let body = json::compact(&body, Secrets::Revealed);
        let path = format!("{}/decrypt-secrets", self.name.path(&self.organization));
        let answer = self.cloud.transport.send(Call {
            purpose: "decrypting secrets",
            method: Method::Post,
            path: &path,
            token: Some(&self.cloud.account.token),
            body: body.as_bytes(),
            limit: LARGEST_ANSWER,
            repeatable: false,
        })?;
        if answer.status != 200 {
            return Err(self.denied(&self.cloud.refusal(&answer)));
        }
        let json = self.cloud.json(&answer)?;
        let texts = match json.property("plaintexts").map(|list| &list.data) {
            Some(Data::Array(items)) => items
                .iter()
                .map(|item| Some(Secret::from(item.as_str()?)))
                .collect::<Option<Vec<_>>>(),
            _ => None,
        };
        texts
            .filter(|texts| texts.len() == ciphertexts.len())
            .ok_or_else(|| {
                self.cloud
                    .unexpected("it does not hold one plaintext for each ciphertext")
            })
    }

    /// The error for a refusal: who is refused, and what would help. It asks Pulumi Cloud up to two
    /// more questions, whose failure changes nothing but the words.
    fn denied(&self, refusal: &Refusal) -> Error {
        if !matches!(refusal.status, 403 | 404 | 409) {
            return self.cloud.general(refusal);
        }
        let full = self.name.full(&self.organization);
        let user = self.cloud.user().ok();
        if self.needs_approval() {
            let whom = user.map_or_else(String::new, |user| format!(" for {user}"));
            let message = format!("opening `{full}` needs an approval{whom}");
            let error = Error::new(Kind::Denied, message).with_hint(
                "request to open the environment in Pulumi Cloud, and try again once it is approved",
            );
            return refusal.with_cause(error);
        }
        let whom = self.cloud.whom(user.as_ref());
        let error = match refusal.status {
            403 => Error::new(Kind::Denied, format!("{whom} may not open `{full}`")).with_hint(
                format!(
                    "ask an administrator of `{}` for the permission to open it",
                    self.organization
                ),
            ),
            404 => Error::configuration(format!(
                "there is no environment `{full}`, or {whom} has no access to it"
            ))
            .with_hint(self.name_hint(user.as_ref())),
            _ => return refusal.in_general(&self.cloud.transport.backend.host()),
        };
        refusal.with_cause(error)
    }

    fn name_hint(&self, user: Option<&User>) -> String {
        let hint = user.and_then(|user| user.membership_hint(&self.organization));
        hint.unwrap_or_else(|| {
            "check the name, or ask for access; `pulumi env ls` lists what there is".to_owned()
        })
    }

    /// Whether the environment's opening waits for an approval.
    fn needs_approval(&self) -> bool {
        let path = format!("{}/metadata", self.name.path(&self.organization));
        let asked = self.cloud.get("whether an approval is needed", &path);
        let Some(answer) = asked.ok().filter(|answer| answer.status == 200) else {
            return false;
        };
        let json = self.cloud.json(&answer).ok();
        let needed = json
            .as_ref()
            .and_then(|json| json.property("openRequestNeeded"));
        needed.is_some_and(|needed| needed.data == Data::Bool(true))
    }
}
