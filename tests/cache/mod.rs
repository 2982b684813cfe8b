//! The cache, through the binary.

mod clock;
mod commands;
mod crowd;
mod failures;
mod files;
mod format;
mod heavy;
mod identity;
#[cfg(unix)]
mod kills;
mod logins;
mod outage;
mod refresh;
mod secrets;
mod storm;
mod waiting;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use clap::Parser;
use kubectl_esc::authenticate::authenticate;
use kubectl_esc::clock::{Clock, Timestamp};
use kubectl_esc::config::{CacheFlags, GetTokenFlags};
use kubectl_esc::host::Host;
use kubectl_esc::log::Log;
use serde_json::{Value, json};

use crate::cloud::Setting;
use crate::support::base64;
use crate::support::plugin::{LIMIT, Output, Plugin, run};
use crate::support::pulumi_cloud::configuration::{
    Configuration, ORGANISATION_TOKEN, STRANGERS_TOKEN, TEAM_TOKEN, TOKEN,
};
use crate::support::sts::configuration::{EXTERNAL_ID, SECOND_ROLE};
use crate::support::world::World;

/// The environment of the stand-in's example.
const ENVIRONMENT: &str = "acme/platform/prod";

/// Opened on this machine, with an identity token that is exchanged at STS.
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

/// A machine before Pulumi Cloud and AWS.
struct Scene {
    setting: Setting,
    world: World,
    plugin: Plugin,
    /// What has to stay out of the cache, besides what STS knows.
    secrets: Vec<String>,
}

impl Scene {
    /// A call for an environment in Pulumi Cloud.
    fn cloud() -> Self {
        Self::cloud_with(|_| ())
    }

    /// The same with something else in Pulumi Cloud.
    fn cloud_with(change: impl FnOnce(&mut Configuration)) -> Self {
        let setting = Setting::with(change);
        let plugin = setting.get_token(ENVIRONMENT);
        Self::new(setting, plugin)
    }

    /// A call for the definition `env.yaml` on this machine, with an identity token that is good
    /// for hours.
    fn local(definition: &str) -> Self {
        let setting = Setting::new();
        let identity = identity(&setting, "dev");
        let plugin = setting
            .stranger()
            .file("env.yaml", definition)
            .file("identity", &identity)
            .arg("get-token");
        let path = |name| plugin.path(name);
        let (definition, identity_file) = (path("env.yaml"), path("identity"));
        let plugin = plugin
            .arg(definition)
            .env("AWS_WEB_IDENTITY_TOKEN_FILE", identity_file);
        let mut scene = Self::new(setting, plugin);
        scene.secrets.push(identity);
        scene
    }

    fn new(setting: Setting, plugin: Plugin) -> Self {
        let tokens = [TOKEN, ORGANISATION_TOKEN, TEAM_TOKEN, STRANGERS_TOKEN];
        Self {
            world: setting.world(),
            setting,
            plugin,
            secrets: tokens.map(str::to_owned).to_vec(),
        }
    }

    /// The same scene with another call.
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

    /// Makes the call otherwise. Whatever it does, no secret is left behind in the clear.
    #[track_caller]
    fn run_with(&self, change: impl FnOnce(&mut Command)) -> Output {
        let mut command = self.plugin.command();
        change(&mut command);
        let output = run(command, LIMIT);
        assert!(output.code == 0 || output.stdout.is_empty(), "{output:?}");
        self.assert_sealed();
        output
    }

    /// Makes the call at another time, as a machine that is alone in the world.
    fn run_at(&self, seconds_from_now: i64) -> kubectl_esc::error::Result<String> {
        #[derive(Parser)]
        struct Arguments {
            #[command(flatten)]
            flags: GetTokenFlags,
            #[command(flatten)]
            cache: CacheFlags,
        }
        let command = self.plugin.command();
        let arguments = Arguments::parse_from(command.get_args());
        let variables = command.get_envs().map(|(name, value)| {
            let name = name.to_str().expect("a name").to_owned();
            (name, value.expect("a value").to_owned())
        });
        let now = Clock::system().now().shifted(seconds_from_now);
        let host = Host::with(variables, Clock::fixed(now));
        self.world.clock.advance(seconds_from_now);
        let Arguments { flags, cache } = arguments;
        let result = authenticate(&flags, &cache, &host, &Log::disabled());
        self.world.clock.advance(-seconds_from_now);
        self.assert_sealed();
        result.map(|credential| credential.token.expose().clone())
    }

    /// The requests so far that left the machine: those to Pulumi Cloud, those to STS.
    fn requests(&self) -> (usize, usize) {
        let records = self.world.sts.records().into_iter();
        let to_sts = records.filter(|record| record.connection != 0).count();
        (self.setting.calls().len(), to_sts)
    }

    /// What `work` asked for.
    fn requests_of<T>(&self, work: impl FnOnce() -> T) -> (T, (usize, usize)) {
        let before = self.requests();
        let result = work();
        let after = self.requests();
        (result, (after.0 - before.0, after.1 - before.1))
    }

    /// The call gives a good token, and needs the network for it.
    #[track_caller]
    fn assert_miss(&self) {
        let (output, requests) = self.requests_of(|| self.run());
        self.setting.assert_token(&output);
        assert_ne!(requests, (0, 0), "nobody was asked");
    }

    /// The call gives a good token, and needs no network for it.
    #[track_caller]
    fn assert_hit(&self) {
        let (output, requests) = self.requests_of(|| self.run());
        self.setting.assert_token(&output);
        assert_eq!(requests, (0, 0), "somebody was asked");
    }

    /// The place of the cache.
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
            .filter(|path| path.extension().is_some_and(|it| it == ending))
            .collect()
    }

    /// The only file of the cache with this ending.
    #[track_caller]
    fn file(&self, ending: &str) -> PathBuf {
        let files = self.files(ending);
        let [only] = files.as_slice() else {
            panic!("not one file: {files:?}");
        };
        only.clone()
    }

    /// No file of the cache holds a secret, in the clear or in base64, nor a token.
    #[track_caller]
    fn assert_sealed(&self) {
        let Ok(entries) = fs::read_dir(self.folder()) else {
            return;
        };
        let mut forms = vec!["k8s-aws-v1.".to_owned()];
        for secret in self.world.sts.secrets().iter().chain(&self.secrets) {
            assert!(secret.len() > 8, "too short to look for: {secret}");
            forms.push(secret.clone());
            // The three ways in which it may stand within a longer text, less the ends that depend
            // on what is around it.
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
            // What a test put in the place of a file is none.
            let Ok(content) = fs::read(&path) else {
                continue;
            };
            for form in &forms {
                let form = form.as_bytes();
                let shows = content.windows(form.len()).any(|part| part == form);
                assert!(!shows, "a secret in {}", path.display());
            }
        }
    }
}

/// An identity token for the role of the scene, good for hours around now.
fn identity(setting: &Setting, environment: &str) -> String {
    let world = setting.world();
    let subject = format!("pulumi:environments:org:acme:env:{environment}");
    let now = world.clock.now();
    let audience = crate::support::sts::configuration::AUDIENCE;
    let mut claims = world.issuer.claims(audience, &subject, now);
    for (name, at) in [
        ("iat", now - 20_000),
        ("nbf", now - 20_000),
        ("exp", now + 20_000),
    ] {
        claims.insert(name.to_owned(), json!(at));
    }
    world.issuer.sign(&claims)
}

/// The role on top.
fn with_second_role(plugin: Plugin) -> Plugin {
    plugin.args(["--role-arn", SECOND_ROLE, "--external-id", EXTERNAL_ID])
}

/// Gives a call other arguments.
fn replace_arguments(command: &mut Command, arguments: &[&str]) {
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

/// The same call through a shell, whose script has the program and its arguments as `"$@"` and
/// something else as `$0`.
#[cfg(unix)]
fn through_shell(call: &Command, script: &str, zero: &str) -> Command {
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

/// The place of the plugin's cache.
fn folder(plugin: &Plugin) -> PathBuf {
    plugin.path("home/.kube/cache/kubectl-esc")
}

/// The token of a call that may have told of its steps.
#[track_caller]
fn token(output: &Output) -> String {
    assert_eq!(output.code, 0, "{output:?}");
    match serde_json::from_str::<Value>(&output.stdout) {
        Ok(credential) => credential["status"]["token"].as_str().unwrap().to_owned(),
        Err(_) => output.stdout.trim().to_owned(),
    }
}

/// The instant that a credential is told to end.
#[track_caller]
fn end(output: &Output) -> Timestamp {
    let end = &output.credential()["status"]["expirationTimestamp"];
    Timestamp::from_rfc3339(end.as_str().unwrap()).unwrap()
}

#[test]
fn the_second_call_needs_no_network() {
    let scene = Scene::cloud();
    let (output, requests) = scene.requests_of(|| scene.run());
    scene.setting.assert_token(&output);
    assert_eq!(requests, (2, 0));
    scene.assert_hit();
    assert!(scene.folder().is_dir());

    let scene = Scene::local(LOCAL);
    let (output, requests) = scene.requests_of(|| scene.run());
    scene.setting.assert_token(&output);
    assert_eq!(requests, (0, 1));
    scene.assert_hit();
}
