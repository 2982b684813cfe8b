//! `run`: what the command gets, exit codes, redaction of its output, removal of its files.

mod ends;
mod files;
mod redaction;
mod terminal;

use std::path::PathBuf;

use crate::support::aws::{Aws, project_file};
use crate::support::plugin::{Plugin, test_variable};

const DEFINITION: &str = "\
values:
  region: eu-west-1
  password:
    fn::secret: hunter2-hunter2
  pin:
    fn::secret: \"12\"
  token:
    fn::secret: eyJ-only-in-the-file
  list: [a, b]
  environmentVariables:
    REGION: ${region}
    PASSWORD: ${password}
    COUNT: 3
    EMPTY: ~
    BOTH: from a variable
  files:
    CONFIG: |
      token: ${token}
    BOTH: from a file
";

/// A call of `run` with the machine's PATH and a runtime directory of its own.
fn call(command: &[&str]) -> Plugin {
    call_with(DEFINITION, &[], command)
}

fn call_with(definition: &str, flags: &[&str], command: &[&str]) -> Plugin {
    let plugin = Plugin::new()
        .file("env.yaml", definition)
        .file("runtime/.keep", "");
    let runtime = plugin.path("runtime");
    plugin
        .env("PATH", test_variable("PATH").unwrap_or_default())
        .env("XDG_RUNTIME_DIR", runtime)
        .args(["run", "env.yaml"])
        .args(flags)
        .arg("--")
        .args(command)
}

/// The names in the runtime directory of a call.
fn runtime_files(plugin: &Plugin) -> Vec<String> {
    names(&plugin.path("runtime"))
}

fn names(folder: &PathBuf) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != ".keep")
        .collect();
    names.sort();
    names
}

/// The command that runs a script. `$` is doubled, because `run` interpolates `${…}` and `$$`.
fn sh(script: &str) -> [String; 3] {
    ["sh".to_owned(), "-c".to_owned(), script.replace('$', "$$")]
}

fn script(text: &str) -> Plugin {
    script_with(DEFINITION, &[], text)
}

fn script_with(definition: &str, flags: &[&str], text: &str) -> Plugin {
    let command = sh(text);
    call_with(definition, flags, &command.each_ref().map(String::as_str))
}

#[test]
fn command_gets_variables_files_and_arguments() {
    let plugin = script(
        r#"echo "$REGION $COUNT [$EMPTY] [$UNCHANGED]"; cat "$CONFIG" "$BOTH"; echo; echo "$0 $1""#,
    )
    .args(["${list[1]}-${region}", "$${none}${broken"])
    .env("REGION", "from outside")
    .env("UNCHANGED", "from outside");
    plugin.run().assert(
        "eu-west-1 3 [] [from outside]\n[secret]\nfrom a file\nb-eu-west-1 \
         $${none}${broken\n",
        "",
        0,
    );
    assert_eq!(runtime_files(&plugin), [""; 0]);
}

#[test]
fn separator_is_optional_and_flags_of_the_command_are_kept() {
    let plugin = Plugin::new()
        .file("env.yaml", DEFINITION)
        .env("PATH", test_variable("PATH").unwrap_or_default());
    let plugin = plugin.args(["run", "env.yaml", "echo", "-v", "--format", "x", "--", "-i"]);
    plugin.run().assert("-v --format x -- -i\n", "", 0);
    let flags = Plugin::new()
        .file("env.yaml", DEFINITION)
        .env("PATH", test_variable("PATH").unwrap_or_default())
        .args(["run", "env.yaml", "-i", "printenv", "PASSWORD"]);
    flags.run().assert("hunter2-hunter2\n", "", 0);
}

#[test]
fn standard_input_belongs_to_the_command() {
    let plugin = script("cat; echo read");
    plugin.run().assert("read\n", "", 0);
}

#[test]
fn command_does_not_run_if_the_environment_has_errors() {
    let plugin = call_with(
        "values: {a: \"${b}\", files: {A: x}}",
        &[],
        &["touch", "ran"],
    );
    let output = plugin.run();
    assert_eq!((output.code, output.stdout.as_str()), (3, ""));
    assert!(!plugin.path("ran").exists());
    assert_eq!(runtime_files(&plugin), [""; 0]);
}

/// An empty text would turn the first one into `rm -rf /build`.
#[test]
fn unknown_path_in_an_argument_is_an_error_before_the_command_runs() {
    for (argument, number, path) in [
        ("rm -rf ${WORKDIR}/build", 3, "WORKDIR"),
        ("${HOME:-/root}", 3, "HOME:-/root"),
        ("${region}${list[2]}", 3, "list[2]"),
        ("${region.name}", 3, "region.name"),
    ] {
        let plugin = call(&["sh", "-c", "touch ran", "$$", argument]);
        let message = format!(
            "kubectl-esc: cannot expand argument {}: the environment has no value at `{path}`\n  hint: \
             correct the path, or write `$${{{path}}}` to pass `${{{path}}}` on unchanged\n",
            number + 1
        );
        plugin.run().assert_fails(&message, 2);
        assert!(!plugin.path("ran").exists(), "{argument}");
        assert_eq!(runtime_files(&plugin), [""; 0], "{argument}");
        let escaped = argument.replace("${", "$${");
        let output = call(&["echo", &escaped]).run();
        output.assert(&format!("{argument}\n"), "", 0);
    }
}

#[test]
fn environment_with_nothing_to_pass_on_gets_a_warning() {
    let nothing = "kubectl-esc: warning: the environment `env.yaml` has no `environmentVariables` and no \
                   `files` to pass to `echo`\n";
    for (definition, argument, stderr) in [
        ("values: {}", "x", nothing),
        (
            "values: {a: x, environmentVariables: {}, files: {}}",
            "x",
            nothing,
        ),
        ("values: {a: x}", "$$x", nothing),
        ("values: {a: x}", "${a}", ""),
        ("values: {environmentVariables: {A: b}}", "x", ""),
        ("values: {files: {A: b}}", "x", ""),
    ] {
        let output = call_with(definition, &[], &["echo", argument]).run();
        assert_eq!(
            (output.stderr.as_str(), output.code),
            (stderr, 0),
            "{definition}"
        );
    }
}

#[test]
fn variable_can_name_the_environment() {
    let plugin = || {
        Plugin::new()
            .file("env.yaml", DEFINITION)
            .env("PATH", test_variable("PATH").unwrap_or_default())
            .env("KUBECTL_ESC_ENVIRONMENT", "./env.yaml")
    };
    for arguments in [
        &["run", "--", "echo", "${region}", "--", "-i"][..],
        &["run", "-i", "--", "echo", "${region}", "--", "-i"],
        &["run", "env.yaml", "--", "echo", "${region}", "--", "-i"],
        &["run", "env.yaml", "echo", "${region}", "--", "-i"],
    ] {
        plugin()
            .args(arguments)
            .run()
            .assert("eu-west-1 -- -i\n", "", 0);
    }
    let without_variable = plugin().env_remove("KUBECTL_ESC_ENVIRONMENT");
    let output = without_variable.args(["run", "--", "echo"]).run();
    output.assert_fails(
        "kubectl-esc: no environment specified\n  hint: pass ENVIRONMENT, such as acme/platform/prod or \
         ./env.yaml, or set KUBECTL_ESC_ENVIRONMENT\n",
        2,
    );
}

/// `examples/environments/kubeconfig.yaml`, as the documentation uses it.
#[test]
fn example_provides_a_kubeconfig() {
    let aws = Aws::new();
    let mut plugin = aws
        .plugin_with_identity()
        .env("PATH", test_variable("PATH").unwrap_or_default());
    for name in ["aws-access.yaml", "imported.yaml", "kubeconfig.yaml"] {
        plugin = plugin.file(name, project_file(&format!("examples/environments/{name}")));
    }
    let script = sh("cat \"$KUBECONFIG\" > kubeconfig; echo \"$AWS_REGION\"");
    let plugin = plugin.args(["run", "kubeconfig.yaml", "--"]).args(script);
    plugin.run().assert("eu-west-1\n", "", 0);
    let text = std::fs::read_to_string(plugin.path("kubeconfig")).unwrap();
    let kubeconfig: serde_json::Value = serde_yaml::from_str(&text).unwrap();
    let arguments = &kubeconfig["users"][0]["user"]["exec"]["args"];
    assert_eq!(arguments[3], "demo");
}
