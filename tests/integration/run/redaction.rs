//! Redaction of the command's output.

use std::io::{Read, Write};
use std::process::Stdio;

use super::{DEFINITION, script, script_with};

#[test]
fn secrets_are_redacted_on_both_streams() {
    let plugin = script(
        r#"echo "p=$PASSWORD"; echo "e=$PASSWORD" >&2; printf hunter2-; printf hunter2; echo; cut -c8- "$CONFIG""#,
    );
    plugin
        .run()
        .assert("p=[secret]\n[secret]\n[secret]\n", "e=[secret]\n", 0);
}

#[test]
fn base64_of_a_secret_is_redacted() {
    // base64 of `hunter2-hunter2`, alone and after `user:`.
    let plugin = script("echo aHVudGVyMi1odW50ZXIy; echo dXNlcjpodW50ZXIyLWh1bnRlcjI=");
    plugin.run().assert("[secret]\ndXNlcjp[secret]\n", "", 0);
}

#[test]
fn short_and_unused_secrets_are_not_redacted() {
    let definition = DEFINITION.replace("PASSWORD: ${password}", "PIN: ${pin}");
    let plugin = script_with(&definition, &[], r#"echo "$PIN 12 hunter2-hunter2""#);
    plugin.run().assert("12 12 hunter2-hunter2\n", "", 0);
}

#[test]
fn secret_in_an_argument_is_redacted() {
    let definition = DEFINITION.replace("PASSWORD: ${password}", "PIN: ${pin}");
    let plugin = script_with(&definition, &[], r#"echo "$0""#).arg("a${password}b");
    plugin.run().assert("a[secret]b\n", "", 0);
}

#[test]
fn redaction_can_be_disabled() {
    for flag in ["--no-redact", "-i", "--interactive"] {
        let plugin = script_with(DEFINITION, &[flag], r#"echo "$PASSWORD""#);
        plugin.run().assert("hunter2-hunter2\n", "", 0);
    }
}

#[test]
fn binary_output_is_preserved() {
    let plugin = script(r"printf '\377\000\376'; printf 'x\n'");
    let output = plugin.run();
    assert_eq!(output.stdout, "\u{fffd}\0\u{fffd}x\n");
}

/// The prompt has to be printed while the command waits for input, or the test hangs.
#[test]
fn prompt_without_a_line_break_is_printed() {
    let plugin = script(r#"printf 'Name: '; read name; echo "hello $name""#);
    let mut child = plugin
        .command()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut prompt = [0; 6];
    stdout.read_exact(&mut prompt).unwrap();
    assert_eq!(&prompt, b"Name: ");
    child.stdin.take().unwrap().write_all(b"bob\n").unwrap();
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "hello bob\n");
    assert!(child.wait().unwrap().success());
}

#[test]
fn one_file_for_both_streams_stays_in_order() {
    let plugin = script(
        r#"i=0; while [ $i -lt 200 ]; do echo "o $i $PASSWORD"; echo "e $i $PASSWORD" >&2; i=$((i+1)); done"#,
    );
    let path = plugin.path("log");
    let log = std::fs::File::create(&path).unwrap();
    let status = plugin
        .command()
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .status()
        .unwrap();
    assert!(status.success());
    let lines = (0..200).map(|i| format!("o {i} [secret]\ne {i} [secret]\n"));
    let expected: String = lines.collect();
    assert_eq!(std::fs::read_to_string(path).unwrap(), expected);
}

/// As without the plugin; and no file is left.
#[test]
fn closed_output_pipe_ends_the_command() {
    let plugin = script("yes");
    let mut child = plugin
        .command()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut start = [0; 4];
    stdout.read_exact(&mut start).unwrap();
    drop(stdout);
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(128 + 13));
    assert_eq!(super::runtime_files(&plugin), [""; 0]);
}

/// The background process writes after the command has exited: its output is not lost.
#[test]
fn output_of_a_background_process_is_redacted() {
    let plugin = script(
        r#"mkfifo gate; { read line < gate; echo "late $line $PASSWORD"; } & (sleep 0; echo go > gate) & exit 3"#,
    );
    let output = plugin.run_through_shell();
    output.assert("late go [secret]\n", "", 3);
}

/// Without secrets there is no pipe: the command writes to the output of the plugin.
#[test]
fn output_is_inherited_without_secrets() {
    if !cfg!(target_os = "linux") {
        return;
    }
    let plugin = script_with(
        "values: {environmentVariables: {A: b}}",
        &[],
        "readlink /proc/self/fd/1",
    );
    let path = plugin.path("log");
    let log = std::fs::File::create(&path).unwrap();
    let status = plugin.command().stdout(log).status().unwrap();
    assert!(status.success());
    let target = std::fs::read_to_string(&path).unwrap();
    assert_eq!(
        std::path::Path::new(target.trim_end())
            .canonicalize()
            .unwrap(),
        path.canonicalize().unwrap()
    );
}

/// A secret in the encodings of common programs, all in one file that the command prints.
#[test]
fn encoded_secrets_are_redacted() {
    let definition =
        r#"{"values": {"environmentVariables": {"TOKEN": {"fn::secret": "to/k3n \"ü\"\n<end>"}}}}"#;
    let base64 = "dG8vazNuICLDvCIKPGVuZD4=";
    let wrapped = |width: usize, line_break: &str| {
        let lines = base64.as_bytes().chunks(width);
        let lines = lines.map(|line| String::from_utf8_lossy(line) + line_break);
        lines.collect::<String>()
    };
    for (name, text) in [
        ("base64", base64.to_owned()),
        ("base64 -w 1", wrapped(1, "\n")),
        ("base64 -w 5", wrapped(5, "\n")),
        ("base64 with CRLF", wrapped(20, "\r\n")),
        ("base64 in a YAML block", wrapped(10, "\n    ")),
        ("JSON of Go", r#"to/k3n \"ü\"\n\u003cend\u003e"#.to_owned()),
        ("JSON of Python", r#"to/k3n \"\u00fc\"\n<end>"#.to_owned()),
        ("JSON of PHP", r#"to\/k3n \"\u00FC\"\n<end>"#.to_owned()),
        ("%q of Go", r#"to/k3n \"\xc3\xbc\"\n<end>"#.to_owned()),
        ("octal", r"to/k3n \042\303\274\042\012<end>".to_owned()),
        (
            "QueryEscape of Go",
            "to%2Fk3n+%22%C3%BC%22%0A%3Cend%3E".to_owned(),
        ),
        ("encodeURI", "to/k3n%20%22%c3%bc%22%0a%3cend%3e".to_owned()),
        ("hex", "746f2f6b336e2022c3bc220a3c656e643e".to_owned()),
        ("HEX", "746F2F6B336E2022C3BC220A3C656E643E".to_owned()),
    ] {
        let text = format!("<{}>", text.trim_end());
        let plugin = script_with(definition, &[], "cat encoded").file("encoded", text);
        let output = plugin.run();
        assert_eq!(
            (output.stdout.as_str(), output.code),
            ("<[secret]>", 0),
            "{name}"
        );
    }
}
