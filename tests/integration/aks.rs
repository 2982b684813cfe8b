//! `get-token` for AKS: an access token of Microsoft Entra ID for the login of azure-login.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use encodings::base64::decode_url;
use encodings::percent;
use kubectl_esc::clock::{Clock, Timestamp};
use serde_json::{Value, json};
use stand_ins::MARKER;
use stand_ins::controlled_server::{Behavior, ControlledServer};
use stand_ins::http::{Reply, Request, Response};
use stand_ins::oidc::Issuer;
use stand_ins::proxy::Proxy;

use crate::cache::concurrent_calls::ConcurrentCalls;
use crate::cloud::PulumiCloudFixture;
use crate::gke::{cached, contains, expiry, local};
use crate::support::plugin::Plugin;

const LOGIN: &str = "\
values:
  azure:
    login:
      fn::open::azure-login:
        clientId: 11111111-2222-3333-4444-555555555555
        tenantId: 66666666-7777-8888-9999-000000000000
        oidc: true
";

const CLIENT_SECRET: &str = "\
values:
  azure:
    clientId: 11111111-2222-3333-4444-555555555555
    tenantId: 66666666-7777-8888-9999-000000000000
    clientSecret: {fn::secret: 8Q~client-secret}
";

/// The token endpoint of Microsoft Entra ID for one tenant. Every token is another one.
struct TokenEndpoint {
    server: ControlledServer,
    forms: Arc<Mutex<Vec<BTreeMap<String, String>>>>,
}

impl TokenEndpoint {
    fn new(behavior: Behavior) -> Self {
        let forms = Arc::<Mutex<Vec<BTreeMap<String, String>>>>::default();
        let received = Arc::clone(&forms);
        let answer = move |request: &Request| {
            let mut received = received.lock().unwrap();
            received.push(form(request));
            let token = format!("eyJ.{MARKER}.{}", received.len());
            let body = json!({"token_type": "Bearer", "expires_in": 3599, "access_token": token});
            Reply::Answer(Response::new(200, "application/json", body.to_string()))
        };
        let server = ControlledServer::in_front_of(behavior, answer);
        Self { server, forms }
    }

    fn forms(&self) -> Vec<BTreeMap<String, String>> {
        self.forms.lock().unwrap().clone()
    }
}

/// The form of a request to the tenant's token endpoint.
fn form(request: &Request) -> BTreeMap<String, String> {
    assert_eq!(request.method, "POST");
    let path = "/66666666-7777-8888-9999-000000000000/oauth2/v2.0/token";
    assert_eq!(request.target, path);
    let body = std::str::from_utf8(&request.body).unwrap();
    percent::pairs(body).unwrap().into_iter().collect()
}

/// Pulumi Cloud with an environment `acme/platform/aks`.
fn pulumi_cloud() -> PulumiCloudFixture {
    PulumiCloudFixture::with(|configuration| {
        *configuration = configuration.clone().environment("platform", "aks", LOGIN);
    })
}

fn get_token(pulumi_cloud: &PulumiCloudFixture, endpoint: &TokenEndpoint) -> Plugin {
    pulumi_cloud
        .plugin()
        .args(["get-token", "acme/platform/aks"])
        .env("AZURE_AUTHORITY_HOST", endpoint.server.url())
}

#[test]
fn login_is_exchanged_once_and_the_second_call_makes_no_request() {
    let (pulumi_cloud, endpoint) = (pulumi_cloud(), TokenEndpoint::new(Behavior::Answer));
    let plugin = get_token(&pulumi_cloud, &endpoint);
    let before = Clock::system().now();
    let first = plugin.run();
    let token = first.token();
    assert_eq!(token, format!("eyJ.{MARKER}.1"));
    // `expires_in` less a minute, from before the request.
    let lifetime = Duration::from_secs(3599 - 60);
    let range = before.plus(lifetime)..=Clock::system().now().plus(lifetime);
    assert!(range.contains(&expiry(&first)), "{first:?}");

    assert_eq!(plugin.run(), first);
    assert_eq!(pulumi_cloud.calls().len(), 2, "from the cache");
    let [form] = endpoint.forms().try_into().unwrap();
    let assertion = &form["client_assertion"];
    for (name, value) in [
        ("client_id", "11111111-2222-3333-4444-555555555555"),
        ("grant_type", "client_credentials"),
        ("scope", "6dae42f8-4368-4678-94ff-3960e28e3630/.default"),
        (
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        ),
    ] {
        assert_eq!(form[name], value, "{name}");
    }
    let claims = decode_url(assertion.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(claims["aud"], "azure:acme");
    let subject = "pulumi:environments:org:acme:env:platform/aks";
    assert_eq!(claims["sub"], subject);

    let cached = cached(&plugin);
    assert!(contains(&cached, "acme/platform/aks"));
    for secret in [token.as_str(), assertion, MARKER] {
        assert!(!contains(&cached, secret), "{secret} is in the cache");
    }
}

#[test]
fn local_login_makes_one_request_and_is_cached() {
    let endpoint = TokenEndpoint::new(Behavior::Answer);
    let issuer = Issuer::new("https://token.actions.example");
    let identity = issuer.token("api://AzureADTokenExchange", "repo:acme", 1_700_000_000);
    let plugin = local(LOGIN).file("identity", &identity);
    let path = plugin.path("identity");
    let plugin = plugin
        .env("AZURE_FEDERATED_TOKEN_FILE", path)
        .env("AZURE_AUTHORITY_HOST", endpoint.server.url());
    let first = plugin.run();
    assert_eq!(first.token(), format!("eyJ.{MARKER}.1"));
    assert_eq!(plugin.run(), first);
    let [form] = endpoint.forms().try_into().unwrap();
    assert_eq!(form["client_assertion"], identity);
    assert!(!contains(&cached(&plugin), &identity));
    // Another identity token does not find the entry.
    let other = issuer.token("api://AzureADTokenExchange", "repo:other", 1_700_000_000);
    let plugin = plugin.file("identity", &other);
    assert_eq!(plugin.run().token(), format!("eyJ.{MARKER}.2"));
}

#[test]
fn client_secret_is_sent_and_never_shown() {
    let endpoint = TokenEndpoint::new(Behavior::Answer);
    let authority = ["--azure-authority-host", &endpoint.server.url()];
    // The flag takes precedence over the variable.
    let plugin = local(CLIENT_SECRET)
        .env("AZURE_AUTHORITY_HOST", "https://login.invalid")
        .args(authority)
        .arg("-vv");
    for step in ["requesting an access token", "using cached credentials"] {
        let output = plugin.run();
        assert_eq!(output.code, 0, "{output:?}");
        assert!(output.stdout.contains(&format!("eyJ.{MARKER}.1")));
        assert!(output.stderr.contains(step), "{output:?}");
        for secret in [MARKER, "8Q~client-secret"] {
            assert!(!output.stderr.contains(secret), "{output:?}");
        }
    }
    let [form] = endpoint.forms().try_into().unwrap();
    assert_eq!(form["client_secret"], "8Q~client-secret");
    assert!(!contains(&cached(&plugin), "8Q~client-secret"));
}

#[test]
fn token_is_renewed_early_and_used_if_that_fails() {
    for (behavior, expected) in [(Behavior::Close, 1), (Behavior::Answer, 2)] {
        let endpoint = TokenEndpoint::new(Behavior::Answer);
        let plugin = local(CLIENT_SECRET).env("AZURE_AUTHORITY_HOST", endpoint.server.url());
        // Three quarters of its lifetime have passed.
        plugin.get_token_at(-3_000).unwrap();
        endpoint.server.set(behavior);
        let token = format!("eyJ.{MARKER}.{expected}");
        assert_eq!(plugin.run().token(), token);
        assert!(endpoint.server.requests() > 1);
        assert_eq!(plugin.run().token(), token);
    }
}

#[test]
fn concurrent_calls_exchange_the_login_once() {
    const CALLS: usize = 6;
    let endpoint = TokenEndpoint::new(Behavior::Hold);
    let plugin = local(CLIENT_SECRET)
        .env("AZURE_AUTHORITY_HOST", endpoint.server.url())
        .args(["-v", "--timeout", "55s"]);
    let calls = ConcurrentCalls::start(CALLS, || plugin.command());
    calls.wait_until_waiting(CALLS - 1);
    endpoint.server.set(Behavior::Answer);
    for output in calls.outputs() {
        assert!(
            output.stdout.contains(&format!("eyJ.{MARKER}.1")),
            "{output:?}"
        );
    }
    assert_eq!(endpoint.forms().len(), 1);
}

#[test]
fn authority_is_that_of_the_api_servers_cloud() {
    const CHINA: &str = "https://acme.hcp.chinaeast2.cx.prod.service.azk8s.cn:443";
    let rendered = |server: &str| {
        format!(
            "{CLIENT_SECRET}  files:\n    KUBECONFIG:\n      fn::toJSON: {{clusters: [{{name: a, \
             cluster: {{server: '{server}'}}}}]}}\n"
        )
    };
    let public = "login.microsoftonline.com:443";
    for (definition, server, want) in [
        (CLIENT_SECRET.to_owned(), None, public),
        (CLIENT_SECRET.to_owned(), Some("https://10.0.0.1"), public),
        (
            CLIENT_SECRET.to_owned(),
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
    let plugin = local(CLIENT_SECRET).args(["--azure-authority-host", "login.microsoftonline.us"]);
    let output = plugin.run();
    let message = "kubectl-esc: cannot use the flag `--azure-authority-host`: ";
    assert!(
        output.code == 2 && output.stderr.starts_with(message),
        "{output:?}"
    );
    let plugin = local(CLIENT_SECRET).env("AZURE_AUTHORITY_HOST", "http://login.example");
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
fn doctor_shows_no_steps_of_eks() {
    let endpoint = TokenEndpoint::new(Behavior::Answer);
    let plugin = Plugin::new()
        .file("env.yaml", CLIENT_SECRET)
        .env("AZURE_AUTHORITY_HOST", endpoint.server.url())
        .args(["doctor", "./env.yaml", "-o", "json"]);
    let report = |code: i32| -> BTreeMap<String, (String, String)> {
        let output = plugin.run_command(crate::support::plugin::TIME_LIMIT);
        assert_eq!(output.code, code, "{output:?}");
        let report: Value = serde_json::from_str(&output.stdout).unwrap();
        let steps = report["steps"].as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let steps = steps.map(|step| {
            (
                text(&step["name"]),
                (text(&step["status"]), text(&step["detail"])),
            )
        });
        steps.collect()
    };
    let steps = report(0);
    assert_eq!(steps["cluster"].1, "any AKS cluster of the login");
    let detail = &steps["credentials"].1;
    let start = "access token for the login at `azure`, valid until ";
    assert!(detail.starts_with(start), "{detail}");
    endpoint.server.set(Behavior::Close);
    let steps = report(5);
    assert_eq!(steps["credentials"].0, "failed");
    for name in ["aws-sts", "clock"] {
        assert_eq!(
            steps[name],
            ("skipped".to_owned(), "only for EKS".to_owned())
        );
    }
    assert_eq!(steps["token"].1, "needs the result of `credentials`");
}

#[test]
fn token_without_expires_in_is_used_for_the_configured_lifetime() {
    for (flags, lifetime) in [(&[][..], 15), (&["--credential-lifetime", "30m"], 30)] {
        let server = ControlledServer::in_front_of(Behavior::Answer, |_| {
            let body = json!({"token_type": "Bearer", "access_token": "eyJ.x.y"});
            Reply::Answer(Response::new(200, "application/json", body.to_string()))
        });
        let plugin = local(CLIENT_SECRET).env("AZURE_AUTHORITY_HOST", server.url());
        let before = Clock::system().now();
        let expiry: Timestamp = expiry(&plugin.args(flags).run());
        let lifetime = Duration::from_mins(lifetime - 1);
        let range = before.plus(lifetime)..=Clock::system().now().plus(lifetime);
        assert!(range.contains(&expiry));
    }
}
