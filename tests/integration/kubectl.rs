//! The oldest and newest real kubectl on this machine, with the example kubeconfigs, against the stand-in
//! for the API server.

use std::fs;
use std::path::{Path, PathBuf};

use serde_yaml::Value;
use stand_ins::api_server::ApiServer;
use stand_ins::proxy::Proxy;
use stand_ins::pulumi_cloud::configuration::TOKEN;
use stand_ins::sts::configuration::{USER_KEY_ID, USER_SECRET_KEY, User};
use tempfile::TempDir;
use token_verifier::{Verifier, tampered};

use crate::cloud::PulumiCloudFixture;
use crate::support::aws::{Aws, VIEWER, project_file};
use crate::support::kubectl::{Kubectl, oldest_and_newest};
use crate::support::plugin::{Output, Plugin};

const NAMESPACES: &str = "\
NAME          STATUS   AGE
default       Active   1d
kube-system   Active   1d
";
const ALICE: &str = "arn:aws:iam::123456789012:user/alice";

/// AWS that also accepts the example credentials.
fn aws() -> Aws {
    Aws::with(|configuration| {
        configuration.users.push(User {
            access_key_id: USER_KEY_ID.to_owned(),
            secret_access_key: USER_SECRET_KEY.to_owned(),
            session_token: None,
            arn: ALICE.to_owned(),
            user_id: "AIDACKCEVSQ6C2EXAMPLE".to_owned(),
            expires_at: None,
        });
    })
}

fn api_server(name: &str, aws: &Aws) -> ApiServer {
    let verifier = Verifier::new("aws", "eu-west-1");
    ApiServer::start(name, verifier, &aws.sts)
}

/// A change of a token's URL: its name, the change, and the start of the reason for rejection.
type Tampering = (&'static str, fn(&mut String), &'static str);

/// A home directory with the example environments in `~/.kube/esc`, and a kubeconfig.
struct Home {
    directory: TempDir,
    kubeconfig: PathBuf,
}

impl Home {
    /// With a changed file of `examples/kubeconfigs`.
    fn new(example: &str, change: impl FnOnce(&mut Value)) -> Self {
        let directory = TempDir::new().unwrap();
        let environments = directory.path().join(".kube/esc");
        fs::create_dir_all(&environments).unwrap();
        for entry in fs::read_dir(project("examples/environments")).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, environments.join(path.file_name().unwrap())).unwrap();
        }
        let text = project_file(&format!("examples/kubeconfigs/{example}"));
        let mut kubeconfig: Value = serde_yaml::from_str(&text).unwrap();
        change(&mut kubeconfig);
        let path = directory.path().join("kubeconfig.yaml");
        fs::write(&path, serde_yaml::to_string(&kubeconfig).unwrap()).unwrap();
        Self {
            directory,
            kubeconfig: path,
        }
    }

    /// With the server and its certificate authority filled in.
    fn with_server(example: &str, server: &ApiServer) -> Self {
        Self::new(example, |kubeconfig| {
            let cluster = &mut kubeconfig["clusters"][0]["cluster"];
            cluster["server"] = server.url().into();
            cluster["certificate-authority-data"] = server.authority_data().into();
        })
    }

    fn run(&self, kubectl: &Kubectl, arguments: &[&str]) -> Output {
        kubectl.run(self.directory.path(), &self.kubeconfig, &[], arguments)
    }
}

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn kubectl_authenticates_with_both_protocol_versions() {
    let aws = aws();
    for kubectl in oldest_and_newest() {
        for (example, version) in [("local.yaml", "v1"), ("local-v1beta1.yaml", "v1beta1")] {
            let text = project_file(&format!("examples/kubeconfigs/{example}"));
            let line = format!("apiVersion: client.authentication.k8s.io/{version}\n");
            assert!(text.contains(&line), "{example} does not use {version}");
            let server = api_server("demo", &aws);
            let home = Home::with_server(example, &server);
            home.run(&kubectl, &["get", "namespaces"])
                .assert(NAMESPACES, "", 0);
            let log = server.log();
            assert_eq!(log.rejected, [""; 0], "{kubectl:?}");
            let last = format!("GET /api/v1/namespaces as {ALICE}");
            assert_eq!(log.accepted.last(), Some(&last), "{kubectl:?}");
        }
    }
}

#[test]
fn kubectl_auth_whoami_prints_the_role() {
    let aws = aws();
    let Some(kubectl) = oldest_and_newest().pop() else {
        return;
    };
    let server = api_server("demo", &aws);
    let output =
        Home::with_server("local.yaml", &server).run(&kubectl, &["auth", "whoami", "-o", "yaml"]);
    assert_eq!((output.code, output.stderr.as_str()), (0, ""));
    let review: Value = serde_yaml::from_str(&output.stdout).unwrap();
    assert_eq!(review["status"]["userInfo"]["username"], ALICE);
}

#[test]
fn cluster_of_another_name_rejects_the_token() {
    let aws = aws();
    for kubectl in oldest_and_newest() {
        for example in ["local.yaml", "local-v1beta1.yaml"] {
            let server = api_server("another", &aws);
            let home = Home::with_server(example, &server);
            let output = home.run(&kubectl, &["get", "namespaces"]);
            assert_unauthorized(&output);
            let log = server.log();
            assert!(log.accepted.is_empty(), "{log:?}");
            let reason = "STS: 403 SignatureDoesNotMatch";
            assert!(log.rejected.iter().all(|line| line == reason), "{log:?}");
            assert!(!log.rejected.is_empty());
        }
    }
}

#[test]
fn tampered_token_is_rejected() {
    let aws = aws();
    let server = api_server("demo", &aws);
    let output = Plugin::new()
        .file(
            "static.yaml",
            project_file("examples/environments/static.yaml"),
        )
        .args(["get-token", "static.yaml"])
        .run();
    let token = output.token();
    assert_eq!(server.get("/version", &token).status, 200);
    let rows: &[Tampering] = &[
        (
            "a shorter signature",
            |url| url.truncate(url.len() - 1),
            "STS: 403",
        ),
        (
            "another host",
            |url| *url = url.replace("sts.eu", "sts.us"),
            "STS: 403",
        ),
        (
            "another action",
            |url| *url = url.replace("GetCaller", "GetSession"),
            "check 12",
        ),
        (
            "no signed cluster header",
            |url| *url = url.replace("%3Bx-k8s-aws-id", ""),
            "check 13",
        ),
        (
            "another parameter",
            |url| url.push_str("&DurationSeconds=900"),
            "check 10",
        ),
        (
            "a session token",
            |url| url.push_str("&X-Amz-Security-Token=x"),
            "STS: 403",
        ),
    ];
    for (name, change, reason) in rows {
        let bad = tampered(&token, change);
        assert_eq!(server.get("/version", &bad).status, 401, "{name}");
        let log = server.log();
        let last = log.rejected.last().unwrap();
        assert!(last.starts_with(reason), "{name}: {last}");
    }
    let bad = tampered(&token, |url| url.truncate(url.len() - 1));
    for kubectl in oldest_and_newest() {
        for (token, is_valid) in [(&token, true), (&bad, false)] {
            let home = Home::new("local.yaml", |kubeconfig| {
                let cluster = &mut kubeconfig["clusters"][0]["cluster"];
                cluster["server"] = server.url().into();
                cluster["certificate-authority-data"] = server.authority_data().into();
                let user = serde_yaml::from_str(&format!("token: {token}")).unwrap();
                kubeconfig["users"][0]["user"] = user;
            });
            let output = home.run(&kubectl, &["get", "namespaces"]);
            if is_valid {
                output.assert(NAMESPACES, "", 0);
            } else {
                assert_unauthorized(&output);
            }
        }
    }
}

/// Asserts that kubectl was not authenticated. It requests the API groups first, and prints a line for
/// each rejection.
fn assert_unauthorized(output: &Output) {
    assert_eq!((output.code, output.stdout.as_str()), (1, ""), "{output:?}");
    let last = output.stderr.lines().last().unwrap_or_default();
    let start = "error: You must be logged in to the server (";
    assert!(last.starts_with(start), "{output:?}");
}

/// Every example for EKS, unchanged except for the certificate authority: a proxy routes the real names of
/// the cluster and of STS to the stand-ins, over TLS. `examples` makes the calls of those for GKE and AKS.
#[test]
fn every_eks_example_authenticates_kubectl_through_a_proxy() {
    let Some(kubectl) = oldest_and_newest().pop() else {
        return;
    };
    let admin = "arn:aws:sts::123456789012:assumed-role/cluster-admin/kubectl-esc";
    let viewer = "arn:aws:sts::210987654321:assumed-role/cluster-viewer/kubectl-esc";
    assert!(VIEWER.ends_with(":role/cluster-viewer"));
    let token_file = |path: &str| ("AWS_WEB_IDENTITY_TOKEN_FILE", path.to_owned());
    let mut examples: Vec<_> = fs::read_dir(project("examples/kubeconfigs"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with("gke-") && !name.starts_with("aks-"))
        .collect();
    examples.sort();
    let cloud_caller = "arn:aws:sts::123456789012:assumed-role/esc-oidc/pulumi-esc";
    for example in examples {
        let cloud = example
            .starts_with("pulumi-cloud")
            .then(PulumiCloudFixture::new);
        let aws = cloud.as_ref().map_or_else(aws, PulumiCloudFixture::aws);
        let (contexts, caller): (&[(&str, &str)], _) = match example.as_str() {
            "local.yaml" | "local-v1beta1.yaml" => (&[("demo", "demo")], ALICE),
            "role-to-assume.yaml" => (&[("demo", "demo")], viewer),
            _ if cloud.is_some() => (&[("prod", "prod")], cloud_caller),
            "two-clusters.yaml" => (&[("demo", "demo"), ("other", "other")], admin),
            _ => (&[("demo", "demo")], admin),
        };
        for (context, cluster) in contexts {
            let server = api_server(cluster, &aws);
            let names = aws.sts.real_names(server.authority());
            let (to_sts, to_cluster) = (names.route(), server.route());
            let proxy = Proxy::start(move |name| to_sts(name).or_else(|| to_cluster(name)));
            let home = Home::new(&example, |kubeconfig| {
                for cluster in kubeconfig["clusters"].as_sequence_mut().unwrap() {
                    let data = &mut cluster["cluster"]["certificate-authority-data"];
                    *data = server.authority_data().into();
                }
            });
            let file = |name: &str, text: &str| {
                let path = home.directory.path().join(name);
                fs::write(&path, text).unwrap();
                path.to_str().unwrap().to_owned()
            };
            let authority = file("authority.pem", &server.authority().pem());
            // One example names this file itself; the others need the variable.
            let identity = file(".kube/esc/token", &aws.identity());
            let mut variables = vec![("HTTPS_PROXY", proxy.url()), ("AWS_CA_BUNDLE", authority)];
            if example != "oidc-token-file.yaml" {
                variables.push(token_file(&identity));
            }
            if let Some(pulumi_cloud) = &cloud {
                variables.push(("PULUMI_BACKEND_URL", pulumi_cloud.url()));
                variables.push(("PULUMI_ACCESS_TOKEN", TOKEN.to_owned()));
            }
            let output = kubectl.run(
                home.directory.path(),
                &home.kubeconfig,
                &variables,
                &["--context", context, "get", "namespaces"],
            );
            assert_eq!(output.stderr, "", "{example}");
            output.assert(NAMESPACES, "", 0);
            let log = server.log();
            let last = format!("GET /api/v1/namespaces as {caller}");
            assert_eq!(log.accepted.last(), Some(&last), "{example}: {log:?}");
            assert!(log.rejected.is_empty(), "{example}: {log:?}");
        }
    }
}
