//! Every environment of the seed document, opened on this machine and in Pulumi Cloud with the same
//! result.
//!
//! The definitions are the document's own; the account, the role and the session's name are filled in
//! where the document has placeholders. One word is another one: `${aws.creds.keyId}` is the name of
//! an older provider, which Pulumi Cloud no longer has. Here it still works, with a warning.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::cloud::PulumiCloudFixture;
use crate::stacks::outputs;
use crate::support::plugin::{Plugin, test_variable};
use stand_ins::sts::configuration::{AUDIENCE, ROLE};

/// What the document calls the stack's outputs, and the fixture's state holds.
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

/// The document's AWS environment with the placeholders filled in.
fn aws_access() -> String {
    AWS_CREDENTIALS
        .replace("arn:aws:iam::0123456789:role/cluster-admin", ROLE)
        .replace("<your-environment-name>", "seed")
}

/// The same with the name that Pulumi Cloud's provider has today.
fn aws_access_of_today() -> String {
    aws_access().replace("creds.keyId", "creds.accessKeyId")
}

/// Where an environment is opened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Way {
    /// In Pulumi Cloud.
    Cloud,
    /// Here, with the stacks in Pulumi Cloud.
    Local,
    /// Here, with the stacks in a backend on disk.
    LocalWithFolder,
}

const WAYS: [Way; 3] = [Way::Cloud, Way::Local, Way::LocalWithFolder];

struct Seed {
    pulumi_cloud: PulumiCloudFixture,
    definition: String,
}

impl Seed {
    fn new(definition: &str) -> Self {
        // The state on disk has the same ones.
        let outputs = outputs();
        let pulumi_cloud = PulumiCloudFixture::with(|configuration| {
            let known = configuration.clone();
            *configuration = known
                .stack("eks-cluster/demo", &outputs, &["kubeconfig", "nested"])
                .environment("default", "aws-access", &aws_access_of_today())
                .environment("seed", "kube", definition);
        });
        Self {
            pulumi_cloud,
            definition: definition.to_owned(),
        }
    }

    /// `verb` with the environment.
    fn call(&self, way: Way, verb: &str) -> Plugin {
        let plugin = self.pulumi_cloud.plugin();
        if way == Way::Cloud {
            return plugin.args([verb, "acme/seed/kube"]);
        }
        let aws = self.pulumi_cloud.aws();
        let subject = "pulumi:environments:org:acme:env:seed/kube";
        let identity = aws.issuer.token(AUDIENCE, subject, aws.clock.now());
        let plugin = plugin
            .file("kube.yaml", &self.definition)
            .file("aws-access.yaml", aws_access_of_today())
            .file("identity", identity);
        let identity = plugin.path("identity");
        let plugin = plugin.env("AWS_WEB_IDENTITY_TOKEN_FILE", identity);
        let plugin = match way {
            Way::LocalWithFolder => {
                let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
                let folder = folder.join("tests/data/pulumi_state/projects");
                plugin
                    .env("PULUMI_BACKEND_URL", format!("file://{}", folder.display()))
                    .env("PULUMI_CONFIG_PASSPHRASE", "correct horse")
            }
            _ => plugin,
        };
        plugin.args([verb, "./kube.yaml"])
    }

    /// What `open` prints as JSON, the same in all ways but for the credentials, which are others
    /// each time.
    #[track_caller]
    fn opened(&self, flags: &[&str]) -> Value {
        let opened = WAYS.map(|way| {
            let output = self
                .call(way, "open")
                .args(["--format", "json"])
                .args(flags)
                .run();
            assert_eq!(
                (output.code, output.stderr.as_str()),
                (0, ""),
                "{way:?}: {output:#?}"
            );
            let mut opened: Value = serde_json::from_str(&output.stdout).unwrap();
            hide_credentials(&mut opened);
            opened
        });
        let [cloud, local, with_folder] = &opened;
        assert_eq!(local, cloud);
        assert_eq!(with_folder, cloud);
        cloud.clone()
    }

    /// What arrives at a command, the same in all ways: the start of the access key, which variables
    /// hold the rest of the credentials, and the file that `KUBECONFIG` names.
    #[track_caller]
    fn arrived(&self) -> String {
        let script = "printf %s \"$AWS_ACCESS_KEY_ID\" | cut -c1-4\n\
                      test -z \"$AWS_SECRET_ACCESS_KEY\" || echo a secret key\n\
                      test -z \"$AWS_SESSION_TOKEN\" || echo a session token\n\
                      test -z \"$KUBECONFIG\" || cat \"$KUBECONFIG\"";
        let arrived = WAYS.map(|way| {
            let call = self
                .call(way, "run")
                .env("PATH", test_variable("PATH").unwrap_or_default())
                .args(["--no-redact", "--", "sh", "-c", script]);
            let output = call.run();
            let ended = (output.code, output.stderr.as_str());
            assert_eq!(ended, (0, ""), "{way:?}: {output:#?}");
            output.stdout
        });
        let [cloud, local, with_folder] = &arrived;
        assert_eq!(local, cloud);
        assert_eq!(with_folder, cloud);
        cloud.clone()
    }

    /// Asserts that the credentials log in as the role, in all ways.
    #[track_caller]
    fn assert_credentials_assume_role(&self) {
        let session = format!(
            "arn:aws:sts::123456789012:assumed-role/{}/seed",
            ROLE.rsplit('/').next().unwrap()
        );
        for way in WAYS {
            let call = self.call(way, "get-token");
            let call = call.args(["--cluster-name", "eks-demo", "--region", "eu-west-1"]);
            let token = call.run().token();
            let caller = self.pulumi_cloud.aws().caller(&token, "eks-demo");
            assert_eq!(caller.as_deref(), Ok(session.as_str()), "{way:?}");
        }
    }
}

/// Puts a word in the place of each credential that is there.
fn hide_credentials(opened: &mut Value) {
    let of_aws =
        ["accessKeyId", "secretAccessKey", "sessionToken"].map(|name| ("/aws/creds", name));
    let variables = [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
    ];
    let variables = variables.map(|name| ("/environmentVariables", name));
    for (place, name) in of_aws.into_iter().chain(variables) {
        if let Some(value) = opened.pointer_mut(&format!("{place}/{name}"))
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
fn kubeconfig_of_a_local_cluster_arrives_the_same() {
    let seed = Seed::new(LOCAL_CLUSTER);
    let text = "apiVersion: v1\nkind: Config\nclusters:\n- cluster:\n    server: \
                https://127.0.0.1:6443\n  name: docker-desktop\n";
    assert_eq!(seed.opened(&[]), json!({"files": {"KUBECONFIG": text}}));
    if cfg!(unix) {
        assert_eq!(seed.arrived(), text);
    }
}

#[test]
fn kubeconfig_of_a_stack_output_arrives_the_same() {
    let seed = Seed::new(STACK_OUTPUT);
    let opened = seed.opened(&["files"]);
    assert_eq!(opened, json!({"KUBECONFIG": KUBECONFIG}));
    let opened = seed.opened(&["stacks.eks-cluster.kubeconfig"]);
    let kubeconfig: Value = serde_json::from_str(KUBECONFIG).unwrap();
    assert_eq!(opened, kubeconfig);
    // It is a secret, and so is what is made of it.
    let opened = seed.opened(&["--redact", "files"]);
    assert_eq!(opened, json!({"KUBECONFIG": "[secret]"}));
    if cfg!(unix) {
        assert_eq!(seed.arrived(), KUBECONFIG);
    }
}

#[test]
fn pulumi_config_arrives_the_same() {
    let seed = Seed::new(PULUMI_PROGRAM);
    let opened = seed.opened(&[]);
    assert_eq!(
        opened["pulumiConfig"],
        json!({"kubernetes:kubeconfig": KUBECONFIG})
    );
    assert_eq!(opened["kubeconfig"], KUBECONFIG);
    if cfg!(unix) {
        assert_eq!(seed.arrived(), "");
    }
}

#[test]
fn aws_credentials_arrive_the_same() {
    let seed = Seed::new(&aws_access_of_today());
    assert_eq!(
        seed.opened(&[]),
        json!({
            "aws": {"creds": {"accessKeyId": "…", "secretAccessKey": "…", "sessionToken": "…"}},
            "environmentVariables": {
                "AWS_ACCESS_KEY_ID": "…",
                "AWS_SECRET_ACCESS_KEY": "…",
                "AWS_SESSION_TOKEN": "…",
            },
        })
    );
    seed.assert_credentials_assume_role();
    if cfg!(unix) {
        assert_eq!(seed.arrived(), "ASIA\na secret key\na session token\n");
    }
}

#[test]
fn deprecated_key_name_works_only_locally() {
    let seed = Seed::new(&aws_access());
    for way in [Way::Local, Way::LocalWithFolder] {
        let output = seed.call(way, "open").run();
        assert_eq!(output.code, 0, "{output:#?}");
        let mut opened: Value = serde_json::from_str(&output.stdout).unwrap();
        hide_credentials(&mut opened);
        assert_eq!(opened["environmentVariables"]["AWS_ACCESS_KEY_ID"], "…");
        assert!(output.stderr.contains("accessKeyId"), "{}", output.stderr);
    }
    let output = seed.call(Way::Cloud, "open").run();
    assert_eq!(output.code, 3, "{output:#?}");
    let told = "unknown property \"keyId\"";
    assert!(output.stderr.contains(told), "{}", output.stderr);
}

#[test]
fn imported_credentials_arrive_the_same() {
    let seed = Seed::new(IMPORT);
    let opened = seed.opened(&[]);
    assert_eq!(opened["files"], json!({"KUBECONFIG": KUBECONFIG}));
    assert_eq!(
        opened["pulumiConfig"],
        json!({"kubernetes:kubeconfig": KUBECONFIG})
    );
    assert_eq!(opened["environmentVariables"]["AWS_SESSION_TOKEN"], "…");
    seed.assert_credentials_assume_role();
    if cfg!(unix) {
        assert_eq!(
            seed.arrived(),
            format!("ASIA\na secret key\na session token\n{KUBECONFIG}")
        );
    }
}
