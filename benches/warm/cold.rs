//! Cold calls, compared with `curl` making the same requests on one connection.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use encodings::percent;
use stand_ins::http::Client;
use stand_ins::pulumi_cloud::configuration::TOKEN;
use stand_ins::sts::configuration::ROLE;

use crate::delay;
use crate::measure::{self, Program, milliseconds};
use crate::services::{ENVIRONMENT, Services};

/// Returns a call of the plugin to the server at a URL, and a call of curl with the same requests.
type Make = fn(&Services, &str) -> (Program, Command);

/// The round-trip time to the server.
const ROUND_TRIP: Duration = Duration::from_millis(50);

pub(crate) fn run(runs: usize) {
    let services = Services::new();
    let secure = services.cloud.behind_tls(&services.authority);
    let real_names = services.sts.real_names(&services.authority);
    let sts = real_names.route()("sts.eu-west-1.amazonaws.com:443").expect("a route");

    println!("| cold `get-token` | median, 50 ms away | curl | ratio | processor time |");
    println!("| --- | ---: | ---: | ---: | ---: |");
    let has_curl = Command::new("curl").arg("--version").output().is_ok();
    if !has_curl {
        eprintln!("skipping curl: it is not installed");
    }
    let cases: [(&str, SocketAddr, Make); 2] = [
        (
            "Pulumi Cloud: TCP, TLS, 2 requests",
            secure.address(),
            pulumi_cloud,
        ),
        (
            "a local definition: TCP, TLS, 1 request",
            sts,
            local_definition,
        ),
    ];
    for (name, server, make) in cases {
        let (near, _) = make(&services, &url(server));
        let (far, curl) = make(
            &services,
            &url(delay::start(server, ROUND_TRIP).expect("a port")),
        );
        near.run();
        let (time, other, ratio) = if has_curl {
            let times = measure::median_times(&[&far, &Program::new("curl", &curl)], runs);
            let ratio = times[0].as_secs_f64() / times[1].as_secs_f64();
            (times[0], milliseconds(times[1]), format!("{ratio:.2}"))
        } else {
            let times = measure::median_times(&[&far], runs);
            (times[0], "–".to_owned(), "–".to_owned())
        };
        let cpu = measure::cpu_time(&near, runs * 5);
        let cpu = cpu.map_or_else(|| "–".to_owned(), milliseconds);
        println!(
            "| {name} | {} | {other} | {ratio} | {cpu} |",
            milliseconds(time)
        );
    }
    let violations = services.cloud.take_violations();
    assert!(violations.is_empty(), "{violations:?}");
}

fn url(address: SocketAddr) -> String {
    format!("https://localhost:{}", address.port())
}

/// Opens the environment, and reads the session.
fn pulumi_cloud(services: &Services, url: &str) -> (Program, Command) {
    let mut command = services.kubectl_esc();
    command
        .args(["get-token", ENVIRONMENT, "--no-cache"])
        .env("PULUMI_BACKEND_URL", url)
        .env("PULUMI_ACCESS_TOKEN", TOKEN)
        .env("SSL_CERT_FILE", services.path("authority.pem"));

    let path = format!("/api/esc/environments/{ENVIRONMENT}/open");
    let authorization = format!("token {TOKEN}");
    let headers = [
        ("Authorization", authorization.as_str()),
        ("Accept", "application/json"),
    ];
    let opened = Client::default()
        .send(
            "POST",
            &format!("{}{path}", services.cloud.url()),
            &headers,
            b"",
        )
        .expect("a response");
    let opened: serde_json::Value = serde_json::from_slice(&opened.body).expect("JSON");
    let session = opened["id"].as_str().expect("a session");
    let mut curl = curl(&services.path("authority.pem"));
    let headers = headers.map(|(name, value)| format!("{name}: {value}"));
    let headers: Vec<_> = headers.iter().flat_map(|header| ["-H", header]).collect();
    curl.args(["-X", "POST"])
        .args(&headers)
        .arg(format!("{url}{path}"))
        .arg("--next")
        .args(OPTIONS)
        .arg("--cacert")
        .arg(services.path("authority.pem"))
        .args(&headers)
        .arg(format!("{url}{path}/{session}"));
    (Program::new("", &command), curl)
}

/// Gets credentials from STS.
fn local_definition(services: &Services, url: &str) -> (Program, Command) {
    let identity = services.identity();
    std::fs::write(services.path("identity"), &identity).expect("a file");
    let definition = format!(
        "values:\n  aws:\n    fn::open::aws-login:\n      oidc:\n        roleArn: {ROLE}\n        \
         sessionName: kubectl-esc\n  eks:\n    clusterName: prod\n    region: eu-west-1\n"
    );
    std::fs::write(services.path("prod.yaml"), definition).expect("a file");
    let mut command = services.kubectl_esc();
    command
        .arg("get-token")
        .arg(services.path("prod.yaml"))
        .arg("--no-cache")
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_ENDPOINT_URL_STS", url)
        .env("AWS_WEB_IDENTITY_TOKEN_FILE", services.path("identity"))
        .env("SSL_CERT_FILE", services.path("authority.pem"));

    let mut form = "Action=AssumeRoleWithWebIdentity&Version=2011-06-15".to_owned();
    for (name, value) in [
        ("RoleArn", ROLE),
        ("RoleSessionName", "kubectl-esc"),
        ("WebIdentityToken", &identity),
    ] {
        form.extend(["&", name, "=", &percent::encode(value)]);
    }
    let mut curl = curl(&services.path("authority.pem"));
    curl.args(["--data", &form]).arg(url);
    (Program::new("", &command), curl)
}

/// With `--fail`, curl fails on error responses, as the plugin does.
const OPTIONS: [&str; 5] = ["--silent", "--fail", "--http1.1", "--output", "/dev/null"];

fn curl(authority: &Path) -> Command {
    let mut curl = Command::new("curl");
    curl.args(OPTIONS).arg("--cacert").arg(authority);
    curl
}
