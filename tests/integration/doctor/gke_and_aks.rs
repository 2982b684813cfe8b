//! The steps for GKE and AKS clusters.

use encodings::base64::{encode_standard_padded, encode_url};
use kubectl_esc::clock::Timestamp;
use serde_json::json;
use stand_ins::api_server::ApiServer;
use stand_ins::azure::configuration::{CLIENT, OBJECT, TENANT, client_secret};
use stand_ins::controlled_server::{Behavior, ControlledServer};
use stand_ins::gcp::configuration::{SERVICE_ACCOUNT, UNIQUE_ID, user_token};
use stand_ins::http::{Reply, Response, Server};
use stand_ins::proxy::Proxy;
use stand_ins::tls::Authority;

use super::Diagnosis;
use crate::aks::{self, Entra};
use crate::support::aws::project_file;
use crate::support::gcp::GoogleCloud;
use crate::support::plugin::{self, Plugin, TIME_LIMIT};

const GKE_STEPS: [&str; 8] = [
    "kubeconfig",
    "login",
    "environment",
    "provider",
    "credentials",
    "token",
    "api-server",
    "cache",
];

const AKS_STEPS: [&str; 9] = [
    "kubeconfig",
    "login",
    "environment",
    "provider",
    "credentials",
    "authority",
    "token",
    "api-server",
    "cache",
];

/// `doctor` for a context whose user opens `env.yaml` with these arguments.
fn doctor(plugin: Plugin, server: &ApiServer, arguments: &[&str]) -> Plugin {
    doctor_at(plugin, &server.url(), &server.authority_data(), arguments)
}

/// The same for a server with this URL and certificate authority.
fn doctor_at(plugin: Plugin, url: &str, authority: &str, arguments: &[&str]) -> Plugin {
    let mut args = vec!["get-token", "./env.yaml"];
    args.extend(arguments);
    let kubeconfig = json!({
        "current-context": "prod",
        "contexts": [{"name": "prod", "context": {"cluster": "prod", "user": "prod"}}],
        "clusters": [{
            "name": "prod",
            "cluster": {
                "server": url,
                "certificate-authority-data": authority,
            },
        }],
        "users": [{
            "name": "prod",
            "user": {"exec": {
                "apiVersion": "client.authentication.k8s.io/v1",
                "command": "kubectl-esc",
                "args": args,
                "interactiveMode": "Never",
            }},
        }],
    });
    let program = plugin::program().canonicalize().unwrap();
    plugin
        .file("config", kubeconfig.to_string())
        .env("KUBECONFIG", "config")
        .env("PATH", program.parent().unwrap())
        .arg("doctor")
}

/// The output with `TIME`, `DURATION`, `SIZE` and `PROGRAM` for what differs from run to run.
fn normalized(diagnosis: &Diagnosis) -> String {
    let program = plugin::program().canonicalize().unwrap();
    let text = diagnosis
        .text
        .stdout
        .replace(program.to_str().unwrap(), "PROGRAM");
    let mut words: Vec<_> = text.split(' ').map(str::to_owned).collect();
    for at in 0..words.len() {
        let (word, end) = match words[at].find(['\n', ',', ';', ')']) {
            Some(end) => words[at].split_at(end),
            None => (words[at].as_str(), ""),
        };
        let name = if Timestamp::from_rfc3339(word).is_some() {
            "TIME"
        } else if at > 1 && words[at - 2] == "opens" {
            "DURATION"
        } else if words.get(at + 1).is_some_and(|next| next == "bytes,") {
            "SIZE"
        } else {
            continue;
        };
        words[at] = format!("{name}{end}");
    }
    words.join(" ")
}

fn gke_server(google: &GoogleCloud) -> ApiServer {
    let services = google.services.clone();
    ApiServer::authenticating(move |token| services.authenticate(token))
}

#[test]
fn steps_for_gke_are_shown() {
    let google = GoogleCloud::new();
    let server = gke_server(&google);
    let plugin = google
        .plugin()
        .file("env.yaml", project_file("examples/environments/gcp.yaml"))
        .file("identity", google.identity());
    let arguments = ["--provider", "gke", "--web-identity-token-file", "identity"];
    let plugin = doctor(plugin, &server, &arguments);
    let diagnosis = Diagnosis::with_steps(plugin, &GKE_STEPS);
    let host = server.url().replace("https://", "");
    let host = host.split(':').next().unwrap();
    assert_eq!(
        normalized(&diagnosis),
        format!(
            "\
ok      kubeconfig: user `prod` of context `prod` runs `PROGRAM` (client.authentication.k8s.io/v1, interactiveMode Never)
ok      login: identity token from the file `identity` (`--web-identity-token-file`); the identity token has iss `https://token.actions.example`, aud `{}`, sub `repo:acme/platform:ref:refs/heads/main`; valid until TIME
ok      environment: `./env.yaml` opens in DURATION
ok      provider: GKE (from the flag `--provider`)
ok      credentials: access token at `gcp.login`, valid until TIME
ok      token: SIZE bytes, valid until TIME
ok      api-server: `{host}` accepts the token as `{SERVICE_ACCOUNT}` (groups `system:authenticated`)
ok      cache: `[dir]/home/.kube/cache/kubectl-esc` has 0 entries, none for this call; no failure recorded
",
            GoogleCloud::audience()
        )
    );
    assert_eq!(diagnosis.text.code, 0);
}

#[test]
fn service_account_without_the_scope_of_its_address_is_reported() {
    let google = GoogleCloud::with(|configuration| {
        let token = &mut configuration.access_tokens[0];
        token.member = format!("serviceAccount:{SERVICE_ACCOUNT}");
    });
    let server = gke_server(&google);
    let login = format!(
        "values:\n  gcp: {{accessToken: {{fn::secret: {}}}, tokenType: Bearer}}\n",
        user_token()
    );
    let plugin = doctor(google.plugin().file("env.yaml", &login), &server, &[]);
    let diagnosis = Diagnosis::with_steps(plugin, &GKE_STEPS);
    assert_eq!(diagnosis.text.code, 0);
    diagnosis.assert_step("provider", "ok", "GKE (from `gcp` in the environment)", "");
    let assumed = " (assumed: the expiry is unknown)";
    diagnosis.assert_step("credentials", "ok", assumed, "");
    diagnosis.assert_step(
        "api-server",
        "warning",
        &format!(
            "accepts the token as `{UNIQUE_ID}` (groups `system:authenticated`): the unique ID of a \
             service account, not its e-mail address"
        ),
        "request the access token with the scope `https://www.googleapis.com/auth/userinfo.email` too, \
         or bind roles to the unique ID",
    );
    google.services.revoke_tokens();
    let login = login.replace(&user_token(), "ya29.hunter2");
    let arguments = ["--credential-lifetime", "30m"];
    let plugin = doctor(google.plugin().file("env.yaml", login), &server, &arguments);
    let diagnosis = Diagnosis::with_steps(plugin, &GKE_STEPS);
    assert_eq!(diagnosis.text.code, 4);
    let origin = " (from the flag `--credential-lifetime`)";
    diagnosis.assert_step("credentials", "ok", origin, "");
    diagnosis.assert_step(
        "api-server",
        "failed",
        "rejected the token",
        "check that this is a GKE cluster, and that the access token is not revoked and has the scopes \
         `https://www.googleapis.com/auth/cloud-platform` and \
         `https://www.googleapis.com/auth/userinfo.email`",
    );
}

fn aks_server(entra: &Entra) -> ApiServer {
    let azure = entra.azure.clone();
    ApiServer::authenticating(move |token| azure.authenticate(token))
}

#[test]
fn steps_for_aks_are_shown() {
    let entra = Entra::new(Behavior::Answer);
    let server = aks_server(&entra);
    let plugin = Plugin::new()
        .file("env.yaml", aks::LOGIN)
        .file("identity", entra.identity())
        .env("AZURE_AUTHORITY_HOST", entra.server.url());
    let arguments = ["--web-identity-token-file", "identity"];
    let diagnosis = Diagnosis::with_steps(doctor(plugin, &server, &arguments), &AKS_STEPS);
    let host = server.url().replace("https://", "");
    let host = host.split(':').next().unwrap();
    let claims = "the identity token has iss `https://token.actions.example`, aud \
                  `api://AzureADTokenExchange`, sub `repo:acme/platform:ref:refs/heads/main`; valid \
                  until TIME";
    let url = entra.server.url();
    let url = url.trim_end_matches('/');
    assert_eq!(
        normalized(&diagnosis),
        format!(
            "\
ok      kubeconfig: user `prod` of context `prod` runs `PROGRAM` (client.authentication.k8s.io/v1, interactiveMode Never)
ok      login: identity token from the file `identity` (`--web-identity-token-file`); {claims}
ok      environment: `./env.yaml` opens in DURATION
ok      provider: AKS (from `azure.login` in the environment)
ok      credentials: application `{CLIENT}` in tenant `{TENANT}` at `azure.login`, with an identity token; {claims}
ok      authority: `{url}` (from the variable `AZURE_AUTHORITY_HOST`)
ok      token: SIZE bytes, valid until TIME
ok      api-server: `{host}` accepts the token as `{OBJECT}` (groups `system:authenticated`)
ok      cache: `[dir]/home/.kube/cache/kubectl-esc` has 0 entries, none for this call; no failure recorded
"
        )
    );
    assert_eq!(diagnosis.text.code, 0);
}

#[test]
fn failed_steps_for_aks_are_named() {
    let entra = Entra::new(Behavior::Answer);
    let server = aks_server(&entra);
    let diagnose = |definition: &str, arguments: &[&str]| {
        let plugin = Plugin::new()
            .file("env.yaml", definition)
            .env("AZURE_AUTHORITY_HOST", entra.server.url());
        let arguments = [&["--provider", "aks"], arguments].concat();
        Diagnosis::with_steps(doctor(plugin, &server, &arguments), &AKS_STEPS)
    };
    let secret = client_secret();
    let definition = aks::with_client_secret();
    let wrong = definition.replace(&secret, "hunter2");
    for (definition, arguments, code, step, message) in [
        (
            "values: {a: '${nothing}'}",
            &[][..],
            3,
            "environment",
            "has 1 error",
        ),
        (
            "values: {}",
            &[],
            6,
            "credentials",
            "contains no login to Azure",
        ),
        (
            &wrong,
            &[],
            4,
            "token",
            "Microsoft Entra ID rejected the client secret",
        ),
        (
            &definition,
            &["--azure-authority-host", "http://login.example"],
            2,
            "authority",
            "cannot use the flag `--azure-authority-host`",
        ),
        (
            &definition,
            &["--session-name", "x"],
            2,
            "provider",
            "`--session-name` is for EKS, but the provider is AKS",
        ),
    ] {
        let diagnosis = diagnose(definition, arguments);
        assert_eq!(diagnosis.text.code, code, "{:#?}", diagnosis.text);
        diagnosis.assert_step(step, "failed", message, "");
        let failed = AKS_STEPS.iter().position(|name| *name == step).unwrap();
        let skipped = &AKS_STEPS[failed + 1..AKS_STEPS.len() - 1];
        assert_eq!(diagnosis.with_status("skipped"), skipped, "{step}");
        for name in skipped {
            let reason = format!("needs the result of `{step}`");
            assert_eq!(diagnosis.text_of(name, "detail"), reason);
        }
    }
    let diagnosis = diagnose(&definition, &[]);
    assert_eq!(diagnosis.text.code, 0, "{:#?}", diagnosis.text);
    let credentials =
        format!("application `{CLIENT}` in tenant `{TENANT}` at `azure`, with a client secret");
    diagnosis.assert_step("credentials", "ok", &credentials, "");
}

/// Tokens of another audience come from an authority that is not Microsoft's.
#[test]
fn rejected_token_for_aks_is_explained_by_its_claims() {
    let server = ApiServer::authenticating(|_| Err("rejected".to_owned()));
    for (claims, hint) in [
        (
            json!({"aud": "https://management.azure.com", "tid": "t"}),
            "the token is for the audience `https://management.azure.com`, not for AKS \
             (`6dae42f8-4368-4678-94ff-3960e28e3630`): check the authority",
        ),
        (
            json!({"aud": "6dae42f8-4368-4678-94ff-3960e28e3630", "tid": TENANT}),
            "check that the cluster uses Microsoft Entra ID with the tenant \
             `7a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d` (`az aks show --query aadProfile`)",
        ),
        (
            json!({}),
            "check that the cluster uses Microsoft Entra ID with the tenant of the login (`az aks show \
             --query aadProfile`)",
        ),
    ] {
        let token = format!("x.{}.y", encode_url(claims.to_string().as_bytes()));
        let authority = ControlledServer::in_front_of(Behavior::Answer, move |_| {
            let body = json!({"token_type": "Bearer", "expires_in": 3599, "access_token": token});
            Reply::Answer(Response::new(200, "application/json", body.to_string()))
        });
        let plugin = Plugin::new()
            .file("env.yaml", aks::with_client_secret())
            .env("AZURE_AUTHORITY_HOST", authority.url());
        let diagnosis = Diagnosis::with_steps(doctor(plugin, &server, &[]), &AKS_STEPS);
        assert_eq!(diagnosis.text.code, 4);
        assert_eq!(diagnosis.text_of("api-server", "hint"), hint);
    }
}

/// An authority of one cloud, and an API server of another.
#[test]
fn authority_of_another_cloud_is_reported() {
    let entra = Entra::new(Behavior::Answer);
    let server = aks_server(&entra);
    let plugin = Plugin::new()
        .file("env.yaml", aks::with_client_secret())
        .env("AZURE_AUTHORITY_HOST", entra.server.url());
    let plugin = doctor(plugin, &server, &[]);
    let kubeconfig = std::fs::read_to_string(plugin.path("config")).unwrap();
    let url = "https://prod.hcp.usgovvirginia.azmk8s.us:443";
    let kubeconfig = kubeconfig.replace(&server.url(), url);
    // No such host is reached.
    let proxy = Proxy::start(|_| None);
    let plugin = plugin
        .file("config", kubeconfig)
        .env("HTTPS_PROXY", proxy.url());
    let diagnosis = Diagnosis::with_steps(plugin, &AKS_STEPS);
    diagnosis.assert_step(
        "authority",
        "warning",
        ", but the API server is in another cloud",
        "pass `--azure-authority-host https://login.microsoftonline.us`",
    );
}

/// A local definition, which opens without a request.
const STORED_TOKEN: &str = "values: {gcp: {accessToken: ya29.hunter2, tokenType: Bearer}}";

#[test]
fn forbidden_review_of_a_unique_id_is_explained_by_the_missing_scope() {
    let scope = "request the access token with the scope \
                 `https://www.googleapis.com/auth/userinfo.email` too, or bind roles to the unique ID";
    let role = "bind the cluster role `system:basic-user` to the group `system:authenticated`";
    for (user, hint) in [
        (UNIQUE_ID, scope),
        (SERVICE_ACCOUNT, role),
        ("system:serviceaccount:1", role),
        ("", role),
    ] {
        let authority = Authority::new();
        let message = format!(
            "selfsubjectreviews.authentication.k8s.io is forbidden: User \"{user}\" cannot create \
             resource \"selfsubjectreviews\" in API group \"authentication.k8s.io\" at the cluster scope"
        );
        let body = json!({"kind": "Status", "message": message, "code": 403}).to_string();
        let server = Server::start(Some(authority.server(|_| false)), move |_| {
            Reply::Answer(Response::new(403, "application/json", body.clone()))
        });
        let url = format!("https://{}", server.address());
        let data = encode_standard_padded(authority.pem().as_bytes());
        let plugin = Plugin::new().file("env.yaml", STORED_TOKEN);
        let plugin = doctor_at(plugin, &url, &data, &[]);
        let diagnosis = Diagnosis::with_steps(plugin, &GKE_STEPS);
        assert_eq!(diagnosis.text.code, 0, "{:#?}", diagnosis.text);
        let detail = format!("`127.0.0.1` accepts the token, but does not say as whom: {message}");
        assert_eq!(diagnosis.text_of("api-server", "detail"), detail);
        assert_eq!(diagnosis.text_of("api-server", "hint"), hint);
        assert_eq!(diagnosis.with_status("warning"), ["api-server"]);
    }
}

#[test]
fn wrong_certificate_authority_has_the_hint_of_the_provider() {
    let entra = Entra::new(Behavior::Answer);
    let server = aks_server(&entra);
    let other = encode_standard_padded(Authority::new().pem().as_bytes());
    let definition = aks::with_client_secret();
    for (authority, wanted) in [
        (
            other.as_str(),
            "update the certificate authority of the cluster in the kubeconfig: ",
        ),
        ("%", "copy it again: "),
    ] {
        for (definition, steps, source) in [
            (
                STORED_TOKEN,
                &GKE_STEPS[..],
                "`gcloud container clusters describe` prints it as `masterAuth.clusterCaCertificate`",
            ),
            (
                &definition,
                &AKS_STEPS,
                "`az aks get-credentials` writes it",
            ),
        ] {
            let plugin = Plugin::new()
                .file("env.yaml", definition)
                .env("AZURE_AUTHORITY_HOST", entra.server.url());
            let plugin = doctor_at(plugin, &server.url(), authority, &[]);
            let diagnosis = Diagnosis::with_steps(plugin, steps);
            assert_eq!(
                diagnosis.with_status("failed"),
                ["api-server"],
                "{:#?}",
                diagnosis.text
            );
            let hint = diagnosis.text_of("api-server", "hint");
            assert!(hint.starts_with(&format!("{wanted}{source}")), "{hint}");
        }
    }
}

#[test]
fn private_api_server_has_the_hint_of_the_provider() {
    let entra = Entra::new(Behavior::Answer);
    let authority = Authority::new();
    let server = Server::start(Some(authority.server(|_| false)), |_| Reply::Hang);
    let url = format!("https://{}", server.address());
    let data = encode_standard_padded(authority.pem().as_bytes());
    let diagnose = |definition: &str, addresses: &str| {
        let plugin = Plugin::new()
            .file("env.yaml", definition)
            .env("AZURE_AUTHORITY_HOST", entra.server.url());
        let plugin = doctor_at(plugin, &url, &data, &[]).args(["--timeout", "8s"]);
        // Once, because it takes that long.
        let output = plugin.without_log().run_command(TIME_LIMIT);
        assert_eq!(output.code, 5, "{output:#?}");
        let failed = format!(
            "\nfailed  api-server: the API server `127.0.0.1` did not respond within 8s\n        hint: \
             check the network: the endpoint may be private, or not allow this address ({addresses})"
        );
        assert!(output.stdout.contains(&failed), "{output:#?}");
    };
    let with_client_secret = aks::with_client_secret();
    std::thread::scope(|scope| {
        scope.spawn(|| diagnose(STORED_TOKEN, "authorized networks"));
        scope.spawn(|| diagnose(&with_client_secret, "authorized IP ranges"));
    });
}
