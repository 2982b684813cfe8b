//! Errors in states on disk, and in definitions that use stacks.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write;
use std::path::{MAIN_SEPARATOR_STR, Path};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use super::{definition, failure, fixture, open_call, stack_of};
use crate::support::plugin::Plugin;

const STATE: &str = "state/.pulumi/stacks/eks-cluster/demo.json";

fn with_state(text: impl AsRef<[u8]>) -> Plugin {
    open_call(&definition("eks-cluster/demo"))
        .file(STATE, text)
        .env("PULUMI_BACKEND_URL", "file://state")
}

/// A path as this system writes it.
fn native(path: &str) -> String {
    path.replace('/', MAIN_SEPARATOR_STR)
}

#[test]
fn missing_stack_is_reported_with_the_existing_ones() {
    let absent = |name: &str, hint: &str| {
        let folder = native("state/.pulumi");
        format!("there is no stack `{name}` in `{folder}`\nhint: {hint}")
    };
    let none = "the backend has no stacks: check `PULUMI_BACKEND_URL` and `pulumi login`";
    let many: Vec<_> = (10..30).map(|n| format!("stacks/p{n}/s.json")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    for (files, stack, expected) in [
        (&[][..], "a/b", absent("a/b", none)),
        (&["meta.yaml"], "a/b", absent("a/b", none)),
        (
            &["stacks/a b/c.json", "stacks/a/d.txt"],
            "a/b",
            absent("a/b", none),
        ),
        // Stacks that share a part of the name come first.
        (
            &[
                "stacks/a/z.json",
                "stacks/c/b.json.gz",
                "stacks/aa/x.json",
                "stacks/a/z.json.bak",
            ],
            "a/b",
            absent("a/b", "available stacks: `a/z`, `c/b`, `aa/x`"),
        ),
        (
            &[
                "stacks/dev.json",
                "stacks/prod.json.gz",
                "stacks/prod.json.gz.attrs",
            ],
            "a/staging",
            absent("a/staging", "available stacks: `dev`, `prod`"),
        ),
        (
            &many,
            "a/b",
            absent(
                "a/b",
                "available stacks: `p10/s`, `p11/s`, `p12/s`, `p13/s`, `p14/s`, `p15/s`, `p16/s`, \
                 `p17/s`, `p18/s`, `p19/s` and 10 more",
            ),
        ),
        (
            &["stacks/a/b.json"],
            "acme/a/b",
            format!(
                "there is no organization `acme` in `{}`\nhint: write the stack as `a/b`: a backend \
                 on disk has no organizations",
                native("state/.pulumi")
            ),
        ),
    ] {
        let mut open = open_call(&definition(stack)).env("PULUMI_BACKEND_URL", "file://state");
        for file in files {
            let content = if *file == "meta.yaml" {
                "version: 1"
            } else {
                "{}"
            };
            open = open.file(Path::new("state/.pulumi").join(file), content);
        }
        assert_eq!(failure(&open, 2), expected, "{files:?}");
    }
}

#[test]
fn unreadable_state_is_reported_with_its_path() {
    let root = |outputs: &str| {
        format!(
            "{{\"version\":3,\"checkpoint\":{{\"latest\":{{\"resources\":[{{\"type\":\
             \"pulumi:pulumi:Stack\",\"outputs\":{outputs}}}]}}}}}}"
        )
    };
    let sign = "4dabf18193072939515e22adb298388d";
    let mut deep = String::new();
    for _ in 0..100_000 {
        deep.push('[');
    }
    for (text, why) in [
        (String::new(), "it ends unexpectedly at line 1, column 0"),
        (
            "{\n  \"hunter2\": tru".to_owned(),
            "it ends unexpectedly at line 2, column 16",
        ),
        (
            "{\n  \"hunter2\" 1}".to_owned(),
            "it is not valid JSON at line 2, column 13",
        ),
        (
            "[\"hunter2\"]".to_owned(),
            "it is not the state of a stack: unexpected structure at line 1, column 10",
        ),
        (
            "{\"version\":3,\"checkpoint\":\"hunter2\"}".to_owned(),
            "it is not the state of a stack: unexpected structure at line 1, column 35",
        ),
        (
            "{\"version\":5,\"checkpoint\":{\"latest\":\"hunter2\"}}".to_owned(),
            "it has version 5, but only versions up to 4 are supported",
        ),
        (root("\"hunter2\""), "its outputs are not an object"),
        (
            root(&format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200))),
            "its outputs are nested deeper than 128 levels",
        ),
        (root(&deep), "it is not valid JSON at line 1, column 100091"),
    ] {
        let message = failure(&with_state(&text), 2);
        let (first, rest) = message.split_once('\n').unwrap();
        assert_eq!(
            first,
            format!("cannot read the state in `{}`", native(STATE))
        );
        assert_eq!(
            rest,
            format!(
                "caused by: {why}\nhint: check whether the Pulumi CLI can read it: \
                 `pulumi stack output`"
            ),
        );
    }
    for (outputs, why) in [
        (
            format!("{{\"a\":{{\"{sign}\":\"hunter2\"}}}}"),
            "an output has an unsupported kind of value",
        ),
        (
            format!("{{\"a\":{{\"{sign}\":\"1b47061264138c4ac30d75fd1eb44270\"}}}}"),
            "a secret in its outputs has an unsupported format",
        ),
    ] {
        let message = failure(&with_state(root(&outputs)), 2);
        assert_eq!(
            message,
            format!(
                "cannot read the state of the stack `eks-cluster/demo`\ncaused by: {why}\nhint: check \
                 whether the Pulumi CLI can read it: `pulumi stack output`"
            )
        );
    }
}

#[test]
fn too_large_states_are_rejected() {
    let too_large = format!(
        "cannot read the state in `{}`\ncaused by: it is larger than 64 MiB\nhint: check \
         whether the Pulumi CLI can read it: `pulumi stack output`",
        native(STATE)
    );
    let huge = with_state("{}");
    File::create(huge.path(STATE))
        .unwrap()
        .set_len((64 << 20) + 1)
        .unwrap();
    assert_eq!(failure(&huge, 2), too_large);
    // Small when compressed: gzip files can be concatenated.
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&vec![b' '; 1 << 20]).unwrap();
    let member = encoder.finish().unwrap();
    assert_eq!(failure(&with_state(member.repeat(65)), 2), too_large);
    let cut = &member[..member.len() / 2];
    assert!(failure(&with_state(cut), 2).starts_with("cannot read the state in `"));
    // A large state is read.
    let mut resources = String::new();
    for number in 0..20_000 {
        let _ = write!(
            resources,
            "{{\"urn\":\"urn:pulumi:demo::eks-cluster::a:b:C::{number}\",\"type\":\"a:b:C\",\"outputs\":\
             {{\"text\":\"{}\"}}}},",
            "x".repeat(200)
        );
    }
    let text = format!(
        "{{\"version\":3,\"checkpoint\":{{\"latest\":{{\"resources\":[{resources}{{\"type\":\
         \"pulumi:pulumi:Stack\",\"urn\":\"urn:pulumi:demo::eks-cluster::x::y\",\"outputs\":{{\"n\":1}}}}\
         ]}}}}}}"
    );
    assert_eq!(stack_of(&with_state(text)), json!({"n": 1}));
}

#[test]
fn undecryptable_secrets_are_reported_with_a_hint() {
    let hint = "hint: read the outputs with `pulumi stack output --show-secrets`, or change the \
                encryption with `pulumi stack change-secrets-provider`";
    let whose = "the secrets of the stack `eks-cluster/demo`";
    for (provider, why) in [
        (
            "{\"type\":\"cloud\",\"state\":{\"url\":\"awskms://hunter2?region=x\"}}",
            format!("{whose} are encrypted with a key in `awskms`, which kubectl-esc does not support"),
        ),
        (
            "{\"type\":\"cloud\",\"state\":{\"url\":\"azurekeyvault://hunter2\"}}",
            format!(
                "{whose} are encrypted with a key in `azurekeyvault`, which kubectl-esc does not support"
            ),
        ),
        (
            "{\"type\":\"new\"}",
            format!(
                "{whose} are encrypted with a key that only the Pulumi CLI can use, which kubectl-esc \
                 does not support"
            ),
        ),
        (
            "{\"type\":\"service\",\"state\":{\"owner\":\"acme\"}}",
            format!("{whose} were encrypted by Pulumi Cloud, but its state is on this machine"),
        ),
        (
            "null",
            "the state of the stack `eks-cluster/demo` does not specify how its secrets are encrypted"
                .to_owned(),
        ),
    ] {
        let text = format!(
            "{{\"version\":3,\"checkpoint\":{{\"latest\":{{\"secrets_providers\":{provider},\
             \"resources\":[{{\"type\":\"pulumi:pulumi:Stack\",\"outputs\":{{\"a\":{{\
             \"4dabf18193072939515e22adb298388d\":\"1b47061264138c4ac30d75fd1eb44270\",\
             \"ciphertext\":\"AAAA\"}}}}}}]}}}}}}"
        );
        assert_eq!(failure(&with_state(text), 2), format!("{why}\n{hint}"));
    }
    let zstd = open_call(&definition("eks-cluster/demo")).env(
        "PULUMI_BACKEND_URL",
        format!("file://{}", fixture("zstd").display()),
    );
    let message = failure(&zstd, 2);
    assert!(
        message.contains("caused by: it is compressed with Zstandard"),
        "{message}"
    );
}

#[test]
fn unsupported_backends_are_reported_without_passwords() {
    for (url, scheme) in [
        ("s3://bucket/hunter2", "s3"),
        ("postgres://user:hunter2@host/db", "postgres"),
        ("azblob://hunter2", "azblob"),
    ] {
        let open = open_call(&definition("a/b")).env("PULUMI_BACKEND_URL", url);
        assert_eq!(
            failure(&open, 2),
            format!(
                "the stacks are in a backend `{scheme}://…` (from the variable `PULUMI_BACKEND_URL`), \
                 which only the Pulumi CLI can read\nhint: set `PULUMI_BACKEND_URL` to \
                 `https://api.pulumi.com`, or to `file://DIRECTORY` with a copy of the state"
            )
        );
    }
    for (meta, why) in [
        (
            "version: 2",
            "it has version 2, but only versions up to 1 are supported",
        ),
        ("hunter2", "it does not contain the version of the layout"),
        (
            "version: hunter2",
            "it does not contain the version of the layout",
        ),
    ] {
        let open = open_call(&definition("a/b"))
            .file("state/.pulumi/meta.yaml", meta)
            .env("PULUMI_BACKEND_URL", "file://state");
        let message = failure(&open, 2);
        let expected = format!(
            "cannot read `{}`\ncaused by: {why}\n",
            native("state/.pulumi/meta.yaml")
        );
        assert!(message.starts_with(&expected), "{message}");
    }
}

#[test]
fn check_validates_inputs_and_opens_nothing() {
    let check = |definition: &str| {
        Plugin::new()
            .file("env.yaml", definition)
            .args(["check", "env.yaml"])
            .env("PULUMI_BACKEND_URL", "s3://bucket")
    };
    let stacks = "values:\n  a: {fn::open::pulumi-stacks: {stacks: {s: {stack: a/b}}}}\n";
    // The schema does not know the outputs of a stack: any property may be accessed.
    let good = format!("{stacks}  b: ${{a.other.any[0].thing}}\n");
    check(&good).run().assert("", "", 0);
    for (inputs, why) in [
        ("{}", "missing required properties: stacks"),
        (
            "{stacks: {}}",
            "expected an object with at least 1 properties",
        ),
        ("{stacks: {s: {}}}", "missing required properties: stack"),
        ("{stacks: {s: a/b}}", "expected object, got string"),
        (
            "{stacks: {s: {stack: b}}}",
            "expected text such as \"eks-cluster/demo\"",
        ),
        (
            "{stacks: {s: {stack: a/b c}}}",
            "expected text such as \"eks-cluster/demo\"",
        ),
        (
            "{stacks: {s: {stack: a/b/c/d}}}",
            "expected text such as \"eks-cluster/demo\"",
        ),
    ] {
        let output = check(&format!(
            "values:\n  a: {{fn::open::pulumi-stacks: {inputs}}}\n"
        ))
        .run();
        assert_eq!(output.code, 3, "{inputs}: {output:#?}");
        assert!(output.stderr.contains(why), "{inputs}: {}", output.stderr);
    }
    // When opened, an unknown name is an error with its position.
    let open = open_call("values:\n  a: {fn::open::pulumi-stacks: {stacks: {cluster: {stack: eks-cluster/demo}}}}\n  b: ${a.clutser.n}\n  c: ${a.cluster.m}\n")
        .file(STATE, "{\"version\":3,\"checkpoint\":{\"latest\":{\"resources\":[{\"type\":\"pulumi:pulumi:Stack\",\"outputs\":{\"n\":1}}]}}}")
        .env("PULUMI_BACKEND_URL", "file://state");
    let output = open.run();
    assert_eq!(output.code, 3, "{output:#?}");
    for message in [
        "unknown property \"clutser\"",
        "did you mean \"cluster\"?",
        "unknown property \"m\"",
    ] {
        assert!(output.stderr.contains(message), "{}", output.stderr);
    }
}

#[test]
fn secret_stack_name_is_not_printed() {
    for stack in ["a/hunter2", "hunter2/../x"] {
        let definition = format!(
            "values:\n  n: {{fn::secret: {stack}}}\n  s:\n    fn::open::pulumi-stacks: {{stacks: {{s: \
             {{stack: \"${{n}}\"}}}}}}\n"
        );
        let open = open_call(&definition)
            .args(["-v", "-v"])
            .env("PULUMI_BACKEND_URL", "file://state");
        let output = open.run();
        assert!(matches!(output.code, 2 | 3), "{output:#?}");
        assert!(!output.stderr.contains("hunter2"), "{}", output.stderr);
    }
    // `..` would leave the folder of the backend.
    let message = failure(&open_call(&definition("../demo")), 3);
    assert!(
        message.starts_with("`stack` is not a valid stack name"),
        "{message}"
    );
}
