//! Help, usage errors and the version.

use serde_json::Value;

use crate::support::plugin::Plugin;

/// The help at this width of the terminal.
pub(crate) fn help(arguments: &[&str], columns: usize) -> String {
    let output = Plugin::new()
        .env("COLUMNS", columns.to_string())
        .args(arguments)
        .run();
    assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{output:?}");
    output.stdout
}

/// All commands, as the help lists them; the first is the program itself.
pub(crate) fn commands() -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let mut next = 0;
    while next < commands.len() {
        let command: &Vec<String> = &commands[next];
        let arguments: Vec<_> = command.iter().map(String::as_str).chain(["-h"]).collect();
        let text = help(&arguments, 80);
        let listed = text.lines().skip_while(|line| *line != "Commands:").skip(1);
        let listed = listed.take_while(|line| !line.is_empty());
        let names: Vec<_> = listed
            .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
            .filter_map(|line| line.split_whitespace().next())
            .filter(|name| *name != "help")
            .map(|name| [command.as_slice(), &[name.to_owned()]].concat())
            .collect();
        commands.extend(names);
        next += 1;
    }
    assert!(commands.len() > 10, "{commands:?}");
    commands
}

fn with<'a>(command: &'a [String], more: &[&'a str]) -> Vec<&'a str> {
    let words = command.iter().map(String::as_str);
    words.chain(more.iter().copied()).collect()
}

#[test]
fn help_is_wrapped_between_words_at_the_width_of_the_terminal() {
    let words = |text: &str| {
        let words = text.split_whitespace().map(str::to_owned);
        words.collect::<Vec<_>>()
    };
    for command in commands() {
        for flag in ["-h", "--help"] {
            let arguments = with(&command, &[flag]);
            let unwrapped = words(&help(&arguments, 1000));
            for columns in [60, 80, 120] {
                let text = help(&arguments, columns);
                for line in text.lines() {
                    let width = line.chars().count();
                    assert!(width <= columns, "{arguments:?} at {columns}: {line}");
                    assert_eq!(line.trim_end(), line, "{arguments:?}");
                }
                assert_eq!(words(&text), unwrapped, "{arguments:?} at {columns}");
            }
        }
    }
}

#[test]
fn without_a_terminal_help_is_80_columns_wide() {
    let text = Plugin::new().args(["get-token", "--help"]).run().stdout;
    assert_eq!(text, help(&["get-token", "--help"], 80));
    for columns in ["0", "wide", ""] {
        let plugin = Plugin::new().env("COLUMNS", columns);
        assert_eq!(plugin.args(["get-token", "--help"]).run().stdout, text);
    }
}

#[test]
fn every_command_has_short_help_and_long_help_with_examples() {
    for command in commands() {
        let short = help(&with(&command, &["-h"]), 80);
        let long = help(&with(&command, &["--help"]), 80);
        assert!(short.lines().count() < long.lines().count(), "{command:?}");
        assert!(!short.contains("\nExamples:\n"), "{short}");
        let (_, end) = long
            .split_once("\nExamples:\n")
            .unwrap_or_else(|| panic!("no examples: {long}"));
        let examples = end.matches("  # ").count();
        assert!((2..=4).contains(&examples), "{long}");
        assert!(end.contains("\nDocumentation: https://"), "{long}");
        assert_eq!(
            long,
            help(&[&["help"], &with(&command, &[])[..]].concat(), 80)
        );
    }
}

/// `--help` follows the flags of an example, which are parsed before it is printed.
#[test]
fn examples_are_valid_commands() {
    let mut count = 0;
    for command in commands() {
        let long = help(&with(&command, &["--help"]), 80);
        let examples = long
            .lines()
            .filter_map(|line| line.strip_prefix("  kubectl-esc "));
        for example in examples {
            let own_part = example.split(" -- ").next().unwrap();
            let own_part = own_part.split(" < ").next().unwrap();
            let mut arguments: Vec<_> = own_part.split(' ').collect();
            arguments.push("--help");
            help(&arguments, 80);
            count += 1;
        }
    }
    assert!(count > 20, "{count}");
}

#[test]
fn flags_are_grouped_under_headings() {
    for (command, headings) in [
        (
            "get-token",
            &[
                "Arguments:",
                "Options:",
                "Cluster:",
                "AWS:",
                "Azure:",
                "Credentials:",
                "Identity tokens:",
                "Output:",
                "Pulumi Cloud:",
                "Cache:",
            ][..],
        ),
        (
            "open",
            &[
                "Arguments:",
                "Options:",
                "Output:",
                "Identity tokens:",
                "Pulumi Cloud:",
            ],
        ),
        (
            "check",
            &["Arguments:", "Options:", "Pulumi Cloud:", "Output:"],
        ),
    ] {
        let text = help(&[command, "-h"], 80);
        let found = text
            .lines()
            .filter(|line| line.ends_with(':') && !line.starts_with(' '));
        assert_eq!(found.collect::<Vec<_>>(), headings, "{text}");
    }
}

#[test]
fn every_command_that_opens_an_environment_accepts_names_in_pulumi_cloud() {
    for command in [
        "get-token",
        "open",
        "run",
        "check",
        "convert-kubeconfig",
        "doctor",
    ] {
        let words: Vec<_> = help(&[command, "-h"], 80)
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        assert!(
            words.join(" ").contains("a name in Pulumi Cloud"),
            "{command}"
        );
    }
}

#[test]
fn help_at_80_columns() {
    assert_eq!(
        help(&["cache", "clear", "--help"], 80),
        "\
Remove all entries, or those of one environment

Usage: kubectl-esc cache clear [OPTIONS] [ENVIRONMENT]

Arguments:
  [ENVIRONMENT]
          Environment whose entries to remove, as `cache list` shows it

          [default: all]

Options:
  -v, --verbose...
          Log each step to standard error (-vv for more)

          [env: KUBECTL_ESC_LOG=1 or 2]

  -h, --help
          Print help (see a summary with '-h')

Cache:
      --cache-dir <DIRECTORY>
          Directory of kubectl's caches

          Entries are in its subdirectory kubectl-esc. [env:
          KUBECTL_ESC_CACHE_DIR] [default: ~/.kube/cache]

Examples:
  # Remove all entries
  kubectl-esc cache clear
  # Remove the entries of one environment
  kubectl-esc cache clear acme/platform/prod

Documentation: https://github.com/kubectl-esc/kubectl-esc
"
    );
    assert_eq!(
        help(&["version", "-h"], 80),
        "\
Print the version, commit, target and linkage of this build

Usage: kubectl-esc version [OPTIONS]

Options:
  -v, --verbose...  Log each step to standard error (-vv for more)
  -h, --help        Print help (see more with '--help')

Output:
  -o, --output <FORMAT>  Output format [default: text] [possible values: json,
                         text]
"
    );
}

#[test]
fn a_command_without_its_subcommand_shows_its_help() {
    for command in [&[][..], &["cache"]] {
        let short = [command, &["-h"]].concat();
        assert_eq!(help(command, 80), help(&short, 80));
        // A client would take the help for a credential.
        let plugin = Plugin::new().exec_info("v1", false, None).args(command);
        let path = command.iter().map(|name| format!(" {name}"));
        plugin.run().assert_fails(
            &format!(
                "kubectl-esc: no command specified\n  hint: run `kubectl-esc{} --help` to see the \
                 {}\n",
                path.collect::<String>(),
                if command.is_empty() {
                    "commands and flags"
                } else {
                    "flags"
                }
            ),
            2,
        );
    }
}

#[test]
fn usage_errors_hint_at_what_works() {
    for (arguments, message, hint) in [
        (
            &["run", "E", "--region", "x", "--", "true"][..],
            "unexpected argument '--region' found",
            "run `kubectl-esc run --help` to see the flags",
        ),
        (
            &["get-token", "--version"],
            "unexpected argument '--version' found",
            "run `kubectl-esc version`",
        ),
        (
            &["get-token", "--regio", "x"],
            "unexpected argument '--regio' found",
            "did you mean `--region`?",
        ),
        (
            &["get-token", "--cluster", "x"],
            "unexpected argument '--cluster' found",
            "did you mean `--cluster-id`?",
        ),
        (
            &["-v", "cache", "list", "--verbosity"],
            "unexpected argument '--verbosity' found",
            "run `kubectl-esc cache list --help` to see the flags",
        ),
        (
            &["--frob"],
            "unexpected argument '--frob' found",
            "run `kubectl-esc --help` to see the commands and flags",
        ),
        (
            &["opne"],
            "unrecognized subcommand 'opne'",
            "a similar subcommand exists: 'open'",
        ),
    ] {
        let output = Plugin::new().args(arguments).run();
        output.assert_fails(&format!("kubectl-esc: {message}\n  hint: {hint}\n"), 2);
    }
}

/// kubectl passes the path of the plugin as the name of the program, and the shell's `_` unchanged.
#[test]
fn usage_names_kubectl_if_kubectl_runs_the_plugin() {
    for (underscore, want) in [
        (Some("/usr/local/bin/kubectl"), "kubectl esc open"),
        (Some("C:\\bin\\kubectl"), "kubectl-esc open"),
        (Some("/usr/local/bin/kubectl-esc"), "kubectl-esc open"),
        (Some("/usr/bin/make"), "kubectl-esc open"),
        (None, "kubectl-esc open"),
    ] {
        let plugin = Plugin::new().args(["open", "-h"]);
        let plugin = match underscore {
            Some(path) => plugin.env("_", path),
            None => plugin,
        };
        let text = plugin.run().stdout;
        assert!(text.contains(&format!("\nUsage: {want} ")), "{text}");
    }
}

#[test]
fn help_and_version_go_to_standard_output() {
    for arguments in [&["--help"][..], &["get-token", "--help"], &["--version"]] {
        let output = Plugin::new().args(arguments).run();
        assert_eq!(
            (output.code, output.stderr.as_str()),
            (0, ""),
            "{arguments:?}"
        );
        assert!(output.stdout.contains("kubectl-esc"), "{}", output.stdout);
    }
}

#[test]
fn version_shows_commit_and_target_as_text_and_json() {
    let text = Plugin::new().args(["version"]).run();
    let json = Plugin::new().args(["version", "-o", "json"]).run();
    assert_eq!((text.code, json.code), (0, 0));
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    let keys: Vec<_> = json.as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["commit", "glibc", "linkage", "target", "version"]);
    assert_eq!(json["version"], env!("CARGO_PKG_VERSION"));
    let target = json["target"].as_str().unwrap();
    assert!(target.starts_with(std::env::consts::ARCH), "{target}");
    let is_commit =
        |commit: &str| commit.len() == 40 && commit.bytes().all(|b| b.is_ascii_hexdigit());
    let commit = json["commit"].as_str();
    assert!(commit.is_none_or(is_commit), "{json}");
    let shown = commit.unwrap_or("unknown");
    let want = format!("\ncommit: {shown}\ntarget: {target}\n");
    assert!(text.stdout.ends_with(&want), "{}", text.stdout);
    let short = Plugin::new().args(["--version"]).run().stdout;
    assert!(text.stdout.starts_with(&short), "{}", text.stdout);
}

/// The binary itself is the evidence: only a dynamic one names its loader, and glibc contains a line with
/// its version.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[test]
fn version_names_the_linked_glibc() {
    let output = Plugin::new().args(["--version"]).run();
    let (version, glibc) = output.stdout.trim_end().split_once('\n').unwrap();
    assert_eq!(version, concat!("kubectl-esc ", env!("CARGO_PKG_VERSION")));
    let json = Plugin::new().args(["version", "-o", "json"]).run().stdout;
    let json: Value = serde_json::from_str(&json).unwrap();

    let binary = std::fs::read(crate::support::plugin::program()).unwrap();
    let contains =
        |part: &[u8], text: &str| part.windows(text.len()).any(|at| at == text.as_bytes());
    if contains(&binary[..4096], "/ld-linux") {
        let start = "glibc: linked dynamically, built with ";
        assert_eq!(glibc.strip_prefix(start), json["glibc"].as_str());
        assert_eq!(json["linkage"], "dynamic");
    } else {
        let release = glibc.strip_prefix("glibc: linked statically, ").unwrap();
        let line = format!("GNU C Library ({release})");
        assert!(contains(&binary, &line), "{glibc}");
        assert_eq!(json["glibc"], release);
        assert_eq!(json["linkage"], "static");
    }
}
