//! The provider `aws-login` on this machine: `static` credentials, or those of a role that trusts
//! an OIDC identity (`oidc`).

use std::cell::RefCell;

use crate::aws::Credentials;
use crate::aws::web_identity::Choice;
use crate::clock::{Deadline, Timestamp};
use crate::environment::Value;
use crate::error::{Error, Kind, Result};
use crate::evaluator::provider::Provider;
use crate::host::Host;
use crate::http::HttpClient;

/// What an `oidc` login needs to know beyond its inputs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The region whose STS is asked; where it is not said, one of the role's partition.
    pub region: Option<String>,
    /// Where the identity token comes from.
    pub identity: Choice,
    /// By when everything has to be done.
    pub deadline: Deadline,
}

/// The provider.
#[derive(Debug)]
pub struct AwsLogin {
    host: Host,
    http: HttpClient,
    settings: Settings,
    issued: RefCell<Vec<Credentials>>,
}

impl AwsLogin {
    /// The provider on this machine. Nothing is read, started or connected before an `oidc` login
    /// is opened.
    #[must_use]
    pub fn new(host: &Host, http: &HttpClient, settings: Settings) -> Self {
        Self {
            host: host.clone(),
            http: http.clone(),
            settings,
            issued: RefCell::default(),
        }
    }

    /// When the credentials with this key expire, where STS issued them through this provider.
    #[must_use]
    pub fn expiry_of(&self, access_key_id: &str) -> Option<Timestamp> {
        let issued = self.issued.borrow();
        let found = issued.iter().find(|c| c.access_key_id == access_key_id);
        found.and_then(|credentials| credentials.expires_at)
    }
}

impl Provider for AwsLogin {
    fn input_schema(&self) -> &str {
        "{}"
    }

    fn output_schema(&self) -> &str {
        "{}"
    }

    fn open(&self, inputs: &Value) -> Result<Value> {
        let _ = (inputs, &self.host, &self.http, &self.settings);
        Err(Error::new(Kind::Internal, "not built yet"))
    }

    fn renamed_output(&self, name: &str) -> Option<&'static str> {
        (name == "keyId").then_some("accessKeyId")
    }
}
