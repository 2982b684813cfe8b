//! AWS with two accounts, an OIDC issuer that it trusts, and a cluster's token verifier.

use std::path::Path;

use stand_ins::clock::Clock;
use stand_ins::oidc::Issuer;
use stand_ins::sts::Sts;
use stand_ins::sts::configuration::{Configuration, Provider, Role, Trust};
use token_verifier::{Parsed, Verifier};

use super::plugin::Plugin;

/// The role that the subject of [`Aws::identity`] may assume.
pub const ADMIN: &str = "arn:aws:iam::123456789012:role/cluster-admin";
/// The role that sessions of [`ADMIN`] may assume, with the external id `demo`.
pub const VIEWER: &str = "arn:aws:iam::210987654321:role/cluster-viewer";
/// The audience of identity tokens.
pub const AUDIENCE: &str = "sts.amazonaws.com";
/// The subject that [`ADMIN`] trusts.
pub const SUBJECT: &str = "repo:acme/platform:ref:refs/heads/main";

/// AWS and an OIDC issuer. Their servers stop when this is dropped.
pub struct Aws {
    /// The issuer of identity tokens.
    pub issuer: Issuer,
    /// The time at AWS.
    pub clock: Clock,
    /// AWS STS.
    pub sts: Sts,
}

impl Aws {
    /// AWS where all calls succeed.
    pub fn new() -> Self {
        Self::with(|_| ())
    }

    /// AWS with a changed configuration.
    pub fn with(change: impl FnOnce(&mut Configuration)) -> Self {
        let issuer = Issuer::new("https://token.actions.example");
        let clock = Clock::system();
        let mut configuration = Configuration {
            roles: vec![
                Role {
                    arn: ADMIN.to_owned(),
                    id: "AROAEXAMPLEOFADMINROLE".to_owned(),
                    max_session_duration: 3600,
                    trust: vec![Trust::WebIdentity {
                        issuer: issuer.url().to_owned(),
                        audience: AUDIENCE.to_owned(),
                        subject: SUBJECT.to_owned(),
                    }],
                },
                Role {
                    arn: VIEWER.to_owned(),
                    id: "AROAEXAMPLEOFVIEWROLE".to_owned(),
                    max_session_duration: 3600,
                    trust: vec![Trust::Caller {
                        arn: ADMIN.to_owned(),
                        external_id: Some("demo".to_owned()),
                    }],
                },
            ],
            providers: vec![Provider {
                issuer: issuer.url().to_owned(),
                jwks: issuer.jwks(),
                audiences: vec![AUDIENCE.to_owned()],
            }],
            ..Configuration::default()
        };
        change(&mut configuration);
        let sts = Sts::start(configuration, clock.clone());
        Self { issuer, clock, sts }
    }

    /// An identity token that [`ADMIN`] trusts.
    pub fn identity(&self) -> String {
        self.issuer.token(AUDIENCE, SUBJECT, self.clock.now())
    }

    /// A call of the binary that reaches this STS, without an identity token.
    pub fn plugin(&self) -> Plugin {
        Plugin::new().env("AWS_ENDPOINT_URL_STS", self.sts.url())
    }

    /// A call of the binary whose identity token is in a file, as in a pod on EKS.
    pub fn plugin_with_identity(&self) -> Plugin {
        let plugin = self.plugin().file("identity", self.identity());
        let path = plugin.path("identity");
        plugin.env("AWS_WEB_IDENTITY_TOKEN_FILE", path)
    }

    /// Authenticates a token as the cluster `cluster` does. Returns the caller's ARN, or why the token was
    /// rejected.
    pub fn caller(&self, token: &str, cluster: &str) -> Result<String, String> {
        self.sts.authenticate(token, cluster, verifier())
    }
}

/// Verifies a token as in the commercial partition.
pub fn parse(token: &str) -> Result<Parsed, String> {
    let verified = verifier().verify(token, Clock::system().now());
    verified.map_err(|rejection| format!("check {}: {}", rejection.check, rejection.message))
}

fn verifier() -> Verifier {
    Verifier::new("aws", "us-east-1")
}

/// Reads a file of the repository.
pub fn project_file(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
