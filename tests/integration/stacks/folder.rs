//! Stacks on disk: layouts, file formats, where the backend is configured, passphrases.

use std::path::Path;

use serde_json::json;

use super::{PASSPHRASE, definition, failure, fixture, open_call, outputs, redacted, stack_of};
use crate::support::aws::{ADMIN, Aws};
use crate::support::plugin::Plugin;

const STACK: &str = "eks-cluster/demo";

/// A call with a backend and the passphrase of the fixtures.
fn with_backend(plugin: Plugin, url: &str) -> Plugin {
    plugin
        .env("PULUMI_BACKEND_URL", url)
        .env("PULUMI_CONFIG_PASSPHRASE", PASSPHRASE)
}

fn url(folder: &Path) -> String {
    format!("file://{}", folder.display())
}

/// A state whose root resource has these outputs, without secrets.
fn state(version: u32, outputs: &str) -> String {
    let deployment = format!(
        r#"{{"resources":[{{"urn":"urn:pulumi:demo::eks-cluster::pulumi:pulumi:Stack::x","custom":false,
        "type":"pulumi:pulumi:Stack","outputs":{outputs}}}]}}"#
    );
    match version {
        0 => format!(r#"{{"stack":"demo","latest":{deployment}}}"#),
        _ => format!(r#"{{"version":{version},"checkpoint":{{"latest":{deployment}}}}}"#),
    }
}

/// A call whose backend is the folder `state`, with these files in `.pulumi`.
fn with_files(plugin: Plugin, files: &[(&str, &str)]) -> Plugin {
    files
        .iter()
        .fold(plugin, |plugin, (path, content)| {
            plugin.file(Path::new("state/.pulumi").join(path), content)
        })
        .env("PULUMI_BACKEND_URL", "file://state")
}

#[test]
fn states_written_by_the_cli_are_read() {
    for backend in ["projects", "packed", "legacy"] {
        for (name, flags, mut expected) in [
            (STACK, &[][..], outputs()),
            ("organization/eks-cluster/demo", &["--redact"], redacted()),
        ] {
            let open = with_backend(open_call(&definition(name)), &url(&fixture(backend)));
            if backend == "packed" {
                expected["bytes"] = json!("x\u{fffd}");
                expected["later"] = json!("[unknown]");
            }
            assert_eq!(stack_of(&open.args(flags)), expected, "{backend} {name}");
        }
    }
}

#[test]
fn backend_is_found_as_in_the_cli() {
    let content = state(3, "{\"n\":1}");
    let current = |url: &str| format!(r#"{{"current":"{url}","accounts":{{"{url}":{{}}}}}}"#);
    for (folder, variable, credentials) in [
        ("home", Some("file://~"), None),
        ("home/deep er", Some("file://~/deep er"), None),
        ("home/deep er", Some("FILE://~/deep%20er/"), None),
        ("state", Some("file://state"), None),
        ("state", Some("file://./state?no_tmp_dir=true"), None),
        ("home", None, Some(current("file://~"))),
        ("state", Some("file://state"), Some(current("file://~"))),
        (
            "state",
            Some("file://state"),
            Some(current("https://api.pulumi.com")),
        ),
    ] {
        let path = Path::new(folder).join(".pulumi/stacks/eks-cluster/demo.json");
        let mut open = open_call(&definition(STACK))
            .file(path, &content)
            // The login is not used, because the state is not in Pulumi Cloud.
            .env("PULUMI_ACCESS_TOKEN", "pul-hunter2");
        if let Some(url) = variable {
            open = open.env("PULUMI_BACKEND_URL", url);
        }
        if let Some(text) = credentials {
            open = open.file("home/.pulumi/credentials.json", text);
        }
        assert_eq!(stack_of(&open), json!({"n": 1}), "{folder} {variable:?}");
    }
}

#[test]
fn passphrase_is_found_as_in_the_cli() {
    let open = |backend: &str| {
        open_call(&definition(STACK)).env("PULUMI_BACKEND_URL", url(&fixture(backend)))
    };
    let variable = "PULUMI_CONFIG_PASSPHRASE";
    let file = "PULUMI_CONFIG_PASSPHRASE_FILE";
    for call in [
        open("projects").env(variable, PASSPHRASE),
        open("projects")
            .file("phrase", format!("\n {PASSPHRASE} \r\n"))
            .env(file, "phrase"),
        open("projects")
            .file("phrase", "wrong")
            .env(file, "phrase")
            .env(variable, PASSPHRASE),
        // An empty passphrase is a passphrase.
        open("unprotected").env(variable, ""),
    ] {
        assert_eq!(stack_of(&call), outputs());
    }
    let whose = "the stack `eks-cluster/demo`";
    let remedy = format!(
        "hint: set `{variable}` to the stack's passphrase, or `{file}` to the path of a file with it"
    );
    for (call, expected) in [
        (
            open("projects"),
            format!(
                "the secrets of {whose} are encrypted with a passphrase, but none is set\n\
                 hint: set `{variable}`, or `{file}` to the path of a file with it"
            ),
        ),
        (
            open("projects").env(variable, "hunter2"),
            format!("the passphrase in `{variable}` is wrong for {whose}\n{remedy}"),
        ),
        (
            open("projects").env(variable, ""),
            format!("the passphrase in `{variable}` is wrong for {whose}\n{remedy}"),
        ),
        (
            open("projects")
                .file("phrase", "hunter2")
                .env(file, "phrase"),
            format!("the passphrase in `phrase` is wrong for {whose}\n{remedy}"),
        ),
        (
            open("projects").env(file, "phrase"),
            format!(
                "cannot read the passphrase in `phrase`\ncaused by: no such file\n\
                 hint: check the path in `{file}`"
            ),
        ),
        (
            open("projects")
                .file("phrase", b"hunter2\xff")
                .env(file, "phrase"),
            format!(
                "cannot read the passphrase in `phrase`\ncaused by: it is not valid UTF-8\n\
                 hint: check the path in `{file}`"
            ),
        ),
    ] {
        assert_eq!(failure(&call, 2), expected);
    }
}

#[test]
fn passphrase_is_needed_only_for_secrets() {
    let text =
        std::fs::read_to_string(fixture("projects").join(".pulumi/stacks/eks-cluster/demo.json"));
    let mut text: serde_json::Value = serde_json::from_str(&text.unwrap()).unwrap();
    text["checkpoint"]["latest"]["resources"][0]["outputs"] = json!({"a": 1.50});
    let text = text.to_string();
    let open = with_files(
        open_call(&definition(STACK)),
        &[("stacks/eks-cluster/demo.json", &text)],
    );
    assert_eq!(stack_of(&open), json!({"a": 1.5}));
}

#[test]
fn layouts_and_versions_are_recognized() {
    let in_project = "stacks/eks-cluster/demo.json";
    let without_project = "stacks/demo.json";
    let (one, two) = (&state(3, "{\"n\":1}"), &state(3, "{\"n\":2}"));
    for (files, expected) in [
        (&[(in_project, one.as_str())][..], 1),
        (&[(without_project, one)], 1),
        // The version decides which layout is read.
        (
            &[
                ("meta.yaml", "version: 1\n"),
                (in_project, one),
                (without_project, two),
            ],
            1,
        ),
        (
            &[
                ("meta.yaml", "{version: 0}"),
                (in_project, one),
                (without_project, two),
            ],
            2,
        ),
        // Without a version, a stack in the old layout decides; other files do not count.
        (&[(in_project, one), (without_project, two)], 2),
        (
            &[
                (in_project, one),
                ("stacks/demo.json.bak", two),
                ("stacks/x.json.attrs", two),
            ],
            1,
        ),
        (&[(in_project, &state(0, "{\"n\":7}"))], 7),
        (&[(in_project, &state(1, "{\"n\":7}"))], 7),
        (&[(in_project, &state(2, "{\"n\":7}"))], 7),
        (&[(in_project, &state(4, "{\"n\":7}"))], 7),
    ] {
        let open = with_files(open_call(&definition(STACK)), files);
        assert_eq!(stack_of(&open), json!({"n": expected}), "{files:?}");
    }
    let open = with_files(
        open_call(&definition("other/demo")),
        &[(without_project, one)],
    );
    assert_eq!(
        failure(&open, 2),
        "the stack `demo` in `state/.pulumi` belongs to the project `eks-cluster`, not to `other`\n\
         hint: write the stack as `eks-cluster/demo`"
            .replace(
                "state/.pulumi",
                &Path::new("state").join(".pulumi").display().to_string()
            )
    );
    // A stack that was never updated has no outputs, and does not name its project.
    for (path, text) in [
        (
            in_project,
            "{\"version\":3,\"checkpoint\":{\"stack\":\"demo\"}}",
        ),
        (without_project, "{\"version\":3,\"checkpoint\":{}}"),
    ] {
        let open = with_files(open_call(&definition(STACK)), &[(path, text)]);
        assert_eq!(stack_of(&open), json!({}), "{path}");
    }
}

#[test]
fn newest_of_several_state_files_is_used() {
    let packed = fixture("packed").join(".pulumi/stacks/eks-cluster/demo.json.gz");
    let packed = std::fs::read(packed).unwrap();
    for (is_packed_newer, expected) in [(true, json!("eks-demo")), (false, json!(null))] {
        let open = open_call(&definition(STACK))
            .file(
                "state/.pulumi/stacks/eks-cluster/demo.json",
                state(3, "{\"n\":1}"),
            )
            .file("state/.pulumi/stacks/eks-cluster/demo.json.gz", &packed)
            .env("PULUMI_BACKEND_URL", "file://state")
            .env("PULUMI_CONFIG_PASSPHRASE", PASSPHRASE);
        let older = if is_packed_newer {
            "demo.json"
        } else {
            "demo.json.gz"
        };
        let older = open.path("state/.pulumi/stacks/eks-cluster").join(older);
        let file = std::fs::File::options().write(true).open(older).unwrap();
        let earlier = file.metadata().unwrap().modified().unwrap();
        let earlier = earlier - std::time::Duration::from_mins(1);
        file.set_modified(earlier).unwrap();
        assert_eq!(
            stack_of(&open)["clusterName"],
            expected,
            "{is_packed_newer}"
        );
    }
}

#[test]
fn credentials_are_cached_while_the_state_is_unchanged() {
    let aws = Aws::new();
    let definition = "values:
  s:
    fn::open::pulumi-stacks: {stacks: {eks: {stack: eks-cluster/demo}}}
  aws:
    fn::open::aws-login:
      oidc: {duration: 1h, sessionName: docs, roleArn: \"${s.eks.role}\"}
";
    let text = |outputs: &str| state(3, &format!("{{\"role\":\"{ADMIN}\"{outputs}}}"));
    let path = "state/.pulumi/stacks/eks-cluster/demo.json";
    let elsewhere = "other/.pulumi/stacks/eks-cluster/demo.json";
    let call = aws
        .plugin_with_identity()
        .file("env.yaml", definition)
        .file(path, text(""))
        .file(elsewhere, text(""))
        .env("PULUMI_BACKEND_URL", "file://state")
        .args(["get-token", "./env.yaml", "--cluster-name", "demo"])
        .args(["--region", "eu-west-1"]);
    let logins = || {
        let actions = aws.sts.actions();
        let logins = actions.iter().filter(|action| action.starts_with("Assume"));
        logins.count()
    };
    for expected in [1, 1] {
        call.run().token();
        assert_eq!(logins(), expected);
    }
    std::fs::write(call.path(path), text(",\"n\":1")).unwrap();
    for expected in [2, 2] {
        call.run().token();
        assert_eq!(logins(), expected);
    }
    // A compressed state beside it is newer.
    std::fs::write(call.path(format!("{path}.gz")), text(",\"n\":1")).unwrap();
    call.run().token();
    assert_eq!(logins(), 3);
    let call = call.env("PULUMI_BACKEND_URL", "file://other");
    call.run().token();
    assert_eq!(logins(), 4);
}
