//! The services that the calls need (Pulumi Cloud, AWS STS, Google Cloud, Microsoft Entra ID), and a home
//! directory.

use std::path::PathBuf;
use std::process::Command;

use stand_ins::azure::Azure;
use stand_ins::azure::configuration::{CLIENT, Configuration as Tenants, TENANT};
use stand_ins::clock::Clock;
use stand_ins::gcp::Gcp;
use stand_ins::gcp::configuration::Configuration as Projects;
use stand_ins::oidc::Issuer;
use stand_ins::pulumi_cloud::configuration::{Configuration, TOKEN};
use stand_ins::pulumi_cloud::{Dependencies, PulumiCloud};
use stand_ins::sts::Sts;
use stand_ins::sts::configuration::{AUDIENCE, Configuration as Accounts, Provider, Trust};
use stand_ins::tls::Authority;
use tempfile::TempDir;

use crate::measure::Program;

/// The environment of the stand-in's example, for an EKS cluster.
pub(crate) const ENVIRONMENT: &str = "acme/platform/prod";
/// An environment for GKE.
pub(crate) const GKE_ENVIRONMENT: &str = "acme/platform/gke";
/// An environment for AKS.
pub(crate) const AKS_ENVIRONMENT: &str = "acme/platform/aks";
/// The subject whose identity tokens AWS, Google and Microsoft trust.
const SUBJECT: &str = "repo:acme/platform:ref:refs/heads/main";

const GKE_DEFINITION: &str = "\
values:
  gcp:
    login:
      fn::open::gcp-login:
        project: 123456789012
        oidc:
          workloadPoolId: pulumi
          providerId: esc
          serviceAccount: deploy@acme.iam.gserviceaccount.com
";

/// Stand-ins for Pulumi Cloud and the clouds, and a home directory.
pub(crate) struct Services {
    folder: TempDir,
    issuer: Issuer,
    clock: Clock,
    pub(crate) sts: Sts,
    pub(crate) google: Gcp,
    pub(crate) entra: Azure,
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
        let google = Gcp::start(Projects::example(&issuer), clock.clone());
        let mut tenants = Tenants::example(&issuer);
        tenants.trust(
            &PulumiCloud::login_issuer(),
            "pulumi:environments:org:acme:env:platform/aks",
            "azure:acme",
        );
        let entra = Azure::start(tenants, clock.clone());
        let aks_definition = format!(
            "values:\n  azure:\n    login:\n      fn::open::azure-login:\n        clientId: {CLIENT}\n        \
             tenantId: {TENANT}\n        oidc: true\n"
        );
        let configuration = Configuration::example()
            .environment("platform", "gke", GKE_DEFINITION)
            .environment("platform", "aks", &aks_definition);
        let services = Self {
            folder: tempfile::tempdir().expect("a folder"),
            issuer,
            clock,
            sts,
            google,
            entra,
            cloud: PulumiCloud::start(configuration, dependencies),
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

    /// `get-token` of an environment in Pulumi Cloud for a cluster of this provider.
    pub(crate) fn get_token(&self, provider: &str, environment: &str) -> Program {
        let mut command = self.kubectl_esc();
        command
            .args(["get-token", environment])
            .env("AZURE_AUTHORITY_HOST", self.entra.url())
            .env("PULUMI_BACKEND_URL", self.cloud.url())
            .env("PULUMI_ACCESS_TOKEN", TOKEN);
        let name = format!("`kubectl-esc get-token`, {provider}, cached credentials");
        Program::new(&name, &command)
    }

    /// The number of requests so far.
    pub(crate) fn requests(&self) -> usize {
        self.cloud.records().len() + self.sts.records().len() + self.entra.records().len()
    }

    /// An identity token of the issuer that the clouds trust.
    pub(crate) fn identity(&self, audience: &str) -> String {
        self.issuer.token(audience, SUBJECT, self.clock.now())
    }
}
