//! Cold calls, compared with `curl` making the same requests on one connection to each server.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use encodings::percent;
use serde_json::Value;
use stand_ins::azure::AKS;
use stand_ins::azure::configuration::{CLIENT, TENANT};
use stand_ins::gcp::configuration::{
    CLOUD_PLATFORM, EMAIL, POOL, PROJECT, PROVIDER, SERVICE_ACCOUNT, provider_name,
};
use stand_ins::http::Client;
use stand_ins::pulumi_cloud::configuration::TOKEN;
use stand_ins::sts::configuration::{AUDIENCE, ROLE};

use crate::delay;
use crate::measure::{self, Program, milliseconds};
use crate::services::{AKS_ENVIRONMENT, ENVIRONMENT, GKE_ENVIRONMENT, Services};

/// Returns a call of the plugin to the servers at these URLs, and a call of curl with the same requests.
type Make = fn(&Services, &[String]) -> (Command, Curl);

pub(crate) fn run(runs: usize) {
    let services = Services::new();
    let authority = &services.authority;
    let cloud = services.cloud.behind_tls(authority);
    let aws = services.sts.real_names(authority);
    let google = services.google.real_names(authority);
    let microsoft = services.entra.real_names(authority);
    let route = |route: &dyn Fn(&str) -> Option<SocketAddr>, host: &str| {
        route(&format!("{host}:443")).expect("a route")
    };
    let cloud = cloud.address();
    let aws = route(&aws.route(), "sts.eu-west-1.amazonaws.com");
    let sts = route(&google.route(), "sts.googleapis.com");
    let iam = route(&google.route(), "iamcredentials.googleapis.com");
    let entra = route(&microsoft.route(), "login.microsoftonline.com");

    println!("| cold `get-token` | median, 50 ms away | curl | ratio | processor time |");
    println!("| --- | ---: | ---: | ---: | ---: |");
    if !has_curl() {
        eprintln!("skipping curl: it is not installed");
    }
    let cases: [(&str, &[SocketAddr], Make); 6] = [
        (
            "EKS, Pulumi Cloud: 2 requests",
            &[cloud],
            eks_in_pulumi_cloud,
        ),
        ("EKS, a local definition: 1 request", &[aws], eks_local),
        (
            "GKE, Pulumi Cloud: 2 requests",
            &[cloud],
            gke_in_pulumi_cloud,
        ),
        (
            "GKE, a local definition: 2 requests, 2 servers",
            &[sts, iam],
            gke_local,
        ),
        (
            "AKS, Pulumi Cloud: 3 requests, 2 servers",
            &[cloud, entra],
            aks_in_pulumi_cloud,
        ),
        ("AKS, a local definition: 1 request", &[entra], aks_local),
    ];
    for (name, servers, make) in cases {
        measure_case(&services, name, servers, make, runs);
    }
    let violations = services.cloud.take_violations();
    assert!(violations.is_empty(), "{violations:?}");
}

fn has_curl() -> bool {
    Command::new("curl").arg("--version").output().is_ok()
}

/// Prints a line of the table.
fn measure_case(services: &Services, name: &str, servers: &[SocketAddr], make: Make, runs: usize) {
    let url = |address: SocketAddr| format!("https://localhost:{}", address.port());
    let near: Vec<_> = servers.iter().map(|server| url(*server)).collect();
    let (near, _) = make(services, &near);
    let near = Program::new("", &near);
    near.run();
    let far = servers
        .iter()
        .map(|server| url(delay::start(*server).expect("a port")));
    let (far, curl) = make(services, &far.collect::<Vec<_>>());
    let far = Program::new("", &far);
    let (time, other, ratio) = if has_curl() {
        let curl = Program::new("curl", &curl.command);
        let times = measure::median_times(&[&far, &curl], runs);
        let ratio = times[0].as_secs_f64() / times[1].as_secs_f64();
        (times[0], milliseconds(times[1]), format!("{ratio:.2}"))
    } else {
        let times = measure::median_times(&[&far], runs);
        (times[0], "–".to_owned(), "–".to_owned())
    };
    let cpu = measure::cpu_time(&near, runs * 5);
    let cpu = cpu.map_or_else(|| "–".to_owned(), milliseconds);
    let time = milliseconds(time);
    println!("| {name} | {time} | {other} | {ratio} | {cpu} |");
}

/// A call of curl.
struct Curl {
    command: Command,
    authority: PathBuf,
}

impl Curl {
    fn new(services: &Services) -> Self {
        Self {
            command: Command::new("curl"),
            authority: services.path("authority.pem"),
        }
    }

    /// Adds a request; a POST if there is a body.
    fn request(mut self, url: &str, headers: &[(&str, &str)], body: Option<&str>) -> Self {
        if self.command.get_args().len() > 0 {
            self.command.arg("--next");
        }
        // With `--fail`, curl fails on error responses, as the plugin does.
        self.command
            .args(["--silent", "--fail", "--http1.1", "--output", "/dev/null"])
            .arg("--cacert")
            .arg(&self.authority);
        for (name, value) in headers {
            self.command.args(["-H", &format!("{name}: {value}")]);
        }
        if let Some(body) = body {
            self.command.args(["--data", body]);
        }
        self.command.arg(url);
        self
    }
}

/// Sends a request to a stand-in, and returns its JSON.
fn send(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Value {
    let response = Client::default().send(method, url, headers, body.as_bytes());
    serde_json::from_slice(&response.expect("a response").body).expect("JSON")
}

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

/// `get-token` without the cache.
fn get_token(services: &Services, environment: &str) -> Command {
    let mut command = services.kubectl_esc();
    command
        .args(["get-token", environment, "--no-cache"])
        .env("SSL_CERT_FILE", services.path("authority.pem"));
    command
}

/// `get-token` of a local definition, with an identity token.
fn get_local_token(services: &Services, definition: &str, identity: &str) -> Command {
    std::fs::write(services.path("identity"), identity).expect("a file");
    std::fs::write(services.path("env.yaml"), definition).expect("a file");
    let path = services.path("env.yaml");
    let mut command = get_token(services, path.to_str().expect("UTF-8"));
    command
        .arg("--web-identity-token-file")
        .arg(services.path("identity"));
    command
}

/// Opens the environment, and reads the session, whose values are returned.
fn pulumi_cloud(services: &Services, url: &str, environment: &str) -> (Command, Curl, Value) {
    let mut command = get_token(services, environment);
    command
        .env("PULUMI_BACKEND_URL", url)
        .env("PULUMI_ACCESS_TOKEN", TOKEN);

    let authorization = format!("token {TOKEN}");
    let headers = [
        ("Authorization", authorization.as_str()),
        ("Accept", "application/json"),
    ];
    let path = format!("/api/esc/environments/{environment}/open");
    let real = services.cloud.url();
    let opened = send("POST", &format!("{real}{path}"), &headers, "");
    let session = format!("{path}/{}", opened["id"].as_str().expect("a session"));
    let values = send("GET", &format!("{real}{session}"), &headers, "");
    let curl = Curl::new(services)
        .request(&format!("{url}{path}"), &headers, Some(""))
        .request(&format!("{url}{session}"), &headers, None);
    (command, curl, values)
}

fn eks_in_pulumi_cloud(services: &Services, urls: &[String]) -> (Command, Curl) {
    let (command, curl, _) = pulumi_cloud(services, &urls[0], ENVIRONMENT);
    (command, curl)
}

fn gke_in_pulumi_cloud(services: &Services, urls: &[String]) -> (Command, Curl) {
    let (command, curl, _) = pulumi_cloud(services, &urls[0], GKE_ENVIRONMENT);
    (command, curl)
}

/// Exchanges the identity token of the session at Microsoft Entra ID too.
fn aks_in_pulumi_cloud(services: &Services, urls: &[String]) -> (Command, Curl) {
    let (mut command, curl, values) = pulumi_cloud(services, &urls[0], AKS_ENVIRONMENT);
    command.env("AZURE_AUTHORITY_HOST", &urls[1]);
    let token = values
        .pointer("/properties/azure/value/login/value/oidc/value/token/value")
        .and_then(Value::as_str);
    let curl = request_aks_token(curl, &urls[1], token.expect("an identity token"));
    (command, curl)
}

/// Assumes a role.
fn eks_local(services: &Services, urls: &[String]) -> (Command, Curl) {
    let identity = services.identity(AUDIENCE);
    let definition = format!(
        "values:\n  aws:\n    fn::open::aws-login:\n      oidc:\n        roleArn: {ROLE}\n        \
         sessionName: kubectl-esc\n  eks:\n    clusterName: prod\n    region: eu-west-1\n"
    );
    let mut command = get_local_token(services, &definition, &identity);
    command
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_ENDPOINT_URL_STS", &urls[0]);
    let form = percent::form(&[
        ("Action", "AssumeRoleWithWebIdentity"),
        ("Version", "2011-06-15"),
        ("RoleArn", ROLE),
        ("RoleSessionName", "kubectl-esc"),
        ("WebIdentityToken", &identity),
    ]);
    let curl = Curl::new(services).request(&urls[0], &[FORM], Some(&form));
    (command, curl)
}

/// Exchanges an identity token, and impersonates a service account.
fn gke_local(services: &Services, urls: &[String]) -> (Command, Curl) {
    let provider = provider_name();
    let identity = services.identity(&format!("https://iam.googleapis.com/{provider}"));
    let definition = format!(
        "values:\n  gcp:\n    fn::open::gcp-login:\n      project: {PROJECT}\n      oidc:\n        \
         workloadPoolId: {POOL}\n        providerId: {PROVIDER}\n        serviceAccount: \
         {SERVICE_ACCOUNT}\n"
    );
    let mut command = get_local_token(services, &definition, &identity);
    command
        .env("CLOUDSDK_API_ENDPOINT_OVERRIDES_STS", &urls[0])
        .env("CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS", &urls[1]);
    let form = percent::form(&[
        (
            "grant_type",
            "urn:ietf:params:oauth:grant-type:token-exchange",
        ),
        ("audience", &format!("//iam.googleapis.com/{provider}")),
        ("scope", CLOUD_PLATFORM),
        (
            "requested_token_type",
            "urn:ietf:params:oauth:token-type:access_token",
        ),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
        ("subject_token", &identity),
    ]);
    let sts = format!("{}v1/token", services.google.sts_url());
    let exchanged = send("POST", &sts, &[FORM], &form);
    let token = exchanged["access_token"].as_str().expect("a token");
    let body = format!(r#"{{"lifetime":"3600s","scope":["{CLOUD_PLATFORM}","{EMAIL}"]}}"#);
    let authorization = format!("Bearer {token}");
    let headers = [
        ("Authorization", authorization.as_str()),
        ("Content-Type", "application/json"),
    ];
    let path = format!("/v1/projects/-/serviceAccounts/{SERVICE_ACCOUNT}:generateAccessToken");
    let curl = Curl::new(services)
        .request(&format!("{}/v1/token", urls[0]), &[FORM], Some(&form))
        .request(&format!("{}{path}", urls[1]), &headers, Some(&body));
    (command, curl)
}

fn aks_local(services: &Services, urls: &[String]) -> (Command, Curl) {
    let identity = services.identity(stand_ins::azure::configuration::AUDIENCE);
    let definition = format!(
        "values:\n  azure:\n    fn::open::azure-login:\n      clientId: {CLIENT}\n      tenantId: \
         {TENANT}\n      oidc: true\n"
    );
    let mut command = get_local_token(services, &definition, &identity);
    command.env("AZURE_AUTHORITY_HOST", &urls[0]);
    let curl = request_aks_token(Curl::new(services), &urls[0], &identity);
    (command, curl)
}

/// Adds the request to Microsoft Entra ID.
fn request_aks_token(curl: Curl, url: &str, identity: &str) -> Curl {
    let form = percent::form(&[
        ("client_id", CLIENT),
        ("grant_type", "client_credentials"),
        ("scope", &format!("{AKS}/.default")),
        (
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        ),
        ("client_assertion", identity),
    ]);
    curl.request(
        &format!("{url}/{TENANT}/oauth2/v2.0/token"),
        &[FORM],
        Some(&form),
    )
}
