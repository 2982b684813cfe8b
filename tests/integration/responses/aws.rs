//! Hostile responses of AWS STS and Amazon EKS.

use std::io;
use std::net::TcpStream;

use super::{run_with_little_memory, serve, write_body, write_endless_body, write_endless_headers};
use crate::support::aws::{Aws, project_file};
use crate::support::plugin::Plugin;

/// The most memory that a call may use.
const MAX_MEMORY: u64 = 64 << 20;

/// Fills a response that is just small enough to be read.
const ALMOST_A_MEBIBYTE: usize = (1 << 20) - 1_000;

const OIDC: &str = "\
values:
  aws:
    fn::open::aws-login:
      oidc: {roleArn: arn:aws:iam::123456789012:role/cluster-admin, sessionName: ss, duration: 1h}
";

/// A kind of response, and part of the message.
type Row = (
    &'static str,
    fn(&mut TcpStream) -> io::Result<()>,
    &'static str,
);

/// The text between the start and the end of a response, repeated to fill it.
fn filled(start: &str, repeated: &str, end: &str) -> String {
    let count = ALMOST_A_MEBIBYTE / repeated.len();
    format!("{start}{}{end}", repeated.repeat(count))
}

const TRANSPORT: &[Row] = &[
    (
        "endless body",
        |stream| write_endless_body(stream, &"x".repeat(64 << 10)),
        "is larger than 1048576 bytes",
    ),
    (
        "endless body of small chunks",
        |stream| write_endless_body(&mut io::BufWriter::new(stream), &"x".repeat(100)),
        "is larger than 1048576 bytes",
    ),
    (
        "400 MB",
        |stream| super::write_head(stream, "Content-Length: 400000000\r\n"),
        "is larger than 1048576 bytes",
    ),
    ("endless headers", write_endless_headers, "cannot reach"),
    (
        "compressed body",
        |stream| {
            // Never asked for, and not decompressed: a kilobyte could become a megabyte.
            super::write_head(stream, "Content-Encoding: gzip\r\nContent-Length: 4\r\n")?;
            io::Write::write_all(stream, b"\x1f\x8b\x08\x00")
        },
        "the response did not come from",
    ),
];

const STS: &[Row] = &[
    (
        "many elements",
        |stream| {
            let start = "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult>";
            let end = "</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>";
            write_body(stream, &filled(start, "<a/>", end))
        },
        "the response did not come from AWS STS",
    ),
    (
        "deep elements",
        |stream| write_body(stream, &filled("", "<a>", "")),
        "the response did not come from AWS STS",
    ),
    (
        "many attributes",
        |stream| write_body(stream, &filled("<a", " a=''", "/>")),
        "the response did not come from AWS STS",
    ),
    (
        "many entities",
        |stream| {
            let start = "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult>\
                         <Credentials><AccessKeyId>";
            let end = "</AccessKeyId></Credentials></AssumeRoleWithWebIdentityResult>\
                       </AssumeRoleWithWebIdentityResponse>";
            write_body(stream, &filled(start, "&lt;", end))
        },
        "the response did not come from AWS STS",
    ),
];

const EKS: &[Row] = &[
    (
        "many numbers",
        |stream| write_body(stream, &filled("{\"a\":[", "0,", "0]}")),
        "the response did not come from Amazon EKS",
    ),
    (
        "many objects",
        |stream| {
            write_body(
                stream,
                &filled("{\"cluster\":{\"encryptionConfig\":[", "{},", "{}]}}"),
            )
        },
        "is not active",
    ),
    (
        "deep lists",
        |stream| write_body(stream, &filled("{\"a\":", "[", "")),
        "the response did not come from Amazon EKS",
    ),
    (
        "deep objects",
        |stream| write_body(stream, &filled("", "{\"a\":", "")),
        "the response did not come from Amazon EKS",
    ),
    (
        "long status",
        |stream| write_body(stream, &filled("{\"cluster\":{\"status\":\"", "x", "\"}}")),
        "is not active: its status is `xxx",
    ),
];

/// Calls the binary for each row, and returns the rows with another outcome than a clean failure.
fn unexpected_outcomes(rows: &[&[Row]], call: impl Fn(&str) -> Plugin) -> Vec<String> {
    let mut failures = Vec::new();
    for (name, write, message) in rows.iter().copied().flatten() {
        println!("{name}");
        let server = serve(*write);
        let plugin = call(&format!("http://{}", server.address()));
        let output = run_with_little_memory(&plugin, MAX_MEMORY);
        let is_short = output.stderr.len() < 2_000;
        if output.code != 5 || !is_short || !output.stderr.contains(message) {
            let shown: String = output.stderr.chars().take(300).collect();
            failures.push(format!("{name}: {} {shown}", output.code));
        }
    }
    failures
}

#[test]
fn hostile_responses_of_sts_fail_with_little_memory() {
    let aws = Aws::new();
    let failures = unexpected_outcomes(&[TRANSPORT, STS], |url| {
        aws.plugin_with_identity()
            .file("env.yaml", OIDC)
            .args(["get-token", "env.yaml", "-i", "demo", "--no-cache"])
            .args(["--region", "eu-west-1", "--timeout", "20s"])
            .env("AWS_ENDPOINT_URL_STS", url)
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn hostile_responses_of_eks_fail_with_little_memory() {
    let failures = unexpected_outcomes(&[TRANSPORT, EKS], |url| {
        Plugin::new()
            .file(
                "env.yaml",
                project_file("examples/environments/static.yaml"),
            )
            .args(["update-kubeconfig", "./env.yaml", "--timeout", "20s"])
            .env("AWS_ENDPOINT_URL_EKS", url)
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
