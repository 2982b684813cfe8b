//! Which files `update-kubeconfig` changes, and how: lists of files, locks, links, modes, parallel calls.

use std::fs;
use std::path::Path;

use super::new_file;
use crate::support::plugin::{Output, Plugin};

const SERVER: &str = "https://api.example.com";

fn new_entries(name: &str) -> String {
    let args = ["acme/prod", "--cluster-name", name];
    new_file(name, SERVER, "", &args)
}

/// A call that adds cluster, user and context `demo`.
fn update(plugin: Plugin) -> Plugin {
    plugin.args([
        "update-kubeconfig",
        "acme/prod",
        "--cluster-name",
        "demo",
        "--server",
        SERVER,
    ])
}

fn read(plugin: &Plugin, path: &str) -> String {
    fs::read_to_string(plugin.path(path)).unwrap()
}

/// A value for `KUBECONFIG` with these files below the test's directory.
fn kubeconfig_list(plugin: &Plugin, files: &[&str]) -> std::ffi::OsString {
    let paths = files.iter().map(|file| match *file {
        "" => Path::new("").to_owned(),
        file => plugin.path(file),
    });
    std::env::join_paths(paths).unwrap()
}

const NOTHING_TO_CHANGE: &str = "nothing to change\nthe current context is `demo`\n";

fn added(file: &str) -> String {
    format!(
        "changed [dir]/{file}: added cluster `demo`, user `demo`, context `demo`\n\
         the current context is `demo`\n"
    )
}

#[test]
fn existing_entry_is_changed_in_its_file_and_new_entry_added_to_the_first() {
    let user = "users:\n- name: demo\n  user:\n    exec: {command: aws, args: [eks, get-token]}\n";
    let plugin = update(Plugin::new())
        .file("two", "# two\n")
        .file("three", user)
        .file("four", user);
    let list = kubeconfig_list(&plugin, &["", "one", "two", "three", "two", "four"]);
    let plugin = plugin.env("KUBECONFIG", list).arg("--set-current");
    plugin.run().assert(
        "changed [dir]/two: added cluster `demo`, context `demo`\n\
             changed [dir]/three: updated user `demo`\n\
             the current context is `demo`\n",
        "",
        0,
    );
    assert!(!plugin.path("one").exists());
    assert_eq!(read(&plugin, "four"), user);
    let new = new_entries("demo");
    let (entries, _) = new.split_once("users:\n").unwrap();
    assert_eq!(read(&plugin, "two"), format!("# two\n{entries}"));
    let three = read(&plugin, "three");
    let exec = "    exec: {command: \"kubectl-esc\", args: [\"get-token\", \"acme/prod\", ";
    assert!(three.contains(exec), "{three}");
    plugin.run().assert(NOTHING_TO_CHANGE, "", 0);

    // If no file exists, the last one is created, as by kubectl.
    let plugin = update(Plugin::new());
    let list = kubeconfig_list(&plugin, &["one", "folder/two"]);
    let plugin = plugin.env("KUBECONFIG", list);
    plugin.run().assert(&added("folder/two"), "", 0);
    assert_eq!(read(&plugin, "folder/two"), new_entries("demo"));

    // `--kubeconfig` overrides `KUBECONFIG`.
    let plugin = update(Plugin::new()).args(["--kubeconfig", "~/three"]);
    let list = kubeconfig_list(&plugin, &["one"]);
    let plugin = plugin.env("KUBECONFIG", list);
    plugin.run().assert(&added("home/three"), "", 0);
    assert!(!plugin.path("one").exists());
}

#[test]
fn names_and_current_context_can_be_chosen() {
    let before = "current-context: mine\n";
    let plugin = update(Plugin::new()).file("home/.kube/config", before);
    let run = |arguments: &[&str]| {
        let plugin = update(Plugin::new())
            .file("home/.kube/config", before)
            .args(arguments);
        assert_eq!(plugin.run().code, 0);
        read(&plugin, "home/.kube/config")
    };
    plugin.run().assert(
        "changed [dir]/home/.kube/config: added cluster `demo`, user `demo`, context `demo`\n\
         the current context is still `mine`; switch with `kubectl config use-context demo`\n",
        "",
        0,
    );
    let text = read(&plugin, "home/.kube/config");
    assert!(text.starts_with(before), "{text}");
    let text = run(&["--set-current"]);
    assert!(text.starts_with("current-context: demo\n"), "{text}");
    let text = run(&["--alias", "prod"]);
    assert!(text.contains("    user: prod\n  name: prod\n"), "{text}");
    assert!(text.contains("- name: prod\n  user:"), "{text}");
    let text = run(&["--user-alias", "admin"]);
    assert!(text.contains("    user: admin\n  name: demo\n"), "{text}");
    let text = run(&["--alias", "prod", "--user-alias", "admin"]);
    assert!(text.contains("    user: admin\n  name: prod\n"), "{text}");
}

#[test]
fn namespace_and_absolute_command_are_written() {
    let namespace = "    cluster: demo\n    namespace: apps\n    user: demo\n";
    let plugin = update(Plugin::new()).args(["--namespace", "apps"]);
    assert_eq!(plugin.run().code, 0);
    let text = read(&plugin, "home/.kube/config");
    assert!(text.contains(namespace), "{text}");
    // A namespace that is already there stays, unless the flag is passed.
    let plugin = update(Plugin::new()).file("home/.kube/config", &text);
    plugin.run().assert(NOTHING_TO_CHANGE, "", 0);
    assert_eq!(plugin.args(["--namespace", "web"]).run().code, 0);
    let plugin = update(Plugin::new())
        .file("home/.kube/config", &text)
        .args(["--namespace", "web", "--absolute-command"]);
    assert_eq!(plugin.run().code, 0);
    let text = read(&plugin, "home/.kube/config");
    assert!(text.contains("    namespace: web\n"), "{text}");
    let command = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("command: "));
    let command = Path::new(command.unwrap());
    assert!(command.is_absolute() && command.is_file(), "{text}");
}

#[test]
fn cluster_is_named_as_in_the_aws_cli() {
    let arn = "arn:aws:eks:eu-west-1:123456789012:cluster/demo";
    let run = |arguments: &[&str]| {
        let plugin = Plugin::new()
            .args(["update-kubeconfig", "acme/prod", "--server", SERVER])
            .args(arguments);
        let output = plugin.run();
        (plugin, output)
    };
    let args = [
        "acme/prod",
        "--cluster-name",
        "demo",
        "--region",
        "eu-west-1",
    ];
    for arguments in [
        &["--name", "demo", "--region", "eu-west-1"][..],
        &["--name", arn],
        &["--cluster-name", arn, "--region", "eu-west-1"],
    ] {
        let (plugin, output) = run(arguments);
        output.assert(&added("home/.kube/config"), "", 0);
        let want = new_file("demo", SERVER, "", &args);
        assert_eq!(read(&plugin, "home/.kube/config"), want);
    }
    for (arguments, problem) in [
        (
            &["--name", arn, "--region", "us-east-1"][..],
            "is in region `eu-west-1`, but the flag `--region` is `us-east-1`",
        ),
        (&["--name", "a b"], "`a b` is not a valid cluster name"),
        (
            &["--name", "a", "--role-arn", "foo"],
            "cannot use the flag `--role-arn`: `foo` is not the ARN of an IAM role",
        ),
    ] {
        let (plugin, output) = run(arguments);
        assert_eq!(output.code, 2, "{output:?}");
        assert!(output.stderr.contains(problem), "{output:?}");
        assert!(!plugin.path("home/.kube/config").exists());
    }
    let (_, output) = run(&["--name", "demo", "--region", "eu-wst-1"]);
    assert_eq!(output.code, 0);
    assert_eq!(
        output.stderr,
        "kubectl-esc: warning: `eu-wst-1` does not look like an AWS region; did you mean \
         `eu-west-1`?\n"
    );
}

#[test]
fn manual_additions_are_preserved() {
    let plugin = update(Plugin::new()).arg("--region").arg("eu-west-1");
    assert_eq!(plugin.run().code, 0);
    let config = plugin.path("home/.kube/config");
    let written = fs::read_to_string(&config).unwrap();
    let edited = written
        .replace(
            "    server:",
            "    proxy-url: http://localhost:8080\n    server:",
        )
        .replace("    user: demo\n", "    user: demo\n    namespace: apps\n")
        .replace(
            "      args:",
            "      env: [{name: KUBECTL_ESC_LOG, value: \"1\"}]\n      args:",
        )
        .replace("  user:\n", "  user: # me\n    as: alice\n");
    fs::write(&config, &edited).unwrap();
    plugin.run().assert(NOTHING_TO_CHANGE, "", 0);
    let changed = plugin.args(["--session-name", "me"]);
    changed.run().assert(
        "changed [dir]/home/.kube/config: updated user `demo`\nthe current context is `demo`\n",
        "",
        0,
    );
    let args = "      - eu-west-1\n      - --session-name\n      - me\n";
    let expected = edited.replace("      - eu-west-1\n", args);
    assert_eq!(fs::read_to_string(&config).unwrap(), expected);
}

#[test]
fn dry_run_prints_the_difference_and_writes_nothing() {
    let before = "\
# mine
users:
- name: other
  user: {token: hunter2}
current-context: other
";
    let plugin = update(Plugin::new())
        .file("home/.kube/config", before)
        .args(["--dry-run", "--set-current"]);
    plugin.run().assert(
        "\
--- [dir]/home/.kube/config
+++ [dir]/home/.kube/config
@@ -2,4 +2,25 @@
 users:
 - name: other
   user: {token: [secret]}
-current-context: other
+- name: demo
+  user:
+    exec:
+      apiVersion: client.authentication.k8s.io/v1
+      args:
+      - get-token
+      - acme/prod
+      - --cluster-name
+      - demo
+      command: kubectl-esc
+      installHint: Install kubectl-esc and put it on the PATH as described at https://github.com/kubectl-esc/kubectl-esc
+      interactiveMode: Never
+current-context: demo
+clusters:
+- cluster:
+    server: https://api.example.com
+  name: demo
+contexts:
+- context:
+    cluster: demo
+    user: demo
+  name: demo
",
        "",
        0,
    );
    assert_eq!(read(&plugin, "home/.kube/config"), before);
    let entries: Vec<_> = fs::read_dir(plugin.path("home/.kube")).unwrap().collect();
    assert_eq!(entries.len(), 1);

    let plugin = update(Plugin::new()).arg("--dry-run");
    let output = plugin.run();
    assert!(output.stdout.starts_with("--- /dev/null\n"), "{output:?}");
    assert!(!plugin.path("home/.kube").exists());
}

#[test]
fn entries_of_other_tools_are_not_overwritten() {
    for (before, problem) in [
        (
            "users: [{name: demo, user: {token: x}}]\n",
            "already has a user `demo`",
        ),
        (
            "users: [{name: demo, user: {exec: {command: gke-gcloud-auth-plugin}}}]\n",
            "already has a user `demo`",
        ),
        (
            "users: [{name: u, user: {token: x}}]\ncontexts: [{name: demo, context: {cluster: c, user: u}}]\n",
            "already has a context `demo`, of user `u`",
        ),
        (
            "clusters: [{name: demo, cluster: {server: 'https://other'}}]\nusers: [{name: u, user: {token: x}}]\ncontexts: [{name: c, context: {cluster: demo, user: u}}]\n",
            "already has a cluster `demo`, which context `c` uses",
        ),
        ("users: [\n", "cannot read"),
        ("kind: Pod\n", "is not `Config`"),
        ("users:\n\t- name: a\n", "cannot read"),
        ("\u{0}", "cannot read"),
    ] {
        let plugin = update(Plugin::new()).file("home/.kube/config", before);
        let output = plugin.run();
        assert_eq!(output.code, 2, "{before}: {output:?}");
        assert!(output.stderr.contains(problem), "{before}: {output:?}");
        assert!(output.stderr.contains("  hint: "), "{output:?}");
        assert_eq!(read(&plugin, "home/.kube/config"), before);
    }
    let plugin = update(Plugin::new()).file("home/.kube/config", b"users: \xff");
    assert_eq!(plugin.run().code, 2);
}

#[test]
fn lock_is_reported_after_the_time_limit() {
    let plugin = update(Plugin::new())
        .file("home/.kube/config", "# mine\n")
        .file("home/.kube/config.lock", "")
        .args(["--timeout", "100ms"]);
    plugin.run().assert_fails(
        "kubectl-esc: `[dir]/home/.kube/config.lock` was not released within 100ms\n  hint: \
         if no other program is changing the kubeconfig, remove this file\n",
        5,
    );
    assert_eq!(read(&plugin, "home/.kube/config"), "# mine\n");
    assert!(plugin.path("home/.kube/config.lock").exists());
    fs::remove_file(plugin.path("home/.kube/config.lock")).unwrap();
    assert_eq!(plugin.run().code, 0);
    assert!(!plugin.path("home/.kube/config.lock").exists());
}

#[cfg(unix)]
#[test]
fn symlinks_and_file_modes_are_preserved() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    let plugin = update(Plugin::new()).file("real/config", "# mine\n");
    let mode = |path: &str| fs::metadata(plugin.path(path)).unwrap().mode() & 0o777;
    fs::create_dir(plugin.path("home/.kube")).unwrap();
    symlink("../../real/config", plugin.path("home/.kube/middle")).unwrap();
    symlink("middle", plugin.path("home/.kube/config")).unwrap();
    fs::set_permissions(
        plugin.path("real/config"),
        fs::Permissions::from_mode(0o640),
    )
    .unwrap();
    assert_eq!(plugin.run().code, 0);
    assert_eq!(
        read(&plugin, "real/config"),
        format!("# mine\n{}", new_entries("demo"))
    );
    assert_eq!(mode("real/config"), 0o640);
    for link in ["home/.kube/config", "home/.kube/middle"] {
        assert!(
            fs::symlink_metadata(plugin.path(link))
                .unwrap()
                .is_symlink()
        );
    }
    assert_eq!(fs::read_dir(plugin.path("real")).unwrap().count(), 1);

    // A link to a missing file in an existing folder.
    fs::remove_file(plugin.path("real/config")).unwrap();
    assert_eq!(plugin.run().code, 0);
    assert_eq!(mode("real/config"), 0o600);
    assert_eq!(read(&plugin, "real/config"), new_entries("demo"));

    fs::set_permissions(
        plugin.path("real/config"),
        fs::Permissions::from_mode(0o400),
    )
    .unwrap();
    let output = plugin.args(["--session-name", "me"]).run();
    assert_eq!(output.code, 2);
    assert!(output.stderr.contains("write-protected"), "{output:?}");
}

#[test]
fn parallel_updates_lose_nothing() {
    let plugin = Plugin::new();
    let home = plugin.path("home");
    fs::create_dir(home.join(".kube")).unwrap();
    let config = home.join(".kube/config");
    fs::write(&config, "# mine\n").unwrap();
    let run = |number: usize| -> Output {
        Plugin::new()
            .env("KUBECONFIG", &config)
            .args([
                "update-kubeconfig",
                "acme/prod",
                "--server",
                SERVER,
                "--timeout",
                "50s",
            ])
            .args(["--cluster-name", &format!("cluster-{number}")])
            .run()
    };
    std::thread::scope(|scope| {
        let calls: Vec<_> = (0..50)
            .map(|number| scope.spawn(move || run(number)))
            .collect();
        for call in calls {
            let output = call.join().unwrap();
            assert_eq!((output.code, output.stderr.as_str()), (0, ""));
        }
    });
    let text = fs::read_to_string(&config).unwrap();
    assert!(text.starts_with("# mine\n"));
    let read: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
    for section in ["clusters", "contexts", "users"] {
        let mut names: Vec<_> = read[section]
            .as_sequence()
            .unwrap()
            .iter()
            .map(|entry| entry["name"].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        let mut expected: Vec<_> = (0..50).map(|number| format!("cluster-{number}")).collect();
        expected.sort();
        assert_eq!(names, expected, "{section}");
    }
    let left: Vec<_> = fs::read_dir(home.join(".kube")).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}
