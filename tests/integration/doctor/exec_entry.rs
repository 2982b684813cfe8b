//! The step `kubeconfig`: the exec entry as clients see it.

use serde_json::json;

#[cfg(unix)]
use super::Diagnosis;
use super::Fixture;
#[cfg(unix)]
use crate::support::plugin;

type Change = fn(&mut Fixture);

/// A problem of the entry: its name, the change, the step's status, and parts of the detail and the hint.
type Problem = (
    &'static str,
    Change,
    &'static str,
    &'static str,
    &'static str,
);

const PROBLEMS: &[Problem] = &[
    (
        "the command is not installed",
        |f| f.set("PATH", "/nowhere"),
        "failed",
        "cannot run `kubectl-esc`: no such program in PATH",
        "write its absolute path as `command`",
    ),
    (
        "the command is a path that does not exist",
        |f| f.exec()["command"] = "./bin/kubectl-esc".into(),
        "failed",
        "bin/kubectl-esc`: no such file",
        "install kubectl-esc",
    ),
    (
        "`interactiveMode` is missing",
        |f| {
            f.exec().as_object_mut().unwrap().remove("interactiveMode");
        },
        "failed",
        "`interactiveMode` is missing, and clients require it in `v1`",
        "set `interactiveMode: Never`",
    ),
    (
        "`interactiveMode` is misspelled",
        |f| f.exec()["interactiveMode"] = "never".into(),
        "failed",
        "`never` is not an `interactiveMode`",
        "set `interactiveMode: Never`",
    ),
    (
        "the plugin needs a terminal",
        |f| f.exec()["interactiveMode"] = "Always".into(),
        "warning",
        "clients fail if they have no terminal",
        "set `interactiveMode: Never`",
    ),
    (
        "only the token is printed",
        |f| {
            f.exec()["args"]
                .as_array_mut()
                .unwrap()
                .push("--token-only".into());
        },
        "failed",
        "the output is not an ExecCredential",
        "remove `--token-only`",
    ),
    (
        "an argument that clients change",
        |f| {
            let arguments = f.exec()["args"].as_array_mut().unwrap();
            arguments.extend(["--root".into(), "~/my environments".into()]);
        },
        "warning",
        "`~/my environments`",
        "pass the value as a variable",
    ),
    (
        "clients that do not pass the version",
        |f| f.exec()["apiVersion"] = "client.authentication.k8s.io/v1beta1".into(),
        "warning",
        "expect `v1beta1`, and get `v1`",
        "add `--api-version v1beta1`",
    ),
];

#[test]
fn problems_of_the_entry_do_not_end_the_diagnosis() {
    for (name, change, status, detail, hint) in PROBLEMS {
        let mut fixture = Fixture::new();
        change(&mut fixture);
        let diagnosis = fixture.diagnose();
        let code = if *status == "failed" { 2 } else { 0 };
        assert_eq!(diagnosis.text.code, code, "{name}: {:#?}", diagnosis.text);
        diagnosis.assert_step("kubeconfig", status, detail, hint);
        assert_eq!(
            diagnosis.with_status("ok").len(),
            9,
            "{name}: {:#?}",
            diagnosis.text
        );
    }
}

#[test]
fn entries_that_lead_nowhere_are_named() {
    let problems: &[(Change, &str)] = &[
        (
            |f| f.kubeconfig["current-context"] = "absent".into(),
            "the kubeconfig has no context `absent`",
        ),
        (
            |f| f.kubeconfig["contexts"][0]["context"]["user"] = "absent".into(),
            "context `prod`: there is no user `absent`",
        ),
        (
            |f| f.kubeconfig["contexts"][0]["context"]["cluster"] = "absent".into(),
            "context `prod`: there is no cluster `absent`",
        ),
        (
            |f| f.kubeconfig["users"][0]["user"] = json!({"token": "hunter2"}),
            "user `prod` runs no exec plugin",
        ),
        (
            |f| f.exec()["command"] = "gke-gcloud-auth-plugin".into(),
            "user `prod` runs `gke-gcloud-auth-plugin`, not kubectl-esc",
        ),
        (
            |f| {
                f.exec().as_object_mut().unwrap().remove("apiVersion");
            },
            "the user's `exec` entry has no `apiVersion`",
        ),
        (
            |f| {
                f.exec()["args"] = json!(["open", "acme/platform/prod"]);
            },
            "not a `get-token` command line",
        ),
        (
            |f| f.kubeconfig["users"] = "x".into(),
            "there is no user `prod`",
        ),
    ];
    for (change, message) in problems {
        let mut fixture = Fixture::new();
        change(&mut fixture);
        let diagnosis = fixture.diagnose();
        assert_eq!(diagnosis.text.code, 2, "{message}");
        diagnosis.assert_step("kubeconfig", "failed", message, "");
        assert_eq!(diagnosis.with_status("skipped").len(), 8, "{message}");
    }
}

#[test]
fn variables_of_the_entry_take_precedence() {
    let mut fixture = Fixture::new();
    let token = fixture.variables["PULUMI_ACCESS_TOKEN"].clone();
    fixture.set("PULUMI_ACCESS_TOKEN", "pul-no-such-token");
    fixture.exec()["env"] = json!([
        {"name": "PULUMI_ACCESS_TOKEN", "value": token},
        {"name": "KUBECTL_ESC_REGION", "value": "eu-west-1"},
    ]);
    fixture.exec()["args"].as_array_mut().unwrap().truncate(4);
    let diagnosis = fixture.diagnose();
    assert_eq!(diagnosis.text.code, 0, "{:#?}", diagnosis.text);
    let origin = "region `eu-west-1` (from the variable `KUBECTL_ESC_REGION`)";
    diagnosis.assert_step("cluster", "ok", origin, "");
}

#[test]
fn cluster_information_is_passed_on() {
    let mut fixture = Fixture::new();
    fixture.open("acme/test/unknown");
    fixture.exec()["provideClusterInfo"] = true.into();
    fixture.exec()["args"].as_array_mut().unwrap().truncate(2);
    fixture.cluster()["extensions"] = json!([{
        "name": "client.authentication.k8s.io/exec",
        "extension": {"clusterName": "prod", "region": "eu-west-1"},
    }]);
    let diagnosis = fixture.diagnose();
    let origin = "`prod` (from `clusterName` in the cluster extension of the kubeconfig)";
    diagnosis.assert_step("cluster", "ok", origin, "");
}

#[test]
fn plugin_is_found_as_clients_find_it() {
    // As a subcommand of kubectl, and by a path relative to the kubeconfig.
    let mut fixture = Fixture::new();
    let arguments = fixture.exec()["args"].as_array_mut().unwrap();
    arguments.insert(0, "esc".into());
    fixture.exec()["command"] = "kubectl".into();
    let diagnosis = fixture.diagnose();
    diagnosis.assert_step("kubeconfig", "failed", "cannot run `kubectl`", "");
    assert_eq!(
        diagnosis.with_status("ok").len(),
        9,
        "{:#?}",
        diagnosis.text
    );

    #[cfg(unix)]
    {
        let mut fixture = Fixture::new();
        fixture.exec()["command"] = "./bin/kubectl-esc".into();
        let kubeconfig = fixture.kubeconfig.to_string();
        fixture.file("kube/config", kubeconfig);
        fixture.file("kube/bin/file", "");
        fixture.set("KUBECONFIG", "kube/config");
        let call = fixture.plugin();
        let program = plugin::program().canonicalize().unwrap();
        std::os::unix::fs::symlink(program, call.path("kube/bin/kubectl-esc")).unwrap();
        let diagnosis = Diagnosis::of(call);
        diagnosis.assert_step("kubeconfig", "ok", "runs `kube/./bin/kubectl-esc`", "");
    }
}
