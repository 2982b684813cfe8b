//! `scripts/smoke-test`, which people run against real clusters, with stand-ins for AWS and the cluster and the
//! real kubectl.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use stand_ins::api_server::ApiServer;
use stand_ins::proxy::Proxy;
use token_verifier::Verifier;

use crate::support::aws::Aws;
use crate::support::kubectl::oldest_and_newest;
use crate::support::plugin::{self, Output};

/// The script starts about forty programs.
const TIME_LIMIT: Duration = Duration::from_mins(5);

/// Runs the script for the cluster `demo`, with an API server of this name. `None` without kubectl.
fn smoke_test(api_server: &str) -> Option<Output> {
    let kubectl = oldest_and_newest().pop()?;
    let aws = Aws::new();
    let server = ApiServer::start(api_server, Verifier::new("aws", "eu-west-1"), &aws.sts);
    let names = aws.sts.real_names(server.authority());
    let proxy = Proxy::start(names.route());

    let home = tempfile::tempdir().unwrap();
    let path = |name: &str| home.path().join(name).into_os_string();
    fs::create_dir(path("bin")).unwrap();
    symlink(&kubectl.path, home.path().join("bin/kubectl")).unwrap();
    fs::write(path("ca.pem"), server.authority().pem()).unwrap();
    fs::write(path("identity"), aws.identity()).unwrap();
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let programs = format!("{}:/usr/bin:/bin", home.path().join("bin").display());
    let mut command = Command::new(repository.join("scripts/smoke-test"));
    command
        .arg("eks")
        .arg(repository.join("examples/environments/oidc.yaml"))
        .args(["--cluster-name", "demo", "--region", "eu-west-1"])
        .args(["--server", &server.url(), "--certificate-authority"])
        .arg(path("ca.pem"))
        .env_clear()
        .env("AWS_CA_BUNDLE", path("ca.pem"))
        .env("AWS_WEB_IDENTITY_TOKEN_FILE", path("identity"))
        .env("HOME", home.path())
        .env("HTTPS_PROXY", proxy.url())
        .env("KUBECTL_ESC", plugin::program().canonicalize().unwrap())
        .env("PATH", programs);
    let output = plugin::run(command, TIME_LIMIT);
    assert!(!output.stdout.contains("k8s-aws-v1."), "{output:#?}");
    Some(output)
}

/// The results of the checks: lines that start with this word.
fn with_status<'a>(output: &'a Output, status: &str) -> Vec<&'a str> {
    let lines = output.stdout.lines();
    lines.filter(|line| line.starts_with(status)).collect()
}

#[test]
fn all_checks_pass_for_a_cluster_that_accepts_the_token() {
    let Some(output) = smoke_test("demo") else {
        return;
    };
    assert_eq!(with_status(&output, "FAILED"), [""; 0], "{output:#?}");
    assert_eq!(
        (output.code, output.stderr.as_str()),
        (0, ""),
        "{output:#?}"
    );
    assert_eq!(output.stdout.lines().last(), Some("all checks passed"));
}

#[test]
fn checks_that_need_the_cluster_fail_if_it_rejects_the_token() {
    let Some(output) = smoke_test("another") else {
        return;
    };
    let failed: Vec<_> = with_status(&output, "FAILED")
        .into_iter()
        .filter_map(|line| line["FAILED  ".len()..].split(": exit code").next())
        .collect();
    let expected = [
        "every step of doctor",
        "the cluster knows the user",
        "kubectl get namespaces",
        "20 calls of kubectl at the same time",
    ];
    assert_eq!(failed, expected, "{output:#?}");
    assert_eq!(output.code, 1);
    assert_eq!(output.stdout.lines().last(), Some("4 checks failed"));
}
