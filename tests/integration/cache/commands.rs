//! `cache list`, `cache clear`, and the settings of the cache.

use std::fs;
use std::process::Command;

use kubectl_esc::clock::Timestamp;
use serde_json::Value;

use super::{CacheFixture, ENVIRONMENT, LOCAL, replace_arguments, with_second_role};
use crate::support::plugin::{Output, Plugin, TIME_LIMIT, run};

#[track_caller]
fn cache(fixture: &CacheFixture, arguments: &[&str]) -> Output {
    let mut command = fixture.plugin.command();
    let arguments: Vec<_> = ["cache"].iter().chain(arguments).copied().collect();
    replace_arguments(&mut command, &arguments);
    let mut output = run(command, TIME_LIMIT);
    for text in [&mut output.stdout, &mut output.stderr] {
        let folder = fixture.plugin.path("");
        *text = text.replace(folder.to_str().unwrap(), "[dir]/");
    }
    output
}

/// The rows of the head and of credentials, without the kind.
fn rows(output: &Output) -> Vec<Vec<String>> {
    let mut rows = all_rows(output);
    rows.retain(|row| row[1] != "environment");
    for row in &mut rows {
        let kind = row.remove(1);
        assert!(["KIND", "credentials"].contains(&kind.as_str()), "{kind}");
    }
    rows
}

/// Splits each line of a list into its cells.
fn all_rows(output: &Output) -> Vec<Vec<String>> {
    assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{output:?}");
    let lines = output.stdout.lines();
    lines
        .map(|line| line.split("   ").map(|cell| cell.trim().to_owned()))
        .map(|cells| cells.filter(|cell| !cell.is_empty()).collect())
        .collect()
}

const HEAD: [&str; 7] = [
    "ENVIRONMENT",
    "PROVIDER",
    "CLUSTER",
    "REGION",
    "ACCOUNT",
    "AGE",
    "EXPIRES IN",
];

#[test]
fn entries_are_listed_and_cleared() {
    let fixture = CacheFixture::cloud();
    assert_eq!(rows(&cache(&fixture, &["list"])), [HEAD]);
    cache(&fixture, &["clear"]).assert("0 entries removed\n", "", 0);
    fs::create_dir_all(fixture.folder()).unwrap();
    assert_eq!(rows(&cache(&fixture, &["list"])), [HEAD]);
    fixture.assert_miss();
    let listed = cache(&fixture, &["list"]);
    let [head, row] = rows(&listed).try_into().unwrap();
    assert_eq!(head, HEAD);
    assert_eq!(
        row[..5],
        [ENVIRONMENT, "eks", "prod", "eu-west-1", "123456789012"]
    );
    assert!(row[6].starts_with("59m") || row[6] == "1h", "{row:?}");
    // A second entry, sorted by name, with a longer name.
    fixture.run_with(|command| {
        replace_arguments(command, &["get-token", "acme/platform/prod@1", "-i", "a"]);
    });
    let listed = cache(&fixture, &["list"]);
    assert_eq!(rows(&listed)[2][..3], ["acme/platform/prod@1", "eks", "a"]);
    let column = |line: &str| {
        line.find("CLUSTER")
            .or(line.find("prod  "))
            .or(line.find(" a "))
    };
    let lines = listed.stdout.lines();
    let columns: Vec<_> = lines
        .filter(|line| !line.contains("environment"))
        .map(|line| column(line).is_some())
        .collect();
    assert_eq!(columns, [true; 3], "{}", listed.stdout);
    cache(&fixture, &["clear"]).assert("4 entries removed\n", "", 0);
    assert_eq!(fs::read_dir(fixture.folder()).unwrap().count(), 0);
    fixture.assert_miss();
    cache(&fixture, &["clear"]).assert("2 entries removed\n", "", 0);
}

#[test]
fn expired_entries_are_listed_as_expired() {
    let fixture = CacheFixture::cloud();
    fixture.run_at(-7_000).unwrap();
    let rows = rows(&cache(&fixture, &["list"]));
    assert_eq!(rows[1][6], "expired");
    assert!(rows[1][5].starts_with("1h56m"), "{rows:?}");
}

#[test]
fn entries_of_two_regions_are_distinguished_as_text_and_json() {
    let fixture = CacheFixture::cloud();
    for region in ["eu-west-1", "us-east-1"] {
        fixture.run_with(|command| {
            command.args(["--region", region]);
        });
    }
    let listed = rows(&cache(&fixture, &["list"]));
    let [_, one, other] = listed.as_slice() else {
        panic!("{listed:?}");
    };
    assert_eq!(one[..3], other[..3]);
    assert_eq!([&one[3], &other[3]], ["eu-west-1", "us-east-1"]);

    let json = cache(&fixture, &["list", "-o", "json"]);
    assert_eq!((json.code, json.stderr.as_str()), (0, ""), "{json:?}");
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    let mut entries = json["entries"].as_array().unwrap().clone();
    entries.retain(|entry| entry["kind"] == "credentials");
    assert_eq!(entries.len(), 2, "{json}");
    for (entry, region) in entries.iter().zip(["eu-west-1", "us-east-1"]) {
        assert_eq!(entry["environment"], ENVIRONMENT);
        assert_eq!(entry["provider"], "eks");
        assert_eq!(entry["cluster"], "prod");
        assert_eq!(entry["region"], region);
        assert_eq!(entry["account"], "123456789012");
        let time = |name: &str| Timestamp::from_rfc3339(entry[name].as_str().unwrap()).unwrap();
        assert!(time("obtainedAt") < time("expiresAt"), "{entry}");
    }
    let empty = CacheFixture::cloud();
    let empty = cache(&empty, &["list", "-o", "json"]);
    assert_eq!(empty.stdout, "{\n  \"entries\": []\n}\n");
}

#[test]
fn entries_of_one_environment_are_cleared() {
    let fixture = CacheFixture::cloud();
    let other = "acme/platform/prod@1";
    for arguments in [
        &["get-token", ENVIRONMENT, "-i", "a"],
        &["get-token", ENVIRONMENT, "-i", "b"],
        &["get-token", other, "-i", "a"],
    ] {
        fixture.run_with(|command| replace_arguments(command, arguments));
    }
    let clear = |environment| cache(&fixture, &["clear", environment]);
    clear("acme/platform/pro").assert("0 entries removed\n", "", 0);
    clear(ENVIRONMENT).assert("3 entries removed\n", "", 0);
    let left = rows(&cache(&fixture, &["list"]));
    assert_eq!(left.len(), 2, "{left:?}");
    assert_eq!(left[1][0], other);
    clear(other).assert("2 entries removed\n", "", 0);

    // A file is named by any path to it.
    let fixture = CacheFixture::local(LOCAL);
    fixture.assert_miss();
    let clear = |environment| cache(&fixture, &["clear", environment]);
    clear("./other.yaml").assert("0 entries removed\n", "", 0);
    clear("./env.yaml").assert("2 entries removed\n", "", 0);
    assert_eq!(rows(&cache(&fixture, &["list"])), [HEAD]);
}

#[test]
fn secrets_are_not_listed() {
    let definition = LOCAL.replace("clusterName: prod", "clusterName: {'fn::secret': prod}");
    for fixture in [
        CacheFixture::local(&definition),
        CacheFixture::local(&definition).with(with_second_role),
    ] {
        let cold = fixture.run().token();
        let listed = cache(&fixture, &["list"]);
        assert_eq!(rows(&listed)[1][..3], ["[dir]/env.yaml", "eks", "[secret]"]);
        let content = fs::read(fixture.file("entry")).unwrap();
        let content = String::from_utf8_lossy(&content);
        assert!(!content.contains("prod"), "{content}");
        let (warm, requests) = fixture.requests_of(|| fixture.run().token());
        assert_eq!(requests, (0, 0));
        for token in [cold, warm] {
            assert!(fixture.aws.caller(&token, "prod").is_ok());
        }
    }
}

#[test]
fn damaged_entries_are_listed_on_one_line() {
    let fixture = CacheFixture::cloud();
    fixture.assert_miss();
    let path = fixture.file("entry");
    for (content, expected_row) in [
        (
            r#"{"format":"1","environment":"a\nb\u001b[31mc\t\u0000","cluster":"x\r\ny","obtained_at":-9223372036854775808,"good_until":9223372036854775807}"#,
            vec!["a b [31mc", "-", "x y"],
        ),
        (r#"{"format":"1","environment":"a"}"#, vec![]),
        ("{}", vec![]),
        ("[]", vec![]),
        ("", vec![]),
        ("\u{fffd}", vec![]),
    ] {
        fs::write(&path, format!("{content}\nnothing")).unwrap();
        let listed = rows(&cache(&fixture, &["list"]));
        match listed.get(1) {
            Some(row) => assert_eq!(row[..3], expected_row),
            None => assert!(expected_row.is_empty(), "{content}"),
        }
        fixture.assert_miss();
        fixture.assert_hit();
    }
}

#[test]
fn cache_folder_can_be_set_by_flag_and_variable() {
    let fixture = CacheFixture::cloud();
    for (folder, flags) in [
        ("by-flag", vec!["--cache-dir"]),
        ("by-variable", vec![]),
        ("deep/er/still", vec!["--cache-dir"]),
    ] {
        let path = fixture.plugin.path(folder);
        let path = path.to_str().unwrap();
        let set_folder = |call: &mut Command| {
            if flags.is_empty() {
                call.env("KUBECTL_ESC_CACHE_DIR", path);
            } else {
                // The flag takes precedence over the variable.
                call.env("KUBECTL_ESC_CACHE_DIR", "/dev/null");
                call.args(["--cache-dir", path]);
            }
        };
        for expected in [2, 0] {
            let (output, requests) = fixture.requests_of(|| fixture.run_with(set_folder));
            fixture.pulumi_cloud.assert_token(&output);
            assert_eq!(requests, (expected, 0), "{folder}");
        }
        let listed = cache(&fixture, &["list", "--cache-dir", path]);
        assert_eq!(rows(&listed).len(), 2, "{folder}");
        cache(&fixture, &["clear", "--cache-dir", path]).assert("2 entries removed\n", "", 0);
        assert!(!fixture.folder().exists());
    }
}

#[test]
fn cache_can_be_disabled() {
    for (variable, arguments) in [
        (None, vec!["--no-cache"]),
        (Some("true"), vec![]),
        (Some("1"), vec![]),
        (Some("1"), vec!["--refresh"]),
        (Some("false"), vec!["--no-cache"]),
    ] {
        let fixture = CacheFixture::cloud();
        for _ in 0..2 {
            let (output, requests) = fixture.requests_of(|| {
                fixture.run_with(|command| {
                    command.args(&arguments);
                    if let Some(value) = variable {
                        command.env("KUBECTL_ESC_NO_CACHE", value);
                    }
                })
            });
            fixture.pulumi_cloud.assert_token(&output);
            assert_eq!(requests, (2, 0), "{variable:?} {arguments:?}");
        }
        let home: Vec<_> = fs::read_dir(fixture.plugin.path("home")).unwrap().collect();
        assert!(home.is_empty(), "{home:?}");
        // An entry is neither used nor removed.
        fixture.assert_miss();
        let (_, requests) = fixture.requests_of(|| {
            fixture.run_with(|command| {
                command.arg("--no-cache");
            })
        });
        assert_eq!(requests, (2, 0));
        fixture.assert_hit();
    }
    for value in ["0", "false", ""] {
        let fixture = CacheFixture::cloud();
        fixture.run_with(|command| {
            command.env("KUBECTL_ESC_NO_CACHE", value);
        });
        fixture.assert_hit();
    }
}

#[test]
fn invalid_settings_are_reported() {
    let fixture = CacheFixture::cloud();
    let output = fixture.run_with(|command| {
        command.env("KUBECTL_ESC_NO_CACHE", "yes");
    });
    output.assert_fails(
        "kubectl-esc: the variable `KUBECTL_ESC_NO_CACHE` must be `true` or `false`\n  hint: \
         set `KUBECTL_ESC_NO_CACHE` to `true` or `false`, or unset it\n",
        2,
    );
    let output = fixture.run_with(|command| {
        command.args(["--no-cache", "--refresh"]);
    });
    assert_eq!(output.code, 2, "{output:?}");
    // `cache list` and `cache clear` ignore that variable.
    let plugin = || Plugin::new().env("KUBECTL_ESC_NO_CACHE", "yes");
    assert_eq!(plugin().args(["cache", "list"]).run().code, 0);
    for action in ["list", "clear"] {
        let homeless = plugin().env_remove("HOME").args(["cache", action]);
        homeless.run().assert_fails(
            "kubectl-esc: there is no home directory for the cache\n  hint: set HOME, or pass \
             `--cache-dir`\n",
            2,
        );
        let file = plugin().file("file", "").args(["cache", action]);
        let path = file.path("file");
        let output = file.arg("--cache-dir").arg(path).run();
        // A file in place of the folder counts as an empty cache.
        assert_eq!(output.code, 0, "{output:?}");
    }
}
