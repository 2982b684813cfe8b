//! `docs/aks.md`.

use serde_json::Value;
use stand_ins::api_server::ApiServer;
use stand_ins::azure::configuration::{CLIENT, FederatedCredential, IssuerKeys, OBJECT, TENANT};
use stand_ins::oidc::{GitHubActions, Issuer};
use stand_ins::pulumi_cloud::PulumiCloud;

use super::{Guide, Machine, NAMESPACES, example, flag};
use crate::cloud::PulumiCloudFixture;
use crate::support::azure::Entra;
use crate::support::plugin::Plugin;

const GITHUB: &str = "https://token.actions.githubusercontent.com";
/// As `az aks get-credentials` writes it.
const KUBECONFIG: &str = "\
apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==
    server: https://prod-1a2b3c4d.hcp.westeurope.azmk8s.io:443
  name: prod
contexts:
- context:
    cluster: prod
    user: clusterUser_acme_prod
  name: prod
current-context: prod
kind: Config
preferences: {}
users:
- name: clusterUser_acme_prod
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1beta1
      args: [get-token, --environment, AzurePublicCloud, --server-id, 6dae42f8-4368-4678-94ff-3960e28e3630,
        --client-id, 80faf920-1908-4b52-b5ef-a8e7bedfc67a, --tenant-id, 7a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d,
        --login, devicecode]
      command: kubelogin
      env: null
      provideClusterInfo: false
";

fn guide() -> Guide {
    Guide::read("docs/aks.md")
}

fn answers() -> String {
    format!(
        "'az ad app create '*) echo {CLIENT} ;;\n\
         'az ad sp create --id {CLIENT} '*) echo {OBJECT} ;;\n\
         'az account show '*) echo {TENANT} ;;\n\
         'az aks show '*) echo /subscriptions/0/resourceGroups/acme/providers/Microsoft.ContainerService/managedClusters/prod ;;\n\
         'az ad app federated-credential create --id {CLIENT} --parameters '*) test -f \"$8\" ;;\n\
         'az aks get-credentials --resource-group acme --name prod --file prod.kubeconfig') cp az-kubeconfig prod.kubeconfig ;;"
    )
}

/// Runs the administrator's commands. Returns Microsoft Entra ID after them; `None` without kubectl.
fn set_up() -> Option<Entra> {
    let guide = guide().sections(&[
        "Register an application",
        "Trust the identity tokens",
        "Allow the application to use the cluster",
    ]);
    let machine = Machine::new(Plugin::new(), &guide, &answers())?;
    let output = machine.run(&guide.commands());
    let tenant = format!("{TENANT}\n");
    assert!(output.stdout.starts_with(&tenant), "{output:?}");
    assert!(
        output.stdout.contains("kubectl-esc created (dry run)"),
        "{output:?}"
    );
    let calls = machine.calls();
    let with_credential = calls
        .iter()
        .filter(|call| call.contains(&"federated-credential".to_owned()));
    let credentials: Vec<_> = with_credential
        .map(|call| {
            let json: Value =
                serde_json::from_str(&guide.file(flag(call, "--parameters"))).unwrap();
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            FederatedCredential {
                issuer: text(&json["issuer"]),
                subject: text(&json["subject"]),
                audience: text(&json["audiences"][0]),
            }
        })
        .collect();
    assert_eq!(credentials.len(), 2);
    let assigned = calls.iter().find(|call| call[1] == "role").unwrap();
    assert_eq!(flag(assigned, "--assignee-object-id"), OBJECT);
    Some(Entra::with(|configuration| {
        for credential in &credentials {
            let issuer = Issuer::new(&credential.issuer);
            configuration.issuers.push(IssuerKeys {
                url: issuer.url().to_owned(),
                jwks: issuer.jwks(),
            });
        }
        configuration.application().federated_credentials = credentials;
    }))
}

fn api_server(entra: &Entra) -> ApiServer {
    let service = entra.service.clone();
    ApiServer::authenticating(move |token| service.authenticate(token))
}

#[test]
fn environment_in_pulumi_cloud() {
    let Some(entra) = set_up() else { return };
    let guide = guide().sections(&["An environment in Pulumi Cloud"]);
    let cloud = PulumiCloudFixture::with(|configuration| guide.create_environments(configuration));
    let server = api_server(&entra);
    let plugin = cloud
        .plugin()
        .env("AZURE_AUTHORITY_HOST", entra.service.url())
        .file("az-kubeconfig", KUBECONFIG);
    let Some(machine) = Machine::new(plugin, &guide, &answers()) else {
        return;
    };
    let machine = machine.with_api_server(&server);
    let output = machine.run(&guide.commands());
    assert!(output.stdout.contains(NAMESPACES), "{output:?}");
    assert!(output.stdout.contains(OBJECT), "{output:?}");
    assert_eq!(server.log().rejected, [""; 0]);
    let kubeconfig = machine.kubeconfig();
    let cluster = &kubeconfig["clusters"][0]["cluster"];
    let original: serde_yaml::Value = serde_yaml::from_str(KUBECONFIG).unwrap();
    assert_eq!(*cluster, original["clusters"][0]["cluster"]);
    let user = &example("aks-pulumi-cloud.yaml")["users"][0]["user"];
    assert_eq!(kubeconfig["users"][0]["user"], *user);
}

#[test]
fn local_definition_in_github_actions() {
    let Some(entra) = set_up() else { return };
    let guide = guide().sections(&["A local definition in GitHub Actions"]);
    let server = api_server(&entra);
    let clock = entra.clock.clone();
    let subject = "repo:acme/platform:ref:refs/heads/main";
    let actions = GitHubActions::start(Issuer::new(GITHUB), subject, move || clock.now());
    let plugin = Plugin::new()
        .env("AZURE_AUTHORITY_HOST", entra.service.url())
        .file("ca.pem", server.authority().pem());
    let Some(machine) = Machine::new(plugin, &guide, "") else {
        return;
    };
    let machine = machine.with_api_server(&server).with_job(&actions);
    let output = machine.run(&guide.workflow(".github/workflows/aks.yaml"));
    assert!(output.stdout.ends_with(NAMESPACES), "{output:?}");
    let last = format!("GET /api/v1/namespaces as {OBJECT}");
    assert_eq!(server.log().accepted.last(), Some(&last));

    let subject = "repo:acme@1/platform@2:ref:refs/heads/main";
    let clock = entra.clock.clone();
    let actions = GitHubActions::start(Issuer::new(GITHUB), subject, move || clock.now());
    machine
        .with_job(&actions)
        .assert_refused("./aks-ci.yaml", subject);
}

#[test]
fn other_subjects_and_audiences_are_rejected() {
    let Some(entra) = set_up() else { return };
    let pulumi = PulumiCloud::login_issuer();
    let subject = "pulumi:environments:org:acme:env:platform/aks";
    for (audience, subject, code) in [
        ("azure:acme", subject, 0),
        ("azure:acme", &subject.replace("acme", "Acme"), 4),
        ("acme", subject, 4),
    ] {
        let token = pulumi.token(audience, subject, entra.clock.now());
        let plugin = Plugin::new()
            .env("AZURE_AUTHORITY_HOST", entra.service.url())
            .file("aks.yaml", guide().file("aks.yaml"))
            .file("identity", token)
            .args([
                "get-token",
                "aks.yaml",
                "--web-identity-token-file",
                "identity",
            ]);
        assert_eq!(plugin.run().code, code, "{audience} {subject}");
    }
}

#[test]
fn users_of_kubelogin_are_converted() {
    let whole = guide();
    let guide = whole.sections(&["Several logins"]);
    let cloud = PulumiCloudFixture::with(|configuration| whole.create_environments(configuration));
    let kubeconfig = KUBECONFIG.replace("devicecode", "workloadidentity");
    let plugin = cloud.plugin().file("home/.kube/config", kubeconfig);
    let Some(machine) = Machine::new(plugin, &guide, "") else {
        return;
    };
    let output = machine.run(&guide.commands());
    assert!(
        output.stdout.contains("+      - acme/platform/aks\n"),
        "{output:?}"
    );
}
