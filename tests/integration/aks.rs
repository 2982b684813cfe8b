//! `get-token` for AKS: an access token of Microsoft Entra ID for the login of azure-login.

use std::time::Duration;

use kubectl_esc::clock::Timestamp;
use serde_json::json;
use stand_ins::azure::Azure;
use stand_ins::azure::configuration::{
    AUDIENCE, CLIENT, Configuration, OBJECT, SUBJECT, TENANT, client_secret,
};
use stand_ins::clock::Clock;
use stand_ins::controlled_server::{Behavior, ControlledServer};
use stand_ins::http::{Reply, Response};
use stand_ins::oidc::Issuer;
use stand_ins::proxy::Proxy;
use stand_ins::pulumi_cloud::PulumiCloud;

use crate::cache::concurrent_calls::ConcurrentCalls;
use crate::cloud::PulumiCloudFixture;
use crate::gke::{cached, contains, expiry, local, now};
use crate::support::plugin::{Output, Plugin};

/// `CLIENT` and `TENANT` of the stand-in.
pub(crate) const LOGIN: &str = "\
values:
  azure:
    login:
      fn::open::azure-login:
        clientId: 0d3c1d2e-8f0a-4b6c-9d1e-2f3a4b5c6d7e
        tenantId: 7a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d
        oidc: true
";

/// Microsoft Entra ID. Its application trusts Pulumi Cloud, and an issuer.
pub(crate) struct Entra {
    pub(crate) azure: Azure,
    clock: Clock,
    pub(crate) server: ControlledServer,
    issuer: Issuer,
}

impl Entra {
    pub(crate) fn new(behavior: Behavior) -> Self {
        let issuer = Issuer::new("https://token.actions.example");
        let mut configuration = Configuration::example(&issuer);
        configuration.trust(
            &PulumiCloud::login_issuer(),
            "pulumi:environments:org:acme:env:platform/aks",
            "azure:acme",
        );
        let clock = Clock::system();
        let azure = Azure::start(configuration, clock.clone());
        let stand_in = azure.clone();
        let server =
            ControlledServer::in_front_of(behavior, move |request| stand_in.answer(request));
        Self {
            azure,
            clock,
            server,
            issuer,
        }
    }

    /// A call for a definition on this machine.
    fn local(&self, definition: &str) -> Plugin {
        local(definition).env("AZURE_AUTHORITY_HOST", self.server.url())
    }

    /// An identity token that the application trusts.
    pub(crate) fn identity(&self) -> String {
        self.issuer.token(AUDIENCE, SUBJECT, self.clock.now())
    }

    /// The token of a call, which AKS accepts.
    #[track_caller]
    fn token(&self, output: &Output) -> String {
        let token = output.token();
        let user = self.azure.authenticate(&token);
        assert_eq!(user.as_deref(), Ok(OBJECT));
        token
    }

    /// Obtains a token that is due for renewal now, and returns it.
    fn old_token(&self, plugin: &Plugin) -> String {
        self.clock.advance(-3_000);
        let credential = plugin.get_token_at(-3_000).unwrap();
        self.clock.advance(3_000);
        credential.token.expose().clone()
    }
}

/// A login with a client secret.
pub(crate) fn with_client_secret() -> String {
    format!(
        "values:\n  azure:\n    clientId: {CLIENT}\n    tenantId: {TENANT}\n    clientSecret: \
         {{fn::secret: {}}}\n",
        client_secret()
    )
}

/// Asserts that no file of the cache contains a secret of the stand-in.
#[track_caller]
fn assert_sealed(entra: &Entra, plugin: &Plugin) {
    let cached = cached(plugin);
    assert!(!cached.is_empty());
    for secret in entra.azure.secrets() {
        assert!(!contains(&cached, &secret), "{secret} is in the cache");
    }
}

#[test]
fn login_is_exchanged_once_and_the_second_call_makes_no_request() {
    let entra = Entra::new(Behavior::Answer);
    let pulumi_cloud = PulumiCloudFixture::with(|configuration| {
        *configuration = configuration.clone().environment("platform", "aks", LOGIN);
    });
    let plugin = pulumi_cloud
        .plugin()
        .args(["get-token", "acme/platform/aks"])
        .env("AZURE_AUTHORITY_HOST", entra.server.url());
    let before = now();
    let first = plugin.run();
    entra.token(&first);
    // `expires_in` less a minute, from before the request.
    let lifetime = Duration::from_secs(3599 - 60);
    let range = before.plus(lifetime)..=now().plus(lifetime);
    assert!(range.contains(&expiry(&first)), "{first:?}");
    assert_eq!(plugin.run(), first);
    assert_eq!(pulumi_cloud.calls().len(), 2);
    assert_eq!(entra.server.requests(), 1);
    assert_sealed(&entra, &plugin);
}

#[test]
fn local_login_makes_one_request_and_is_cached_for_its_identity_token() {
    let entra = Entra::new(Behavior::Answer);
    let now = entra.clock.now();
    let plugin = entra
        .local(LOGIN)
        .file("identity", entra.issuer.token(AUDIENCE, SUBJECT, now));
    let path = plugin.path("identity");
    let plugin = plugin.env("AZURE_FEDERATED_TOKEN_FILE", path);
    let first = plugin.run();
    entra.token(&first);
    assert_eq!(plugin.run(), first);
    assert_eq!(entra.server.requests(), 1);
    assert_sealed(&entra, &plugin);
    let plugin = plugin.file("identity", entra.issuer.token(AUDIENCE, SUBJECT, now - 1));
    entra.token(&plugin.run());
    assert_eq!(entra.server.requests(), 2, "with another identity token");
}

#[test]
fn client_secret_is_sent_and_never_shown() {
    let entra = Entra::new(Behavior::Answer);
    // The flag takes precedence over the variable.
    let plugin = local(&with_client_secret())
        .env("AZURE_AUTHORITY_HOST", "https://login.invalid")
        .args(["--azure-authority-host", &entra.server.url()])
        .arg("-vv");
    for step in ["requesting an access token", "using cached credentials"] {
        let output = plugin.run();
        assert_eq!(output.code, 0, "{output:?}");
        assert!(output.stderr.contains(step), "{output:?}");
        for secret in entra.azure.secrets() {
            assert!(!output.stderr.contains(&secret), "{output:?}");
        }
    }
    assert_eq!(entra.server.requests(), 1);
    assert_sealed(&entra, &plugin);
}

#[test]
fn rejected_login_is_denied_and_not_retried_by_the_same_client() {
    let entra = Entra::new(Behavior::Answer);
    let secret = format!("x{}", client_secret());
    let plugin = entra.local(&with_client_secret().replace(&client_secret(), &secret));
    let plugin = plugin.exec_info("v1", false, None);
    let output = plugin.run();
    assert_eq!(output.code, 4, "{output:?}");
    assert!(output.stderr.contains("AADSTS7000215"), "{output:?}");
    assert!(!output.stderr.contains(&secret), "{output:?}");
    assert_eq!(plugin.run(), output);
    let requests = entra.server.requests();
    assert_eq!(requests, if cfg!(unix) { 1 } else { 2 });
}

#[test]
fn rejected_login_of_pulumi_cloud_shows_the_claims_and_no_token() {
    let entra = Entra::new(Behavior::Answer);
    let pulumi_cloud = PulumiCloudFixture::with(|configuration| {
        *configuration = configuration
            .clone()
            .environment("platform", "other", LOGIN);
    });
    let plugin = pulumi_cloud
        .plugin()
        .args(["get-token", "acme/platform/other", "--no-cache"])
        .env("AZURE_AUTHORITY_HOST", entra.server.url());
    let subject = "pulumi:environments:org:acme:env:platform/other";
    let output = plugin.run();
    let (start, rest) = output.stderr.split_once(" (trace ID ").unwrap();
    let (_, end) = rest.split_once(')').unwrap();
    assert_eq!(
        format!("{start}{end}"),
        format!(
            "kubectl-esc: cannot get an access token for AKS: the identity token matches no federated \
             credential of the application\n  caused by: AADSTS700213: No matching federated identity \
             record found for presented assertion subject '{subject}'. Check your federated identity \
             credential Subject, Audience and Issuer against the presented assertion. \
             https://learn.microsoft.com/entra/workload-id/workload-identity-federation\n  caused by: the \
             identity token has iss `{}`, aud `azure:acme`, sub `{subject}`\n  hint: correct the subject \
             of the application's federated credential, or use a token with that subject\n",
            PulumiCloud::login_issuer().url()
        )
    );
    assert_eq!(output.code, 4);
    let output = plugin.arg("-vv").run();
    assert_eq!(output.code, 4);
    // All JSON web tokens start like this.
    assert!(!output.stderr.contains("eyJ"), "{output:?}");
}

#[test]
fn token_is_renewed_early_and_used_if_that_fails() {
    for (behavior, is_renewed) in [(Behavior::Close, false), (Behavior::Answer, true)] {
        let entra = Entra::new(Behavior::Answer);
        let plugin = entra.local(&with_client_secret());
        let old = entra.old_token(&plugin);
        entra.server.set(behavior);
        let token = entra.token(&plugin.run());
        assert_eq!(token != old, is_renewed);
        assert!(entra.server.requests() > 1);
        assert_eq!(plugin.run().token(), token);
    }
}

#[test]
fn concurrent_calls_exchange_the_login_once() {
    const CALLS: usize = 6;
    let entra = Entra::new(Behavior::Hold);
    let plugin = entra
        .local(&with_client_secret())
        .args(["-v", "--timeout", "55s"]);
    let calls = ConcurrentCalls::start(CALLS, || plugin.command());
    calls.wait_until_waiting(CALLS - 1);
    entra.server.set(Behavior::Answer);
    let outputs = calls.outputs();
    let first = &outputs[0];
    assert!(first.stdout.contains("eyJ"), "{first:?}");
    assert!(outputs.iter().all(|other| other.stdout == first.stdout));
    assert_eq!(entra.server.requests(), 1);
}

#[test]
fn authority_is_that_of_the_api_servers_cloud() {
    const CHINA: &str = "https://acme.hcp.chinaeast2.cx.prod.service.azk8s.cn:443";
    let rendered = |server: &str| {
        format!(
            "{}  files:\n    KUBECONFIG:\n      fn::toJSON: {{clusters: [{{name: a, \
             cluster: {{server: '{server}'}}}}]}}\n",
            with_client_secret()
        )
    };
    let public = "login.microsoftonline.com:443";
    for (definition, server, want) in [
        (with_client_secret(), None, public),
        (with_client_secret(), Some("https://10.0.0.1"), public),
        (
            with_client_secret(),
            Some("https://acme.hcp.usgovvirginia.azmk8s.us"),
            "login.microsoftonline.us:443",
        ),
        (rendered(CHINA), None, "login.chinacloudapi.cn:443"),
        (
            rendered(CHINA),
            Some("https://acme.hcp.westeurope.azmk8s.io:443"),
            public,
        ),
    ] {
        let proxy = Proxy::start(|_| None);
        let plugin = local(&definition).env("HTTPS_PROXY", proxy.url());
        let cluster = server.map(|server| json!({"server": server, "config": null}));
        let plugin = plugin.exec_info("v1", false, cluster);
        assert_eq!(plugin.run().code, 5);
        let requested = proxy.requested();
        assert!(!requested.is_empty());
        assert!(requested.iter().all(|host| host == want), "{requested:?}");
    }
}

#[test]
fn unusable_authorities_are_rejected() {
    let plugin =
        local(&with_client_secret()).args(["--azure-authority-host", "login.microsoftonline.us"]);
    let output = plugin.run();
    let message = "kubectl-esc: cannot use the flag `--azure-authority-host`: ";
    assert!(
        output.code == 2 && output.stderr.starts_with(message),
        "{output:?}"
    );
    let plugin = local(&with_client_secret()).env("AZURE_AUTHORITY_HOST", "http://login.example");
    let output = plugin.run();
    let message = "kubectl-esc: cannot use the variable `AZURE_AUTHORITY_HOST`: ";
    assert!(
        output.code == 2 && output.stderr.starts_with(message),
        "{output:?}"
    );
}

#[test]
fn malformed_logins_are_explained() {
    let output_hint = "pass the path of the output of `fn::open::azure-login`";
    let text_hint = "use a string without spaces or line breaks";
    let proof_hint = "use the output of `fn::open::azure-login` with `oidc` or `clientSecret`";
    for (login, path, message, hint) in [
        (
            "a",
            Some("azure.x"),
            "`azure.x` in the environment does not exist",
            output_hint,
        ),
        (
            "a",
            Some("azure"),
            "`azure` in the environment is not an object",
            output_hint,
        ),
        (
            "{clientId: a, tenantId: b}",
            Some("azure"),
            "`azure` in the environment has no `oidc.token` or `clientSecret`",
            proof_hint,
        ),
        (
            "{clientId: a, tenantId: b, oidc: {}}",
            None,
            "`azure` in the environment has no `oidc.token` or `clientSecret`",
            proof_hint,
        ),
        (
            "{tenantId: b, clientSecret: hunter2}",
            Some("azure"),
            "`azure` in the environment has no `clientId`",
            proof_hint,
        ),
        (
            "{clientId: a, tenantId: '', clientSecret: hunter2}",
            None,
            "`azure` in the environment has no `tenantId`",
            proof_hint,
        ),
        (
            "{clientId: a, tenantId: b, oidc: {token: hunter2 hunter2}}",
            None,
            "`azure.oidc.token` in the environment is malformed",
            text_hint,
        ),
        (
            "{clientId: a, tenantId: b, clientSecret: [hunter2]}",
            None,
            "`azure.clientSecret` in the environment is malformed",
            text_hint,
        ),
        (
            "{clientId: [a], tenantId: b, clientSecret: hunter2}",
            None,
            "`azure.clientId` in the environment is malformed",
            text_hint,
        ),
        (
            "{clientId: a, tenantId: b, oidc: true}",
            None,
            "`azure` in the environment has no `oidc.token` or `clientSecret`",
            proof_hint,
        ),
        (
            "{clientId: a, tenantId: b}",
            None,
            "the environment contains no login to Azure",
            "add `fn::open::azure-login` to it, or pass the path of its output with `--credentials PATH`",
        ),
        (
            "[{clientId: a, tenantId: b, clientSecret: x}, {clientId: a, tenantId: b, clientSecret: y}]",
            None,
            "the environment contains several logins to Azure: `azure[0]`, `azure[1]`",
            "choose one with `--credentials PATH`, or with `kubernetes.credentials` in the environment",
        ),
    ] {
        let plugin = local(&format!("values: {{azure: {login}}}")).args(["--provider", "aks"]);
        let plugin = path
            .into_iter()
            .fold(plugin, |plugin, path| plugin.args(["--credentials", path]));
        let stderr = format!("kubectl-esc: {message}\n  hint: {hint}\n");
        plugin.run().assert_fails(&stderr, 6);
    }
}

#[test]
fn token_without_expires_in_is_used_for_the_configured_lifetime() {
    for (flags, lifetime) in [(&[][..], 15), (&["--credential-lifetime", "30m"], 30)] {
        let server = ControlledServer::in_front_of(Behavior::Answer, |_| {
            let body = json!({"token_type": "Bearer", "access_token": "eyJ.x.y"});
            Reply::Answer(Response::new(200, "application/json", body.to_string()))
        });
        let plugin = local(&with_client_secret()).env("AZURE_AUTHORITY_HOST", server.url());
        let before = now();
        let expiry: Timestamp = expiry(&plugin.args(flags).run());
        let lifetime = Duration::from_mins(lifetime - 1);
        let range = before.plus(lifetime)..=now().plus(lifetime);
        assert!(range.contains(&expiry));
    }
}
