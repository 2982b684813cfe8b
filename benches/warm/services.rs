//! The services that the calls need (Pulumi Cloud, AWS STS), and a home directory.

use std::path::PathBuf;
use std::process::Command;

use stand_ins::clock::Clock;
use stand_ins::oidc::Issuer;
use stand_ins::pulumi_cloud::configuration::{Configuration, TOKEN};
use stand_ins::pulumi_cloud::{Dependencies, PulumiCloud};
use stand_ins::sts::Sts;
use stand_ins::sts::configuration::{AUDIENCE, Configuration as Accounts, Provider, Trust};
use stand_ins::tls::Authority;
use tempfile::TempDir;

use crate::measure::Program;

/// The environment of the stand-in's example.
pub(crate) const ENVIRONMENT: &str = "acme/platform/prod";
/// The subject whose identity tokens STS trusts.
const SUBJECT: &str = "repo:acme/platform:ref:refs/heads/main";

/// Stand-ins for Pulumi Cloud and AWS STS, and a home directory.
pub(crate) struct Services {
    folder: TempDir,
    issuer: Issuer,
    clock: Clock,
    pub(crate) sts: Sts,
    pub(crate) cloud: PulumiCloud,
    pub(crate) authority: Authority,
}

impl Services {
    pub(crate) fn new() -> Self {
        let clock = Clock::system();
        let issuer = Issuer::new("https://token.actions.example");
        let mut accounts = Accounts::example(&PulumiCloud::login_issuer());
        accounts.providers.push(Provider {
            issuer: issuer.url().to_owned(),
            jwks: issuer.jwks(),
            audiences: vec![AUDIENCE.to_owned()],
        });
        accounts.roles[0].trust.push(Trust::WebIdentity {
            issuer: issuer.url().to_owned(),
            audience: AUDIENCE.to_owned(),
            subject: SUBJECT.to_owned(),
        });
        let sts = Sts::start(accounts, clock.clone());
        let dependencies = Dependencies {
            clock: clock.clone(),
            sts: Some(sts.clone()),
        };
        let services = Self {
            folder: tempfile::tempdir().expect("a folder"),
            issuer,
            clock,
            sts,
            cloud: PulumiCloud::start(Configuration::example(), dependencies),
            authority: Authority::new(),
        };
        std::fs::write(services.path("authority.pem"), services.authority.pem()).expect("a file");
        services
    }

    /// A path below the home directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A command with `HOME` as its only variable.
    pub(crate) fn command(&self, program: impl Into<PathBuf>) -> Command {
        let mut command = Command::new(program.into());
        command.env("HOME", self.folder.path());
        command
    }

    /// Our binary.
    pub(crate) fn kubectl_esc(&self) -> Command {
        self.command(env!("CARGO_BIN_EXE_kubectl-esc"))
    }

    /// `get-token` of an environment in Pulumi Cloud.
    pub(crate) fn get_token(&self) -> Program {
        let mut command = self.kubectl_esc();
        command
            .args(["get-token", ENVIRONMENT])
            .env("PULUMI_BACKEND_URL", self.cloud.url())
            .env("PULUMI_ACCESS_TOKEN", TOKEN);
        Program::new("`kubectl-esc get-token`, cached credentials", &command)
    }

    /// The number of requests to Pulumi Cloud and STS so far.
    pub(crate) fn requests(&self) -> usize {
        self.cloud.records().len() + self.sts.records().len()
    }

    /// An identity token of the issuer that STS trusts.
    pub(crate) fn identity(&self) -> String {
        self.issuer.token(AUDIENCE, SUBJECT, self.clock.now())
    }
}
