//! Hostile responses of Pulumi Cloud.

use stand_ins::http::Response;
use stand_ins::pulumi_cloud::fault::Fault;

use super::{run_with_little_memory, start_of, unexpected_wire_outcomes};
use crate::cloud::PulumiCloudFixture;
use crate::support::plugin::Output;

/// The most memory that a call may use.
pub(super) const MAX_MEMORY: u64 = 256 << 20;

/// The time limit of a call that must not time out on a slow machine.
pub(super) const LONG_TIMEOUT: &str = "2m";

/// A response that is just small enough to be read.
const ALMOST_THE_LIMIT: usize = (16 << 20) - 2_000;

/// The AWS credentials in a session that can be used.
const CREDENTIALS: &str = r#""aws":{"value":{"accessKeyId":{"value":"AKIAEXAMPLE"},
    "secretAccessKey":{"value":"hunter2hunter2"}}},"eks":{"value":{"region":{"value":"eu-west-1"}}}"#;

/// A call that gets a hostile response.
struct Row {
    name: &'static str,
    /// The operation with the hostile response, and its status.
    operation: (&'static str, u16),
    body: fn() -> String,
    arguments: &'static [&'static [&'static str]],
    /// The exit code and a part of the message.
    outcome: (i32, &'static str),
}

const ENVIRONMENT: &str = "acme/platform/prod";
const GET_TOKEN: &[&str] = &["get-token", ENVIRONMENT, "-i", "prod", "--no-cache"];
const OPEN: &[&str] = &["open", ENVIRONMENT];
const CHECK: &[&str] = &["check", ENVIRONMENT];

/// Repeats a text to almost the limit of a response, between a start and an end.
fn filled(start: &str, repeated: &str, end: &str) -> String {
    let length = ALMOST_THE_LIMIT - start.len() - end.len();
    format!("{start}{}{end}", repeated.repeat(length / repeated.len()))
}

/// A session with one more value, repeated to almost the limit.
fn session(start: &str, repeated: &str, end: &str) -> String {
    let start = format!("{{\"properties\":{{{CREDENTIALS},\"a\":{start}");
    filled(&start, repeated, &format!("{end}}}}}"))
}

/// A session that opens, with these provider calls.
fn session_with_calls(properties: &str, exprs: &str) -> String {
    format!("{{\"properties\":{{{CREDENTIALS},{properties}}},\"exprs\":{{{exprs}}}}}")
}

/// A provider call, whose output is the value at the same path.
fn call(provider: &str) -> String {
    format!("{{\"builtin\":{{\"name\":\"fn::open::{provider}\",\"arg\":{{}}}}}}")
}

/// As many values as a session may have, and as much text.
fn largest_session(value: &str, values_each: usize) -> String {
    let values = format!("{value},").repeat(140_000 / values_each);
    let start = format!("{{\"value\":[{values}{{\"value\":\"");
    session(&start, "x", "\"}]}")
}

fn texts(count: usize, text: impl Fn(usize) -> String) -> String {
    (0..count).map(text).collect::<Vec<_>>().join(",")
}

const SESSIONS: &[Row] = &[
    Row {
        name: "31 MB of small values",
        operation: ("read session", 200),
        body: || {
            format!(
                "{{\"properties\":{{\"a\":{{\"value\":[{}0]}}}}}}",
                "{\"value\":0},".repeat(2_600_000)
            )
        },
        arguments: &[GET_TOKEN],
        outcome: (5, "is larger than 16777216 bytes"),
    },
    Row {
        name: "many small values",
        operation: ("read session", 200),
        body: || session("{\"value\":[", "{\"value\":0},", "0]}"),
        arguments: &[GET_TOKEN],
        outcome: (5, "it has more than 150000 values"),
    },
    Row {
        name: "many empty objects",
        operation: ("open", 200),
        body: || filled("{\"diagnostics\":[", "{},", "{}]}"),
        arguments: &[GET_TOKEN],
        outcome: (5, "it has more than 150000 values"),
    },
    Row {
        name: "as many values as allowed",
        operation: ("read session", 200),
        body: || largest_session("{\"value\":0}", 2),
        arguments: &[&["open", ENVIRONMENT, "--format", "detailed"]],
        outcome: (0, ""),
    },
    Row {
        name: "as many objects as allowed",
        operation: ("read session", 200),
        body: || largest_session("{\"value\":{\"a\":{\"value\":{\"b\":{}}}}}", 5),
        arguments: &[GET_TOKEN, &["open", ENVIRONMENT, "--format", "yaml"]],
        outcome: (0, ""),
    },
    Row {
        name: "as much as Pulumi Cloud sends for many values",
        operation: ("read session", 200),
        body: || {
            let position = "{\"line\":1,\"column\":2,\"byte\":3}";
            let range = format!(
                "{{\"environment\":\"{}\",\"begin\":{position},\"end\":{position}}}",
                "e".repeat(120)
            );
            let value = format!("{{\"value\":\"x\",\"trace\":{{\"def\":{range}}}}},");
            session("{\"value\":[", &value, "{\"value\":0}]}")
        },
        arguments: &[GET_TOKEN],
        outcome: (0, ""),
    },
    Row {
        name: "deep lists",
        operation: ("read session", 200),
        body: || session("", "[", ""),
        arguments: &[GET_TOKEN],
        outcome: (5, "lists and objects nest too deep"),
    },
    Row {
        name: "deep values",
        operation: ("read session", 200),
        body: || session("", "{\"value\":{\"a\":", ""),
        arguments: &[GET_TOKEN],
        outcome: (5, "lists and objects nest too deep"),
    },
    Row {
        name: "wide lists far below the root",
        operation: ("read session", 200),
        body: || {
            let (open, close) = ("{\"value\":[".repeat(199), "]}".repeat(199));
            session(
                &format!("{open}{}", "{\"value\":0},".repeat(60_000)),
                " ",
                &format!("{{\"value\":0}}{close}"),
            )
        },
        arguments: &[OPEN],
        outcome: (
            5,
            "it has more than 33554432 bytes of text, escaped and indented",
        ),
    },
    Row {
        name: "a text that JSON and YAML escape",
        operation: ("read session", 200),
        body: || session("{\"value\":\"", "<", "\"}"),
        arguments: &[OPEN],
        outcome: (
            5,
            "it has more than 33554432 bytes of text, escaped and indented",
        ),
    },
    Row {
        name: "a text of escapes",
        operation: ("read session", 200),
        body: || session("{\"value\":\"", "\\u0001", "\"}"),
        arguments: &[OPEN],
        outcome: (0, ""),
    },
    Row {
        name: "many lines far below the root",
        operation: ("read session", 200),
        body: || {
            let (open, close) = ("{\"value\":[".repeat(150), "]}".repeat(150));
            session(
                &format!("{open}{{\"value\":\""),
                "a\\n",
                &format!("\"}}{close}"),
            )
        },
        arguments: &[&["open", ENVIRONMENT, "--format", "yaml"]],
        outcome: (
            5,
            "it has more than 33554432 bytes of text, escaped and indented",
        ),
    },
    Row {
        name: "a long name above many",
        operation: ("read session", 200),
        body: || {
            let name = "n".repeat(7_000_000);
            let values = texts(30_000, |i| format!("\"{i}\":{{\"value\":\"x\"}}"));
            let calls = texts(30_000, |i| format!("\"{i}\":{{\"literal\":\"x\"}}"));
            session_with_calls(
                &format!("\"{name}\":{{\"value\":{{{values}}}}}"),
                &format!("\"{name}\":{{\"object\":{{{calls}}}}}"),
            )
        },
        arguments: &[GET_TOKEN],
        outcome: (0, ""),
    },
    Row {
        name: "many identity tokens below a long name",
        operation: ("read session", 200),
        body: || {
            let name = "n".repeat(7_000_000);
            let oidc = call("oidc");
            let values = texts(20_000, |i| format!("\"{i}\":{{\"value\":\"x\"}}"));
            let calls = texts(20_000, |i| format!("\"{i}\":{oidc}"));
            session_with_calls(
                &format!("\"{name}\":{{\"value\":{{{values}}}}}"),
                &format!("\"{name}\":{{\"object\":{{{calls}}}}}"),
            )
        },
        arguments: &[GET_TOKEN],
        outcome: (0, ""),
    },
    Row {
        name: "many credentials below a long name",
        operation: ("read session", 200),
        body: || {
            let name = "n".repeat(7_000_000);
            let keys = |i| {
                format!(
                    "\"{i}\":{{\"value\":{{\"accessKeyId\":{{\"value\":\"AKIA{i}\"}},\"secretAccessKey\":{{\"value\":\"x\"}}}}}}"
                )
            };
            let values = texts(20_000, keys);
            session_with_calls(&format!("\"{name}\":{{\"value\":{{{values}}}}}"), "")
        },
        arguments: &[GET_TOKEN],
        outcome: (6, "the environment contains several AWS credentials: "),
    },
    Row {
        name: "overridden calls",
        operation: ("read session", 200),
        body: || {
            let login = call("aws-login");
            let value = "\"accessKeyId\":{\"value\":\"AKIAEXAMPLE\"},\"secretAccessKey\":{\"value\":\"hunter2hunter2\"}";
            let values = texts(9_000, |i| format!("\"{i}\":{{\"value\":{{{value}}}}}"));
            let calls = texts(9_000, |i| format!("\"{i}\":{{\"base\":{login}}}"));
            session_with_calls(
                &format!("\"a\":{{\"value\":{{{values}}}}}"),
                &format!("\"a\":{{\"object\":{{{calls}}}}}"),
            )
        },
        arguments: &[GET_TOKEN],
        outcome: (0, ""),
    },
    Row {
        name: "a secret that almost matches everywhere",
        operation: ("read session", 200),
        body: || {
            let login = call("aws-login");
            let key = format!("{}b", "a".repeat(4_000_000));
            let text = "a".repeat(8_000_000);
            session_with_calls(
                &format!(
                    "\"l\":{{\"value\":{{\"sessionToken\":{{\"value\":\"{key}\"}}}}}},\"t\":{{\"value\":\"{text}\"}}"
                ),
                &format!("\"l\":{login}"),
            )
        },
        arguments: &[GET_TOKEN],
        outcome: (0, ""),
    },
];

const OTHERS: &[Row] = &[
    Row {
        name: "many diagnostics",
        operation: ("open", 400),
        body: || filled("{\"diagnostics\":[", "{\"summary\":\"x\"},", "{}]}"),
        arguments: &[GET_TOKEN],
        outcome: (2, "rejected the request (HTTP status 400)"),
    },
    Row {
        name: "long diagnostics",
        operation: ("open", 400),
        body: || {
            let diagnostic = format!(
                "{{\"summary\":\"{0}\",\"path\":\"{0}\",\"range\":{{\"environment\":\"{0}\",\
                \"begin\":{{\"line\":4294967295,\"column\":18446744073709551615}}}}}},",
                "s".repeat(4_000)
            );
            filled("{\"diagnostics\":[", &diagnostic, "{}]}")
        },
        arguments: &[GET_TOKEN],
        outcome: (3, "its definition has 1000 errors"),
    },
    Row {
        name: "long diagnostics of a check",
        operation: ("check", 200),
        body: || {
            let diagnostic = format!("{{\"summary\":\"{0}\"}},", "s".repeat(15_000));
            filled("{\"diagnostics\":[", &diagnostic, "{}]}")
        },
        arguments: &[CHECK, &["check", ENVIRONMENT, "-o", "json"]],
        outcome: (3, "its definition has 1000 errors"),
    },
    Row {
        name: "long message",
        operation: ("open", 500),
        body: || filled("{\"message\":\"", "x y\\n", "\"}"),
        arguments: &[GET_TOKEN],
        outcome: (5, "failed (HTTP status 500"),
    },
    Row {
        name: "long session ID",
        operation: ("open", 200),
        body: || filled("{\"id\":\"", "x", "\"}"),
        arguments: &[GET_TOKEN],
        outcome: (5, "it has no session ID"),
    },
    Row {
        name: "member of many organizations",
        operation: ("current user", 200),
        body: || {
            let organizations = texts(20_000, |i| {
                format!("{{\"githubLogin\":\"organization-{i}\"}}")
            });
            format!("{{\"githubLogin\":\"alice\",\"organizations\":[{organizations}]}}")
        },
        arguments: &[&["get-token", "other/platform/prod", "-i", "prod"]],
        outcome: (4, "and 19990 more, not of `other`"),
    },
    Row {
        name: "long user name",
        operation: ("current user", 200),
        body: || filled("{\"githubLogin\":\"", "x", "\"}"),
        arguments: &[&["get-token", "other/platform/prod", "-i", "prod"]],
        outcome: (4, "does not exist, or the access token"),
    },
];

/// Runs the calls of each row, and returns those with another outcome.
fn unexpected_outcomes(rows: &[Row]) -> Vec<String> {
    let mut failures = Vec::new();
    for row in rows {
        let (operation, status) = row.operation;
        let body = (row.body)();
        for arguments in row.arguments {
            println!("{}: {}", row.name, arguments.join(" "));
            let pulumi_cloud = PulumiCloudFixture::new();
            let response = Response::new(status, "application/json", body.clone());
            pulumi_cloud
                .stand_in
                .fail_at(operation, Fault::Answer(response), 9);
            let plugin = pulumi_cloud.plugin().args(*arguments);
            let plugin = plugin.env("KUBECTL_ESC_TIMEOUT", LONG_TIMEOUT);
            let output = run_with_little_memory(&plugin, MAX_MEMORY);
            failures.extend(unexpected_outcome(row.name, &output, row.outcome));
        }
    }
    failures
}

/// Describes the outcome of a call if it is not the expected one.
pub(super) fn unexpected_outcome(
    name: &str,
    output: &Output,
    (code, text): (i32, &str),
) -> Option<String> {
    let is_short = output.stderr.len() < 5_000_000;
    let is_expected = output.code == code && is_short && output.stderr.contains(text);
    (!is_expected).then(|| format!("{name}: {} {}", output.code, start_of(&output.stderr)))
}

#[test]
fn hostile_sessions_take_little_memory() {
    let failures = unexpected_outcomes(SESSIONS);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn other_hostile_responses_take_little_memory() {
    let failures = unexpected_outcomes(OTHERS);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn plaintexts_are_not_larger_than_their_ciphertexts() {
    let pulumi_cloud = PulumiCloudFixture::new();
    let ciphertext = |i: usize| {
        let text = pulumi_cloud
            .stand_in
            .encrypt("acme", "platform", "prod", &i.to_string());
        format!("s{i}: {{fn::secret: {{ciphertext: {text}}}}}")
    };
    let definition = format!("values: {{{}}}", texts(40, ciphertext));
    let body = filled("{\"plaintexts\":[\"", "x", "\"]}");
    let response = Response::new(200, "application/json", body);
    pulumi_cloud
        .stand_in
        .fail_at("decrypt secrets", Fault::Answer(response), 40);
    let plugin = pulumi_cloud.plugin().file("env.yaml", definition);
    let plugin = plugin.args(["open", "env.yaml", "--secrets-of", ENVIRONMENT]);
    let output = run_with_little_memory(&plugin, MAX_MEMORY);
    let outcome = (5, "the response from `127.0.0.1` is larger than ");
    assert_eq!(unexpected_outcome("", &output, outcome), None);
}

#[test]
fn hostile_transport_takes_little_memory() {
    let pulumi_cloud = PulumiCloudFixture::new();
    let failures = unexpected_wire_outcomes(&[], MAX_MEMORY, |url| {
        let plugin = pulumi_cloud.plugin().args(GET_TOKEN);
        plugin
            .env("PULUMI_BACKEND_URL", url)
            .env("KUBECTL_ESC_TIMEOUT", LONG_TIMEOUT)
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn reading_a_response_ends_at_the_deadline() {
    // Each of many secrets is searched for in a long text.
    let login = call("aws-login");
    let secret =
        |i| format!("\"{i}\":{{\"value\":{{\"sessionToken\":{{\"value\":\"cccccccc{i}\"}}}}}}");
    let values = texts(9_000, secret);
    let calls = texts(9_000, |i| format!("\"{i}\":{login}"));
    let body = session_with_calls(
        &format!(
            "\"a\":{{\"value\":{{{values}}}}},\"t\":{{\"value\":\"{}\"}}",
            "c".repeat(6_000_000)
        ),
        &format!("\"a\":{{\"object\":{{{calls}}}}}"),
    );
    let pulumi_cloud = PulumiCloudFixture::new();
    let response = Response::new(200, "application/json", body);
    pulumi_cloud
        .stand_in
        .fail_at("read session", Fault::Answer(response), 1);
    let plugin = pulumi_cloud.plugin().args(GET_TOKEN);
    let output = plugin.args(["--timeout", "9s"]).run();
    assert_eq!(output.code, 5, "{output:?}");
    assert!(
        output
            .stderr
            .contains("`127.0.0.1` did not respond within 9s"),
        "{output:?}"
    );
    pulumi_cloud.assert_calls(&["open", "read session"]);
}
