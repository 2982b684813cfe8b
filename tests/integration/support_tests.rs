//! `Plugin`: a hanging call fails its test, and output does not contain the test's directory.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use stand_ins::sts::Failure;

use crate::support::aws::{Aws, project_file};
use crate::support::plugin::Output;
use crate::support::round_to_hours;

#[test]
fn hanging_call_is_killed_and_fails_its_test() {
    let aws = Aws::new();
    aws.sts.fail(Failure::Hang, usize::MAX);
    let plugin = aws
        .plugin_with_identity()
        .file("oidc.yaml", project_file("examples/environments/oidc.yaml"))
        .args(["get-token", "oidc.yaml", "-i", "demo"])
        .args(["--region", "eu-west-1", "--timeout", "1h"]);
    let run = || plugin.run_within(Duration::from_millis(500));
    let panic = catch_unwind(AssertUnwindSafe(run)).expect_err("the call exited by itself");
    let message = panic.downcast_ref::<String>().expect("a message");
    assert!(
        message.ends_with("hung and was killed after 500ms"),
        "{message}"
    );
}

#[test]
fn test_directory_is_replaced_in_output() {
    let plugin = Aws::new().plugin().arg("get-token");
    let missing = plugin.path("missing.yaml");
    let output = plugin.arg(missing).run();
    assert_ne!(output.code, 0);
    assert!(output.stderr.contains("[dir]"), "{output:?}");
    assert!(!output.stderr.contains("kubectl-esc-test-"), "{output:?}");
}

#[test]
fn outputs_are_compared_completely() {
    let output = Output {
        stdout: String::new(),
        stderr: "a\n".to_owned(),
        code: 2,
    };
    output.assert_fails("a\n", 2);
    for (stdout, stderr, code) in [("x", "a\n", 2), ("", "a", 2), ("", "a\n", 3)] {
        let compare = || output.assert(stdout, stderr, code);
        assert!(
            catch_unwind(compare).is_err(),
            "{stdout:?} {stderr:?} {code}"
        );
    }
}

#[test]
fn durations_near_whole_hours_are_rounded() {
    for (text, want) in [
        (
            "is 59m58s ahead of that of AWS\n",
            "is 1h ahead of that of AWS\n",
        ),
        ("is 1h1s behind", "is 1h behind"),
        ("is 2h59m behind", "is 3h behind"),
        ("is 1h1m1s behind", "is 1h1m1s behind"),
        ("is 58m59s behind", "is 58m59s behind"),
        ("is 30s behind", "is 30s behind"),
    ] {
        assert_eq!(round_to_hours(text), want);
    }
}
