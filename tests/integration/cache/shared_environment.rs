//! An environment for many clusters is opened once.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use stand_ins::controlled_server::{Behavior, ControlledServer};
use stand_ins::pulumi_cloud::configuration::{TEAM_TOKEN, TOKEN};
use stand_ins::pulumi_cloud::fault::Fault;
use stand_ins::sts::Failure;
use stand_ins::sts::configuration::{EXTERNAL_ID, SECOND_ROLE, USER_KEY_ID, USER_SECRET_KEY};

use super::concurrent_calls::{ConcurrentCalls, without_steps};
use super::{CacheFixture, ENVIRONMENT, LOCAL, replace_arguments};
use crate::aks;
use crate::cloud::PulumiCloudFixture;
use crate::gke;
use crate::support::plugin::{Output, TIME_LIMIT, run};

const CLUSTERS: usize = 20;

/// Both kinds of environments, the name of each, and the requests to Pulumi Cloud and STS that open it.
fn fixtures() -> [(CacheFixture, &'static str, (usize, usize)); 2] {
    [
        (CacheFixture::cloud(), ENVIRONMENT, (2, 0)),
        (CacheFixture::local(LOCAL), "./env.yaml", (0, 1)),
    ]
}

/// A call for another cluster.
fn call(fixture: &CacheFixture, environment: &str, cluster: &str, flags: &[&str]) -> Output {
    fixture.run_with(|command| {
        let call = ["get-token", environment, "-i", cluster];
        replace_arguments(command, &[&call, flags].concat());
    })
}

/// Makes the call, and asserts that the cluster accepts its token. Returns its requests to Pulumi Cloud and STS.
#[track_caller]
fn requests(
    fixture: &CacheFixture,
    environment: &str,
    cluster: &str,
    flags: &[&str],
) -> (usize, usize) {
    let (output, requests) = fixture.requests_of(|| call(fixture, environment, cluster, flags));
    assert_accepted(fixture, &output, cluster);
    requests
}

#[track_caller]
fn assert_accepted(fixture: &CacheFixture, output: &Output, cluster: &str) {
    let caller = fixture.aws.caller(&super::token(output), cluster);
    assert!(caller.is_ok(), "{cluster}: {caller:?}");
}

fn clusters() -> Vec<String> {
    (0..CLUSTERS).map(|number| format!("c{number}")).collect()
}

#[test]
fn clusters_called_one_after_another_open_once() {
    for (fixture, environment, once) in fixtures() {
        let ((), total) = fixture.requests_of(|| {
            for cluster in clusters() {
                requests(&fixture, environment, &cluster, &[]);
            }
        });
        assert_eq!(total, once, "{environment}");
        assert_eq!(fixture.files("entry").len(), CLUSTERS);
        assert_eq!(fixture.files("opened").len(), 1);
        // Each has its own credentials now.
        fixture.remove_opened();
        for cluster in clusters() {
            assert_eq!(requests(&fixture, environment, &cluster, &[]), (0, 0));
        }
    }
}

#[test]
fn clusters_called_at_once_open_once() {
    for (fixture, environment, once) in fixtures() {
        for flags in [
            &["--timeout", "55s"][..],
            &["--timeout", "55s", "--no-cache"],
        ] {
            let ((), total) = fixture.requests_of(|| {
                thread::scope(|scope| {
                    for cluster in clusters() {
                        let fixture = &fixture;
                        scope.spawn(move || {
                            let output = call(fixture, environment, &cluster, flags);
                            assert_accepted(fixture, &output, &cluster);
                        });
                    }
                });
            });
            let opens = if flags.contains(&"--no-cache") {
                CLUSTERS
            } else {
                1
            };
            assert_eq!(total, (once.0 * opens, once.1 * opens), "{environment}");
        }
    }
}

#[test]
fn roles_regions_and_paths_share_what_is_opened() {
    let role = ["--role-arn", SECOND_ROLE, "--external-id", EXTERNAL_ID];
    for (fixture, environment, once) in fixtures() {
        assert_eq!(requests(&fixture, environment, "a", &[]), once);
        let path = if environment == ENVIRONMENT {
            "aws.login"
        } else {
            "aws"
        };
        let lifetime = ["--credential-lifetime", "30m"];
        let cases: [(&[&str], usize); 4] = [
            (&["--region", "us-east-2"], 0),
            (&["--credentials", path], 0),
            (&lifetime, 0),
            (&role, 1),
        ];
        for (flags, to_sts) in cases {
            let requests = requests(&fixture, environment, "a", flags);
            assert_eq!(requests, (0, to_sts), "{environment} {flags:?}");
        }
        // Credentials for other programs come from the same environment.
        let (output, requests) = fixture.requests_of(|| {
            fixture.run_with(|command| {
                replace_arguments(command, &["credential-process", environment]);
            })
        });
        assert_eq!((output.code, requests), (0, (0, 0)), "{output:?}");
    }
}

#[test]
fn refresh_replaces_the_environment_and_no_cache_ignores_it() {
    for (fixture, environment, once) in fixtures() {
        assert_eq!(requests(&fixture, environment, "a", &["--no-cache"]), once);
        assert_eq!(fixture.files("opened").len(), 0);
        assert_eq!(requests(&fixture, environment, "a", &[]), once);
        let before = fs::read(fixture.file("opened")).unwrap();
        assert_eq!(requests(&fixture, environment, "b", &["--no-cache"]), once);
        assert_eq!(fs::read(fixture.file("opened")).unwrap(), before);
        assert_eq!(requests(&fixture, environment, "b", &["--refresh"]), once);
        assert_ne!(fs::read(fixture.file("opened")).unwrap(), before);
        assert_eq!(requests(&fixture, environment, "c", &[]), (0, 0));
    }
}

/// Credentials of the fixtures last an hour.
#[test]
fn environment_is_opened_again_after_three_quarters_of_its_lifetime() {
    for (age, is_reused) in [(2_000, true), (3_000, false), (3_550, false)] {
        for (fixture, environment, once) in fixtures() {
            fixture.run_at(-age).unwrap();
            let expected = if is_reused { (0, 0) } else { once };
            assert_eq!(requests(&fixture, environment, "a", &[]), expected, "{age}");
        }
    }
}

#[test]
fn environment_due_for_renewal_is_used_during_an_outage() {
    for (fixture, environment, _) in fixtures() {
        fixture.run_at(-3_000).unwrap();
        fixture.pulumi_cloud.stand_in().fail(Fault::Close, 1_000);
        fixture.aws.sts.fail(Failure::Close, 1_000);
        let output = call(&fixture, environment, "a", &["-v"]);
        fixture.aws.sts.fail(Failure::Close, 0);
        assert_accepted(&fixture, &output, "a");
        let log = &output.stderr;
        assert!(log.contains("cannot open the environment again: "), "{log}");
    }
}

#[test]
fn keys_without_an_expiry_are_shared_for_a_quarter_of_an_hour() {
    let definition = format!(
        "values:\n  aws: {{accessKeyId: {USER_KEY_ID}, secretAccessKey: {USER_SECRET_KEY}}}\n  \
         eks: {{region: eu-west-1}}\n"
    );
    let environment = "acme/test/keys";
    for (age, expected) in [(300, (0, 0)), (800, (2, 0))] {
        let fixture = CacheFixture::cloud_with(|configuration| {
            let changed = configuration.clone();
            *configuration = changed.environment("test", "keys", &definition);
        });
        let plugin = fixture.pulumi_cloud.get_token(environment);
        let fixture = fixture.with(|_| plugin);
        fixture.run_at(-age).unwrap();
        assert_eq!(requests(&fixture, environment, "a", &[]), expected, "{age}");
    }
}

#[test]
fn another_login_or_definition_opens_its_own() {
    let (fixture, environment, once) = fixtures().into_iter().next().unwrap();
    requests(&fixture, environment, "a", &[]);
    for (token, expected) in [(TEAM_TOKEN, once), (TOKEN, (0, 0))] {
        let (output, requests) = fixture.requests_of(|| {
            fixture.run_with(|command| {
                replace_arguments(command, &["get-token", environment, "-i", "b"]);
                command.env("PULUMI_ACCESS_TOKEN", token);
            })
        });
        assert_accepted(&fixture, &output, "b");
        assert_eq!(requests, expected);
    }
    let version = format!("{environment}@1");
    assert_eq!(requests(&fixture, &version, "a", &[]), once);

    let (fixture, environment, once) = fixtures().into_iter().nth(1).unwrap();
    let definition = format!("imports: [shared]\n{LOCAL}");
    let write = |name: &str, text: &str| fs::write(fixture.plugin.path(name), text).unwrap();
    write("env.yaml", &definition);
    write("shared.yaml", "values: {a: 1}\n");
    assert_eq!(requests(&fixture, environment, "a", &[]), once);
    assert_eq!(requests(&fixture, environment, "b", &[]), (0, 0));
    write("shared.yaml", "values: {a: 2}\n");
    assert_eq!(requests(&fixture, environment, "c", &[]), once);
    write("env.yaml", &definition.replace("local", "other"));
    assert_eq!(requests(&fixture, environment, "d", &[]), once);
}

#[test]
fn damaged_and_foreign_files_are_replaced() {
    for (fixture, environment, once) in fixtures() {
        requests(&fixture, environment, "a", &[]);
        let (opened, entry) = (fixture.file("opened"), fixture.file("entry"));
        let good = fs::read(&opened).unwrap();
        let mut flipped = good.clone();
        *flipped.last_mut().unwrap() ^= 1;
        let other_kind = fs::read(&entry).unwrap();
        let damaged = [
            flipped,
            good[..good.len() / 2].to_vec(),
            Vec::new(),
            other_kind,
        ];
        for (number, content) in damaged.into_iter().enumerate() {
            fs::write(&opened, content).unwrap();
            let cluster = format!("b{number}");
            assert_eq!(requests(&fixture, environment, &cluster, &[]), once);
            let cluster = format!("c{number}");
            assert_eq!(requests(&fixture, environment, &cluster, &[]), (0, 0));
        }
        // An opened environment is not accepted as credentials either.
        fs::copy(&opened, &entry).unwrap();
        fs::remove_file(&opened).unwrap();
        assert_eq!(requests(&fixture, environment, "a", &[]), once);
        // Nor is one of another login or definition.
        let (other, ..) = fixtures().into_iter().next().unwrap();
        call(&other, ENVIRONMENT, "a", &["--timeout", "20s"]);
        fs::copy(other.file("opened"), fixture.file("opened")).unwrap();
        assert_eq!(requests(&fixture, environment, "z", &[]), once);
    }
}

#[cfg(unix)]
#[test]
fn file_that_cannot_be_used_is_logged_once() {
    use std::os::unix::fs::PermissionsExt;
    type Damage = fn(&Path);
    let damages: [Damage; 2] = [
        |path| fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap(),
        |path| {
            fs::remove_file(path).unwrap();
            fs::create_dir(path).unwrap();
            fs::write(path.join("mine"), "").unwrap();
        },
    ];
    for damage in damages {
        let fixture = CacheFixture::cloud();
        requests(&fixture, ENVIRONMENT, "a", &[]);
        let path = fixture.file("opened");
        damage(&path);
        let output = call(&fixture, ENVIRONMENT, "b", &["-v"]);
        assert_accepted(&fixture, &output, "b");
        let line = format!("the cache cannot use `{}`: ", path.display());
        assert_eq!(output.stderr.matches(&line).count(), 1, "{}", output.stderr);
    }
}

#[test]
fn rejected_credentials_are_replaced_once() {
    let role = ["--role-arn", SECOND_ROLE, "--external-id", EXTERNAL_ID];
    for (fixture, environment, once) in fixtures() {
        requests(&fixture, environment, "a", &[]);
        // AWS rejects the shared credentials, and accepts new ones.
        fixture.aws.sts.revoke_sessions();
        let expected = (once.0, once.1 + 2);
        assert_eq!(requests(&fixture, environment, "b", &role), expected);
        assert_eq!(requests(&fixture, environment, "c", &[]), (0, 0));
    }
}

#[test]
fn denied_role_opens_nothing_but_ends_the_sharing() {
    let denied = ["--role-arn", SECOND_ROLE, "--external-id", "wrong"];
    for (fixture, environment, once) in fixtures() {
        requests(&fixture, environment, "a", &[]);
        let (output, requests_made) =
            fixture.requests_of(|| call(&fixture, environment, "b", &denied));
        assert_eq!((output.code, requests_made), (4, (0, 1)), "{output:?}");
        // The environment may be the cause, and its author may correct it.
        assert_eq!(requests(&fixture, environment, "c", &[]), once);
    }
}

#[test]
fn corrected_environment_is_used_at_once() {
    let fixture = CacheFixture::cloud();
    fixture.run_at(-60).unwrap();
    let missing = ["--credentials", "missing"];
    let (output, requests) = fixture.requests_of(|| call(&fixture, ENVIRONMENT, "b", &missing));
    assert_eq!((output.code, requests), (6, (2, 0)), "{output:?}");
}

#[test]
fn unavailable_service_keeps_the_environment() {
    let role = ["--role-arn", SECOND_ROLE, "--external-id", EXTERNAL_ID];
    let fixture = CacheFixture::cloud();
    requests(&fixture, ENVIRONMENT, "a", &[]);
    fixture.aws.sts.fail(Failure::Close, 1_000);
    assert_eq!(call(&fixture, ENVIRONMENT, "b", &role).code, 5);
    fixture.aws.sts.fail(Failure::Close, 0);
    assert_eq!(requests(&fixture, ENVIRONMENT, "b", &role), (0, 1));
}

#[test]
fn static_keys_of_a_local_definition_are_not_stored() {
    let keys = format!("accessKeyId: {USER_KEY_ID}, secretAccessKey: {USER_SECRET_KEY}");
    let definition = format!("values:\n  aws: {{{keys}}}\n  eks: {{region: eu-west-1}}\n");
    let fixture = CacheFixture::local(&definition);
    requests(&fixture, "./env.yaml", "a", &[]);
    assert_eq!(fixture.files("opened").len(), 0);
}

#[test]
fn both_kinds_are_listed_and_cleared() {
    for (fixture, environment, _) in fixtures() {
        requests(&fixture, environment, "a", &[]);
        let cache = |arguments: &[&str]| {
            let mut command = fixture.plugin.command();
            replace_arguments(&mut command, arguments);
            run(command, TIME_LIMIT).stdout
        };
        let listed: serde_json::Value =
            serde_json::from_str(&cache(&["cache", "list", "-o", "json"])).unwrap();
        let entries = listed["entries"].as_array().unwrap();
        let kinds: Vec<_> = entries.iter().map(|entry| &entry["kind"]).collect();
        assert_eq!(kinds, ["credentials", "environment"]);
        assert_eq!(entries[0]["environment"], entries[1]["environment"]);
        let (provider, cluster) = (&entries[1]["provider"], &entries[1]["cluster"]);
        assert!(provider.is_null() && cluster.is_null(), "{listed}");
        assert_eq!(
            cache(&["cache", "clear", environment]),
            "2 entries removed\n"
        );
        assert_eq!(
            fixture.files("opened").len() + fixture.files("entry").len(),
            0
        );
    }
}

/// Starts `get-token` for a cluster through the controlled server.
fn start(fixture: &CacheFixture, server: &ControlledServer, cluster: &str) -> Command {
    let mut command = fixture.plugin.command();
    let call = [
        "get-token",
        ENVIRONMENT,
        "-i",
        cluster,
        "-v",
        "--timeout",
        "50s",
    ];
    replace_arguments(&mut command, &call);
    command.env("PULUMI_BACKEND_URL", server.url());
    command
}

fn in_front_of(pulumi_cloud: &PulumiCloudFixture, behavior: Behavior) -> ControlledServer {
    let cloud = pulumi_cloud.stand_in().clone();
    ControlledServer::in_front_of(behavior, move |request| cloud.answer(request))
}

#[test]
fn another_cluster_takes_over_from_a_killed_call() {
    let fixture = CacheFixture::cloud();
    let server = in_front_of(&fixture.pulumi_cloud, Behavior::Hold);
    let mut first: Child = start(&fixture, &server, "first")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    server.wait_for_requests(1);
    let number = std::cell::Cell::new(0);
    let waiters = ConcurrentCalls::start(5, || {
        number.set(number.get() + 1);
        start(&fixture, &server, &format!("c{}", number.get()))
    });
    waiters.wait_until_waiting(5);
    first.kill().unwrap();
    first.wait().unwrap();
    server.wait_for_requests(2);
    server.set(Behavior::Answer);
    for (index, output) in waiters.outputs().into_iter().enumerate() {
        let cluster = format!("c{}", index + 1);
        assert_accepted(&fixture, &without_steps(output), &cluster);
    }
    // One from the killed call, and two from the waiter that took over.
    assert_eq!(server.requests(), 3);
}

#[test]
fn failure_to_open_is_shared_by_waiting_calls() {
    let fixture = CacheFixture::cloud();
    let server = in_front_of(&fixture.pulumi_cloud, Behavior::Hold);
    let number = std::cell::Cell::new(0);
    let calls = ConcurrentCalls::start(5, || {
        number.set(number.get() + 1);
        start(&fixture, &server, &format!("c{}", number.get()))
    });
    calls.wait_until_waiting(4);
    let fault = Fault::error(403, "no", &[]);
    fixture.pulumi_cloud.stand_in().fail(fault, 1);
    server.set(Behavior::Answer);
    for output in calls.outputs() {
        assert_eq!((output.code, output.stdout.as_str()), (4, ""), "{output:?}");
    }
    let operations = fixture.pulumi_cloud.operations();
    let opens = operations.iter().filter(|operation| *operation == "open");
    assert_eq!(opens.count(), 1, "{operations:?}");
}

/// One environment with a login for clusters of another cloud.
#[test]
fn logins_to_google_cloud_and_azure_are_shared() {
    let pulumi_cloud = gke::pulumi_cloud(gke::LOGIN);
    let plugin = gke::get_token(&pulumi_cloud);
    for flags in [
        &[][..],
        &["--provider", "gke"],
        &["--credentials", "gcp.login"],
    ] {
        let mut command = plugin.command();
        command.args(flags);
        let output = run(command, TIME_LIMIT);
        assert!(output.token().starts_with("ya29."), "{output:?}");
    }
    assert_eq!(pulumi_cloud.operations(), ["open", "read session"]);

    let entra = aks::Entra::new(Behavior::Answer);
    let pulumi_cloud = PulumiCloudFixture::with(|configuration| {
        let changed = configuration.clone();
        *configuration = changed.environment("platform", "aks", aks::LOGIN);
    });
    let plugin = pulumi_cloud
        .plugin()
        .args(["get-token", "acme/platform/aks"])
        .env("AZURE_AUTHORITY_HOST", entra.server.url());
    for flags in [
        &[][..],
        &["--provider", "aks"],
        &["--credentials", "azure.login"],
    ] {
        let mut command = plugin.command();
        command.args(flags);
        let token = run(command, TIME_LIMIT).token();
        assert!(entra.azure.authenticate(&token).is_ok());
    }
    assert_eq!(pulumi_cloud.operations(), ["open", "read session"]);
    assert_eq!(entra.server.requests(), 3);
}
