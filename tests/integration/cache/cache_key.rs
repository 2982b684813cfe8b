//! The cache key: a call with another relevant setting uses another entry, and a call with another
//! irrelevant setting uses the same one.

use std::fs;
use std::path::Path;
use std::process::Command;

use encodings::base64;
use serde_json::{Value, json};
use stand_ins::pulumi_cloud::configuration::{
    ORGANIZATION_TOKEN, STRANGERS_TOKEN, TEAM_TOKEN, TOKEN, USER,
};
use stand_ins::sts::Sts;
use stand_ins::sts::configuration::{Configuration as Accounts, EXTERNAL_ID, SECOND_ROLE};

use super::{
    CacheFixture, ENVIRONMENT, LOCAL, identity, replace_arguments, token, with_second_role,
};
use crate::cloud::PulumiCloudFixture;
use crate::support::plugin::Output;

type Change = fn(&CacheFixture, &mut Command);

/// A call with a changed setting, and its result.
struct ChangedCall(&'static str, Change, Expected);

enum Expected {
    /// A token, and this text in the evidence.
    Shows(&'static str),
    /// A failure with this exit code.
    Fails(i32),
}
use Expected::{Fails, Shows};

/// The exec info of client-go.
fn exec_info(version: &str, interactive: bool, cluster: Option<Value>) -> String {
    let mut spec = json!({"interactive": interactive});
    if let Some(cluster) = cluster {
        spec["cluster"] = cluster;
    }
    let version = format!("client.authentication.k8s.io/{version}");
    json!({"kind": "ExecCredential", "apiVersion": version, "spec": spec}).to_string()
}

/// Describes a call: the URL in its token, the caller that each cluster authenticates, and the requests
/// to Pulumi Cloud after the first `before`.
fn evidence(fixture: &CacheFixture, output: &Output, before: usize) -> String {
    let token = token(output);
    let url = token.strip_prefix("k8s-aws-v1.").expect("a token");
    let url = base64::decode_url(url).expect("base64");
    let mut text = String::from_utf8(url).expect("a URL");
    for cluster in ["prod", "other"] {
        if let Ok(caller) = fixture.aws.caller(&token, cluster) {
            text.extend(["\ncluster ", cluster, ": ", &caller]);
        }
    }
    for record in fixture
        .pulumi_cloud
        .stand_in()
        .records()
        .into_iter()
        .skip(before)
    {
        text.extend(["\n", &record.login, " ", &record.target]);
    }
    text
}

/// Makes each changed call after the fixture's own call: the first has to be a miss, a repeated
/// one a hit, and the fixture's own call has to remain a hit.
#[track_caller]
fn assert_separate(fixture: &CacheFixture, changed_calls: &[ChangedCall]) {
    let first = fixture.run();
    let own = evidence(fixture, &first, usize::MAX);
    for ChangedCall(name, change, expected) in changed_calls {
        fixture.remove_opened();
        let before = fixture.requests().0;
        let other = || fixture.run_with(|command| change(fixture, command));
        let (output, requests) = fixture.requests_of(other);
        match expected {
            Shows(text) => {
                assert_ne!(requests, (0, 0), "{name}: no request was made");
                let evidence = evidence(fixture, &output, before);
                assert!(evidence.contains(text), "{name}: {evidence}");
                assert_eq!(output.stderr, "", "{name}");
                let (again, requests) = fixture.requests_of(other);
                assert_eq!(again.code, 0, "{name}: {again:?}");
                assert_eq!(requests, (0, 0), "{name}: a request was made again");
            }
            Fails(code) => {
                assert_eq!(output.code, *code, "{name}: {output:?}");
                assert_eq!(output.stdout, "", "{name}");
            }
        }
        let (back, requests) = fixture.requests_of(|| fixture.run());
        assert_eq!(requests, (0, 0), "{name}: the fixture's entry is gone");
        let back = evidence(fixture, &back, usize::MAX);
        let caller = |text: &str| text.split_once('\n').map(|(_, rest)| rest.to_owned());
        assert_eq!(caller(&back), caller(&own), "{name}");
    }
}

#[test]
fn each_setting_is_part_of_the_key() {
    assert_separate(
        &CacheFixture::cloud(),
        &[
            ChangedCall(
                "the token of another login",
                |_, command| {
                    command.env("PULUMI_ACCESS_TOKEN", ORGANIZATION_TOKEN);
                },
                Shows("acme /api/esc/environments/acme/platform/prod"),
            ),
            ChangedCall(
                "a token without access",
                |_, command| {
                    command.env("PULUMI_ACCESS_TOKEN", STRANGERS_TOKEN);
                },
                Fails(4),
            ),
            ChangedCall(
                "an invalid token",
                |_, command| {
                    command.env("PULUMI_ACCESS_TOKEN", "pul-wrong");
                },
                Fails(4),
            ),
            ChangedCall(
                "no token",
                |_, command| {
                    command.env_remove("PULUMI_ACCESS_TOKEN");
                },
                Fails(4),
            ),
            ChangedCall(
                "a role",
                |_, command| {
                    command.args(["--role-arn", SECOND_ROLE, "--external-id", EXTERNAL_ID]);
                },
                Shows("assumed-role/admin/kubectl-esc"),
            ),
            ChangedCall(
                "a role by variable, and a session name",
                |_, command| {
                    command
                        .env("KUBECTL_ESC_ROLE_ARN", SECOND_ROLE)
                        .env("KUBECTL_ESC_EXTERNAL_ID", EXTERNAL_ID)
                        .args(["--session-name", "mine"]);
                },
                Shows("assumed-role/admin/mine"),
            ),
            ChangedCall(
                "a role with another external id",
                |_, command| {
                    command.args(["--role-arn", SECOND_ROLE, "--external-id", "wrong"]);
                },
                Fails(4),
            ),
            ChangedCall(
                "a region",
                |_, command| {
                    command.args(["--region", "us-east-2"]);
                },
                Shows("https://sts.us-east-2.amazonaws.com/"),
            ),
            ChangedCall(
                "a cluster",
                |_, command| {
                    replace_arguments(command, &["get-token", ENVIRONMENT, "-i", "other"]);
                },
                Shows("cluster other: "),
            ),
        ],
    );
}

#[test]
fn endpoint_and_cluster_extension_are_part_of_the_key() {
    assert_separate(
        &CacheFixture::cloud(),
        &[
            ChangedCall(
                "FIPS",
                |_, command| {
                    command.env("AWS_USE_FIPS_ENDPOINT", "true");
                },
                Shows("sts-fips."),
            ),
            ChangedCall(
                "dual-stack",
                |_, command| {
                    command.env("AWS_USE_DUALSTACK_ENDPOINT", "true");
                },
                Shows(".api.aws/"),
            ),
            ChangedCall(
                "an extension",
                |_, command| {
                    let config = json!({
                        "roleArn": SECOND_ROLE, "externalId": EXTERNAL_ID, "sessionName": "extension",
                    });
                    let cluster = json!({"server": "https://localhost", "config": config});
                    let info = exec_info("v1", false, Some(cluster));
                    command.env("KUBERNETES_EXEC_INFO", info);
                },
                Shows("assumed-role/admin/extension"),
            ),
            ChangedCall(
                "another extension",
                |_, command| {
                    let config = json!({
                        "roleArn": SECOND_ROLE, "externalId": EXTERNAL_ID, "sessionName": "another",
                    });
                    let cluster = json!({"server": "https://localhost", "config": config});
                    let info = exec_info("v1", false, Some(cluster));
                    command.env("KUBERNETES_EXEC_INFO", info);
                },
                Shows("assumed-role/admin/another"),
            ),
        ],
    );
}

#[test]
fn environment_version_is_part_of_the_key() {
    fn version(command: &mut Command, version: &str) {
        let environment = format!("{ENVIRONMENT}{version}");
        replace_arguments(command, &["get-token", &environment, "-i", "prod"]);
    }
    assert_separate(
        &CacheFixture::cloud(),
        &[
            ChangedCall(
                "1",
                |_, command| version(command, "@1"),
                Shows("/versions/1/open"),
            ),
            ChangedCall(
                "2",
                |_, command| version(command, "@2"),
                Shows("/versions/2/open"),
            ),
            ChangedCall(
                "a tag",
                |_, command| version(command, "@stable"),
                Shows("/versions/stable/open"),
            ),
            ChangedCall("none", |_, command| version(command, "@99"), Fails(4)),
        ],
    );
}

/// An environment with two sets of credentials.
const TWO_CREDENTIALS: &str = "\
values:
  one: {'fn::open::aws-login': {oidc: {roleArn: 'arn:aws:iam::123456789012:role/esc-oidc', sessionName: one}}}
  two: {'fn::open::aws-login': {oidc: {roleArn: 'arn:aws:iam::123456789012:role/esc-oidc', sessionName: two}}}
  eks: {clusterName: prod, region: eu-west-1}
";

#[test]
fn credentials_path_is_part_of_the_key() {
    let fixture = CacheFixture::cloud_with(|configuration| {
        *configuration = configuration
            .clone()
            .environment("test", "two", TWO_CREDENTIALS);
    });
    let call = |name: &str| {
        fixture.run_with(|command| {
            replace_arguments(
                command,
                &["get-token", "acme/test/two", "--credentials", name],
            );
        })
    };
    for round in 0..2 {
        for name in ["one", "two"] {
            fixture.remove_opened();
            let (output, requests) = fixture.requests_of(|| call(name));
            let expected = usize::from(round == 0) * 2;
            assert_eq!(requests, (expected, 0), "{name}: {output:?}");
            let caller = fixture.aws.caller(&output.token(), "prod").unwrap();
            assert!(caller.ends_with(&format!("/{name}")), "{caller}");
        }
    }
}

#[test]
fn organization_is_part_of_the_key() {
    let fixture = CacheFixture::cloud();
    let url = fixture.pulumi_cloud.url();
    let config =
        |organization: &str| json!({"backends": {&url: {"defaultOrg": organization}}}).to_string();
    let plugin = fixture
        .pulumi_cloud
        .plugin()
        .args(["get-token", "platform/prod", "-i", "prod"])
        .file("home/.pulumi/config.json", config("acme"));
    let fixture = fixture.with(|_| plugin);
    assert_separate(
        &fixture,
        &[
            ChangedCall(
                "by flag",
                |_, command| {
                    command.args(["--organization", "alice"]);
                },
                Fails(4),
            ),
            ChangedCall(
                "by variable",
                |_, command| {
                    command.env("PULUMI_DEFAULT_ORGANIZATION", "alice");
                },
                Fails(4),
            ),
        ],
    );
    // The source of the organization does not matter.
    let (output, requests) = fixture.requests_of(|| {
        fixture.run_with(|command| {
            command.args(["--organization", "acme"]);
        })
    });
    fixture.pulumi_cloud.assert_token(&output);
    assert_eq!(requests, (0, 0));
    fs::write(
        fixture.plugin.path("home/.pulumi/config.json"),
        config("alice"),
    )
    .unwrap();
    assert_eq!(fixture.run().code, 4);
    fs::write(
        fixture.plugin.path("home/.pulumi/config.json"),
        config("acme"),
    )
    .unwrap();
    fixture.assert_hit();
}

#[test]
fn pulumi_account_is_part_of_the_key() {
    let fixture = CacheFixture::cloud();
    let elsewhere = PulumiCloudFixture::new();
    let (here, there) = (fixture.pulumi_cloud.url(), elsewhere.url());
    let file = |current: &str, token: &str, user: &str| {
        let account = json!({"accessToken": token, "username": user});
        let other = json!({"accessToken": TOKEN, "username": USER});
        json!({
            "current": current,
            "accessTokens": {&here: token, &there: TOKEN},
            "accounts": {&here: account, &there: other},
        })
        .to_string()
    };
    let path = "home/.pulumi/credentials.json";
    let plugin = fixture
        .aws
        .plugin()
        .args(["get-token", ENVIRONMENT, "-i", "prod"])
        .file(path, file(&here, TOKEN, USER));
    let fixture = fixture.with(|_| plugin);
    let log_in = |text: String| fs::write(fixture.plugin.path(path), text).unwrap();
    fixture.assert_miss();
    fixture.assert_hit();

    // The same user with the same token at another Pulumi Cloud.
    log_in(file(&there, TOKEN, USER));
    let (output, requests) = fixture.requests_of(|| fixture.run());
    elsewhere.assert_token(&output);
    assert_eq!((requests.0, elsewhere.calls().len()), (0, 2));
    log_in(file(&here, TOKEN, USER));
    fixture.assert_hit();
    let output = fixture.run_with(|command| {
        command.env("PULUMI_BACKEND_URL", &there);
    });
    elsewhere.assert_token(&output);
    assert_eq!(elsewhere.calls().len(), 2);

    // Another login in the same file, or another user.
    for (token, user, login) in [
        (TEAM_TOKEN, USER, "acme"),
        (ORGANIZATION_TOKEN, "", "acme"),
        (TOKEN, "bob", "alice"),
    ] {
        log_in(file(&here, token, user));
        let before = fixture.requests().0;
        fixture.assert_miss();
        let records = fixture.pulumi_cloud.stand_in().records();
        let logins: Vec<_> = records[before..]
            .iter()
            .map(|record| &record.login)
            .collect();
        assert!(
            logins.iter().all(|name| name.contains(login)),
            "{logins:?} for {login}"
        );
        fixture.assert_hit();
        log_in(file(&here, TOKEN, USER));
        fixture.assert_hit();
    }
    fs::remove_file(fixture.plugin.path(path)).unwrap();
    assert_eq!(fixture.run().code, 4);
}

/// A definition may read whose login it is, although it needs none.
#[test]
fn context_of_a_local_definition_is_part_of_the_key() {
    let definition = LOCAL.replace(
        "sessionName: local",
        "sessionName: x-${context.pulumi.user.login}-${context.pulumi.organization.login}",
    );
    let credentials = |url: &str, user: &str| {
        json!({"accounts": {url: {"accessToken": "pul-same", "username": user}}}).to_string()
    };
    let config = |url: &str, organization: &str| {
        json!({"backends": {url: {"defaultOrg": organization}}}).to_string()
    };
    let fixture = CacheFixture::local(&definition);
    let url = fixture.pulumi_cloud.url();
    let fixture = fixture.with(|plugin| {
        plugin
            .file("home/.pulumi/credentials.json", credentials(&url, "alice"))
            .file("home/.pulumi/config.json", config(&url, "acme"))
    });
    let session = || {
        let (output, requests) = fixture.requests_of(|| fixture.run());
        let caller = fixture.aws.caller(&token(&output), "prod").unwrap();
        let name = caller.rsplit('/').next().unwrap_or_default().to_owned();
        (name, requests.1)
    };
    let path = |file: &str| fixture.plugin.path(format!("home/.pulumi/{file}"));
    assert_eq!(session(), ("x-alice-acme".to_owned(), 1));
    assert_eq!(session(), ("x-alice-acme".to_owned(), 0));
    fs::write(path("credentials.json"), credentials(&url, "bob")).unwrap();
    assert_eq!(session(), ("x-bob-acme".to_owned(), 1));
    fs::write(path("config.json"), config(&url, "globex")).unwrap();
    assert_eq!(session(), ("x-bob-globex".to_owned(), 1));
    fs::write(path("credentials.json"), credentials(&url, "alice")).unwrap();
    fs::write(path("config.json"), config(&url, "acme")).unwrap();
    assert_eq!(session(), ("x-alice-acme".to_owned(), 0));
}

#[test]
fn identity_token_and_sts_endpoint_are_part_of_the_key() {
    let fixture = CacheFixture::local(LOCAL);
    fixture.assert_miss();
    let write = |token: &str| fs::write(fixture.plugin.path("identity"), token).unwrap();
    let mine = fs::read_to_string(fixture.plugin.path("identity")).unwrap();
    write(&identity(&fixture.pulumi_cloud, "other"));
    fixture.assert_miss();
    fixture.assert_hit();
    // Entries of trusted tokens must not serve an untrusted one.
    let aws = &fixture.aws;
    let stranger = aws.issuer.token("aws:acme", "stranger", aws.clock.now());
    write(&stranger);
    assert_eq!(fixture.run().code, 4);
    write("");
    assert_eq!(fixture.run().code, 2);
    write(&mine);
    fixture.assert_hit();

    let empty = Sts::start(Accounts::default(), fixture.aws.clock.clone());
    for variable in ["AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"] {
        let output = fixture.run_with(|command| {
            command
                .env_remove("AWS_ENDPOINT_URL_STS")
                .env(variable, empty.url());
        });
        assert_eq!(output.code, 4, "{output:?}");
    }
    assert_eq!(empty.records().len(), 2);
    fixture.assert_hit();
}

#[test]
fn identity_tokens_of_all_clouds_seal_an_entry() {
    let fixture = CacheFixture::local(LOCAL);
    let azure = fixture.plugin.path("azure");
    let with = |change: fn(&mut Command, &Path)| {
        let call = || fixture.run_with(|command| change(command, &azure));
        let (output, requests) = fixture.requests_of(call);
        assert_eq!(output.code, 0, "{output:?}");
        requests.1
    };
    let file: fn(&mut Command, &Path) = |command, azure| {
        command.env("AZURE_FEDERATED_TOKEN_FILE", azure);
    };
    let actions: fn(&mut Command, &Path) = |command, _| {
        command
            .env("ACTIONS_ID_TOKEN_REQUEST_URL", "https://actions.example")
            .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "hunter2");
    };
    fs::write(&azure, "one").unwrap();
    fixture.assert_miss();
    for (name, change) in [("file", file), ("GitHub Actions", actions)] {
        assert_eq!((with(change), with(change)), (1, 0), "{name}");
        fixture.assert_hit();
    }
    fs::write(&azure, "two").unwrap();
    assert_eq!((with(file), with(file)), (1, 0));
    // Without the file, nothing could be sealed with it.
    fs::remove_file(&azure).unwrap();
    assert_eq!((with(file), with(file)), (1, 1));
}

/// The session's name comes from an import.
const ROOT: &str = "\
imports: [base]
values:
  aws:
    fn::open::aws-login:
      oidc: {roleArn: 'arn:aws:iam::123456789012:role/esc-oidc', sessionName: '${name}'}
  eks: {clusterName: prod, region: eu-west-1}
";

#[test]
fn edited_definition_takes_effect_immediately() {
    let fixture = CacheFixture::local(ROOT);
    let path = |name: &str| fixture.plugin.path(name);
    let write = |name: &str, text: &str| {
        fs::create_dir_all(path(name).parent().unwrap()).unwrap();
        fs::write(path(name), text).unwrap();
    };
    let assert_named = |name: &str, expected: usize| {
        let (output, requests) = fixture.requests_of(|| fixture.run());
        assert_eq!(requests, (0, expected), "{name}: {output:?}");
        let caller = fixture.aws.caller(&output.token(), "prod").unwrap();
        assert!(caller.ends_with(&format!("/{name}")), "{caller}");
    };
    write("base.yaml", "values: {name: one}");
    assert_named("one", 1);
    assert_named("one", 0);
    write("base.yaml", "values: {name: two}");
    assert_named("two", 1);
    assert_named("two", 0);
    // A file that takes precedence over the imported one.
    write("default/base.yaml", "values: {name: three}");
    assert_named("three", 1);
    assert_named("three", 0);
    fs::remove_file(path("default/base.yaml")).unwrap();
    assert_named("two", 1);
    assert_named("two", 0);
    // A folder with the name of that file is an error.
    fs::create_dir(path("default/base.yaml")).unwrap();
    assert_eq!(fixture.run().code, 2);
    fs::remove_dir(path("default/base.yaml")).unwrap();
    assert_named("two", 0);
    // An edit of the definition itself, and its reversal.
    write("env.yaml", &ROOT.replace("${name}", "four"));
    assert_named("four", 1);
    write(
        "env.yaml",
        &ROOT
            .replace("imports: [base]\n", "")
            .replace("${name}", "five"),
    );
    assert_named("five", 1);
    fs::remove_file(path("base.yaml")).unwrap();
    assert_named("five", 0);
    write("env.yaml", ROOT);
    assert_eq!(fixture.run().code, 3, "the import is gone");
    write("base.yaml", "values: {name: two}");
    assert_named("two", 0);
    // Another folder of imports.
    write("elsewhere/base.yaml", "values: {name: six}");
    let output = fixture.run_with(|command| {
        command.arg("--root").arg(path("elsewhere"));
    });
    let caller = fixture.aws.caller(&output.token(), "prod").unwrap();
    assert!(caller.ends_with("/six"), "{caller}");
    assert_named("two", 0);
    fs::remove_file(path("env.yaml")).unwrap();
    assert_eq!(fixture.run().code, 2);
}

#[test]
fn region_from_the_api_server_host_is_part_of_the_key() {
    let definition = LOCAL.replace(", region: eu-west-1", "");
    let fixture = CacheFixture::local(&definition).with(with_second_role);
    for round in 0..2 {
        for region in ["eu-west-1", "us-east-2"] {
            for by_server in [true, false] {
                fixture.remove_opened();
                let (output, requests) = fixture.requests_of(|| {
                    fixture.run_with(|command| {
                        let server = format!("https://ABC.gr7.{region}.eks.amazonaws.com");
                        let cluster = json!({"server": server, "config": null});
                        if by_server {
                            let info = exec_info("v1", false, Some(cluster));
                            command.env("KUBERNETES_EXEC_INFO", info);
                        } else {
                            command.env("AWS_REGION", region);
                        }
                    })
                });
                let evidence = evidence(&fixture, &output, usize::MAX);
                let host = format!("https://sts.{region}.amazonaws.com/");
                assert!(evidence.starts_with(&host), "{evidence}");
                let expected = usize::from(round == 0) * 2;
                assert_eq!(requests, (0, expected), "{region}, {by_server}");
            }
        }
    }
}

#[test]
fn irrelevant_settings_are_not_part_of_the_key() {
    let changes: [(&str, Change); 12] = [
        ("folder", |_, command| {
            command.current_dir("/");
        }),
        ("-v", |_, command| {
            command.arg("-v");
        }),
        ("-vv", |_, command| {
            command.arg("-vv");
        }),
        ("KUBECTL_ESC_LOG", |_, command| {
            command.env("KUBECTL_ESC_LOG", "1");
        }),
        ("TERM", |_, command| {
            command.env("TERM", "xterm-256color").env("NO_COLOR", "1");
        }),
        ("--token-only", |_, command| {
            command.arg("--token-only");
        }),
        ("--timeout", |_, command| {
            command.args(["--timeout", "20s"]);
        }),
        ("v1", |_, command| {
            command.env("KUBERNETES_EXEC_INFO", exec_info("v1", false, None));
        }),
        ("v1beta1", |_, command| {
            command.env("KUBERNETES_EXEC_INFO", exec_info("v1beta1", true, None));
        }),
        ("another cluster without settings", |_, command| {
            let cluster = json!({"server": "https://localhost:6443", "config": null});
            let info = exec_info("v1", false, Some(cluster));
            command.env("KUBERNETES_EXEC_INFO", info);
        }),
        (
            "the absolute path of the cache folder",
            |fixture, command| {
                let directory = fixture.folder();
                command.arg("--cache-dir").arg(directory.parent().unwrap());
            },
        ),
        ("the cache folder by variable", |_, command| {
            command.env("KUBECTL_ESC_CACHE_DIR", "~/.kube/cache");
        }),
    ];
    for fixture in [
        CacheFixture::cloud(),
        CacheFixture::local(LOCAL),
        CacheFixture::local(LOCAL).with(with_second_role),
    ] {
        fixture.run().token();
        for (name, change) in &changes {
            let (output, requests) =
                fixture.requests_of(|| fixture.run_with(|command| change(&fixture, command)));
            assert_eq!(requests, (0, 0), "{name}");
            let caller = fixture.aws.caller(&token(&output), "prod");
            assert!(caller.is_ok(), "{name}: {caller:?}");
        }
        assert_eq!(fixture.files("entry").len(), 1);
    }
}
