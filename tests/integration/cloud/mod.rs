//! Environments in Pulumi Cloud: the binary against the stand-ins for Pulumi Cloud and STS.

mod credentials;
mod decryption;
mod faults;
mod login;
#[cfg(unix)]
mod login_files;
mod login_refresh;
mod opening;
mod reported_failures;

use stand_ins::clock::Clock;
use stand_ins::oidc::Issuer;
use stand_ins::pulumi_cloud::configuration::{
    Configuration, ORGANIZATION_TOKEN, STRANGERS_TOKEN, TEAM_TOKEN, TOKEN,
};
use stand_ins::pulumi_cloud::{Dependencies, PulumiCloud};
use stand_ins::sts::Sts;
use stand_ins::sts::configuration::{Configuration as Accounts, Provider, ROLE, Trust};

use crate::support::aws::Aws;
use crate::support::plugin::{Output, Plugin};

/// The environment of the stand-in's example.
const ENVIRONMENT: &str = "acme/platform/prod";
/// The audience of identity tokens from `fn::open::oidc`.
const TOKEN_AUDIENCE: &str = "sts.amazonaws.com";

/// Pulumi Cloud, and an AWS account that trusts it.
pub(crate) struct PulumiCloudFixture {
    aws: Aws,
    pub(crate) stand_in: PulumiCloud,
}

impl PulumiCloudFixture {
    pub(crate) fn new() -> Self {
        Self::with(|_| ())
    }

    /// Its AWS.
    pub(crate) fn aws(&self) -> Aws {
        Aws {
            issuer: self.aws.issuer.clone(),
            clock: self.aws.clock.clone(),
            sts: self.aws.sts.clone(),
        }
    }

    /// The stand-in.
    pub(crate) fn stand_in(&self) -> &PulumiCloud {
        &self.stand_in
    }

    /// The value for `PULUMI_BACKEND_URL`.
    pub(crate) fn url(&self) -> String {
        self.stand_in.url()
    }

    /// The operations that were called so far.
    pub(crate) fn operations(&self) -> Vec<String> {
        self.stand_in.operations()
    }

    pub(crate) fn with(change: impl FnOnce(&mut Configuration)) -> Self {
        let clock = Clock::system();
        let issuer = PulumiCloud::login_issuer();
        let tokens = PulumiCloud::token_issuer();
        let mut accounts = Accounts::example(&issuer);
        accounts.providers.push(Provider {
            issuer: tokens.url().to_owned(),
            jwks: tokens.jwks(),
            audiences: vec![TOKEN_AUDIENCE.to_owned()],
        });
        accounts.roles[0].trust.push(Trust::WebIdentity {
            issuer: tokens.url().to_owned(),
            audience: TOKEN_AUDIENCE.to_owned(),
            subject: "*".to_owned(),
        });
        let sts = Sts::start(accounts, clock.clone());
        let mut configuration = Configuration::example();
        change(&mut configuration);
        let dependencies = Dependencies {
            clock: clock.clone(),
            sts: Some(sts.clone()),
        };
        let stand_in = PulumiCloud::start(configuration, dependencies);
        Self {
            aws: Aws { issuer, clock, sts },
            stand_in,
        }
    }

    /// Pulumi Cloud with one more environment, `acme/test/env`.
    fn with_definition(definition: &str) -> Self {
        Self::with(|configuration| {
            *configuration = configuration.clone().environment("test", "env", definition);
        })
    }

    /// A call of the binary without a login.
    pub(crate) fn plugin_without_login(&self) -> Plugin {
        self.aws
            .plugin()
            .env("PULUMI_BACKEND_URL", self.stand_in.url())
    }

    /// A call of the binary with an access token in a variable.
    pub(crate) fn plugin(&self) -> Plugin {
        self.plugin_without_login()
            .env("PULUMI_ACCESS_TOKEN", TOKEN)
    }

    /// `get-token` of an environment, whose cluster is `prod`.
    pub(crate) fn get_token(&self, environment: &str) -> Plugin {
        self.plugin()
            .args(["get-token", environment, "--cluster-name", "prod"])
    }

    /// The calls so far: operation, connection, status.
    pub(crate) fn calls(&self) -> Vec<(String, u64, u16)> {
        let records = self.stand_in.records().into_iter();
        records
            .map(|record| (record.operation, record.connection, record.status))
            .collect()
    }

    /// Asserts that the calls were these, all on one connection.
    #[track_caller]
    pub(crate) fn assert_calls(&self, operations: &[&str]) {
        let calls = self.calls();
        let called: Vec<_> = calls.iter().map(|(name, ..)| name.as_str()).collect();
        assert_eq!(called, operations);
        assert!(
            calls.iter().all(|(_, connection, _)| *connection == 1),
            "{calls:?}"
        );
    }

    /// Asserts that the call returned a token with which the cluster `prod` authenticates the role.
    #[track_caller]
    pub(crate) fn assert_token(&self, output: &Output) {
        let caller = self.aws.caller(&output.token(), "prod");
        let arn = caller.expect("a valid token");
        let role = ROLE.rsplit('/').next().unwrap();
        assert!(
            arn.starts_with(&format!("arn:aws:sts::123456789012:assumed-role/{role}/")),
            "{arn}"
        );
    }
}

/// Asserts that the output contains no secret of the stand-in, and no session id.
#[track_caller]
fn assert_no_secrets(pulumi_cloud: &PulumiCloudFixture, output: &Output) {
    let text = &output.stderr;
    for secret in [
        TOKEN,
        ORGANIZATION_TOKEN,
        TEAM_TOKEN,
        STRANGERS_TOKEN,
        "hunter2",
    ] {
        assert!(!text.contains(secret), "{text}");
    }
    for record in pulumi_cloud.stand_in.records() {
        if let Some((_, id)) = record.target.rsplit_once("/open/") {
            let id = id.split('?').next().unwrap();
            assert!(!text.contains(id), "{text}");
        }
    }
}

/// An issuer whose identity tokens Pulumi Cloud exchanges.
fn trusted_issuer() -> Issuer {
    Issuer::new("https://token.actions.githubusercontent.com")
}
