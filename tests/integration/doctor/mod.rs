//! `doctor` reports which step fails.

mod broken;
mod environment;
mod exec_entry;
mod gke_and_aks;
mod servers;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use stand_ins::MARKER;
use stand_ins::api_server::ApiServer;
use stand_ins::proxy::Proxy;
use stand_ins::pulumi_cloud::configuration::TOKEN;
use stand_ins::sts::RealNames;
use stand_ins::tls::Authority;
use token_verifier::Verifier;

use crate::cloud::PulumiCloudFixture;
use crate::support::aws::Aws;
use crate::support::plugin::{self, Output, Plugin, TIME_LIMIT};

const STEPS: [&str; 10] = [
    "kubeconfig",
    "login",
    "environment",
    "credentials",
    "cluster",
    "token",
    "aws-sts",
    "api-server",
    "clock",
    "cache",
];

/// Environments besides `acme/platform/prod`, by their names in the project `test`.
const ENVIRONMENTS: [(&str, &str); 5] = [
    ("broken", "values: {a: '${nothing}'}"),
    (
        "none",
        "values: {eks: {clusterName: prod, region: eu-west-1}}",
    ),
    (
        "nameless",
        "values: {aws: {accessKeyId: AKIAEXAMPLE, secretAccessKey: hunter2hunter2}}",
    ),
    (
        "unknown",
        "values: {aws: {accessKeyId: AKIAUNKNOWN, secretAccessKey: hunter2hunter2}}",
    ),
    (
        "long",
        "values: {aws: {accessKeyId: ASIAEXAMPLE, secretAccessKey: hunter2hunter2, sessionToken: LONG}}",
    ),
];

/// A context `prod` in which everything works, for a test to break.
struct Fixture {
    pulumi_cloud: PulumiCloudFixture,
    aws: Aws,
    api_server: ApiServer,
    /// Leads to AWS STS.
    proxy: Proxy,
    /// Leads from the names of EKS clusters to the API server.
    eks_proxy: Proxy,
    _names: RealNames,
    kubeconfig: Value,
    arguments: Vec<String>,
    variables: BTreeMap<String, String>,
    files: Vec<(String, Vec<u8>)>,
}

/// The results of a run as text and of one as JSON.
struct Diagnosis {
    text: Output,
    json: Output,
    steps: Vec<Value>,
}

impl Fixture {
    fn new() -> Self {
        let pulumi_cloud = PulumiCloudFixture::with(|configuration| {
            for (name, definition) in ENVIRONMENTS {
                let definition = definition.replace("LONG", &"x".repeat(12_000));
                *configuration = configuration.clone().environment("test", name, &definition);
            }
        });
        let aws = pulumi_cloud.aws();
        let verifier = Verifier::new("aws", "eu-west-1");
        let api_server = ApiServer::start("prod", verifier, &aws.sts);
        let authority = Authority::new();
        let names = aws.sts.real_names(&authority);
        let proxy = Proxy::start(names.route());
        let program = plugin::program().canonicalize().expect("the binary");
        let variables = [
            ("AWS_CA_BUNDLE", "authority.pem".to_owned()),
            ("AWS_ENDPOINT_URL_STS", aws.sts.url()),
            ("HTTPS_PROXY", proxy.url()),
            ("KUBECONFIG", "config".to_owned()),
            (
                "PATH",
                program.parent().expect("a folder").display().to_string(),
            ),
            ("PULUMI_ACCESS_TOKEN", TOKEN.to_owned()),
            ("PULUMI_BACKEND_URL", pulumi_cloud.url()),
        ];
        Self {
            kubeconfig: kubeconfig(&api_server),
            eks_proxy: Proxy::start(api_server.route()),
            pulumi_cloud,
            aws,
            api_server,
            proxy,
            _names: names,
            arguments: vec!["doctor".to_owned()],
            variables: variables
                .map(|(name, value)| (name.to_owned(), value))
                .into(),
            files: vec![("authority.pem".to_owned(), authority.pem().into())],
        }
    }

    /// The exec entry of the user.
    fn exec(&mut self) -> &mut Value {
        &mut self.kubeconfig["users"][0]["user"]["exec"]
    }

    /// The settings of the cluster.
    fn cluster(&mut self) -> &mut Value {
        &mut self.kubeconfig["clusters"][0]["cluster"]
    }

    fn set(&mut self, variable: &str, value: impl Into<String>) {
        self.variables.insert(variable.to_owned(), value.into());
    }

    /// Replaces the environment of the user.
    fn open(&mut self, environment: &str) {
        self.exec()["args"][1] = environment.into();
    }

    fn file(&mut self, path: &str, content: impl Into<Vec<u8>>) {
        self.files.push((path.to_owned(), content.into()));
    }

    /// The call of the binary, with all files.
    fn plugin(&self) -> Plugin {
        let kubeconfig = self.kubeconfig.to_string();
        let mut plugin = Plugin::new();
        if !self.kubeconfig.is_null() {
            plugin = plugin.file("config", kubeconfig);
        }
        for (path, content) in &self.files {
            plugin = plugin.file(path, content);
        }
        for (name, value) in &self.variables {
            plugin = plugin.env(name, value);
        }
        plugin.args(&self.arguments)
    }

    /// Runs it as text and as JSON, and asserts that both say the same.
    #[track_caller]
    fn diagnose(&self) -> Diagnosis {
        Diagnosis::of(self.plugin())
    }
}

impl Diagnosis {
    #[track_caller]
    fn of(plugin: Plugin) -> Self {
        Self::with_steps(plugin, &STEPS)
    }

    #[track_caller]
    fn with_steps(plugin: Plugin, names: &[&str]) -> Self {
        let plugin = plugin.without_log();
        let text = plugin.run_command(TIME_LIMIT);
        let json = plugin.args(["-o", "json"]).run_command(TIME_LIMIT);
        assert_eq!(text.stderr, "", "{text:#?}");
        assert_eq!(json.stderr, "", "{json:#?}");
        assert_eq!(text.code, json.code);
        let report: Value = serde_json::from_str(&json.stdout).expect("JSON");
        let steps = report["steps"].as_array().expect("steps").clone();
        let diagnosis = Self { text, json, steps };
        diagnosis.assert_consistent(names);
        diagnosis
    }

    /// Both forms list all steps in order, with the same results.
    #[track_caller]
    fn assert_consistent(&self, expected: &[&str]) {
        let names: Vec<_> = self.steps.iter().map(|step| &step["name"]).collect();
        assert_eq!(names, expected, "{:#?}", self.json);
        let in_text: Vec<_> = self
            .text
            .stdout
            .lines()
            .filter(|line| !line.starts_with(' '))
            .map(|line| {
                let (status, rest) = line.split_once(' ').expect("a status");
                (
                    status,
                    rest.trim_start().split_once(": ").expect("a step").0,
                )
            })
            .collect();
        let in_json: Vec<_> = self
            .steps
            .iter()
            .map(|step| {
                (
                    step["status"].as_str().unwrap(),
                    step["name"].as_str().unwrap(),
                )
            })
            .collect();
        assert_eq!(in_text, in_json, "{:#?}", self.text);
        for secret in [TOKEN, MARKER, "hunter2", "k8s-aws-v1."] {
            assert!(!self.json.stdout.contains(secret), "{:#?}", self.json);
        }
    }

    /// The step of this name.
    #[track_caller]
    fn step(&self, name: &str) -> &Value {
        let mut steps = self.steps.iter();
        steps.find(|step| step["name"] == name).expect("the step")
    }

    #[track_caller]
    fn text_of(&self, name: &str, field: &str) -> &str {
        self.step(name)[field].as_str().unwrap_or_default()
    }

    /// The names of the steps with this status.
    fn with_status(&self, status: &str) -> Vec<&str> {
        let steps = self.steps.iter().filter(|step| step["status"] == status);
        steps.map(|step| step["name"].as_str().unwrap()).collect()
    }

    /// Asserts that the step has this status, and that its detail and hint contain these texts.
    #[track_caller]
    fn assert_step(&self, name: &str, status: &str, detail: &str, hint: &str) {
        let step = self.step(name);
        assert_eq!(step["status"], status, "{:#?}", self.json);
        assert!(self.text_of(name, "detail").contains(detail), "{step:#?}");
        assert!(self.text_of(name, "hint").contains(hint), "{step:#?}");
    }
}

fn kubeconfig(api_server: &ApiServer) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "prod",
        "contexts": [{"name": "prod", "context": {"cluster": "prod", "user": "prod"}}],
        "clusters": [{
            "name": "prod",
            "cluster": {
                "server": api_server.url(),
                "certificate-authority-data": api_server.authority_data(),
            },
        }],
        "users": [{
            "name": "prod",
            "user": {"exec": {
                "apiVersion": "client.authentication.k8s.io/v1",
                "command": "kubectl-esc",
                "args": [
                    "get-token", "acme/platform/prod", "--cluster-name", "prod", "--region",
                    "eu-west-1",
                ],
                "env": [],
                "interactiveMode": "Never",
                "provideClusterInfo": false,
            }},
        }],
    })
}
