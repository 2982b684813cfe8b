//! Opens every environment of Pulumi's documentation on Kubernetes locally and in Pulumi Cloud, and
//! compares the values, files and variables.
//!
//! Pulumi Cloud is a stand-in that evaluates with our own evaluator. These tests cover transport (login,
//! sessions, stacks, output), not the semantics of definitions; the conformance and differential tests do
//! that.
//!
//! The definitions are those of the documentation, with its placeholders for account, role and session name
//! filled in. One name differs: `${aws.creds.keyId}` is a property of an older provider, which Pulumi Cloud
//! no longer has. Locally it still works, with a warning.

use std::path::PathBuf;

use serde_json::{Value, json};
use stand_ins::sts::configuration::{AUDIENCE, ROLE};

use crate::cloud::PulumiCloudFixture;
use crate::stacks::outputs;
use crate::support::plugin::{Plugin, test_variable};

/// The output of the stack in the documentation, which the fixture has too.
const KUBECONFIG: &str = "{\"apiVersion\":\"v1\",\"clusters\":[{\"cluster\":{\"server\":\
                          \"https://0123456789ABCDEF.gr7.eu-west-1.eks.amazonaws.com\"},\"name\":\
                          \"eks\"}],\"kind\":\"Config\"}";

/// "Generate a kubeconfig file".
const LOCAL_CLUSTER: &str = "\
values:
  files:
    KUBECONFIG: |
      apiVersion: v1
      kind: Config
      clusters:
      - cluster:
          server: https://127.0.0.1:6443
        name: docker-desktop
";

/// "Use stack outputs to generate a kubeconfig file".
const STACK_OUTPUT: &str = "\
values:
  stacks:
    fn::open::pulumi-stacks:
      stacks:
        eks-cluster:
          stack: eks-cluster/demo
  kubeconfig: {'fn::toJSON': \"${stacks.eks-cluster.kubeconfig}\"}
  files:
    KUBECONFIG: ${kubeconfig}
";

/// "Use the kubeconfig in a Pulumi program".
const PULUMI_PROGRAM: &str = "\
values:
  stacks:
    fn::open::pulumi-stacks:
      stacks:
        eks-cluster:
          stack: eks-cluster/demo
  kubeconfig: {'fn::toJSON': \"${stacks.eks-cluster.kubeconfig}\"}
  pulumiConfig:
    kubernetes:kubeconfig: ${kubeconfig}
";

/// "Configure AWS credentials", with the placeholders.
const AWS_CREDENTIALS: &str = "\
values:
  aws:
    creds:
      fn::open::aws-login:
        oidc:
          duration: 1h
          roleArn: arn:aws:iam::0123456789:role/cluster-admin
          sessionName: <your-environment-name>
  environmentVariables:
    AWS_ACCESS_KEY_ID: ${aws.creds.keyId}
    AWS_SECRET_ACCESS_KEY: ${aws.creds.secretAccessKey}
    AWS_SESSION_TOKEN: ${aws.creds.sessionToken}
";

/// "Import another environment".
const IMPORT: &str = "\
imports:
  - aws-access
values:
  stacks:
    fn::open::pulumi-stacks:
      stacks:
        eks-cluster:
          stack: eks-cluster/demo
  kubeconfig: {'fn::toJSON': \"${stacks.eks-cluster.kubeconfig}\"}
  pulumiConfig:
    kubernetes:kubeconfig: ${kubeconfig}
  files:
    KUBECONFIG: ${kubeconfig}
";

/// The AWS environment of the documentation with the placeholders filled in.
fn aws_access() -> String {
    AWS_CREDENTIALS
        .replace("arn:aws:iam::0123456789:role/cluster-admin", ROLE)
        .replace("<your-environment-name>", "docs")
}

/// The same with the current property name of Pulumi Cloud's provider.
fn current_aws_access() -> String {
    aws_access().replace("creds.keyId", "creds.accessKeyId")
}

/// Where an environment is opened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum OpenedBy {
    /// Pulumi Cloud.
    PulumiCloud,
    /// This machine, with the stacks in Pulumi Cloud.
    Local,
    /// This machine, with the stacks in a backend on disk.
    LocalWithFolder,
}

const ALL: [OpenedBy; 3] = [
    OpenedBy::PulumiCloud,
    OpenedBy::Local,
    OpenedBy::LocalWithFolder,
];

struct DocsEnvironment {
    pulumi_cloud: PulumiCloudFixture,
    definition: String,
}

impl DocsEnvironment {
    fn new(definition: &str) -> Self {
        // The state on disk has the same outputs.
        let outputs = outputs();
        let pulumi_cloud = PulumiCloudFixture::with(|configuration| {
            *configuration = configuration
                .clone()
                .stack("eks-cluster/demo", &outputs, &["kubeconfig", "nested"])
                .environment("default", "aws-access", &current_aws_access())
                .environment("docs", "kube", definition);
        });
        Self {
            pulumi_cloud,
            definition: definition.to_owned(),
        }
    }

    /// A call of a command with the environment.
    fn call(&self, opened_by: OpenedBy, command: &str) -> Plugin {
        let plugin = self.pulumi_cloud.plugin();
        if opened_by == OpenedBy::PulumiCloud {
            return plugin.args([command, "acme/docs/kube"]);
        }
        let aws = self.pulumi_cloud.aws();
        let subject = "pulumi:environments:org:acme:env:docs/kube";
        let identity = aws.issuer.token(AUDIENCE, subject, aws.clock.now());
        let plugin = plugin
            .file("kube.yaml", &self.definition)
            .file("aws-access.yaml", current_aws_access())
            .file("identity", identity);
        let identity = plugin.path("identity");
        let plugin = plugin.env("AWS_WEB_IDENTITY_TOKEN_FILE", identity);
        let plugin = match opened_by {
            OpenedBy::LocalWithFolder => {
                let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
                let folder = folder.join("tests/data/pulumi_state/projects");
                plugin
                    .env("PULUMI_BACKEND_URL", format!("file://{}", folder.display()))
                    .env("PULUMI_CONFIG_PASSPHRASE", "correct horse")
            }
            _ => plugin,
        };
        plugin.args([command, "./kube.yaml"])
    }

    /// Asserts that `open` prints the same JSON everywhere, and returns it without the credentials, which
    /// differ each time.
    #[track_caller]
    fn assert_opens_the_same(&self, flags: &[&str]) -> Value {
        let opened = ALL.map(|opened_by| {
            let output = self
                .call(opened_by, "open")
                .args(["--format", "json"])
                .args(flags)
                .run();
            assert_eq!(
                (output.code, output.stderr.as_str()),
                (0, ""),
                "{opened_by:?}: {output:#?}"
            );
            let mut opened: Value = serde_json::from_str(&output.stdout).unwrap();
            mask_credentials(&mut opened);
            opened
        });
        let [cloud, local, with_folder] = &opened;
        assert_eq!(local, cloud);
        assert_eq!(with_folder, cloud);
        cloud.clone()
    }

    /// Asserts that a command of `run` gets the same everywhere, and returns it: the start of the access key,
    /// which other credentials are set, and the content of the file that `KUBECONFIG` names.
    #[track_caller]
    fn assert_command_gets_the_same(&self) -> String {
        let script = "printf %s \"$AWS_ACCESS_KEY_ID\" | cut -c1-4\n\
                      test -z \"$AWS_SECRET_ACCESS_KEY\" || echo a secret key\n\
                      test -z \"$AWS_SESSION_TOKEN\" || echo a session token\n\
                      test -z \"$KUBECONFIG\" || cat \"$KUBECONFIG\"";
        let outputs = ALL.map(|opened_by| {
            let call = self
                .call(opened_by, "run")
                .env("PATH", test_variable("PATH").unwrap_or_default())
                .args(["--no-redact", "--", "sh", "-c", script]);
            let output = call.run();
            // `pulumiConfig` alone is not for commands.
            let is_silent = output.stderr.is_empty() != output.stdout.is_empty();
            assert!(output.code == 0 && is_silent, "{opened_by:?}: {output:#?}");
            output.stdout
        });
        let [cloud, local, with_folder] = &outputs;
        assert_eq!(local, cloud);
        assert_eq!(with_folder, cloud);
        cloud.clone()
    }

    /// Asserts that the credentials are those of the role, wherever the environment is opened.
    #[track_caller]
    fn assert_credentials_are_those_of_the_role(&self) {
        let session = format!(
            "arn:aws:sts::123456789012:assumed-role/{}/docs",
            ROLE.rsplit('/').next().unwrap()
        );
        for opened_by in ALL {
            let call = self.call(opened_by, "get-token");
            let call = call.args(["--cluster-name", "eks-demo", "--region", "eu-west-1"]);
            let token = call.run().token();
            let caller = self.pulumi_cloud.aws().caller(&token, "eks-demo");
            assert_eq!(caller.as_deref(), Ok(session.as_str()), "{opened_by:?}");
        }
    }
}

/// Replaces each credential by `…`.
fn mask_credentials(opened: &mut Value) {
    let credentials =
        ["accessKeyId", "secretAccessKey", "sessionToken"].map(|name| ("/aws/creds", name));
    let variables = [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
    ];
    let variables = variables.map(|name| ("/environmentVariables", name));
    for (folder, name) in credentials.into_iter().chain(variables) {
        if let Some(value) = opened.pointer_mut(&format!("{folder}/{name}"))
            && *value != "[secret]"
        {
            assert!(
                value.as_str().is_some_and(|text| text.len() >= 16),
                "{name}"
            );
            *value = json!("…");
        }
    }
}

#[test]
fn kubeconfig_of_a_local_cluster_is_the_same_everywhere() {
    let environment = DocsEnvironment::new(LOCAL_CLUSTER);
    let text = "apiVersion: v1\nkind: Config\nclusters:\n- cluster:\n    server: \
                https://127.0.0.1:6443\n  name: docker-desktop\n";
    assert_eq!(
        environment.assert_opens_the_same(&[]),
        json!({"files": {"KUBECONFIG": text}})
    );
    if cfg!(unix) {
        assert_eq!(environment.assert_command_gets_the_same(), text);
    }
}

#[test]
fn kubeconfig_of_a_stack_output_is_the_same_everywhere() {
    let environment = DocsEnvironment::new(STACK_OUTPUT);
    let opened = environment.assert_opens_the_same(&["files"]);
    assert_eq!(opened, json!({"KUBECONFIG": KUBECONFIG}));
    let opened = environment.assert_opens_the_same(&["stacks.eks-cluster.kubeconfig"]);
    let kubeconfig: Value = serde_json::from_str(KUBECONFIG).unwrap();
    assert_eq!(opened, kubeconfig);
    // The output is a secret, and so is a value made from it.
    let opened = environment.assert_opens_the_same(&["--redact", "files"]);
    assert_eq!(opened, json!({"KUBECONFIG": "[secret]"}));
    if cfg!(unix) {
        assert_eq!(environment.assert_command_gets_the_same(), KUBECONFIG);
    }
}

#[test]
fn pulumi_config_is_the_same_everywhere() {
    let environment = DocsEnvironment::new(PULUMI_PROGRAM);
    let opened = environment.assert_opens_the_same(&[]);
    assert_eq!(
        opened["pulumiConfig"],
        json!({"kubernetes:kubeconfig": KUBECONFIG})
    );
    assert_eq!(opened["kubeconfig"], KUBECONFIG);
    if cfg!(unix) {
        assert_eq!(environment.assert_command_gets_the_same(), "");
    }
}

#[test]
fn aws_credentials_are_the_same_everywhere() {
    let environment = DocsEnvironment::new(&current_aws_access());
    assert_eq!(
        environment.assert_opens_the_same(&[]),
        json!({
            "aws": {"creds": {"accessKeyId": "…", "secretAccessKey": "…", "sessionToken": "…"}},
            "environmentVariables": {
                "AWS_ACCESS_KEY_ID": "…",
                "AWS_SECRET_ACCESS_KEY": "…",
                "AWS_SESSION_TOKEN": "…",
            },
        })
    );
    environment.assert_credentials_are_those_of_the_role();
    if cfg!(unix) {
        assert_eq!(
            environment.assert_command_gets_the_same(),
            "ASIA\na secret key\na session token\n"
        );
    }
}

#[test]
fn deprecated_key_name_works_only_locally() {
    let environment = DocsEnvironment::new(&aws_access());
    for opened_by in [OpenedBy::Local, OpenedBy::LocalWithFolder] {
        let output = environment.call(opened_by, "open").run();
        assert_eq!(output.code, 0, "{output:#?}");
        let mut opened: Value = serde_json::from_str(&output.stdout).unwrap();
        mask_credentials(&mut opened);
        assert_eq!(opened["environmentVariables"]["AWS_ACCESS_KEY_ID"], "…");
        assert!(output.stderr.contains("accessKeyId"), "{}", output.stderr);
    }
    let output = environment.call(OpenedBy::PulumiCloud, "open").run();
    assert_eq!(output.code, 3, "{output:#?}");
    let message = "unknown property \"keyId\"";
    assert!(output.stderr.contains(message), "{}", output.stderr);
}

#[test]
fn imported_credentials_are_the_same_everywhere() {
    let environment = DocsEnvironment::new(IMPORT);
    let opened = environment.assert_opens_the_same(&[]);
    assert_eq!(opened["files"], json!({"KUBECONFIG": KUBECONFIG}));
    assert_eq!(
        opened["pulumiConfig"],
        json!({"kubernetes:kubeconfig": KUBECONFIG})
    );
    assert_eq!(opened["environmentVariables"]["AWS_SESSION_TOKEN"], "…");
    environment.assert_credentials_are_those_of_the_role();
    if cfg!(unix) {
        assert_eq!(
            environment.assert_command_gets_the_same(),
            format!("ASIA\na secret key\na session token\n{KUBECONFIG}")
        );
    }
}
