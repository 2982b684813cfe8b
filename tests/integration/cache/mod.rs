//! The credential cache, through the binary.

mod cache_key;
mod clock;
mod commands;
pub(crate) mod concurrent_calls;
mod failures;
mod files;
mod format;
#[cfg(unix)]
mod killed_calls;
mod lock_waiting;
#[cfg(unix)]
mod locked_login;
mod outage;
mod refresh;
mod renewed_login;
mod secrets;
mod shared_environment;
mod single_flight;
mod stress_settings;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use encodings::base64;
use kubectl_esc::clock::Timestamp;
use serde_json::{Value, json};
use stand_ins::pulumi_cloud::configuration::{
    Configuration, ORGANIZATION_TOKEN, STRANGERS_TOKEN, TEAM_TOKEN, TOKEN,
};
use stand_ins::sts::configuration::{EXTERNAL_ID, SECOND_ROLE};

use crate::cloud::PulumiCloudFixture;
use crate::support::aws::Aws;
use crate::support::plugin::{Output, Plugin, TIME_LIMIT, run};

/// The environment of the stand-in's example.
const ENVIRONMENT: &str = "acme/platform/prod";

/// A local definition, whose identity token is exchanged at STS.
const LOCAL: &str = "\
values:
  aws:
    fn::open::aws-login:
      oidc:
        roleArn: arn:aws:iam::123456789012:role/esc-oidc
        sessionName: local
        duration: 1h
  eks: {clusterName: prod, region: eu-west-1}
";

/// A call with Pulumi Cloud, AWS and a home directory.
struct CacheFixture {
    pulumi_cloud: PulumiCloudFixture,
    aws: Aws,
    plugin: Plugin,
    /// Secrets that must not be in the cache, besides those of STS.
    secrets: Vec<String>,
}

impl CacheFixture {
    /// A call for an environment in Pulumi Cloud.
    fn cloud() -> Self {
        Self::cloud_with(|_| ())
    }

    /// The same with a changed Pulumi Cloud.
    fn cloud_with(change: impl FnOnce(&mut Configuration)) -> Self {
        let pulumi_cloud = PulumiCloudFixture::with(change);
        let plugin = pulumi_cloud.get_token(ENVIRONMENT);
        Self::new(pulumi_cloud, plugin)
    }

    /// A call for the definition `env.yaml` on this machine, with an identity token that is valid
    /// for hours.
    fn local(definition: &str) -> Self {
        let pulumi_cloud = PulumiCloudFixture::new();
        let identity = identity(&pulumi_cloud, "dev");
        let plugin = pulumi_cloud
            .plugin_without_login()
            .file("env.yaml", definition)
            .file("identity", &identity)
            .arg("get-token");
        let path = |name| plugin.path(name);
        let (definition, identity_file) = (path("env.yaml"), path("identity"));
        let plugin = plugin
            .arg(definition)
            .env("AWS_WEB_IDENTITY_TOKEN_FILE", identity_file);
        let mut fixture = Self::new(pulumi_cloud, plugin);
        fixture.secrets.push(identity);
        fixture
    }

    fn new(pulumi_cloud: PulumiCloudFixture, plugin: Plugin) -> Self {
        let tokens = [TOKEN, ORGANIZATION_TOKEN, TEAM_TOKEN, STRANGERS_TOKEN];
        Self {
            aws: pulumi_cloud.aws(),
            pulumi_cloud,
            plugin,
            secrets: tokens.map(str::to_owned).to_vec(),
        }
    }

    /// The same fixture with another call.
    fn with(self, change: impl FnOnce(Plugin) -> Plugin) -> Self {
        Self {
            plugin: change(self.plugin),
            ..self
        }
    }

    /// Makes the call.
    #[track_caller]
    fn run(&self) -> Output {
        self.run_with(|_| ())
    }

    /// Makes the call with a change, and asserts that the cache contains no secret.
    #[track_caller]
    fn run_with(&self, change: impl FnOnce(&mut Command)) -> Output {
        let mut command = self.plugin.command();
        change(&mut command);
        let output = run(command, TIME_LIMIT);
        assert!(output.code == 0 || output.stdout.is_empty(), "{output:?}");
        self.assert_sealed();
        output
    }

    /// Makes the call through the library at another time, without waiting for other processes.
    fn run_at(&self, seconds_from_now: i64) -> kubectl_esc::error::Result<String> {
        self.aws.clock.advance(seconds_from_now);
        let result = self.plugin.get_token_at(seconds_from_now);
        self.aws.clock.advance(-seconds_from_now);
        self.assert_sealed();
        result.map(|credential| credential.token.expose().clone())
    }

    /// The number of requests so far to Pulumi Cloud and to STS.
    fn requests(&self) -> (usize, usize) {
        let records = self.aws.sts.records().into_iter();
        let to_sts = records.filter(|record| record.connection != 0).count();
        (self.pulumi_cloud.calls().len(), to_sts)
    }

    /// Runs `work`, and counts its requests.
    fn requests_of<T>(&self, work: impl FnOnce() -> T) -> (T, (usize, usize)) {
        let before = self.requests();
        let result = work();
        let after = self.requests();
        (result, (after.0 - before.0, after.1 - before.1))
    }

    /// Asserts that the call returns a valid token, and needs the network without the shared environment.
    #[track_caller]
    fn assert_miss(&self) {
        self.remove_opened();
        let (output, requests) = self.requests_of(|| self.run());
        self.pulumi_cloud.assert_token(&output);
        assert_ne!(requests, (0, 0), "no request was made");
    }

    /// Asserts that the call returns a valid token without the network.
    #[track_caller]
    fn assert_hit(&self) {
        let (output, requests) = self.requests_of(|| self.run());
        self.pulumi_cloud.assert_token(&output);
        assert_eq!(requests, (0, 0), "a request was made");
    }

    /// The cache folder.
    fn folder(&self) -> PathBuf {
        folder(&self.plugin)
    }

    /// The files of the cache with this ending.
    fn files(&self, ending: &str) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.folder()) else {
            return Vec::new();
        };
        let paths = entries.map(|entry| entry.unwrap().path());
        paths
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == ending)
            })
            .collect()
    }

    /// Removes the opened environments, so that a call without credentials opens its environment.
    fn remove_opened(&self) {
        for path in self.files("opened") {
            let _ = fs::remove_file(path);
        }
    }

    /// Removes the only entry with credentials, and the opened environments.
    #[track_caller]
    fn remove_entries(&self) {
        fs::remove_file(self.file("entry")).unwrap();
        self.remove_opened();
    }

    /// The only file of the cache with this ending.
    #[track_caller]
    fn file(&self, ending: &str) -> PathBuf {
        let files = self.files(ending);
        let [only] = files.as_slice() else {
            panic!("expected one file: {files:?}");
        };
        only.clone()
    }

    /// Asserts that no cache file contains a secret, in plain text or base64, or a token.
    #[track_caller]
    fn assert_sealed(&self) {
        let Ok(entries) = fs::read_dir(self.folder()) else {
            return;
        };
        let mut forms = vec!["k8s-aws-v1.".to_owned()];
        for secret in self.aws.sts.secrets().iter().chain(&self.secrets) {
            assert!(secret.len() > 8, "too short to look for: {secret}");
            forms.push(secret.clone());
            // The three base64 alignments within a longer text, less the ends that depend on the
            // text around it.
            for lead in ["", "x", "xx"] {
                let text = format!("{lead}{secret}");
                for encode in [base64::encode_standard, base64::encode_url] {
                    let encoded = encode(text.as_bytes());
                    forms.push(encoded[4..encoded.len() - 3].to_owned());
                }
            }
        }
        for entry in entries {
            let path = entry.unwrap().path();
            // A test may have replaced a file with something else.
            let Ok(content) = fs::read(&path) else {
                continue;
            };
            for form in &forms {
                let form = form.as_bytes();
                let is_contained = content.windows(form.len()).any(|part| part == form);
                assert!(!is_contained, "a secret in {}", path.display());
            }
        }
    }
}

/// An identity token for the role of the fixture, valid for hours around now.
fn identity(pulumi_cloud: &PulumiCloudFixture, environment: &str) -> String {
    let aws = pulumi_cloud.aws();
    let subject = format!("pulumi:environments:org:acme:env:{environment}");
    let now = aws.clock.now();
    let audience = stand_ins::sts::configuration::AUDIENCE;
    let mut claims = aws.issuer.claims(audience, &subject, now);
    for (name, at) in [
        ("iat", now - 20_000),
        ("nbf", now - 20_000),
        ("exp", now + 20_000),
    ] {
        claims.insert(name.to_owned(), json!(at));
    }
    aws.issuer.sign(&claims)
}

/// Adds a role to assume.
fn with_second_role(plugin: Plugin) -> Plugin {
    plugin.args(["--role-arn", SECOND_ROLE, "--external-id", EXTERNAL_ID])
}

/// Replaces the arguments of a call.
pub(crate) fn replace_arguments(command: &mut Command, arguments: &[&str]) {
    let mut other = Command::new(command.get_program());
    other.args(arguments).env_clear();
    for (name, value) in command.get_envs() {
        other.env(name, value.expect("a value"));
    }
    if let Some(folder) = command.get_current_dir() {
        other.current_dir(folder);
    }
    *command = other;
}

/// The same call through a shell script, in which `"$@"` is the program with its arguments, and `$0` is
/// `zero`.
#[cfg(unix)]
pub(crate) fn through_shell(call: &Command, script: &str, zero: &str) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", script, zero])
        .arg(call.get_program())
        .args(call.get_args())
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    for (name, value) in call.get_envs() {
        command.env(name, value.expect("a value"));
    }
    if let Some(folder) = call.get_current_dir() {
        command.current_dir(folder);
    }
    command
}

/// The plugin's cache folder.
fn folder(plugin: &Plugin) -> PathBuf {
    plugin.path("home/.kube/cache/kubectl-esc")
}

/// The token of a call that may have logged its steps.
#[track_caller]
fn token(output: &Output) -> String {
    assert_eq!(output.code, 0, "{output:?}");
    match serde_json::from_str::<Value>(&output.stdout) {
        Ok(credential) => credential["status"]["token"].as_str().unwrap().to_owned(),
        Err(_) => output.stdout.trim().to_owned(),
    }
}

/// The expiry of a credential.
#[track_caller]
fn expiry(output: &Output) -> Timestamp {
    let expiry = &output.credential()["status"]["expirationTimestamp"];
    Timestamp::from_rfc3339(expiry.as_str().unwrap()).unwrap()
}

#[test]
fn second_call_needs_no_network() {
    let fixture = CacheFixture::cloud();
    let (output, requests) = fixture.requests_of(|| fixture.run());
    fixture.pulumi_cloud.assert_token(&output);
    assert_eq!(requests, (2, 0));
    fixture.assert_hit();
    assert!(fixture.folder().is_dir());

    let fixture = CacheFixture::local(LOCAL);
    let (output, requests) = fixture.requests_of(|| fixture.run());
    fixture.pulumi_cloud.assert_token(&output);
    assert_eq!(requests, (0, 1));
    fixture.assert_hit();
}
