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
    .args(["${list[1]}-${region}", "${none}${broken"])
    .env("REGION", "from outside")
    .env("UNCHANGED", "from outside");
    plugin.run().assert(
        "eu-west-1 3 [] [from outside]\n[secret]\nfrom a file\nb-eu-west-1 \
         ${none}${broken\n",
        "",
        0,
    );
    assert_eq!(runtime_files(&plugin), [""; 0]);
}

#[test]
fn separator_is_optional_and_flags_of_the_command_are_kept() {
    let plugin = Plugin::new()
        .file("env.yaml", "values: {}")
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
