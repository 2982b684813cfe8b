//! `get-token` where something is wrong: exactly what it says, and its exit code. Standard output
//! is empty in every row (the runner checks that), and no secret shows at any verbosity.

use std::time::Instant;

use crate::support::oidc::Issuer;
use crate::support::plugin::{Output, Plugin};
use crate::support::sts::Failure;
use crate::support::world::{AUDIENCE, SUBJECT, VIEWER, World, project_file};

/// A row: its name, how it comes about, standard error, exit code.
type Row = (&'static str, fn(&Table) -> Plugin, &'static str, i32);

/// What the rows are made of.
struct Table {
    world: World,
}

/// A plain text that no output may hold, wherever a row puts it.
const SECRET: &str = "hunter2-hunter2";

impl Table {
    fn new() -> Self {
        Self {
            world: World::new(),
        }
    }

    /// `get-token env.yaml` for a cluster and region, with this definition.
    fn definition(&self, text: &str) -> Plugin {
        self.world
            .plugin_with_identity()
            .file("env.yaml", text)
            .args([
                "get-token",
                "env.yaml",
                "-i",
                "demo",
                "--region",
                "eu-west-1",
            ])
    }

    /// The same with the example of the project for `oidc`.
    fn oidc(&self) -> Plugin {
        self.definition(&project_file("examples/environments/oidc.yaml"))
    }

    /// The same for a world in which this is different.
    fn oidc_in(world: &World) -> Plugin {
        Self {
            world: World {
                issuer: world.issuer.clone(),
                clock: world.clock.clone(),
                sts: world.sts.clone(),
            },
        }
        .oidc()
    }

    /// The same with static credentials and no settings.
    fn plain(&self) -> Plugin {
        self.world.plugin().file(
            "env.yaml",
            format!(
                "values:\n  aws:\n    fn::open::aws-login:\n      static:\n        accessKeyId: \
                 AKIDEXAMPLE\n        secretAccessKey: {{fn::secret: {SECRET}}}\n"
            ),
        )
    }
}

const ROWS: &[Row] = &[
    // What client-go says.
    (
        "exec info is not JSON",
        |t| t.plain().arg("get-token").env("KUBERNETES_EXEC_INFO", "{"),
        "",
        2,
    ),
    (
        "exec info is an array",
        |t| t.plain().arg("get-token").env("KUBERNETES_EXEC_INFO", "[]"),
        "",
        2,
    ),
    (
        "exec info of an unknown version",
        |t| t.plain().arg("get-token").exec_info("v2", false, None),
        "",
        2,
    ),
    (
        "exec info of v1alpha1",
        |t| {
            t.plain()
                .arg("get-token")
                .exec_info("v1alpha1", false, None)
        },
        "",
        2,
    ),
    // Flags and variables.
    (
        "no environment is named",
        |t| t.plain().arg("get-token"),
        "",
        2,
    ),
    ("no command", |t| t.plain(), "", 2),
    (
        "unknown flag",
        |t| t.plain().args(["get-token", "env.yaml", "--regio", "x"]),
        "",
        2,
    ),
    (
        "no cluster name",
        |t| {
            t.plain()
                .args(["get-token", "env.yaml", "--region", "eu-west-1"])
        },
        "",
        2,
    ),
    (
        "no region",
        |t| t.plain().args(["get-token", "env.yaml", "-i", "demo"]),
        "",
        2,
    ),
    (
        "region is malformed",
        |t| {
            t.plain()
                .args(["get-token", "env.yaml", "-i", "demo", "--region", "eu west"])
        },
        "",
        2,
    ),
    (
        "region without such a host",
        |t| {
            t.plain()
                .args([
                    "get-token",
                    "env.yaml",
                    "-i",
                    "demo",
                    "--region",
                    "us-iso-east-1",
                ])
                .env("AWS_USE_DUALSTACK_ENDPOINT", "true")
        },
        "",
        2,
    ),
    (
        "time limit is malformed",
        |t| {
            t.plain()
                .args(["get-token", "env.yaml"])
                .env("KUBECTL_ESC_TIMEOUT", "15")
        },
        "",
        2,
    ),
    (
        "an external id without a role",
        |t| t.oidc().args(["--external-id", "demo"]),
        "",
        2,
    ),
    // The file.
    (
        "environment in Pulumi Cloud",
        |t| t.plain().args(["get-token", "acme/prod"]),
        "",
        2,
    ),
    (
        "environment file is missing",
        |t| t.plain().args(["get-token", "./no.yaml"]),
        "",
        2,
    ),
    (
        "environment file is a folder",
        |t| t.plain().args(["get-token", "./home"]),
        "",
        2,
    ),
    // The definition.
    (
        "YAML syntax error",
        |t| t.definition("values:\n  a: [1, 2\n  b: 3\n"),
        "",
        3,
    ),
    (
        "YAML syntax error in a secret",
        |t| {
            t.definition(&format!(
                "values:\n  a:\n    fn::secret: \"{SECRET}\n  b: 3\n"
            ))
        },
        "",
        3,
    ),
    (
        "unknown property",
        |t| {
            t.definition(&format!(
                "values:\n  password: {{fn::secret: {SECRET}}}\n  creds: {{accessKeyId: x}}\n  a: \
                 ${{creds.accesKeyId}}\n"
            ))
        },
        "",
        3,
    ),
    (
        "unknown property beside a secret",
        |t| {
            t.definition(&format!(
                "values: {{a: {{fn::secret: {SECRET}}}, b: '${{c}}'}}\n"
            ))
        },
        "",
        3,
    ),
    (
        "import cycle",
        |t| {
            t.definition("imports: [a]\nvalues: {x: 1}\n")
                .file("a.yaml", "imports: [b]\n")
                .file("b.yaml", "imports:\n  - a\n")
        },
        "",
        3,
    ),
    (
        "import is missing",
        |t| t.definition("imports: [team/aws]\nvalues: {x: 1}\n"),
        "",
        3,
    ),
    (
        "unknown provider",
        |t| t.definition("values:\n  a:\n    fn::open::vault-login: {}\n"),
        "",
        3,
    ),
    (
        "inputs of the provider",
        |t| {
            t.definition(
                "values:\n  a:\n    fn::open::aws-login:\n      oidc:\n        sessionName: x\n",
            )
        },
        "",
        3,
    ),
    // The credentials in it.
    (
        "no credentials",
        |t| t.definition("values: {a: 1}\n"),
        "",
        6,
    ),
    (
        "several credentials",
        |t| {
            t.definition(&format!(
                "values:\n  a: {{accessKeyId: A, secretAccessKey: {SECRET}}}\n  b: {{accessKeyId: \
                 B, secretAccessKey: {SECRET}}}\n"
            ))
        },
        "",
        6,
    ),
    (
        "half of the credentials",
        |t| {
            t.definition(&format!(
                "values:\n  environmentVariables: {{AWS_SECRET_ACCESS_KEY: {SECRET}}}\n"
            ))
        },
        "",
        6,
    ),
    (
        "credentials are not there",
        |t| t.oidc().args(["--credentials", "aws.login"]),
        "",
        6,
    ),
    (
        "token too long",
        |_| Table::oidc_in(&World::with(|aws| aws.session_token_length = 3_500)),
        "",
        6,
    ),
    (
        "credentials at their end",
        |t| {
            t.definition(&format!(
            "values:\n  environmentVariables: {{AWS_ACCESS_KEY_ID: AKID, AWS_SECRET_ACCESS_KEY: {SECRET}}}\n"
        )).args(["--credential-lifetime", "1s"])
        },
        "",
        6,
    ),
    // The identity token.
    (
        "no identity token",
        |t| t.oidc().env("AWS_WEB_IDENTITY_TOKEN_FILE", ""),
        "",
        2,
    ),
    (
        "identity token file is missing",
        |t| t.oidc().args(["--web-identity-token-file", "./none"]),
        "",
        2,
    ),
    (
        "identity token file is empty",
        |t| {
            t.oidc()
                .file("empty", "\n")
                .args(["--web-identity-token-file", "./empty"])
        },
        "",
        2,
    ),
    (
        "identity token is no token",
        |t| {
            t.oidc()
                .file("odd", SECRET)
                .env("AWS_WEB_IDENTITY_TOKEN_FILE", "./odd")
        },
        "",
        2,
    ),
    (
        "identity token variable is not set",
        |t| t.oidc().args(["--web-identity-token-env", "MY_TOKEN"]),
        "",
        2,
    ),
    (
        "identity token has expired",
        |t| {
            let token = t
                .world
                .issuer
                .expired_token(AUDIENCE, SUBJECT, 1_700_000_000);
            t.oidc().file("identity", token)
        },
        "",
        4,
    ),
    (
        "identity token of another issuer",
        |t| {
            let issuer = Issuer::new("https://elsewhere.example");
            t.oidc().file(
                "identity",
                issuer.token(AUDIENCE, SUBJECT, t.world.clock.now()),
            )
        },
        "",
        4,
    ),
    (
        "identity token that was tampered with",
        |t| {
            let token = t
                .world
                .issuer
                .tampered_token(AUDIENCE, SUBJECT, t.world.clock.now());
            t.oidc().file("identity", token)
        },
        "",
        4,
    ),
    // STS.
    (
        "STS says no",
        |t| {
            let token = t
                .world
                .issuer
                .token(AUDIENCE, "repo:evil/fork", t.world.clock.now());
            t.oidc().file("identity", token)
        },
        "",
        4,
    ),
    (
        "STS says no to the role on top",
        |t| {
            t.oidc()
                .args(["--role-arn", VIEWER, "--external-id", "wrong"])
        },
        "",
        4,
    ),
    (
        "the session is longer than the role allows",
        |t| t.definition(&project_file("examples/environments/oidc.yaml").replace("1h", "2h")),
        "",
        2,
    ),
    (
        "STS is unreachable",
        |t| t.oidc().env("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1"),
        "",
        5,
    ),
    (
        "STS is slow",
        |_| {
            let world = World::new();
            world.sts.fail(Failure::Hang, usize::MAX);
            Table::oidc_in(&world).args(["--timeout", "300ms"])
        },
        "",
        5,
    ),
    (
        "STS fails",
        |_| {
            let world = World::new();
            world.sts.fail(Failure::internal(), usize::MAX);
            Table::oidc_in(&world)
        },
        "",
        5,
    ),
    (
        "STS throttles",
        |_| {
            let world = World::new();
            world.sts.fail(Failure::throttle(), usize::MAX);
            Table::oidc_in(&world)
        },
        "",
        5,
    ),
    (
        "plain HTTP to another machine",
        |t| t.oidc().env("AWS_ENDPOINT_URL_STS", "http://sts.example"),
        "",
        2,
    ),
];

#[test]
fn each_row_says_what_is_wrong_and_what_to_do() {
    let table = Table::new();
    let mut wrong = Vec::new();
    for (name, plugin, stderr, code) in ROWS {
        let plugin = plugin(&table);
        let quiet = run(&plugin, &table);
        if (quiet.stderr.as_str(), quiet.code) != (*stderr, *code) {
            wrong.push(format!(
                "## {name}: exit code {}, wanted {code}\n{}\nwanted:\n{stderr}",
                quiet.code, quiet.stderr
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_secret_shows_at_any_verbosity() {
    let table = Table::new();
    for (name, plugin, ..) in ROWS {
        let plugin = plugin(&table).arg("-vv");
        let told = run(&plugin, &table).stderr;
        let identity = table.world.identity();
        let parts = identity.split('.').chain([SECRET, "secretAccessKey: ASIA"]);
        for secret in parts {
            assert!(!told.contains(secret), "{name}: {told}");
        }
        for part in std::fs::read_to_string(plugin.path("identity"))
            .unwrap_or_default()
            .split('.')
        {
            // The header is the same in every token of an issuer, and says nothing.
            assert!(part.len() < 20 || !told.contains(part), "{name}: {told}");
        }
    }
}

#[test]
fn a_slow_sts_is_given_up_by_our_own_deadline() {
    let world = World::new();
    world.sts.fail(Failure::Hang, usize::MAX);
    let plugin = Table::oidc_in(&world).args(["--timeout", "300ms"]);
    let start = Instant::now();
    assert_eq!(plugin.run().code, 5);
    // Far below the 15 seconds of the default, far above what a loaded machine needs.
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
}

/// Runs it, with what differs from run to run named in its words.
fn run(plugin: &Plugin, table: &Table) -> Output {
    let mut output = plugin.run();
    output.stderr = output.stderr.replace(&table.world.sts.url(), "[sts]");
    output
}
