//! `azure-login` of a local environment, which makes no request to Azure.

mod failures;

use serde_json::{Value, json};
use stand_ins::azure::Failure;
use stand_ins::azure::configuration::{AUDIENCE, CLIENT, OBJECT, SUBJECT, TENANT};
use stand_ins::azure::error::EntraError;
use stand_ins::clock::Clock;
use stand_ins::oidc::{GitHubActions, Issuer};
use stand_ins::proxy::Proxy;
use stand_ins::tls::Authority;

use crate::support::aws::project_file;
use crate::support::azure::Entra;
use crate::support::plugin::Plugin;

fn oidc() -> String {
    project_file("examples/environments/azure.yaml")
}

/// The example with a text replaced.
fn changed(from: &str, to: &str) -> String {
    let definition = oidc().replace(from, to);
    assert_ne!(definition, oidc(), "{from}");
    definition
}

fn issuer() -> Issuer {
    Issuer::new("https://token.actions.example")
}

fn identity() -> String {
    issuer().token(AUDIENCE, SUBJECT, Clock::system().now())
}

/// `open env.yaml` with this definition, without an identity token. Requests fail, except on loopback.
fn open(definition: &str) -> Plugin {
    let plugin = Plugin::new().file("env.yaml", definition);
    plugin
        .env("HTTPS_PROXY", "http://127.0.0.1:1")
        .env("NO_PROXY", "127.0.0.1")
        .args(["open", "env.yaml"])
}

/// Runs `open`, which succeeds, and returns the outputs of the login and the variables.
#[track_caller]
fn opened(plugin: Plugin) -> (Value, Value) {
    let output = plugin.without_log().run();
    assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{output:?}");
    let mut values: Value = serde_json::from_str(&output.stdout).unwrap();
    let login = values["azure"]["login"].take();
    (login, values["environmentVariables"].take())
}

#[test]
fn open_shows_the_identity_token_of_each_source() {
    let token = identity();
    let file = || open(&oidc()).file("identity", format!("{token}\n"));
    let other = || file().file("other", "no token");
    for (source, plugin) in [
        (
            "flag",
            other()
                .env("AZURE_FEDERATED_TOKEN_FILE", "other")
                .args(["--web-identity-token-file", "identity"]),
        ),
        (
            "named variable",
            other()
                .env("AZURE_FEDERATED_TOKEN_FILE", "other")
                .env("TOKEN", &token)
                .args(["--web-identity-token-env", "TOKEN"]),
        ),
        (
            "variable of Azure",
            other()
                .env("AZURE_FEDERATED_TOKEN_FILE", "identity")
                .env("AWS_WEB_IDENTITY_TOKEN_FILE", "other"),
        ),
    ] {
        let (login, variables) = opened(plugin);
        let want = json!({
            "clientId": CLIENT,
            "oidc": {"token": token},
            "subscriptionId": "00000000-0000-0000-0000-000000000000",
            "tenantId": TENANT,
        });
        assert_eq!(login, want, "{source}");
        assert_eq!(variables["ARM_OIDC_TOKEN"], token, "{source}");
    }
}

#[test]
fn all_outputs_are_redacted() {
    let plugin = open(&oidc()).file("identity", identity());
    let plugin = plugin.args(["--redact", "--web-identity-token-file", "identity"]);
    let (login, variables) = opened(plugin);
    let secret = "[secret]";
    let want = json!({
        "clientId": secret,
        "oidc": {"token": secret},
        "subscriptionId": secret,
        "tenantId": secret,
    });
    assert_eq!(login, want);
    assert_eq!(variables["ARM_OIDC_TOKEN"], secret);
}

#[test]
fn client_secret_needs_no_identity_token() {
    let definition = format!(
        "values:\n  azure:\n    login:\n      fn::open::azure-login:\n        clientId: {CLIENT}\n        \
         tenantId: acme.onmicrosoft.com\n        clientSecret: {{fn::secret: example~secret}}\n"
    );
    let (login, _) = opened(open(&definition));
    let want = json!({
        "clientId": CLIENT,
        "clientSecret": "example~secret",
        "tenantId": "acme.onmicrosoft.com",
    });
    assert_eq!(login, want);
}

#[test]
fn github_actions_issues_a_token_for_azure() {
    for (arguments, audience) in [
        (&[][..], AUDIENCE),
        (
            &["--web-identity-audience", "api://AzureADTokenExchangeUSGov"],
            "api://AzureADTokenExchangeUSGov",
        ),
    ] {
        let now = Clock::system().now();
        let actions = GitHubActions::start(issuer(), SUBJECT, move || now);
        let plugin = open(&oidc())
            .env("ACTIONS_ID_TOKEN_REQUEST_URL", actions.url())
            .env(
                "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
                GitHubActions::REQUEST_TOKEN,
            )
            .args(arguments);
        let (login, _) = opened(plugin);
        let token = issuer().token(audience, SUBJECT, now);
        assert_eq!(login["oidc"]["token"], token);
    }
}

#[test]
fn unusable_identity_tokens_are_reported_at_the_login() {
    let place = "error: failed here\n --> env.yaml:5:7\n  |\n5 |       fn::open::azure-login:\n  |       \
                 ^^^^^^^^^^^^^^^^^^^^^^\n";
    let actions = GitHubActions::start(issuer(), SUBJECT, || Clock::system().now());
    let read = "(`AZURE_FEDERATED_TOKEN_FILE`)";
    for (plugin, message, rest, code) in [
        (
            open(&oidc()),
            "no identity token specified for Azure".to_owned(),
            "  hint: pass `--web-identity-token-file PATH` or `--web-identity-token-env NAME`, set \
             `AZURE_FEDERATED_TOKEN_FILE`, or grant the GitHub Actions job the permission `id-token: \
             write`\n",
            2,
        ),
        (
            open(&oidc())
                .env("AZURE_FEDERATED_TOKEN_FILE", "empty")
                .file("empty", "\n"),
            format!("there is no identity token in the file `empty` {read}"),
            "  hint: check that the process that writes the file has run\n",
            2,
        ),
        (
            open(&oidc())
                .env("AZURE_FEDERATED_TOKEN_FILE", "odd")
                .file("odd", "hunter2"),
            format!("the file `odd` {read} does not contain a valid identity token"),
            "  hint: use a signed JSON web token (JWT): three parts in base64url, separated by dots\n",
            2,
        ),
        (
            open(&oidc())
                .env("ACTIONS_ID_TOKEN_REQUEST_URL", actions.url())
                .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "hunter2"),
            "GitHub Actions did not issue an identity token".to_owned(),
            "  caused by: HTTP status 401\n  hint: grant the job the permission `id-token: write`\n",
            4,
        ),
    ] {
        let output = plugin.run();
        let wanted = format!(
            "kubectl-esc: cannot open the environment `env.yaml`: {message}\n{place}{rest}"
        );
        output.assert("", &wanted, code);
        assert!(!output.stderr.contains("hunter2"), "{}", output.stderr);
    }
}

#[test]
fn check_reports_mistakes_without_an_identity_token() {
    for (definition, message) in [
        (
            changed("clientId: 0d3c1d2e", "clientId: <your-client-id>"),
            "`clientId` is not the ID of an application",
        ),
        (
            changed("tenantId: 7a1b2c3d", "tenantId: acme"),
            "`tenantId` is not the ID of a tenant",
        ),
        (
            changed("clientId: 0d", "clientID: 0d"),
            "help: rename `clientID` to `clientId`",
        ),
        (
            changed("oidc: true", "oidc: {}"),
            "expected boolean, got object",
        ),
        (
            changed(
                "oidc: true",
                "oidc: true\n        subjectAttributes: [pulumi.user.name]",
            ),
            "expected one of",
        ),
        (
            changed("azure.login.oidc.token", "azure.login.token"),
            "unknown property \"token\"",
        ),
    ] {
        let plugin = Plugin::new().file("env.yaml", definition);
        let output = plugin.args(["check", "env.yaml"]).run();
        assert_eq!(output.code, 3, "{output:?}");
        assert!(output.stderr.contains(message), "{}", output.stderr);
    }
    let plugin = Plugin::new().file("env.yaml", oidc());
    plugin.args(["check", "env.yaml"]).run().assert("", "", 0);
}

#[test]
fn cached_token_is_sealed_with_the_identity_token() {
    let entra = Entra::new();
    let plugin = entra.get_token();
    let write = |token: &str| std::fs::write(plugin.path("identity"), token).unwrap();
    let first = plugin.run().token();
    let user = entra.service.authenticate(&first);
    assert_eq!(user.as_deref(), Ok(OBJECT));
    assert_eq!(plugin.run().token(), first);
    assert_eq!(entra.outcomes(), ["OK"]);
    // The entry of a trusted token must not serve an untrusted one.
    let trusted = std::fs::read_to_string(plugin.path("identity")).unwrap();
    write(&entra.token("repo:evil/fork"));
    assert_eq!(plugin.run().code, 4);
    write("");
    assert_eq!(plugin.run().code, 2);
    write(&trusted);
    assert_eq!(plugin.run().token(), first);
    assert_eq!(entra.outcomes(), ["OK", "AADSTS700213"]);
}

#[test]
fn public_cloud_is_called_by_its_real_name() {
    let entra = Entra::new();
    let authority = Authority::new();
    let names = entra.service.real_names(&authority);
    let proxy = Proxy::start(names.route());
    let plugin = entra
        .get_token()
        .env_remove("AZURE_AUTHORITY_HOST")
        .env("HTTPS_PROXY", proxy.url())
        .file("authority.pem", authority.pem());
    let authority = plugin.path("authority.pem");
    let token = plugin.env("SSL_CERT_FILE", authority).run().token();
    assert_eq!(entra.service.authenticate(&token).as_deref(), Ok(OBJECT));
    let [record] = entra.service.records().try_into().unwrap();
    assert_eq!(record.host, "login.microsoftonline.com");
    assert_eq!(record.path, format!("/{TENANT}/oauth2/v2.0/token"));
    assert!(record.user_agent.starts_with("kubectl-esc/"), "{record:?}");
}

#[test]
fn busy_service_is_called_again() {
    let entra = Entra::new();
    let error = EntraError::new(503, "temporarily_unavailable", 90033, "A transient error.");
    entra.service.fail(Failure::Error(error), 1);
    assert_eq!(entra.get_token().without_log().run().code, 0);
    assert_eq!(entra.outcomes(), ["AADSTS90033", "OK"]);
}
