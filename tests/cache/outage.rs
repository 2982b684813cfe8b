//! Pulumi Cloud is away, and the real kubectl is at work.

use std::fs;

use super::Scene;
use crate::support::api_server::ApiServer;
use crate::support::door::{Door, Way};
use crate::support::kubectl::{Kubectl, oldest_and_newest};
use crate::support::plugin::Output;
use crate::support::pulumi_cloud::configuration::TOKEN;
use crate::support::verifier::Verifier;

const NAMESPACES: &str = "\
NAME          STATUS   AGE
default       Active   1d
kube-system   Active   1d
";

/// Credentials for an hour that were fetched so many seconds ago, and kept.
fn fetched(seconds_ago: i64) -> (Scene, Door) {
    let scene = Scene::cloud();
    let cloud = scene.setting.cloud().clone();
    let door = Door::before(Way::Open, move |request| cloud.answer(request));
    let scene = scene.with(|plugin| plugin.env("PULUMI_BACKEND_URL", door.url()));
    scene.run_at(-seconds_ago).expect("a token");
    assert_eq!(door.knocks(), 2);
    (scene, door)
}

/// `kubectl get namespaces` on the machine of the scene.
fn get_namespaces(
    kubectl: &Kubectl,
    scene: &Scene,
    door: &Door,
    server: &ApiServer,
    arguments: &[&str],
) -> Output {
    let kubeconfig = scene.plugin.path("kubeconfig.yaml");
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
        ("PULUMI_BACKEND_URL", door.url()),
        ("PULUMI_ACCESS_TOKEN", TOKEN.to_owned()),
        ("AWS_ENDPOINT_URL_STS", scene.world.sts.url()),
    ];
    let home = scene.plugin.path("home");
    kubectl.run(&home, &kubeconfig, &variables, &["get", "namespaces"])
}

fn api_server(scene: &Scene) -> ApiServer {
    let verifier = Verifier::new("aws", "eu-west-1");
    let world = &scene.world;
    ApiServer::start("prod", verifier, &world.sts, world.clock.clone())
}

#[test]
fn kubectl_goes_on_while_the_credentials_last() {
    for kubectl in oldest_and_newest() {
        // Time to renew them, with a quarter of their life left.
        let (scene, door) = fetched(46 * 60);
        let server = api_server(&scene);
        door.set(Way::Down);
        for _ in ["first", "second"] {
            get_namespaces(&kubectl, &scene, &door, &server, &[]).assert(NAMESPACES, "", 0);
        }
        // The first command tried to renew them; the second knew.
        assert_eq!(door.knocks(), 3, "{kubectl:?}");
        assert_eq!(server.log().rejected, [""; 0]);
    }
}

#[test]
fn kubectl_fails_once_a_command_when_they_are_over() {
    for kubectl in oldest_and_newest() {
        let (scene, door) = fetched(59 * 60);
        let server = api_server(&scene);
        let mut asked = door.knocks();
        for (way, message) in [
            (Way::Down, "cannot reach `127.0.0.1`\n"),
            (Way::Silent, "`127.0.0.1` did not respond within 2s\n"),
        ] {
            door.set(way);
            let limit = ["--timeout", "2s"];
            let output = get_namespaces(&kubectl, &scene, &door, &server, &limit);
            assert_eq!((output.code, output.stdout.as_str()), (1, ""), "{output:?}");
            let calls = output.stderr.matches(message).count();
            println!("{}: {calls} calls of the plugin", kubectl.version);
            assert!(calls > 0, "{output:?}");
            let code = "executable kubectl-esc failed with exit code 5";
            assert!(output.stderr.contains(code), "{output:?}");
            asked += 1;
            assert_eq!(door.knocks(), asked, "{kubectl:?}: {way:?}: {output:?}");
        }
        // A new command asks again.
        door.set(Way::Open);
        get_namespaces(&kubectl, &scene, &door, &server, &[]).assert(NAMESPACES, "", 0);
        assert_eq!(door.knocks(), asked + 2);
    }
}
