//! Microsoft Entra ID with an application, and an OIDC issuer that its federated credential trusts.

use stand_ins::azure::Azure;
use stand_ins::azure::configuration::{AUDIENCE, Configuration, SUBJECT};
use stand_ins::clock::Clock;
use stand_ins::oidc::Issuer;

use super::aws::project_file;
use super::plugin::Plugin;

/// Microsoft Entra ID and an OIDC issuer. Their servers stop when this is dropped.
pub struct Entra {
    /// The issuer of identity tokens.
    pub issuer: Issuer,
    /// The time at Microsoft.
    pub clock: Clock,
    /// The token endpoint.
    pub service: Azure,
}

impl Entra {
    /// Microsoft Entra ID where all calls succeed.
    pub fn new() -> Self {
        Self::with(|_| ())
    }

    /// Microsoft Entra ID with a changed configuration.
    pub fn with(change: impl FnOnce(&mut Configuration)) -> Self {
        let issuer = Issuer::new("https://token.actions.example");
        let clock = Clock::system();
        let mut configuration = Configuration::example(&issuer);
        change(&mut configuration);
        let service = Azure::start(configuration, clock.clone());
        Self {
            issuer,
            clock,
            service,
        }
    }

    /// An identity token with this subject.
    pub fn token(&self, subject: &str) -> String {
        self.issuer.token(AUDIENCE, subject, self.clock.now())
    }

    /// The outcome of every request so far, in order.
    pub fn outcomes(&self) -> Vec<String> {
        let records = self.service.records().into_iter();
        records.map(|record| record.outcome).collect()
    }

    /// `get-token env.yaml`, the example, with the identity token that the application trusts in the file
    /// `identity`.
    pub fn get_token(&self) -> Plugin {
        let plugin = Plugin::new()
            .file("env.yaml", project_file("examples/environments/azure.yaml"))
            .file("identity", self.token(SUBJECT));
        let identity = plugin.path("identity");
        plugin
            .env("AZURE_AUTHORITY_HOST", self.service.url())
            .env("AZURE_FEDERATED_TOKEN_FILE", identity)
            .args(["get-token", "env.yaml"])
    }
}
