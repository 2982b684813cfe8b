//! Completion: the values, and real shells and kubectl that show them.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Command, Stdio};

use crate::cache::replace_arguments;
use crate::cloud::PulumiCloudFixture;
use crate::support::kubectl::oldest_and_newest;
use crate::support::plugin::{Plugin, TIME_LIMIT, program, run, test_variable};

const KUBECONFIG: &str = "\
contexts:
- context: {cluster: a, user: alice}
  name: prod-eu
- context: {cluster: a, user: bob}
  name: dev
users:
- name: alice
  user: {}
- name: bob
  user: {}
";

/// The values and the directive for the last word.
fn candidates(plugin: Plugin, words: &[&str]) -> (Vec<String>, String) {
    let output = plugin.arg("__complete").args(words).run();
    assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{words:?}");
    let mut lines: Vec<_> = output
        .stdout
        .lines()
        .map(|line| line.split('\t').next().unwrap().to_owned())
        .collect();
    let directive = lines.pop().unwrap();
    (lines, directive)
}

#[test]
fn commands_flags_values_and_files_are_completed() {
    let plugin = || {
        Plugin::new()
            .file("env.yaml", "")
            .file("notes.txt", "")
            .file("envs/prod.yml", "")
            .file("home/.kube/config", KUBECONFIG)
            .file(
                "other",
                "contexts: [{name: other, context: {user: carol}}]\nusers: [{name: carol, user: {}}]",
            )
    };
    for (words, want, directive) in [
        (
            &["c"][..],
            &[
                "cache",
                "check",
                "completion",
                "convert-kubeconfig",
                "credential-process",
            ][..],
            ":4",
        ),
        (&["cache", ""], &["clear", "list"], ":4"),
        (&["cache", "list", "--c"], &["--cache-dir"], ":4"),
        (
            &["completion", ""],
            &["bash", "zsh", "fish", "powershell", "kubectl"],
            ":4",
        ),
        (
            &["open", "env.yaml", "--o"],
            &["--output", "--organization"],
            ":4",
        ),
        (&["open", "--output", "j"], &["json"], ":4"),
        (&["open", "--output=y"], &["--output=yaml"], ":4"),
        (
            &["open", "env.yaml", "-f", "d"],
            &["dotenv", "detailed"],
            ":4",
        ),
        (&["open", "e"], &["env.yaml", "envs/"], ":4"),
        (&["check", "envs/"], &["envs/prod.yml"], ":4"),
        (&["get-token", "./envs"], &["./envs/"], ":6"),
        (
            &["get-token", "env.yaml", "--provider", ""],
            &["eks", "gke", "aks"],
            ":4",
        ),
        (
            &["update-kubeconfig", "x", "--kubeconfig", "o"],
            &["other"],
            ":4",
        ),
        (
            &["update-kubeconfig", "x", "--alias", ""],
            &["dev", "prod-eu"],
            ":4",
        ),
        (
            &["update-kubeconfig", "x", "--user-alias", "a"],
            &["alice"],
            ":4",
        ),
        (
            &[
                "update-kubeconfig",
                "x",
                "--kubeconfig",
                "other",
                "--alias",
                "",
            ],
            &["other"],
            ":4",
        ),
        (
            &[
                "update-kubeconfig",
                "x",
                "--kubeconfig=other",
                "--user-alias",
                "",
            ],
            &["carol"],
            ":4",
        ),
        (
            &["convert-kubeconfig", "x", "--context", "p"],
            &["prod-eu"],
            ":4",
        ),
        (
            &["convert-kubeconfig", "x", "--context=p"],
            &["--context=prod-eu"],
            ":4",
        ),
        // The context of a kubeconfig in the environment.
        (&["update-kubeconfig", "x", "--context", ""], &[], ":6"),
        (&["open", "x", "--timeout", ""], &[], ":6"),
        (&["nothing", ""], &["cache"], ""),
    ] {
        let (mut found, end) = candidates(plugin(), words);
        let mut want: Vec<_> = want.iter().map(ToString::to_string).collect();
        if directive.is_empty() {
            assert!(found.contains(&want[0]), "{words:?}: {found:?}");
            continue;
        }
        found.sort();
        want.sort();
        assert_eq!((found, end.as_str()), (want, directive), "{words:?}");
    }
    // Flags are offered where a word starts with a dash, and not among other values.
    let (found, _) = candidates(plugin(), &["open", ""]);
    assert!(
        !found.is_empty() && !found.iter().any(|value| value.starts_with('-')),
        "{found:?}"
    );
    let (found, _) = candidates(plugin(), &["open", "-"]);
    assert!(found.contains(&"--redact".to_owned()), "{found:?}");
}

#[test]
fn environment_names_are_cached_for_the_login() {
    let fixture = PulumiCloudFixture::new();
    let cached = fixture.plugin();
    let names = |plugin: &Plugin| {
        let output = plugin.run();
        assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{output:?}");
        output.stdout
    };
    let plugin = cached.args(["__complete", "open", "acme/platform/p"]);
    let first = names(&plugin);
    assert!(
        first.lines().any(|line| line == "acme/platform/prod"),
        "{first}"
    );
    assert_eq!(fixture.operations(), ["list all environments"]);
    assert_eq!(names(&plugin), first);
    assert_eq!(fixture.operations(), ["list all environments"]);
    // The names are no readable part of the cache, and `cache clear` removes them.
    let folder = plugin.path("home/.kube/cache/kubectl-esc");
    let files: Vec<_> = fs::read_dir(&folder).unwrap().flatten().collect();
    let [file] = files.as_slice() else {
        panic!("{files:?}");
    };
    let content = fs::read(file.path()).unwrap();
    assert!(!String::from_utf8_lossy(&content).contains("platform"));
    let mut clear = plugin.command();
    replace_arguments(&mut clear, &["cache", "clear"]);
    assert_eq!(run(clear, TIME_LIMIT).code, 0);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    assert_eq!(names(&plugin), first);
    assert_eq!(fixture.operations().len(), 2);
    // Another login has its own names, and a path needs none.
    let path = fixture.plugin().args(["__complete", "open", "./"]);
    names(&path);
    assert_eq!(fixture.operations().len(), 2);
    let other = plugin.env("PULUMI_ACCESS_TOKEN", "pul-unknown");
    assert_eq!(names(&other), ":6\n");
    assert_eq!(fixture.operations().len(), 3);
}

#[test]
fn environment_names_fail_silently_and_in_time() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}", silent.local_addr().unwrap());
    for (url, token) in [
        (silent.as_str(), "pul-1"),
        ("http://127.0.0.1:1", "pul-1"),
        ("not a URL", "pul-1"),
        (silent.as_str(), ""),
    ] {
        let plugin = Plugin::new()
            .file("env.yaml", "")
            .env("PULUMI_BACKEND_URL", url)
            .env("PULUMI_ACCESS_TOKEN", token);
        let (found, _) = candidates(plugin, &["open", "e"]);
        assert_eq!(found, ["env.yaml"], "{url}");
    }
}

/// A folder with the program and the completion of kubectl, for PATH.
fn programs() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    symlink(program(), folder.path().join("kubectl-esc")).unwrap();
    let script = Plugin::new().args(["completion", "kubectl"]).run().stdout;
    let path = folder.path().join("kubectl_complete-esc");
    fs::write(&path, script).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// What a shell prints that runs this script; `None` without that shell.
fn in_shell(shell: &[&str], script: &str) -> Option<String> {
    let programs = programs();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("env.yaml"), "").unwrap();
    fs::create_dir(folder.path().join("envs")).unwrap();
    let path = test_variable("PATH").unwrap_or_default();
    let path = format!("{}:{}", programs.path().display(), path.to_string_lossy());
    let output = Command::new(shell[0])
        .args(&shell[1..])
        .arg(script)
        .env_clear()
        .envs([
            ("PATH", path.as_str()),
            ("HOME", folder.path().to_str().unwrap()),
        ])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .output();
    let Ok(output) = output else {
        println!("skipped: {} is missing", shell[0]);
        return None;
    };
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(stderr, "", "{shell:?}");
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn bash_completes() {
    let script = |words: &str, last: usize, word: &str| {
        format!(
            "source <(kubectl-esc completion bash)\nCOMP_WORDS=({words}); COMP_CWORD={last}; \
             _clap_complete_kubectl_esc kubectl-esc '{word}' x; printf '%s\n' \"${{COMPREPLY[@]}}\""
        )
    };
    for (words, last, word, want) in [
        ("kubectl-esc open e", 2, "e", "env.yaml\nenvs/\n"),
        ("kubectl-esc open ''", 2, "", "env.yaml\nenvs/\n"),
        ("kubectl-esc ca", 1, "ca", "cache\n"),
        (
            "kubectl-esc open env.yaml --re",
            3,
            "--re",
            "--redact\n--remote\n",
        ),
    ] {
        let bash = ["bash", "--norc", "-c"];
        if let Some(found) = in_shell(&bash, &script(words, last, word)) {
            assert_eq!(found, want, "{words}");
        }
    }
}

#[test]
fn zsh_completes_with_descriptions() {
    let script = "compdef() { : }; _describe() { shift 2; print -l \"${(@P)1}\" }\n\
        source <(kubectl-esc completion zsh)\n\
        words=(kubectl-esc open e); CURRENT=3; _clap_dynamic_completer_kubectl_esc\n\
        words=(kubectl-esc ca); CURRENT=2; _clap_dynamic_completer_kubectl_esc";
    if let Some(found) = in_shell(&["zsh", "-f", "-c"], script) {
        assert_eq!(
            found,
            "envs\nenv.yaml\ncache:List or clear cached credentials\n"
        );
    }
}

/// As compinit loads the file of a package: the first call of the function is also the first completion.
#[test]
fn zsh_loads_the_script_from_a_file() {
    let script = "compdef() { : }; _describe() { shift 2; print -l \"${(@P)1}\" }\n\
        kubectl-esc completion zsh > _kubectl-esc; fpath=(. $fpath); autoload -Uz _kubectl-esc\n\
        words=(kubectl-esc ca); CURRENT=2; _kubectl-esc; _kubectl-esc";
    if let Some(found) = in_shell(&["zsh", "-f", "-c"], script) {
        assert_eq!(found, "cache:List or clear cached credentials\n".repeat(2));
    }
}

#[test]
fn fish_completes_with_descriptions() {
    let script = "kubectl-esc completion fish | source; complete -C 'kubectl-esc open e'; \
        complete -C 'kubectl-esc ca'";
    if let Some(found) = in_shell(&["fish", "--no-config", "-c"], script) {
        assert_eq!(
            found,
            "env.yaml\nenvs/\ncache\tList or clear cached credentials\n"
        );
    }
}

#[test]
fn powershell_gets_a_script() {
    let script = Plugin::new()
        .args(["completion", "powershell"])
        .run()
        .stdout;
    let start = "Register-ArgumentCompleter -Native -CommandName kubectl-esc ";
    assert!(script.trim_start().starts_with(start), "{script}");
    // How the script calls the program.
    Plugin::new()
        .env("KUBECTL_ESC_COMPLETE", "powershell")
        .args(["--", "kubectl-esc", "ca"])
        .run()
        .assert("cache\tList or clear cached credentials\n", "", 0);
}

#[test]
fn kubectl_completes_the_plugin_and_the_plugin_names_kubectl() {
    for kubectl in oldest_and_newest() {
        let kubectl = kubectl.path.display();
        let complete = format!("{kubectl} __complete esc open e 2>/dev/null");
        let found = in_shell(&["bash", "--norc", "-c"], &complete).unwrap();
        assert_eq!(found, "env.yaml\nenvs/\n:4\n", "{kubectl}");
        // bash puts the path of kubectl into `_`; kubectl passes the path of the plugin.
        let usage = format!("{kubectl} esc open -h; kubectl-esc open -h");
        let shown = in_shell(&["bash", "--norc", "-c"], &usage).unwrap();
        let usages: Vec<_> = shown
            .lines()
            .filter(|line| line.starts_with("Usage:"))
            .collect();
        let [plugin, alone] = usages.as_slice() else {
            panic!("{shown}");
        };
        assert!(alone.starts_with("Usage: kubectl-esc open "), "{shown}");
        // A version in the name of the program is not recognized.
        let is_named = kubectl.to_string().ends_with("/kubectl");
        assert_eq!(
            plugin.starts_with("Usage: kubectl esc open "),
            is_named,
            "{shown}"
        );
    }
}
