//! `doctor ENVIRONMENT`: without a kubeconfig, or with a context for the API server only.

use stand_ins::pulumi_cloud::fault::Fault;
use stand_ins::sts::configuration::{EXTERNAL_ID, SECOND_ROLE, USER_KEY_ID, USER_SECRET_KEY};

use super::{Diagnosis, Fixture};
use crate::support::plugin::TIME_LIMIT;
use crate::support::round_to_hours;

#[test]
fn environment_is_diagnosed_without_a_kubeconfig() {
    let mut fixture = Fixture::new();
    let arguments = ["doctor", "acme/platform/prod", "-i", "prod"];
    fixture.arguments = arguments.map(str::to_owned).to_vec();
    let diagnosis = fixture.diagnose();
    assert_eq!(diagnosis.text.code, 0);
    assert_eq!(
        diagnosis.with_status("skipped"),
        ["kubeconfig", "api-server"]
    );
    assert_eq!(
        diagnosis.with_status("ok").len(),
        8,
        "{:#?}",
        diagnosis.text
    );
    diagnosis.assert_step("kubeconfig", "skipped", "an environment was specified", "");
    diagnosis.assert_step("api-server", "skipped", "pass `--context NAME`", "");
    // The variable means the same, unless a context is named.
    fixture.arguments = vec!["doctor".to_owned(), "-i".to_owned(), "prod".to_owned()];
    fixture.set("KUBECTL_ESC_ENVIRONMENT", "acme/test/none");
    let diagnosis = fixture.diagnose();
    diagnosis.assert_step("environment", "ok", "`acme/test/none` opens", "");
    diagnosis.assert_step("credentials", "failed", "contains no AWS credentials", "");
    fixture.arguments = ["doctor", "--context", "prod"].map(str::to_owned).to_vec();
    let diagnosis = fixture.diagnose();
    diagnosis.assert_step("environment", "ok", "`acme/platform/prod` opens", "");
}

#[test]
fn context_with_an_environment_only_names_the_cluster() {
    let mut fixture = Fixture::new();
    fixture.exec()["args"][1] = "acme/test/broken".into();
    let arguments = [
        "doctor",
        "acme/platform/prod",
        "-i",
        "prod",
        "--context",
        "prod",
    ];
    fixture.arguments = arguments.map(str::to_owned).to_vec();
    let diagnosis = fixture.diagnose();
    assert_eq!(
        diagnosis.with_status("ok").len(),
        10,
        "{:#?}",
        diagnosis.text
    );
    diagnosis.assert_step(
        "kubeconfig",
        "ok",
        "context `prod` has the cluster `prod`",
        "",
    );
    fixture.arguments[5] = "absent".to_owned();
    let diagnosis = fixture.diagnose();
    assert_eq!(diagnosis.text.code, 2);
    let message = "the kubeconfig has no context `absent`";
    diagnosis.assert_step("kubeconfig", "failed", message, "choose one of `prod`");
    assert_eq!(diagnosis.with_status("skipped"), ["api-server"]);
}

#[test]
fn origin_of_the_expiry_is_named() {
    let keys = format!("accessKeyId: {USER_KEY_ID}, secretAccessKey: {USER_SECRET_KEY}");
    let session = format!("{keys}, sessionToken: hunter2hunter2");
    let role = ["--role-arn", SECOND_ROLE, "--external-id", EXTERNAL_ID];
    let lifetime = ["--credential-lifetime", "10m"];
    let both = [role.as_slice(), &lifetime].concat();
    let unknown = "expiry unknown (long-term keys, or of unknown origin)";
    let assumed = "(assumed: the expiry is unknown, and no session is shorter than 15m)";
    let setting = "(from the flag `--credential-lifetime`)";
    let stated = "(as AWS STS stated)";
    for (keys, flags, expiry) in [
        (&keys, [].as_slice(), unknown),
        (&session, &[], assumed),
        (&session, &lifetime, setting),
        (&keys, &lifetime, setting),
        (&keys, &role, stated),
        // A session of 15 minutes is limited by the keys that requested it.
        (&keys, &both, setting),
    ] {
        let mut fixture = Fixture::new();
        let definition = format!("values: {{aws: {{{keys}}}}}");
        fixture.file("env.yaml", definition);
        let arguments = ["doctor", "env.yaml", "-i", "prod", "--region", "eu-west-1"];
        fixture.arguments = [&arguments, flags]
            .concat()
            .into_iter()
            .map(str::to_owned)
            .collect();
        let diagnosis = fixture.diagnose();
        diagnosis.assert_step("credentials", "ok", expiry, "");
    }
}

#[test]
fn flags_that_the_kubeconfig_replaces_are_rejected() {
    let mut fixture = Fixture::new();
    fixture.arguments = ["doctor", "--region", "us-east-1"]
        .map(str::to_owned)
        .to_vec();
    let output = fixture.plugin().run();
    output.assert_fails(
        "kubectl-esc: `--region` requires ENVIRONMENT
  hint: without ENVIRONMENT, the arguments come from the user in the kubeconfig: change them there, or pass ENVIRONMENT
",
        2,
    );
    fixture.arguments = ["doctor", "--refresh"].map(str::to_owned).to_vec();
    assert_eq!(fixture.plugin().run().code, 2);
    // These are about the diagnosis.
    let arguments = ["doctor", "--timeout", "14s", "--cache-dir", "elsewhere"];
    fixture.arguments = arguments.map(str::to_owned).to_vec();
    let diagnosis = fixture.diagnose();
    assert_eq!(diagnosis.text.code, 0);
    diagnosis.assert_step("cache", "ok", "`elsewhere", "");
}

/// The steps `aws-sts` and `clock` of a clock that is wrong by this much.
fn with_skew(skew: i64, is_local: bool) -> Diagnosis {
    let mut fixture = Fixture::new();
    fixture.aws.clock.advance(skew);
    if is_local {
        super::broken::open_locally(&mut fixture, "pulumi:environments:org:acme:env:dev");
    }
    fixture.diagnose()
}

#[test]
fn wrong_clock_is_reported() {
    // A call that asks AWS for credentials is corrected.
    for (skew, text) in [
        (
            3600,
            "this machine's clock is 1h behind that of AWS; signatures are corrected",
        ),
        (
            -3600,
            "this machine's clock is 1h ahead of that of AWS; signatures are corrected",
        ),
    ] {
        let diagnosis = with_skew(skew, true);
        let clock = round_to_hours(diagnosis.text_of("clock", "detail"));
        assert_eq!(clock, text);
        diagnosis.assert_step("clock", "warning", "", "set this machine's clock");
    }
    // Otherwise AWS is first asked about the token, which is signed by then.
    for (skew, code, message) in [
        (
            3600,
            4,
            "AWS STS rejected the time of the signature: this machine's clock is ",
        ),
        (
            3 * 24 * 3600,
            2,
            "this machine's clock is wrong: it shows 20",
        ),
    ] {
        let diagnosis = with_skew(skew, false);
        assert_eq!(diagnosis.text.code, code, "{:#?}", diagnosis.text);
        diagnosis.assert_step("aws-sts", "failed", message, "set this machine's clock");
        diagnosis.assert_step(
            "clock",
            "failed",
            " behind that of AWS",
            "set this machine's clock",
        );
        let hint = "first solve the problem with `aws-sts`";
        diagnosis.assert_step("api-server", "failed", "rejected the token", hint);
    }
}

#[test]
fn login_is_described_by_the_identity_token_of_a_local_definition() {
    let mut fixture = Fixture::new();
    super::broken::open_locally(&mut fixture, "pulumi:environments:org:acme:env:dev");
    let diagnosis = fixture.diagnose();
    assert_eq!(diagnosis.text.code, 0, "{:#?}", diagnosis.text);
    for part in [
        "identity token from the file `./identity` (`AWS_WEB_IDENTITY_TOKEN_FILE`)",
        "sub `pulumi:environments:org:acme:env:dev`",
        "; valid until ",
    ] {
        diagnosis.assert_step("login", "ok", part, "");
    }
    diagnosis.assert_step("credentials", "ok", "(as AWS STS stated)", "");
}

#[test]
fn identity_tokens_of_all_clouds_are_described() {
    let mut fixture = Fixture::new();
    super::broken::open_locally(&mut fixture, "pulumi:environments:org:acme:env:dev");
    let issuer = &fixture.aws.issuer;
    let token = issuer.expired_token("api://AzureADTokenExchange", "azure", 1_700_000_000);
    fixture.file("azure", token);
    fixture.set("AZURE_FEDERATED_TOKEN_FILE", "./azure");
    let diagnosis = fixture.diagnose();
    assert_eq!(diagnosis.text.code, 0, "{:#?}", diagnosis.text);
    for part in [
        "identity token from the file `./identity` (`AWS_WEB_IDENTITY_TOKEN_FILE`)",
        "sub `pulumi:environments:org:acme:env:dev`",
        "; valid until ",
        "; identity token from the file `./azure` (`AZURE_FEDERATED_TOKEN_FILE`)",
        "aud `api://AzureADTokenExchange`, sub `azure`; it expired at 2023-11-14T22:12:20Z",
    ] {
        diagnosis.assert_step("login", "warning", part, "get a new identity token");
    }
}

#[test]
fn unknown_user_does_not_end_the_diagnosis() {
    let fixture = Fixture::new();
    let fault = Fault::error(503, "busy", &[]);
    fixture
        .pulumi_cloud
        .stand_in()
        .fail_at("current user", fault, 100);
    let diagnosis = fixture.diagnose();
    assert_eq!(
        diagnosis.with_status("ok").len(),
        10,
        "{:#?}",
        diagnosis.text
    );
    let login = diagnosis.text_of("login", "detail");
    assert!(
        login.starts_with("the variable `PULUMI_ACCESS_TOKEN`, at `http://"),
        "{login}"
    );
}

#[test]
fn cache_is_described_and_never_written() {
    let mut fixture = Fixture::new();
    let plugin = fixture.plugin();
    let folder = plugin.path("home/.kube/cache/kubectl-esc");
    let diagnose = |plugin| -> (Diagnosis, String) {
        let diagnosis = Diagnosis::of(plugin);
        let detail = diagnosis.text_of("cache", "detail").to_owned();
        (diagnosis, detail)
    };
    let (_, detail) = diagnose(plugin);
    assert!(
        detail.ends_with("has 0 entries, none for this call; no failure recorded"),
        "{detail}"
    );
    assert!(!folder.exists(), "doctor wrote to the cache");

    // A call as from the kubeconfig, and one that fails.
    let plugin = fixture.plugin();
    let call = |arguments: &[&str], login: bool| {
        let mut command = plugin.command();
        crate::cache::replace_arguments(&mut command, arguments);
        if !login {
            command.env_remove("PULUMI_ACCESS_TOKEN");
        }
        crate::support::plugin::run(command, TIME_LIMIT)
    };
    let good = [
        "get-token",
        "acme/platform/prod",
        "--cluster-name",
        "prod",
        "--region",
        "eu-west-1",
    ];
    assert_eq!(call(&good, true).code, 0);
    assert_eq!(call(&good, false).code, 4);
    let (_, detail) = diagnose(plugin);
    assert!(detail.contains(" has 2 entries, "), "{detail}");
    let failure = " ago), exit code 4, environment `acme/platform/prod`";
    assert!(detail.ends_with(failure), "{detail}");

    fixture.set("KUBECTL_ESC_NO_CACHE", "true");
    fixture
        .diagnose()
        .assert_step("cache", "skipped", "disabled", "");
}

#[test]
fn failure_of_the_same_call_is_shown_with_its_message() {
    let mut fixture = Fixture::new();
    fixture.open("acme/test/none");
    let plugin = fixture.plugin();
    let mut command = plugin.command();
    let failing = [
        "get-token",
        "acme/test/none",
        "--cluster-name",
        "prod",
        "--region",
        "eu-west-1",
    ];
    crate::cache::replace_arguments(&mut command, &failing);
    command.env(
        "KUBERNETES_EXEC_INFO",
        r#"{"apiVersion":"client.authentication.k8s.io/v1"}"#,
    );
    let output = crate::support::plugin::run(command, TIME_LIMIT);
    assert_eq!(output.code, 6, "{output:?}");
    let diagnosis = Diagnosis::of(plugin);
    let failure = " ago), exit code 6: the environment contains no AWS credentials";
    diagnosis.assert_step("cache", "ok", failure, "");
}

#[test]
fn unusable_cache_is_a_warning() {
    for (path, problem) in [
        ("cache/kubectl-esc", "it is not a directory"),
        ("cache", "cache` is not a directory"),
    ] {
        let mut fixture = Fixture::new();
        fixture.file(path, "a file");
        fixture.set("KUBECTL_ESC_CACHE_DIR", "cache");
        let diagnosis = fixture.diagnose();
        assert_eq!(diagnosis.text.code, 0);
        diagnosis.assert_step(
            "cache",
            "warning",
            "not usable: the cache cannot use ",
            "--cache-dir",
        );
        diagnosis.assert_step("cache", "warning", problem, "");
    }
}

#[test]
fn text_is_colored_only_where_it_is_wanted() {
    let mut fixture = Fixture::new();
    fixture.set("CLICOLOR_FORCE", "1");
    fixture.set("KUBECTL_ESC_NO_CACHE", "true");
    fixture.exec()["interactiveMode"] = "Always".into();
    fixture.exec()["args"][3] = "staging".into();
    let run = |fixture: &Fixture| {
        let output = fixture.plugin().without_log().run_command(TIME_LIMIT);
        assert_eq!(output.code, 4, "{output:#?}");
        output.stdout
    };
    let colored = run(&fixture);
    for (status, code) in [
        ("ok", "\u{1b}[32m"),
        ("warning", "\u{1b}[1m\u{1b}[33m"),
        ("failed", "\u{1b}[1m\u{1b}[31m"),
        ("skipped", "\u{1b}[2m"),
    ] {
        let start = format!("{code}{status:8}\u{1b}[0m");
        assert!(
            colored.lines().any(|line| line.starts_with(&start)),
            "{colored}"
        );
    }
    fixture
        .arguments
        .extend(["-o".to_owned(), "json".to_owned()]);
    assert!(!run(&fixture).contains('\u{1b}'));
    fixture.arguments.truncate(1);
    fixture.set("NO_COLOR", "1");
    assert!(!run(&fixture).contains('\u{1b}'));
}
