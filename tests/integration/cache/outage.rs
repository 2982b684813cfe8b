//! The real kubectl during an outage of Pulumi Cloud.

use std::fs;

use stand_ins::api_server::ApiServer;
use stand_ins::controlled_server::{Behavior, ControlledServer};
use stand_ins::pulumi_cloud::configuration::TOKEN;
use token_verifier::Verifier;

use super::CacheFixture;
use crate::support::kubectl::{Kubectl, oldest_and_newest};
use crate::support::plugin::Output;

const NAMESPACES: &str = "\
NAME          STATUS   AGE
default       Active   1d
kube-system   Active   1d
";

/// A fixture whose cache has credentials for an hour that were fetched `seconds_ago`.
fn fetched(seconds_ago: i64) -> (CacheFixture, ControlledServer) {
    let fixture = CacheFixture::cloud();
    let cloud = fixture.pulumi_cloud.stand_in().clone();
    let pulumi_cloud =
        ControlledServer::in_front_of(Behavior::Answer, move |request| cloud.answer(request));
    let fixture = fixture.with(|plugin| plugin.env("PULUMI_BACKEND_URL", pulumi_cloud.url()));
    fixture.run_at(-seconds_ago).expect("a token");
    assert_eq!(pulumi_cloud.requests(), 2);
    (fixture, pulumi_cloud)
}

/// `kubectl get namespaces` on the machine of the fixture.
fn get_namespaces(
    kubectl: &Kubectl,
    fixture: &CacheFixture,
    pulumi_cloud: &ControlledServer,
    server: &ApiServer,
    arguments: &[&str],
) -> Output {
    let kubeconfig = fixture.plugin.path("kubeconfig.yaml");
    let arguments = [
        &["get-token", "acme/platform/prod", "--cluster-name", "prod"],
        arguments,
    ]
    .concat()
    .join(", ");
    let text = format!(
        "apiVersion: v1
kind: Config
clusters:
- name: prod
  cluster: {{server: \"{}\", certificate-authority-data: {}}}
users:
- name: prod
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: kubectl-esc
      args: [{arguments}]
      interactiveMode: Never
contexts:
- name: prod
  context: {{cluster: prod, user: prod}}
current-context: prod
",
        server.url(),
        server.authority_data()
    );
    fs::write(&kubeconfig, text).unwrap();
    let variables = [
        ("PULUMI_BACKEND_URL", pulumi_cloud.url()),
        ("PULUMI_ACCESS_TOKEN", TOKEN.to_owned()),
        ("AWS_ENDPOINT_URL_STS", fixture.aws.sts.url()),
    ];
    let home = fixture.plugin.path("home");
    kubectl.run(&home, &kubeconfig, &variables, &["get", "namespaces"])
}

fn api_server(fixture: &CacheFixture) -> ApiServer {
    let verifier = Verifier::new("aws", "eu-west-1");
    let aws = &fixture.aws;
    ApiServer::start("prod", verifier, &aws.sts)
}

#[test]
fn kubectl_works_in_an_outage_while_credentials_are_valid() {
    for kubectl in oldest_and_newest() {
        // Due for renewal, with a quarter of their lifetime left.
        let (fixture, pulumi_cloud) = fetched(46 * 60);
        let server = api_server(&fixture);
        pulumi_cloud.set(Behavior::Close);
        for _ in ["first", "second"] {
            get_namespaces(&kubectl, &fixture, &pulumi_cloud, &server, &[])
                .assert(NAMESPACES, "", 0);
        }
        // The first command tried to renew them; the second replayed the failure.
        assert_eq!(pulumi_cloud.requests(), 3, "{kubectl:?}");
        assert_eq!(server.log().rejected, [""; 0]);
    }
}

#[test]
fn kubectl_fails_once_per_command_after_credentials_expire() {
    for kubectl in oldest_and_newest() {
        let (fixture, pulumi_cloud) = fetched(59 * 60);
        let server = api_server(&fixture);
        let mut expected = pulumi_cloud.requests();
        for (behavior, message) in [
            (Behavior::Close, "cannot reach `127.0.0.1`\n"),
            (Behavior::Hang, "`127.0.0.1` did not respond within 2s\n"),
        ] {
            pulumi_cloud.set(behavior);
            let limit = ["--timeout", "2s"];
            let output = get_namespaces(&kubectl, &fixture, &pulumi_cloud, &server, &limit);
            assert_eq!((output.code, output.stdout.as_str()), (1, ""), "{output:?}");
            let calls = output.stderr.matches(message).count();
            println!("{}: {calls} calls of the plugin", kubectl.version);
            assert!(calls > 0, "{output:?}");
            let code = "executable kubectl-esc failed with exit code 5";
            assert!(output.stderr.contains(code), "{output:?}");
            expected += 1;
            assert_eq!(
                pulumi_cloud.requests(),
                expected,
                "{kubectl:?}: {behavior:?}: {output:?}"
            );
        }
        // A new command tries again.
        pulumi_cloud.set(Behavior::Answer);
        get_namespaces(&kubectl, &fixture, &pulumi_cloud, &server, &[]).assert(NAMESPACES, "", 0);
        assert_eq!(pulumi_cloud.requests(), expected + 2);
    }
}
