//! `get-token` for GKE: the access token of gcp-login.

use std::fs;
use std::time::Duration;

use encodings::base64::decode_url;
use kubectl_esc::clock::{Clock, Timestamp, format_duration};
use serde_json::Value;
use stand_ins::controlled_server::{Behavior, ControlledServer};
use stand_ins::gcp;

use crate::cache::concurrent_calls::ConcurrentCalls;
use crate::cloud::PulumiCloudFixture;
use crate::support::aws::project_file;
use crate::support::gcp::GoogleCloud;
use crate::support::plugin::{Output, Plugin};

pub(crate) const SERVICE_ACCOUNT: &str = "deploy@acme.iam.gserviceaccount.com";

pub(crate) const LOGIN: &str = "\
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

/// How long before its expiry a token is replaced.
const MARGIN: Duration = Duration::from_mins(1);

/// Pulumi Cloud with an environment `acme/platform/gke`.
pub(crate) fn pulumi_cloud(definition: &str) -> PulumiCloudFixture {
    PulumiCloudFixture::with(|configuration| {
        *configuration = configuration
            .clone()
            .environment("platform", "gke", definition);
    })
}

pub(crate) fn get_token(pulumi_cloud: &PulumiCloudFixture) -> Plugin {
    pulumi_cloud
        .plugin()
        .args(["get-token", "acme/platform/gke"])
}

/// A call for a definition on this machine.
pub(crate) fn local(definition: &str) -> Plugin {
    let plugin = Plugin::new().file("env.yaml", definition);
    let path = plugin.path("env.yaml");
    plugin.arg("get-token").arg(path)
}

/// The claims of a token that Google Cloud issued in the stand-in for Pulumi Cloud.
pub(crate) fn claims(token: &str) -> Value {
    let payload = token.strip_prefix("ya29.").unwrap().split('.').nth(1);
    serde_json::from_slice(&decode_url(payload.unwrap()).unwrap()).unwrap()
}

pub(crate) fn expiry(output: &Output) -> Timestamp {
    let expiry = &output.credential()["status"]["expirationTimestamp"];
    Timestamp::from_rfc3339(expiry.as_str().unwrap()).unwrap()
}

pub(crate) fn now() -> Timestamp {
    Clock::system().now()
}

/// The content of all files in the cache.
pub(crate) fn cached(plugin: &Plugin) -> Vec<u8> {
    let folder = fs::read_dir(plugin.path("home/.kube/cache/kubectl-esc"));
    let files = folder.into_iter().flatten();
    let contents = files.map(|file| fs::read(file.unwrap().path()).unwrap());
    contents.collect::<Vec<_>>().concat()
}

pub(crate) fn contains(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|part| part == text.as_bytes())
}

#[test]
fn token_is_that_of_the_login_and_the_second_call_makes_no_request() {
    let pulumi_cloud = pulumi_cloud(LOGIN);
    let plugin = get_token(&pulumi_cloud);
    let first = plugin.run();
    let token = first.token();
    let claims = claims(&token);
    assert_eq!(claims["sub"], SERVICE_ACCOUNT);
    let issued_at = Timestamp::from_unix(claims["iat"].as_i64().unwrap());
    let lifetime = Duration::from_hours(1);
    assert_eq!(expiry(&first), issued_at.plus(lifetime).minus(MARGIN));
    assert_eq!(pulumi_cloud.calls().len(), 2);

    assert_eq!(plugin.run(), first);
    let only = plugin.arg("--token-only");
    only.run().assert(&format!("{token}\n"), "", 0);
    assert_eq!(pulumi_cloud.calls().len(), 2, "from the cache");

    let cached = cached(&only);
    assert!(contains(&cached, "acme/platform/gke"));
    let signature = token.rsplit('.').next().unwrap();
    for secret in [token.as_str(), signature, "ya29."] {
        assert!(!contains(&cached, secret), "{secret} is in the cache");
    }
}

#[test]
fn local_login_makes_two_requests_and_is_cached() {
    let google = GoogleCloud::new();
    let plugin = google
        .plugin()
        .file("env.yaml", project_file("examples/environments/gcp.yaml"))
        .file("identity", google.identity())
        .args(["get-token", "./env.yaml"])
        .args(["--web-identity-token-file", "identity"]);
    let first = plugin.run();
    let token = first.token();
    let user = google.services.authenticate(&token);
    assert_eq!(user.as_deref(), Ok(gcp::configuration::SERVICE_ACCOUNT));
    assert_eq!(google.services.calls().len(), 2);
    assert_eq!(plugin.run(), first);
    assert_eq!(google.services.calls().len(), 2, "from the cache");
    assert!(!contains(&cached(&plugin), &token));
}

#[test]
fn failed_login_is_reported_as_by_open() {
    let google = GoogleCloud::with(|configuration| configuration.providers[0].disabled = true);
    let plugin = google.open(&project_file("examples/environments/gcp.yaml"));
    let wanted = plugin.run();
    assert!(wanted.stderr.contains("invalid_target"), "{wanted:?}");
    let get_token = google
        .plugin()
        .file("env.yaml", project_file("examples/environments/gcp.yaml"))
        .file("identity", google.identity())
        .args(["get-token", "env.yaml"])
        .args(["--web-identity-token-file", "identity"]);
    get_token.run().assert_fails(&wanted.stderr, 4);
}

#[test]
fn access_token_is_never_logged() {
    let pulumi_cloud = pulumi_cloud(LOGIN);
    let plugin = get_token(&pulumi_cloud).arg("-vv");
    for cause in [
        "the access token at `gcp.login` is valid until ",
        "using cached credentials",
    ] {
        let output = plugin.run();
        assert_eq!(output.code, 0, "{output:?}");
        assert!(output.stderr.contains(cause), "{output:?}");
        let credential: Value = serde_json::from_str(&output.stdout).unwrap();
        let token = credential["status"]["token"].as_str().unwrap();
        for part in token.split('.').filter(|part| part.len() > 4) {
            assert!(!output.stderr.contains(part), "{output:?}");
        }
    }
}

#[test]
fn lifetime_is_stated_or_configured_or_fifteen_minutes() {
    let login =
        |more: &str| format!("values: {{gcp: {{accessToken: ya29.x, tokenType: bearer{more}}}}}");
    let open = |more: &str| {
        format!(
            "values: {{gcp: {{fn::open::gcp-login: {{project: 1, accessToken: {{accessToken: \
             ya29.x{more}}}}}}}}}"
        )
    };
    let lifetime_in_environment =
        login("").replace("{gcp:", "{kubernetes: {credentialLifetime: 20m}, gcp:");
    for (definition, flags, want) in [
        (login(""), &[][..], "15m"),
        (login(""), &["--credential-lifetime", "30m"], "30m"),
        (lifetime_in_environment, &[], "20m"),
        (open(""), &[], "15m"),
        (
            open(", tokenLifetime: 45m"),
            &["--credential-lifetime", "30m"],
            "45m",
        ),
        (login(""), &["--credential-lifetime", "999999999h"], "8760h"),
        (
            LOGIN.replace("oidc:\n", "oidc:\n          tokenLifetime: 2h\n"),
            &["--credential-lifetime", "30m"],
            "2h",
        ),
    ] {
        let pulumi_cloud = pulumi_cloud(&definition);
        let plugin = get_token(&pulumi_cloud).args(flags);
        let before = now();
        let lifetime = expiry(&plugin.run()).plus(MARGIN).since(before);
        let elapsed = now().since(before);
        let wanted = kubectl_esc::clock::parse_duration(want).unwrap();
        let range = wanted..=wanted + elapsed;
        assert!(
            range.contains(&lifetime),
            "{definition}: {}",
            format_duration(lifetime)
        );
    }
}

#[test]
fn token_is_renewed_early_and_used_if_that_fails() {
    for (behavior, is_renewed) in [(Behavior::Close, false), (Behavior::Answer, true)] {
        let pulumi_cloud = pulumi_cloud(LOGIN);
        let cloud = pulumi_cloud.stand_in().clone();
        let server =
            ControlledServer::in_front_of(Behavior::Answer, move |request| cloud.answer(request));
        let plugin = get_token(&pulumi_cloud).env("PULUMI_BACKEND_URL", server.url());
        // Three quarters of its lifetime have passed.
        let clock = pulumi_cloud.aws().clock;
        clock.advance(-3_000);
        let credential = plugin.get_token_at(-3_000).unwrap();
        clock.advance(3_000);
        assert_eq!(server.requests(), 2);
        server.set(behavior);
        let token = plugin.run().token();
        assert_eq!(token != *credential.token.expose(), is_renewed);
        assert!(server.requests() > 2);
        assert_eq!(plugin.run().token(), token);
    }
}

#[test]
fn concurrent_calls_open_the_environment_once() {
    const CALLS: usize = 6;
    let pulumi_cloud = pulumi_cloud(LOGIN);
    let cloud = pulumi_cloud.stand_in().clone();
    let server =
        ControlledServer::in_front_of(Behavior::Hold, move |request| cloud.answer(request));
    let plugin = get_token(&pulumi_cloud)
        .env("PULUMI_BACKEND_URL", server.url())
        .args(["-v", "--timeout", "55s"]);
    let calls = ConcurrentCalls::start(CALLS, || plugin.command());
    calls.wait_until_waiting(CALLS - 1);
    server.set(Behavior::Answer);
    let outputs = calls.outputs();
    let tokens: Vec<_> = outputs.iter().map(|output| &output.stdout).collect();
    assert!(
        tokens.iter().all(|token| *token == tokens[0]),
        "{outputs:?}"
    );
    assert!(tokens[0].contains("ya29."));
    assert_eq!(server.requests(), 2);
}

#[test]
fn token_stored_in_a_local_definition_is_not_cached() {
    let plugin = local("values: {gcp: {accessToken: ya29.example, tokenType: Bearer}}");
    assert_eq!(plugin.run().token(), "ya29.example");
    let plugin = plugin.file(
        "env.yaml",
        "values: {gcp: {accessToken: ya29.other, tokenType: Bearer}}",
    );
    assert_eq!(plugin.run().token(), "ya29.other");
    assert!(!contains(&cached(&plugin), "ya29"));
    let list = Plugin::new()
        .env("KUBECTL_ESC_CACHE_DIR", plugin.path("home/.kube/cache"))
        .args(["cache", "list"]);
    assert_eq!(list.run().stdout.lines().count(), 1);
}

#[test]
fn cache_list_shows_the_provider() {
    let pulumi_cloud = pulumi_cloud(LOGIN);
    let plugin = get_token(&pulumi_cloud);
    plugin.run().token();
    let list = Plugin::new()
        .env("KUBECTL_ESC_CACHE_DIR", plugin.path("home/.kube/cache"))
        .args(["cache", "list"]);
    let text = list.run().stdout;
    let cells: Vec<_> = text.lines().nth(1).unwrap().split_whitespace().collect();
    let expected = ["acme/platform/gke", "credentials", "gke", "-", "-", "-"];
    assert_eq!(cells[..6], expected);
    let json = list.args(["-o", "json"]).run().stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    let entry = &json["entries"][0];
    assert_eq!(entry["kind"], "credentials");
    assert_eq!(entry["provider"], "gke");
    assert_eq!(entry["cluster"], Value::Null);
}

#[test]
fn malformed_logins_are_explained() {
    let hint = "pass the path of an object with `accessToken` and `tokenType`, such as the output of \
                `fn::open::gcp-login`";
    let time = "use RFC 3339, such as 2030-01-31T09:30:00Z";
    let text = "use a string without spaces or line breaks";
    let bearer = "use the output of `fn::open::gcp-login`: GKE accepts bearer tokens only";
    for (login, path, message, hint) in [
        (
            "a",
            Some("gcp.x"),
            "`gcp.x` in the environment does not exist",
            hint,
        ),
        (
            "a",
            Some("gcp"),
            "`gcp` in the environment is not an object",
            hint,
        ),
        (
            "{tokenType: Bearer}",
            Some("gcp"),
            "`gcp` in the environment has no `accessToken`",
            hint,
        ),
        (
            "{accessToken: hunter2 hunter2, tokenType: Bearer}",
            None,
            "`gcp.accessToken` in the environment is not a valid access token",
            text,
        ),
        (
            "{accessToken: [hunter2], tokenType: Bearer}",
            None,
            "`gcp.accessToken` in the environment is not a valid access token",
            text,
        ),
        (
            "{accessToken: hunter2, tokenType: MAC}",
            None,
            "`gcp.tokenType` in the environment is not `Bearer`",
            bearer,
        ),
        (
            "{accessToken: hunter2, tokenType: [Bearer]}",
            None,
            "`gcp.tokenType` in the environment is not `Bearer`",
            bearer,
        ),
        (
            "{accessToken: hunter2, tokenType: Bearer, expiry: soon}",
            None,
            "`gcp.expiry` in the environment is not a valid time",
            time,
        ),
        (
            "{accessToken: hunter2, tokenType: Bearer, expiry: 1700000000}",
            None,
            "`gcp.expiry` in the environment is not a valid time",
            time,
        ),
        (
            "{accessToken: hunter2, tokenType: Bearer, expiry: '2023-11-09T11:12:41Z'}",
            None,
            "the access token at `gcp` expired at 2023-11-09T11:12:41Z",
            "get a token that lasts longer, and check this machine's clock",
        ),
        (
            "{}",
            None,
            "the environment contains no login to Google Cloud",
            "add `fn::open::gcp-login` to it, or pass the path of its output with `--credentials PATH`",
        ),
        (
            "{a: {accessToken: x, tokenType: Bearer}, b: {accessToken: y, tokenType: Bearer}}",
            None,
            "the environment contains several logins to Google Cloud: `gcp.a`, `gcp.b`",
            "choose one with `--credentials PATH`, or with `kubernetes.credentials` in the environment",
        ),
    ] {
        let plugin = local(&format!("values: {{gcp: {login}}}")).args(["--provider", "gke"]);
        let plugin = path
            .into_iter()
            .fold(plugin, |plugin, path| plugin.args(["--credentials", path]));
        let stderr = format!("kubectl-esc: {message}\n  hint: {hint}\n");
        plugin.run().assert_fails(&stderr, 6);
    }
}

#[test]
fn tokens_that_expire_within_a_minute_are_rejected() {
    let soon = now().plus(Duration::from_secs(50));
    let definition =
        format!("values: {{gcp: {{accessToken: ya29.x, tokenType: Bearer, expiry: '{soon}'}}}}");
    let output = local(&definition).run();
    assert_eq!(output.code, 6);
    let message = format!("the access token at `gcp` expires too soon, at {soon}");
    let expired = format!("the access token at `gcp` expired at {soon}");
    assert!(
        output.stderr.contains(&message) || output.stderr.contains(&expired),
        "{output:?}"
    );
}

#[test]
fn same_token_at_several_paths_is_one_login() {
    let definition = "values:\n  a: {accessToken: ya29.x, tokenType: Bearer}\n  b: ${a}\n";
    assert_eq!(local(definition).run().token(), "ya29.x");
}
