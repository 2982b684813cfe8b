//! `SecretScan` finds a leak that was planted, in each place and encoding; and no other.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};

use encodings::base64::{encode_standard, encode_standard_padded};
use encodings::percent;
use stand_ins::MARKER;
use stand_ins::pulumi_cloud::configuration::TOKEN;

use crate::support::plugin::{Output, Plugin, TIME_LIMIT, run_scanned};
use crate::support::secret_scan::{Process, SecretScan};

const SECRET: &str = "pa\"ss/wo\\rd+é\u{7}";

/// A call with a definition that has [`SECRET`].
fn call() -> Plugin {
    let secret = serde_json::to_string(SECRET).unwrap();
    Plugin::new()
        .file("env.yaml", format!("values: {{\"fn::secret\": {secret}}}"))
        .file("home/.kube/cache/kubectl-esc/1.entry", "")
        .args(["get-token", "env.yaml"])
}

fn output(stdout: &str, stderr: &str) -> Output {
    Output {
        stdout: stdout.to_owned(),
        stderr: stderr.to_owned(),
        code: 0,
    }
}

/// What the tests of redaction call the encodings of a secret, within other text.
fn encodings(secret: &str) -> Vec<(&'static str, String)> {
    let bytes = secret.as_bytes();
    let base64 = encode_standard_padded(format!("user:{secret}:{secret}").as_bytes());
    let wrapped: Vec<_> = base64
        .as_bytes()
        .chunks(11)
        .map(String::from_utf8_lossy)
        .collect();
    let hex = |format: fn(&u8) -> String| bytes.iter().map(format).collect::<String>();
    let percent = percent::encode(secret);
    let quoted = format!("{{\"a\":{}}}", serde_json::to_string(secret).unwrap());
    vec![
        ("text", format!("a {secret} b")),
        ("JSON", quoted.clone()),
        ("unicode escapes", hex(|byte| format!("\\u00{byte:02X}"))),
        ("base64", base64.clone()),
        (
            "base64 of the URL alphabet",
            base64.replace('+', "-").replace('/', "_"),
        ),
        ("wrapped base64", wrapped.join("\n")),
        ("wrapped base64 in JSON", wrapped.join("\\n")),
        ("percent encoding", percent.clone()),
        (
            "percent encoding of all bytes",
            hex(|byte| format!("%{byte:02x}")),
        ),
        ("hex", hex(|byte| format!("{byte:02x}"))),
        ("hex in capitals", hex(|byte| format!("{byte:02X}"))),
        ("bytes", format!("{bytes:?}")),
    ]
}

#[test]
fn planted_leak_is_found_in_each_place_and_encoding() {
    let plugin = call();
    let entry = plugin.path("home/.kube/cache/kubectl-esc/1.entry");
    let none = BTreeSet::new();
    for secret in [SECRET, TOKEN, MARKER] {
        for (encoding, text) in encodings(secret) {
            let scan = SecretScan::new(&plugin.command());
            let leaks = |output: Output| scan.leaks(&output, &none).len();
            assert_ne!(leaks(output(&text, "")), 0, "standard output, {encoding}");
            assert_ne!(leaks(output("", &text)), 0, "standard error, {encoding}");
            assert_eq!(leaks(output("", "")), 0, "{encoding}");
            std::fs::write(&entry, &text).unwrap();
            assert_ne!(leaks(output("", "")), 0, "cache, {encoding}");
            std::fs::write(plugin.path("home/new"), &text).unwrap();
            std::fs::write(&entry, "").unwrap();
            assert_ne!(leaks(output("", "")), 0, "another file, {encoding}");
            std::fs::remove_file(plugin.path("home/new")).unwrap();
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn planted_leak_is_found_in_child_processes() {
    let plugin = call();
    let scan = SecretScan::new(&plugin.command());
    for (encoding, text) in encodings(SECRET) {
        let child = |arguments: &[&str], variable: &str| {
            let mut child = Command::new("sh")
                .args(["-c", "echo started; read line", "sh"])
                .args(arguments)
                .env_clear()
                .env("LEAK", variable)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            child
                .stdout
                .take()
                .unwrap()
                .read_exact(&mut [0; 8])
                .unwrap();
            let process = Process::read(child.id()).unwrap();
            child.stdin.take().unwrap().write_all(b"\n").unwrap();
            child.wait().unwrap();
            scan.leaks(&output("", ""), &BTreeSet::from([process]))
                .len()
        };
        assert_ne!(child(&[&text], ""), 0, "command line, {encoding}");
        assert_ne!(child(&[], &text), 0, "variable, {encoding}");
        assert_eq!(child(&["else"], "nothing"), 0, "{encoding}");
    }
}

/// Through the function that runs every call, with a child process that lives until it was seen.
#[cfg(target_os = "linux")]
#[test]
fn leak_fails_the_test() {
    for (script, is_leak) in [
        ("printf %s \"$SECRET\"", true),
        ("printf %s \"$SECRET\" >&2", true),
        ("printf %s \"$SECRET\" > home/leak", true),
        ("LEAK=$SECRET sh -c 'sleep 0.2; exit 0'", true),
        ("sh -c 'sleep 0.2; exit 0' \"$SECRET\"", true),
        ("echo nothing", false),
    ] {
        let plugin = call().env("SECRET", SECRET).env("PATH", "/usr/bin:/bin");
        let call = plugin.command();
        let mut command = Command::new("sh");
        command
            .args(["-c", script])
            .env_clear()
            .envs(
                call.get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            )
            .current_dir(plugin.path("."));
        let scan = SecretScan::new(&command);
        let run = || run_scanned(command, TIME_LIMIT, Some(scan));
        assert_eq!(
            catch_unwind(AssertUnwindSafe(run)).is_err(),
            is_leak,
            "{script}"
        );
    }
}

#[test]
fn what_a_call_may_show_is_no_leak() {
    let token = format!(
        "k8s-aws-v1.{}",
        encode_standard(format!("https://x/?a={MARKER}").as_bytes())
    );
    let scan = SecretScan::new(&call().command());
    assert_eq!(scan.leaks(&output(&token, ""), &BTreeSet::new()), [""; 0]);
    for prefix in ["ya29.", "eyJ"] {
        let token = format!("{prefix}{MARKER}");
        let credential = format!("{{\"status\":{{\"token\":\"{token}\"}}}}");
        assert_eq!(
            scan.leaks(&output(&credential, ""), &BTreeSet::new()),
            [""; 0]
        );
        for leak in [
            output(&credential, &token),
            output(&format!("{{\"a\":\"{token}\"}}"), ""),
        ] {
            assert_ne!(scan.leaks(&leak, &BTreeSet::new()), [""; 0]);
        }
    }
    let open = Plugin::new()
        .args(["open", "env.yaml"])
        .file("env.yaml", "");
    let scan = SecretScan::new(&open.command());
    assert_eq!(scan.leaks(&output(MARKER, ""), &BTreeSet::new()), [""; 0]);
    let scan = SecretScan::new(&open.arg("--redact").command());
    assert_ne!(scan.leaks(&output(MARKER, ""), &BTreeSet::new()), [""; 0]);
}
