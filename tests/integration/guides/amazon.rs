//! AWS, as the commands in a guide set it up.

use serde_json::{Value, json};
use stand_ins::api_server::ApiServer;
use stand_ins::clock::Clock;
use stand_ins::controlled_server::{Behavior, ControlledServer};
use stand_ins::http::{Reply, Response};
use stand_ins::oidc::Issuer;
use stand_ins::proxy::Proxy;
use stand_ins::pulumi_cloud::configuration::{Configuration, TOKEN};
use stand_ins::pulumi_cloud::{Dependencies, PulumiCloud};
use stand_ins::sts::configuration::{Configuration as Accounts, Provider, Role, Trust};
use stand_ins::sts::{RealNames, Sts};
use stand_ins::tls::Authority;
use token_verifier::Verifier;

use super::{Guide, Machine, flag};
use crate::support::plugin::Plugin;

pub(super) const SERVER: &str =
    "https://0123456789ABCDEF0123456789ABCDEF.gr7.eu-west-1.eks.amazonaws.com";

/// AWS after an administrator's commands, with the cluster `prod`.
pub(super) struct Amazon {
    pub(super) sts: Sts,
    pub(super) clock: Clock,
    eks: ControlledServer,
    pub(super) api_server: ApiServer,
    /// Leads to STS and the API server.
    proxy: Proxy,
    authority: Authority,
    _names: RealNames,
}

impl Amazon {
    /// Runs the administrator's commands in these sections of a guide. `None` without kubectl.
    pub(super) fn set_up(guide: &Guide, headings: &[&str]) -> Option<Self> {
        let guide = guide.sections(headings);
        let machine = Machine::new(Plugin::new(), &guide, "")?;
        machine.run(&guide.commands());
        let calls = machine.calls();
        let called = |command: &'static str| {
            let calls = calls.iter();
            calls.filter(move |call| call.join(" ").starts_with(&format!("aws {command} ")))
        };
        let clock = Clock::system();
        let sts = Sts::start(
            Accounts {
                roles: called("iam create-role")
                    .map(|call| role(call, &guide))
                    .collect(),
                providers: called("iam create-open-id-connect-provider")
                    .map(|call| {
                        let issuer = Issuer::new(flag(call, "--url"));
                        Provider {
                            issuer: issuer.url().to_owned(),
                            jwks: issuer.jwks(),
                            audiences: vec![flag(call, "--client-id-list").to_owned()],
                        }
                    })
                    .collect(),
                ..Accounts::default()
            },
            clock.clone(),
        );
        let cluster = ["--region", "eu-west-1", "--cluster-name", "prod"];
        for call in called("eks create-access-entry").chain(called("eks associate-access-policy")) {
            assert_eq!(call[3..7], cluster);
        }
        let entries = called("eks create-access-entry").map(|call| flag(call, "--principal-arn"));
        let entries = entries.map(|arn| {
            arn.replace(":iam:", ":sts:")
                .replace(":role/", ":assumed-role/")
        });
        Some(Self::with(sts, clock, entries.collect()))
    }

    fn with(sts: Sts, clock: Clock, entries: Vec<String>) -> Self {
        let service = sts.clone();
        let api_server = ApiServer::authenticating(move |token| {
            let arn = service.authenticate(token, "prod", Verifier::new("aws", "eu-west-1"))?;
            let has_entry = entries
                .iter()
                .any(|entry| arn.starts_with(&format!("{entry}/")));
            has_entry
                .then_some(arn)
                .ok_or_else(|| "no access entry".to_owned())
        });
        let cluster = json!({"cluster": {
            "arn": "arn:aws:eks:eu-west-1:123456789012:cluster/prod",
            "certificateAuthority": {"data": api_server.authority_data()},
            "endpoint": SERVER,
            "name": "prod",
            "status": "ACTIVE",
        }});
        let eks = ControlledServer::in_front_of(Behavior::Answer, move |request| {
            assert_eq!(request.path(), "/clusters/prod");
            Reply::Answer(Response::new(200, "application/json", cluster.to_string()))
        });
        let authority = Authority::new();
        let names = sts.real_names(&authority);
        let (to_sts, to_server) = (names.route(), api_server.route());
        Self {
            sts,
            clock,
            eks,
            proxy: Proxy::start(move |host| to_sts(host).or_else(|| to_server(host))),
            api_server,
            authority,
            _names: names,
        }
    }

    /// A machine that reaches AWS.
    pub(super) fn plugin(&self) -> Plugin {
        let plugin = Plugin::new().file("authority.pem", self.authority.pem());
        let bundle = plugin.path("authority.pem");
        plugin
            .env("AWS_CA_BUNDLE", bundle)
            .env("AWS_ENDPOINT_URL_EKS", self.eks.url())
            .env("AWS_ENDPOINT_URL_STS", self.sts.url())
            .env("HTTPS_PROXY", self.proxy.url())
    }

    /// Pulumi Cloud with the environments of a guide.
    pub(super) fn pulumi_cloud(&self, guide: &Guide) -> PulumiCloud {
        self.pulumi_cloud_with(guide, |_| ())
    }

    /// As [`pulumi_cloud`](Self::pulumi_cloud), with more changes.
    pub(super) fn pulumi_cloud_with(
        &self,
        guide: &Guide,
        change: impl FnOnce(&mut Configuration),
    ) -> PulumiCloud {
        let mut configuration = Configuration::example();
        guide.create_environments(&mut configuration);
        change(&mut configuration);
        let dependencies = Dependencies {
            clock: self.clock.clone(),
            sts: Some(self.sts.clone()),
        };
        PulumiCloud::start(configuration, dependencies)
    }

    /// A machine that reaches AWS and Pulumi Cloud.
    pub(super) fn plugin_with(&self, pulumi_cloud: &PulumiCloud) -> Plugin {
        self.plugin()
            .env("PULUMI_ACCESS_TOKEN", TOKEN)
            .env("PULUMI_BACKEND_URL", pulumi_cloud.url())
    }

    /// Asserts that the API server accepted all requests, the last of which was for namespaces.
    #[track_caller]
    pub(super) fn assert_accepted(&self, role: &str) {
        let log = self.api_server.log();
        assert_eq!(log.rejected, [""; 0]);
        let prefix =
            format!("GET /api/v1/namespaces as arn:aws:sts::123456789012:assumed-role/{role}/");
        assert!(
            log.accepted.iter().any(|line| line.starts_with(&prefix)),
            "{log:?}"
        );
    }
}

/// The role that a call of `aws iam create-role` creates.
fn role(call: &[String], guide: &Guide) -> Role {
    let path = flag(call, "--assume-role-policy-document");
    let policy = guide.file(path.strip_prefix("file://").unwrap());
    let policy: Value = serde_json::from_str(&policy).unwrap();
    let statement = &policy["Statement"][0];
    assert_eq!(statement["Action"], "sts:AssumeRoleWithWebIdentity");
    let provider = statement["Principal"]["Federated"].as_str().unwrap();
    let host = provider
        .strip_prefix("arn:aws:iam::123456789012:oidc-provider/")
        .unwrap();
    let condition = |name: &str| {
        let conditions = ["StringEquals", "StringLike"];
        let name = format!("{host}:{name}");
        let values = conditions.map(|kind| statement["Condition"][kind][&name].as_str());
        values.into_iter().flatten().next().unwrap().to_owned()
    };
    Role {
        arn: format!(
            "arn:aws:iam::123456789012:role/{}",
            flag(call, "--role-name")
        ),
        id: format!(
            "AROA{}",
            flag(call, "--role-name").to_uppercase().replace('-', "")
        ),
        max_session_duration: 3600,
        trust: vec![Trust::WebIdentity {
            issuer: format!("https://{host}"),
            audience: condition("aud"),
            subject: condition("sub"),
        }],
    }
}
