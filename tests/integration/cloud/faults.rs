//! What can go failures on the way to Pulumi Cloud, as a table: the exact message, the exit code and the
//! requests. Each call has a time limit (`--timeout`) and must keep it.

use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use stand_ins::http::{Gate, Reply, Response, Server};
use stand_ins::pulumi_cloud::configuration::{STRANGERS_TOKEN, TEAM_TOKEN, TOKEN};
use stand_ins::pulumi_cloud::fault::Fault;
use stand_ins::tls::Authority;

use super::{ENVIRONMENT, PulumiCloudFixture, assert_no_secrets};
use crate::support::plugin::{self, Output, Plugin};

/// Every call exits by itself within this time.
const EXIT_LIMIT: Duration = Duration::from_secs(50);

/// The time limit of a call that must not time out on a slow machine.
const LONG_TIMEOUT: &str = "40s";

/// A fault: its name, how it changes the fixture and the call, standard error after the first words, the
/// exit code, and the operations that were requested.
struct Row {
    name: &'static str,
    prepare: fn(&PulumiCloudFixture, Plugin) -> Plugin,
    stderr: &'static str,
    code: i32,
    operations: &'static [&'static str],
}

const ROWS: &[Row] = &[
    // The network.
    Row {
        name: "refused connection",
        prepare: |_, plugin| plugin.env("PULUMI_BACKEND_URL", closed_port()),
        stderr: "cannot reach `127.0.0.1`
  caused by: the connection was refused
  caused by: Connection refused (os error 111)
  hint: check the network; if it requires a proxy, set `HTTPS_PROXY`
",
        code: 5,
        operations: &[],
    },
    Row {
        name: "DNS failure",
        prepare: |_, plugin| {
            // The resolver asks no name server for a name with a part of more than 63 characters.
            let proxy = format!("http://{}.invalid:3128", "x".repeat(64));
            plugin
                .env("PULUMI_BACKEND_URL", "https://api.pulumi.com")
                .env("HTTPS_PROXY", proxy)
        },
        stderr: "cannot reach `api.pulumi.com`
  caused by: the host name cannot be resolved
  caused by: [resolver]
  hint: check the proxy in `HTTPS_PROXY`, or add `api.pulumi.com` to `NO_PROXY`
",
        code: 5,
        operations: &[],
    },
    Row {
        name: "invalid host name",
        prepare: |_, plugin| {
            let url = format!("https://{}.invalid", "x".repeat(64));
            plugin.env("PULUMI_BACKEND_URL", url)
        },
        stderr: "cannot reach `xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.invalid`
  caused by: the host name cannot be resolved
  caused by: [resolver]
  hint: check the host name, and this machine's network and DNS
",
        code: 5,
        operations: &[],
    },
    Row {
        name: "hang after connect",
        prepare: |pulumi_cloud, plugin| {
            pulumi_cloud.stand_in.fail_at("open", Fault::Hang, 9);
            plugin.env("KUBECTL_ESC_TIMEOUT", "2s")
        },
        stderr: "`127.0.0.1` did not respond within 2s
  hint: check the network, or increase `--timeout`
",
        code: 5,
        operations: &["open"],
    },
    Row {
        name: "hang in the middle of the answer",
        prepare: |pulumi_cloud, plugin| {
            pulumi_cloud.stand_in.fail_at("read session", Fault::HangMidBody, 9);
            plugin.env("KUBECTL_ESC_TIMEOUT", "2s")
        },
        stderr: "`127.0.0.1` did not respond within 2s
  hint: check the network, or increase `--timeout`
",
        code: 5,
        operations: &["open", "read session"],
    },
    Row {
        name: "a byte a second",
        prepare: |pulumi_cloud, plugin| {
            let slow = Fault::Drip(Gate::paced(Duration::from_secs(1)));
            pulumi_cloud.stand_in.fail_at("open", slow, 1);
            plugin.env("KUBECTL_ESC_TIMEOUT", "2s")
        },
        stderr: "`127.0.0.1` did not respond within 2s
  hint: check the network, or increase `--timeout`
",
        code: 5,
        operations: &["open"],
    },
    Row {
        name: "connection closed after the opening was sent",
        prepare: |pulumi_cloud, plugin| {
            pulumi_cloud.stand_in.fail_at("open", Fault::Close, 9);
            plugin
        },
        stderr: "cannot reach `127.0.0.1`
  caused by: connection closed before message completed
  hint: check the network; if it requires a proxy, set `HTTPS_PROXY`
",
        code: 5,
        // The environment may have been opened, so the request is not repeated.
        operations: &["open"],
    },
    Row {
        name: "connection closed each time the session is read",
        prepare: |pulumi_cloud, plugin| {
            pulumi_cloud.stand_in.fail_at("read session", Fault::Close, 9);
            plugin
        },
        stderr: "cannot reach `127.0.0.1`
  caused by: connection closed before message completed
  hint: check the network; if it requires a proxy, set `HTTPS_PROXY`
",
        code: 5,
        operations: &["open", "read session", "read session", "read session", "read session"],
    },
    // Responses that are not from the API of Pulumi Cloud.
    Row {
        name: "truncated JSON, of the opening",
        prepare: |pulumi_cloud, plugin| {
            pulumi_cloud.stand_in.fail_at("open", Fault::Truncated, 9);
            plugin
        },
        stderr: "the response from `127.0.0.1` did not come from Pulumi Cloud
  caused by: it is not JSON: unexpected end of JSON input at byte [n]
  hint: check PULUMI_BACKEND_URL; a proxy or a login page may be answering instead
",
        code: 5,
        operations: &["open"],
    },
    Row {
        name: "truncated JSON, of the session",
        prepare: |pulumi_cloud, plugin| {
            pulumi_cloud.stand_in.fail_at("read session", Fault::Truncated, 9);
            plugin
        },
        stderr: "the response from `127.0.0.1` did not come from Pulumi Cloud
  caused by: it is not JSON: unexpected end of JSON input at byte [n]
  hint: check PULUMI_BACKEND_URL; a proxy or a login page may be answering instead
",
        code: 5,
        operations: &["open", "read session"],
    },
    Row {
        name: "a web page",
        prepare: |pulumi_cloud, plugin| {
            pulumi_cloud.stand_in.fail_at("open", Fault::Html, 9);
            plugin
        },
        stderr: "the response from `127.0.0.1` did not come from Pulumi Cloud
  caused by: it is not JSON: invalid character looking for beginning of value at byte 0
  hint: check PULUMI_BACKEND_URL; a proxy or a login page may be answering instead
",
        code: 5,
        operations: &["open"],
    },
    Row {
        name: "100 MB",
        prepare: |pulumi_cloud, plugin| {
            pulumi_cloud.stand_in.fail_at("read session", Fault::Huge(100_000_000), 1);
            plugin
        },
        stderr: "the response from `127.0.0.1` is larger than 16777216 bytes
  hint: check that the URL is that of the service
",
        code: 5,
        operations: &["open", "read session"],
    },
    Row {
        name: "an answer without a session",
        prepare: |pulumi_cloud, plugin| {
            let answer = Response::new(200, "application/json", "{}");
            pulumi_cloud.stand_in.fail_at("open", Fault::Answer(answer), 1);
            plugin
        },
        stderr: "the response from `127.0.0.1` did not come from Pulumi Cloud
  caused by: it has no session ID
  hint: check PULUMI_BACKEND_URL; a proxy or a login page may be answering instead
",
        code: 5,
        operations: &["open"],
    },
    // Error responses.
    Row {
        name: "401",
        prepare: |_, plugin| plugin.env("PULUMI_ACCESS_TOKEN", "pul-unknown"),
        stderr: "`127.0.0.1` rejected the access token from the variable `PULUMI_ACCESS_TOKEN`
  caused by: Unauthorized: No credentials provided or are invalid.
  hint: set PULUMI_ACCESS_TOKEN to a token that is valid for this backend
",
        code: 4,
        operations: &["open"],
    },
    Row {
        name: "403",
        prepare: |pulumi_cloud, plugin| {
            let fault = Fault::error(403, "Forbidden", &[]);
            pulumi_cloud.stand_in.fail_at("open", fault, 1);
            plugin
        },
        stderr: "the user `alice` (access token from the variable `PULUMI_ACCESS_TOKEN`) is not allowed to open the environment `acme/platform/prod`
  caused by: Forbidden
  hint: ask an administrator of `acme` for permission to open it
",
        code: 4,
        operations: &["open", "current user", "metadata"],
    },
    Row {
        name: "an approval is needed",
        prepare: |pulumi_cloud, plugin| {
            // The fixture has one: see `with_gated_environment`.
            assert!(pulumi_cloud.calls().is_empty());
            plugin.env("KUBECTL_ESC_ENVIRONMENT", "acme/test/gated")
        },
        stderr: "the user `alice` (access token from the variable `PULUMI_ACCESS_TOKEN`) needs an approval to open the environment `acme/test/gated`
  caused by: Forbidden: opening this environment needs an approved open request
  hint: request it with `pulumi env open-request acme/test/gated`, and try again once it is approved
",
        code: 4,
        operations: &["open", "current user", "metadata"],
    },
    Row {
        name: "404, a member of the organization",
        prepare: |_, plugin| plugin.env("KUBECTL_ESC_ENVIRONMENT", "acme/platform/none"),
        stderr: "the environment `acme/platform/none` does not exist, or the user `alice` (access token from the variable `PULUMI_ACCESS_TOKEN`) has no access to it
  caused by: [message]
  hint: check the name, or ask for access; `pulumi env ls` lists what you can access
",
        code: 4,
        operations: &["open", "current user", "metadata"],
    },
    Row {
        name: "404, a team",
        prepare: |_, plugin| {
            plugin
                .env("PULUMI_ACCESS_TOKEN", TEAM_TOKEN)
                .env("KUBECTL_ESC_ENVIRONMENT", "acme/platform/prod@none")
        },
        stderr: "the environment `acme/platform/prod@none` does not exist, or the team `platform` of `acme` (access token from the variable `PULUMI_ACCESS_TOKEN`) has no access to it
  caused by: [message]
  hint: check the name, or ask for access; `pulumi env ls` lists what you can access
",
        code: 4,
        operations: &["open revision", "current user", "metadata"],
    },
    Row {
        name: "404, of another organization",
        prepare: |_, plugin| plugin.env("PULUMI_ACCESS_TOKEN", STRANGERS_TOKEN),
        stderr: "the environment `acme/platform/prod` does not exist, or the user `mallory` (access token from the variable `PULUMI_ACCESS_TOKEN`) has no access to it
  caused by: [message]
  hint: check the organization: `mallory` is a member of `mallory`, not of `acme`
",
        code: 4,
        operations: &["open", "current user", "metadata"],
    },
    Row {
        name: "409",
        prepare: |pulumi_cloud, plugin| {
            let fault = Fault::error(409, "Conflict", &[]);
            pulumi_cloud.stand_in.fail_at("open", fault, 1);
            plugin
        },
        stderr: "the environment was modified at the same time
  caused by: Conflict
  hint: try again in a moment
",
        code: 5,
        operations: &["open", "current user", "metadata"],
    },
    Row {
        name: "429 with Retry-After",
        prepare: |pulumi_cloud, plugin| {
            pulumi_cloud
                .stand_in
                .fail_at("open", Fault::too_many_requests(Some(3600)), 1);
            plugin
        },
        stderr: "`127.0.0.1` limits the rate of requests
  caused by: Too Many Requests: rate limit exceeded
  hint: try again in 1h
",
        code: 5,
        // Not repeated: the hour exceeds the time limit of the call.
        operations: &["open"],
    },
    Row {
        name: "429 without Retry-After",
        prepare: |pulumi_cloud, plugin| {
            pulumi_cloud
                .stand_in
                .fail_at("open", Fault::too_many_requests(None), 9);
            plugin
        },
        stderr: "`127.0.0.1` limits the rate of requests
  caused by: Too Many Requests: rate limit exceeded
  hint: try again in a moment
",
        code: 5,
        operations: &["open", "open", "open", "open"],
    },
    Row {
        name: "500 each time the environment is opened",
        prepare: |pulumi_cloud, plugin| {
            pulumi_cloud.stand_in.fail_at("open", Fault::internal(), 9);
            plugin
        },
        stderr: "`127.0.0.1` failed (HTTP status 500, request ID request-1)
  caused by: Internal Server Error
  hint: try again in a moment; see https://status.pulumi.com for outages
",
        code: 5,
        operations: &["open"],
    },
    Row {
        name: "500 each time the session is read",
        prepare: |pulumi_cloud, plugin| {
            pulumi_cloud.stand_in.fail_at("read session", Fault::internal(), 9);
            plugin
        },
        stderr: "`127.0.0.1` failed (HTTP status 500, request ID request-5)
  caused by: Internal Server Error
  hint: try again in a moment; see https://status.pulumi.com for outages
",
        code: 5,
        operations: &["open", "read session", "read session", "read session", "read session"],
    },
    Row {
        name: "a server whose message repeats the access token",
        prepare: |pulumi_cloud, plugin| {
            let message = format!("no such token: {TOKEN}");
            pulumi_cloud
                .stand_in
                .fail_at("open", Fault::error(500, &message, &[]), 1);
            plugin
        },
        stderr: "`127.0.0.1` failed (HTTP status 500, request ID request-1)
  caused by: no such token: [secret]
  hint: try again in a moment; see https://status.pulumi.com for outages
",
        code: 5,
        operations: &["open"],
    },
    Row {
        name: "session expired between opening and reading",
        prepare: |pulumi_cloud, plugin| {
            pulumi_cloud
                .stand_in
                .fail_at("read session", Fault::ExpireSessions, 1);
            plugin
        },
        stderr: "the session expired before it could be read
  caused by: [message]
  hint: try again in a moment
",
        code: 5,
        operations: &["open", "read session"],
    },
];

/// A fixture with an environment that needs an approval.
fn with_gated_environment() -> PulumiCloudFixture {
    PulumiCloudFixture::with(|configuration| {
        *configuration = configuration
            .clone()
            .environment("test", "gated", "values: {a: 1}");
        configuration.environments[1].gated = true;
    })
}

#[test]
fn every_fault_has_its_message() {
    let mut failures = Vec::new();
    for row in ROWS {
        for verbosity in ["0", "2"] {
            let pulumi_cloud = with_gated_environment();
            let plugin = pulumi_cloud
                .plugin()
                .env("KUBECTL_ESC_ENVIRONMENT", ENVIRONMENT)
                .env("KUBECTL_ESC_LOG", verbosity)
                .env("KUBECTL_ESC_TIMEOUT", LONG_TIMEOUT)
                .args(["get-token", "--cluster-name", "prod"]);
            let output = (row.prepare)(&pulumi_cloud, plugin).run_within(EXIT_LIMIT);
            assert_no_secrets(&pulumi_cloud, &output);
            let operations = pulumi_cloud.stand_in.operations();
            if output.code != row.code || operations != row.operations {
                failures.push(format!("{}: {} {operations:?}", row.name, output.code));
            }
            let (_, message) = output
                .stderr
                .rsplit_once("kubectl-esc: cannot open the environment")
                .unwrap_or_else(|| panic!("{}: {output:#?}", row.name));
            let message = message.split_once(": ").unwrap().1;
            if !matches(message, row.stderr) {
                failures.push(format!("{}:\n{message}", row.name));
            }
            if verbosity == "0"
                && output
                    .stderr
                    .lines()
                    .filter(|l| l.starts_with("kubectl-esc"))
                    .count()
                    != 1
            {
                failures.push(format!("{}: too much:\n{}", row.name, output.stderr));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Compares line by line. `[n]` at the end of a line matches a number; `[message]`, `[resolver]` and the
/// system's error match any text, because they come from other programs.
fn matches(message: &str, expected: &str) -> bool {
    message.lines().count() == expected.lines().count()
        && message
            .lines()
            .zip(expected.lines())
            .all(|(line, expected)| {
                if let Some(start) = expected.strip_suffix("[n]") {
                    let number = line.strip_prefix(start);
                    return number.is_some_and(|n| n.bytes().all(|byte| byte.is_ascii_digit()));
                }
                let foreign = [
                    "[message]",
                    "[resolver]",
                    "Connection refused (os error 111)",
                ];
                match foreign.iter().find_map(|text| expected.strip_suffix(text)) {
                    Some(start) => line.len() > start.len() && line.starts_with(start),
                    None => line == expected,
                }
            })
}

fn closed_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[test]
fn transient_faults_are_retried() {
    for (fault, at, operations) in [
        (
            Fault::internal(),
            "read session",
            &["open", "read session", "read session"][..],
        ),
        (
            Fault::Close,
            "read session",
            &["open", "read session", "read session"],
        ),
        (
            Fault::too_many_requests(Some(0)),
            "read session",
            &["open", "read session", "read session"],
        ),
        (
            Fault::too_many_requests(Some(0)),
            "open",
            &["open", "open", "read session"],
        ),
        (
            Fault::too_many_requests(None),
            "open",
            &["open", "open", "read session"],
        ),
        (
            Fault::error(503, "busy", &[("Retry-After", "0")]),
            "open",
            &["open", "open", "read session"],
        ),
    ] {
        let pulumi_cloud = PulumiCloudFixture::new();
        pulumi_cloud.stand_in.fail_at(at, fault.clone(), 1);
        let output = pulumi_cloud.get_token(ENVIRONMENT).run();
        pulumi_cloud.assert_token(&output);
        assert_eq!(pulumi_cloud.stand_in.operations(), operations, "{fault:?}");
        assert_eq!(pulumi_cloud.stand_in.sessions_opened(), 1, "{fault:?}");
    }
}

#[test]
fn redirect_is_not_followed() {
    let pulumi_cloud = PulumiCloudFixture::new();
    let (sender, elsewhere) = std::sync::mpsc::channel();
    let other = Server::start(None, move |request| {
        sender.send(request.target.clone()).unwrap();
        Reply::Answer(Response::new(200, "application/json", "{\"id\":\"x\"}"))
    });
    let to = format!("http://{}/api", other.address());
    pulumi_cloud
        .stand_in
        .fail_at("open", Fault::redirect(&to), 9);
    let output = pulumi_cloud.get_token(ENVIRONMENT).run();
    output.assert_fails(
        "kubectl-esc: cannot open the environment `acme/platform/prod`: `127.0.0.1` redirected to another URL (HTTP status 307)
  hint: check PULUMI_BACKEND_URL, and whether the network requires a login; redirects are not followed
",
        5,
    );
    assert!(elsewhere.try_recv().is_err());
}

/// `get-token` through TLS at `localhost`.
fn secure(pulumi_cloud: &PulumiCloudFixture, url: &str, trusted: &str) -> Plugin {
    let plugin = pulumi_cloud
        .get_token(ENVIRONMENT)
        .env("PULUMI_BACKEND_URL", url)
        .file("trusted.pem", trusted);
    let bundle = plugin.path("trusted.pem");
    plugin.env("SSL_CERT_FILE", bundle)
}

/// Runs a call to a server with a self-signed certificate for this name, which the call trusts.
fn run_against_self_signed(pulumi_cloud: &PulumiCloudFixture, name: &str, is_ca: bool) -> Output {
    let mut parameters = CertificateParams::new([name.to_owned()]).unwrap();
    if is_ca {
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    let key = KeyPair::generate().unwrap();
    let certificate = parameters.self_signed(&key).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let server = Server::start(Some(Arc::new(tls)), |_| Reply::Close);
    let url = format!("https://localhost:{}", server.address().port());
    secure(pulumi_cloud, &url, &certificate.pem()).run()
}

#[test]
fn tls_failures_are_explained() {
    let pulumi_cloud = PulumiCloudFixture::new();
    let authority = Authority::new();
    let tls = pulumi_cloud.stand_in.behind_tls(&authority);
    let output = secure(&pulumi_cloud, &tls.url(), &authority.pem()).run();
    pulumi_cloud.assert_token(&output);
    pulumi_cloud.assert_calls(&["open", "read session"]);

    let unknown = secure(&pulumi_cloud, &tls.url(), &Authority::new().pem()).run();
    let start =
        "kubectl-esc: cannot open the environment `acme/platform/prod`: cannot reach `localhost`\n";
    for (output, cause, hint) in [
        (
            unknown,
            "the server's certificate is signed by an unknown authority",
            "if your network inspects TLS, set `AWS_CA_BUNDLE` to a PEM file with its CA certificate",
        ),
        (
            run_against_self_signed(&pulumi_cloud, "localhost", true),
            "the server's certificate is that of a certificate authority",
            "give the server a certificate that its authority signed (basicConstraints `CA:FALSE`)",
        ),
        (
            run_against_self_signed(&pulumi_cloud, "other.example.com", false),
            "the server's certificate is for another host name",
            "check the host name; another server may be answering for it",
        ),
    ] {
        assert_eq!(output.code, 5, "{output:?}");
        let lines: Vec<_> = output.stderr.lines().collect();
        assert_eq!(format!("{}\n", lines[0]), start);
        assert_eq!(lines[1], format!("  caused by: {cause}"));
        assert_eq!(*lines.last().unwrap(), format!("  hint: {hint}"));
        for library in ["CaUsedAsEndEntity", "UnknownIssuer", "Other("] {
            assert!(!output.stderr.contains(library), "{}", output.stderr);
        }
    }
    // Neither call was repeated, and no request was sent.
    pulumi_cloud.assert_calls(&["open", "read session"]);
}

#[test]
fn pulumi_cloud_is_reached_through_a_proxy() {
    use stand_ins::proxy::Proxy;
    let pulumi_cloud = PulumiCloudFixture::new();
    let authority = Authority::new();
    let tls = pulumi_cloud.stand_in.behind_tls(&authority);
    let proxy = Proxy::start(tls.route());
    let plugin = secure(&pulumi_cloud, "", &authority.pem())
        .env_remove("PULUMI_BACKEND_URL")
        .env("HTTPS_PROXY", proxy.url());
    pulumi_cloud.assert_token(&plugin.run());
    pulumi_cloud.assert_calls(&["open", "read session"]);
}

/// Plain HTTP is allowed for `localhost`, so no hosts file may direct it to another machine.
#[cfg(target_os = "linux")]
#[test]
fn localhost_is_this_machine_whatever_the_hosts_file_says() {
    use std::process::Command;
    /// Runs a command with another hosts file, which only this command sees.
    const WITH_HOSTS: &str = r#"mount --bind "$0" /etc/hosts && exec "$@""#;
    let pulumi_cloud = PulumiCloudFixture::new();
    let port = pulumi_cloud.url().rsplit_once(':').unwrap().1.to_owned();
    let plugin = pulumi_cloud
        .get_token(ENVIRONMENT)
        .env("PULUMI_BACKEND_URL", format!("http://localhost:{port}"))
        // Reserved for documentation: no machine has this address.
        .file("hosts", "192.0.2.1 localhost\n");
    let with_hosts = || {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-c", WITH_HOSTS]);
        command.arg(plugin.path("hosts"));
        command
    };
    let probe = with_hosts().arg("true").output();
    if !probe.is_ok_and(|probe| probe.status.success()) {
        println!("skipped: `unshare` cannot replace the hosts file");
        return;
    }
    let call = plugin.command();
    let mut command = with_hosts();
    command.env_clear().arg(call.get_program());
    command.args(call.get_args());
    let variables = call.get_envs();
    command.envs(variables.filter_map(|(name, value)| Some((name, value?))));
    let output = plugin::run(command, EXIT_LIMIT);
    pulumi_cloud.assert_token(&output);
    pulumi_cloud.assert_calls(&["open", "read session"]);
}
