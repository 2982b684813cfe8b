//! Hostile responses of AWS STS and Amazon EKS.

use super::{WireRow, unexpected_wire_outcomes, write_body};
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

/// The text between the start and the end of a response, repeated to fill it.
fn filled(start: &str, repeated: &str, end: &str) -> String {
    let count = ALMOST_A_MEBIBYTE / repeated.len();
    format!("{start}{}{end}", repeated.repeat(count))
}

const STS: &[WireRow] = &[
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

const EKS: &[WireRow] = &[
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

#[test]
fn hostile_responses_of_sts_fail_with_little_memory() {
    let aws = Aws::new();
    let failures = unexpected_wire_outcomes(STS, MAX_MEMORY, |url| {
        aws.plugin_with_identity()
            .file("env.yaml", OIDC)
            .args(["get-token", "env.yaml", "-i", "demo", "--no-cache"])
            .args(["--region", "eu-west-1", "--timeout", "1m"])
            .env("AWS_ENDPOINT_URL_STS", url)
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn hostile_responses_of_eks_fail_with_little_memory() {
    let failures = unexpected_wire_outcomes(EKS, MAX_MEMORY, |url| {
        Plugin::new()
            .file(
                "env.yaml",
                project_file("examples/environments/static.yaml"),
            )
            .args(["update-kubeconfig", "./env.yaml", "--timeout", "1m"])
            .env("AWS_ENDPOINT_URL_EKS", url)
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
