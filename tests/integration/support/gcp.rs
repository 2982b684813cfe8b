//! Google Cloud with a service account, and an OIDC issuer that its workload identity provider trusts.

use stand_ins::clock::Clock;
use stand_ins::gcp::Gcp;
use stand_ins::gcp::configuration::{Configuration, SUBJECT, provider_name};
use stand_ins::oidc::Issuer;

use super::plugin::Plugin;

/// Google Cloud and an OIDC issuer. Their servers stop when this is dropped.
pub struct GoogleCloud {
    /// The issuer of identity tokens.
    pub issuer: Issuer,
    /// The time at Google.
    pub clock: Clock,
    /// STS and IAM Credentials.
    pub services: Gcp,
}

impl GoogleCloud {
    /// Google Cloud where all calls succeed.
    pub fn new() -> Self {
        Self::with(|_| ())
    }

    /// Google Cloud with a changed configuration.
    pub fn with(change: impl FnOnce(&mut Configuration)) -> Self {
        let issuer = Issuer::new("https://token.actions.example");
        let clock = Clock::system();
        let mut configuration = Configuration::example(&issuer);
        change(&mut configuration);
        let services = Gcp::start(configuration, clock.clone());
        Self {
            issuer,
            clock,
            services,
        }
    }

    /// The audience that the workload identity provider accepts.
    pub fn audience() -> String {
        format!("https://iam.googleapis.com/{}", provider_name())
    }

    /// An identity token that may impersonate the service account.
    pub fn identity(&self) -> String {
        self.issuer
            .token(&Self::audience(), SUBJECT, self.clock.now())
    }

    /// A call of the binary that reaches these services, without an identity token.
    pub fn plugin(&self) -> Plugin {
        let (sts, iam) = (self.services.sts_url(), self.services.iam_credentials_url());
        Plugin::new()
            .env("CLOUDSDK_API_ENDPOINT_OVERRIDES_STS", sts)
            .env("CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS", iam)
    }

    /// `open env.yaml` with this definition, and with an identity token in a file.
    pub fn open(&self, definition: &str) -> Plugin {
        self.plugin()
            .file("env.yaml", definition)
            .file("identity", self.identity())
            .args(["open", "env.yaml"])
            .args(["--web-identity-token-file", "identity"])
    }

    /// `check env.yaml` with this definition.
    pub fn check(&self, definition: &str) -> Plugin {
        let plugin = self.plugin().file("env.yaml", definition);
        plugin.args(["check", "env.yaml"])
    }
}
