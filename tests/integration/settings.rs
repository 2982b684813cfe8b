//! Settings that AWS would reject are refused by `get-token` and the commands with the same settings.

use crate::support::plugin::{Output, Plugin};

const CLUSTER: &str = "arn:aws:eks:eu-west-1:123456789012:cluster/demo";

const STATIC: &str = "\
values:
  aws:
    fn::open::aws-login:
      static: {accessKeyId: AKIDEXAMPLE, secretAccessKey: {fn::secret: hunter2-hunter2}}
";

fn call(command: &str, definition: &str) -> Plugin {
    Plugin::new()
        .file("env.yaml", definition)
        .args([command, "env.yaml"])
}

#[track_caller]
fn assert_refused(output: &Output, origin: &str, problem: &str) {
    let (message, hint) = problem.split_once("; ").expect("a message and a hint");
    output.assert_fails(
        &format!("kubectl-esc: cannot use {origin}: {message}\n  hint: {hint}\n"),
        2,
    );
}

/// The definition is broken, which is not noticed.
#[test]
fn flags_and_variables_are_refused_before_the_environment_is_opened() {
    let role = "`ops` is not the ARN of an IAM role; use an ARN such as \
                `arn:aws:iam::123456789012:role/NAME`";
    let user = "`arn:aws:iam::123456789012:user/ops` is not the ARN of an IAM role; use an ARN such as \
                `arn:aws:iam::123456789012:role/NAME`";
    let arn = format!("`{CLUSTER}` is the ARN of a cluster, not its name; use the name `demo`");
    let name = "`a b` is not a valid cluster name; use a name that `aws eks list-clusters` prints";
    let region = "`eu west` is not a valid AWS region name; use a region such as `eu-west-1`";
    for (flag, variable, value, problem) in [
        ("--role-arn", "KUBECTL_ESC_ROLE_ARN", "ops", role),
        (
            "--role-arn",
            "KUBECTL_ESC_ROLE_ARN",
            "arn:aws:iam::123456789012:user/ops",
            user,
        ),
        ("--cluster-name", "KUBECTL_ESC_CLUSTER_NAME", CLUSTER, &arn),
        ("--cluster-name", "KUBECTL_ESC_CLUSTER_NAME", "a b", name),
        ("--region", "KUBECTL_ESC_REGION", "eu west", region),
    ] {
        let output = call("get-token", "values: [").args([flag, value]).run();
        assert_refused(&output, &format!("the flag `{flag}`"), problem);
        let output = call("get-token", "values: [").env(variable, value).run();
        assert_refused(&output, &format!("the variable `{variable}`"), problem);
    }
}

#[test]
fn values_of_the_environment_are_refused() {
    let role = "`ops` is not the ARN of an IAM role; use an ARN such as \
                `arn:aws:iam::123456789012:role/NAME`";
    let arn = format!("`{CLUSTER}` is the ARN of a cluster, not its name; use the name `demo`");
    let token = format!("{STATIC}  token: a.b.c\n  eks: {{webIdentity: token}}\n");
    for (definition, origin, problem) in [
        (
            format!("{STATIC}  eks: {{roleArn: ops}}\n"),
            "`eks.roleArn` in the environment",
            role,
        ),
        (
            format!("{STATIC}  eks: {{clusterName: \"{CLUSTER}\"}}\n"),
            "`eks.clusterName` in the environment",
            &arn,
        ),
        (
            format!("{token}  environmentVariables: {{AWS_ROLE_ARN: ops}}\n"),
            "`environmentVariables.AWS_ROLE_ARN` in the environment",
            role,
        ),
    ] {
        let mut call = call("get-token", &definition).args(["--region", "eu-west-1"]);
        if !definition.contains("clusterName") {
            call = call.args(["--cluster-name", "demo"]);
        }
        assert_refused(&call.run(), origin, problem);
    }
    // Nothing uses the role.
    let unused = format!("{STATIC}  environmentVariables: {{AWS_ROLE_ARN: ops}}\n");
    let call = call("get-token", &unused).args(["--region", "eu-west-1", "-i", "demo"]);
    call.run().token();
}

/// The proxy refuses connections.
#[test]
fn misspelled_region_is_the_hint_if_aws_cannot_be_reached() {
    let definition = "\
values:
  aws:
    fn::open::aws-login:
      oidc: {roleArn: 'arn:aws:iam::123456789012:role/ops', sessionName: demo}
";
    for (region, hint) in [
        (
            "eu-wst-1",
            "check the region: `eu-wst-1` does not look like an AWS region; did you mean `eu-west-1`?",
        ),
        (
            "eu-west-1",
            "check the proxy in `HTTPS_PROXY`, or add `sts.eu-west-1.amazonaws.com` to `NO_PROXY`",
        ),
    ] {
        let output = call("get-token", definition)
            .file("identity", "e30.e30.x")
            .args(["--web-identity-token-file", "identity", "-i", "demo"])
            .args(["--region", region])
            .env("HTTPS_PROXY", "http://127.0.0.1:1")
            .run();
        assert_eq!(output.code, 5, "{output:?}");
        let hint = format!("\n  hint: {hint}\n");
        assert!(output.stderr.ends_with(&hint), "{}", output.stderr);
    }
}
