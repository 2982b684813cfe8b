//! Exit codes if the system is out of resources.

use crate::support::aws::{Aws, project_file};
use crate::support::plugin::{Output, Plugin, test_variable};

const HINT: &str = "  hint: close other programs, or raise the limits of this user (`ulimit -a`), and \
                    try again\n";

/// A size for the stacks of threads that no address space has room for: 2⁴⁷ bytes.
const IMPOSSIBLE_STACK: &str = "140737488355328";

#[track_caller]
fn assert_unavailable(output: &Output) {
    assert_eq!(output.code, 5, "{output:?}");
    assert!(output.stderr.ends_with(HINT), "{output:?}");
    assert_eq!(output.stdout, "", "{output:?}");
}

/// A call for an environment that imports another one.
fn call(plugin: Plugin, environment: &str, arguments: &str) -> Plugin {
    let plugin = plugin
        .file(
            "env.yaml",
            format!("imports: [{environment}]\nvalues: {{files: {{A: b}}}}\n"),
        )
        .file(
            format!("{environment}.yaml"),
            project_file(&format!("examples/environments/{environment}.yaml")),
        )
        .file("runtime/.keep", "");
    let runtime = plugin.path("runtime");
    plugin
        .env("XDG_RUNTIME_DIR", runtime)
        .env("PATH", test_variable("PATH").unwrap_or_default())
        .args(arguments.split(' '))
}

/// Each call with every limit for open files, up to one that is enough.
#[test]
fn too_many_open_files_are_unavailable() {
    let aws = Aws::new();
    let get_token = "get-token env.yaml -i demo --region eu-west-1";
    for call in [
        call(Plugin::new(), "static", get_token),
        call(aws.plugin_with_identity(), "oidc", get_token),
        call(Plugin::new(), "static", "open env.yaml"),
        call(Plugin::new(), "static", "check env.yaml -o json"),
        call(Plugin::new(), "static", "run env.yaml -- echo done"),
        call(
            Plugin::new(),
            "static",
            "update-kubeconfig env.yaml --cluster-name demo --server https://api.example.com",
        ),
    ] {
        let mut limit = 3;
        loop {
            let output = call.run_in_script(&format!("ulimit -n {limit} && exec \"$@\""));
            if output.code == 0 {
                break;
            }
            assert_unavailable(&output);
            limit += 1;
            assert!(limit < 32, "{output:?}");
        }
        // A dynamically linked program cannot start with fewer.
        assert!(limit > 3 || cfg!(not(target_os = "linux")));
    }
}

/// A lookup of a host name needs a thread.
#[test]
fn host_name_is_not_looked_up_without_threads() {
    let get_token = "get-token env.yaml -i demo --region eu-west-1 --no-cache";
    let plugin = call(Aws::new().plugin_with_identity(), "oidc", get_token);
    let plugin = plugin.env("AWS_ENDPOINT_URL_STS", "https://sts.example");
    assert_unavailable(&plugin.env("RUST_MIN_STACK", IMPOSSIBLE_STACK).run());
}

/// The command is not started without the threads that copy its output.
#[test]
fn command_does_not_run_without_threads() {
    let definition = "values: {environmentVariables: {A: {'fn::secret': hunter2}}, files: {B: c}}";
    let plugin = call(Plugin::new(), "static", "run secret.yaml -- touch ran")
        .file("secret.yaml", definition);
    let plugin = plugin.env("RUST_MIN_STACK", IMPOSSIBLE_STACK);
    assert_unavailable(&plugin.run());
    assert!(!plugin.path("ran").exists());
    assert_eq!(
        std::fs::read_dir(plugin.path("runtime")).unwrap().count(),
        1
    );
}

/// A limit for file sizes (`ulimit -f`) sends SIGXFSZ, which would end the call before it removes its files.
#[test]
fn limit_for_file_sizes_leaves_no_file() {
    let limited = |plugin: &Plugin| {
        let command = plugin.command();
        let output = std::process::Command::new("sh")
            .args(["-c", "ulimit -f 0; exec \"$@\"", "sh"])
            .arg(command.get_program())
            .args(command.get_args())
            .env_clear()
            .envs(
                command
                    .get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            )
            .current_dir(plugin.path(""))
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
    };
    let names = |plugin: &Plugin, folder: &str| -> Vec<_> {
        let entries = std::fs::read_dir(plugin.path(folder)).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect()
    };

    let plugin = Plugin::new()
        .file("home/.kube/config", "# mine\n")
        .args(["update-kubeconfig", "acme/prod", "--cluster-name", "demo"])
        .args(["--server", "https://api.example.com"]);
    limited(&plugin);
    assert_eq!(names(&plugin, "home/.kube"), ["config"]);
    let kept = std::fs::read_to_string(plugin.path("home/.kube/config"));
    assert_eq!(kept.unwrap(), "# mine\n");

    let plugin = call(Plugin::new(), "static", "run env.yaml -- true");
    limited(&plugin);
    assert_eq!(names(&plugin, "runtime"), [".keep"]);
}
