//! Pipes, devices and links in place of files: a call reads what is written to a pipe, never waits beyond
//! its deadline or reads without end, and shows nothing of files outside of the directory of imports.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::cache::through_shell;
use crate::support::aws::{ADMIN, Aws};
use crate::support::plugin::{Output, Plugin, run};

/// Above the timeout of each call, on a busy machine too.
const HUNG: Duration = Duration::from_secs(20);

const SERVER: &str = "https://api.example.com";

const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

/// A file that a call reads.
struct Row {
    name: &'static str,
    path: &'static str,
    call: fn(Plugin) -> Plugin,
    /// The exit code and a line of the message if it is a pipe without a writer.
    pipe: (i32, &'static str),
    /// The same if it is endless.
    endless: (i32, &'static str),
}

const LATE: (i32, &str) = (5, "  caused by: its writer did not finish within 300ms");
const REJECTED: (i32, &str) = (2, "  caused by: it is not a regular file");
/// The file is ignored.
const REFUSED: (i32, &str) = (5, "  caused by: the connection was refused");
const LARGE_DEFINITION: (i32, &str) = (
    2,
    "kubectl-esc: the definition `env.yaml` is larger than 16777216 bytes",
);

const ROWS: &[Row] = &[
    Row {
        name: "definition to check",
        path: "env.yaml",
        call: |plugin| plugin.args(["check", "env.yaml"]),
        pipe: LATE,
        endless: LARGE_DEFINITION,
    },
    Row {
        name: "definition for a token",
        path: "env.yaml",
        call: |plugin| plugin.args(["get-token", "env.yaml", "-i", "demo"]),
        pipe: LATE,
        endless: LARGE_DEFINITION,
    },
    Row {
        name: "definition for Pulumi Cloud",
        path: "env.yaml",
        call: |plugin| plugin.args(["check", "--remote", "env.yaml"]),
        pipe: LATE,
        endless: LARGE_DEFINITION,
    },
    Row {
        name: "import",
        path: "default/base.yaml",
        call: |plugin| {
            plugin
                .file("env.yaml", "imports: [base]\n")
                .args(["check", "env.yaml"])
        },
        pipe: (3, "  = note: caused by: it is not a regular file"),
        endless: (
            3,
            "error: `default/base.yaml` is a link out of the directory of imports",
        ),
    },
    Row {
        name: "login",
        path: "home/.pulumi/credentials.json",
        call: |plugin| plugin.args(["check", "acme/platform/prod"]),
        pipe: REJECTED,
        endless: REJECTED,
    },
    Row {
        name: "settings",
        path: "home/.pulumi/config.json",
        call: cloud,
        pipe: REJECTED,
        endless: REJECTED,
    },
    Row {
        name: "AWS_CA_BUNDLE",
        path: "ca/a.pem",
        call: |plugin| {
            let path = plugin.path("ca/a.pem");
            cloud(plugin).env("AWS_CA_BUNDLE", path)
        },
        pipe: REJECTED,
        endless: REJECTED,
    },
    Row {
        name: "SSL_CERT_FILE",
        path: "ca/a.pem",
        call: |plugin| {
            let path = plugin.path("ca/a.pem");
            cloud(plugin).env("SSL_CERT_FILE", path)
        },
        pipe: REJECTED,
        endless: REJECTED,
    },
    Row {
        name: "SSL_CERT_DIR",
        path: "ca/a.pem",
        call: |plugin| {
            let path = plugin.path("ca");
            cloud(plugin).env("SSL_CERT_DIR", path)
        },
        pipe: REFUSED,
        endless: REFUSED,
    },
    Row {
        name: "kubeconfig",
        path: "home/.kube/config",
        call: update_kubeconfig,
        pipe: REJECTED,
        endless: REJECTED,
    },
    Row {
        name: "kubeconfig to compare",
        path: "home/.kube/config",
        call: |plugin| update_kubeconfig(plugin).arg("--dry-run"),
        pipe: LATE,
        endless: (2, "  caused by: it is larger than 16 MiB"),
    },
    Row {
        name: "certificates of a cluster",
        path: "ca/a.pem",
        call: |plugin| update_kubeconfig(plugin).args(["--certificate-authority", "ca/a.pem"]),
        pipe: LATE,
        endless: (2, "  caused by: it is larger than 1 MiB"),
    },
    Row {
        name: "identity token",
        path: "token",
        call: |plugin| {
            plugin
                .file("env.yaml", oidc())
                .args(["get-token", "env.yaml", "-i", "demo"])
                .args(["--region", "eu-west-1"])
                .args(["--web-identity-token-file", "token"])
        },
        pipe: LATE,
        endless: (
            2,
            "kubectl-esc: cannot open the environment `env.yaml`: the file `token` \
             (`--web-identity-token-file`) is too long for an identity token",
        ),
    },
];

/// A call of a Pulumi Cloud that is not running.
fn cloud(plugin: Plugin) -> Plugin {
    plugin
        .env("PULUMI_ACCESS_TOKEN", "pul-token")
        .env("PULUMI_BACKEND_URL", "https://127.0.0.1:1")
        .args(["check", "platform/prod"])
}

fn update_kubeconfig(plugin: Plugin) -> Plugin {
    plugin
        .args(["update-kubeconfig", "acme/prod", "--cluster-name", "demo"])
        .args(["--server", SERVER])
}

fn oidc() -> String {
    format!(
        "values:\n  aws:\n    fn::open::aws-login:\n      oidc: {{roleArn: {ADMIN:?}, sessionName: demo, \
         duration: 1h}}\n"
    )
}

impl Row {
    /// The call, with `make` at the path of the file.
    fn call(&self, make: fn(&Path)) -> Plugin {
        let plugin = Plugin::new();
        let path = plugin.path(self.path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        make(&path);
        (self.call)(plugin)
    }

    fn assert(&self, output: &Output, (code, line): (i32, &str)) {
        assert_eq!(output.code, code, "{}: {output:?}", self.name);
        let has_line = output.stderr.lines().any(|it| it == line);
        assert!(has_line, "{}: {output:?}", self.name);
    }
}

fn make_pipe(path: &Path) {
    let status = Command::new("mkfifo").arg(path).status().unwrap();
    assert!(status.success());
}

#[test]
fn pipe_without_a_writer_does_not_block_a_call() {
    for row in ROWS {
        let mut call = row.call(make_pipe);
        if row.pipe == LATE {
            call = call.args(["--timeout", "300ms"]);
        }
        row.assert(&call.run_within(HUNG), row.pipe);
    }
}

/// Each call may use 1 GB of address space.
#[test]
fn endless_file_is_read_up_to_a_limit() {
    for row in ROWS {
        let call = row.call(|path| symlink("/dev/zero", path).unwrap());
        let call = through_shell(&call.command(), "ulimit -v 1000000; exec \"$@\"", "sh");
        row.assert(&run(call, HUNG), row.endless);
    }
}

#[test]
fn pipe_is_read_until_its_writer_closes_it() {
    let aws = Aws::new();
    let definition = oidc() + "  eks: {clusterName: demo, region: eu-west-1}\n";
    let cases: [(&str, Plugin, String); 5] = [
        (
            "definition",
            aws.plugin_with_identity().args(["get-token", "/dev/stdin"]),
            definition.clone(),
        ),
        (
            "definition to check",
            Plugin::new().args(["check", "/dev/stdin"]),
            definition.clone(),
        ),
        (
            "identity token",
            aws.plugin()
                .file("env.yaml", &definition)
                .args(["get-token", "env.yaml"])
                .args(["--web-identity-token-file", "/dev/stdin"]),
            aws.identity(),
        ),
        (
            "kubeconfig",
            update_kubeconfig(Plugin::new()).args(["--dry-run", "--kubeconfig", "/dev/stdin"]),
            "users: []\n".to_owned(),
        ),
        (
            "certificates of a cluster",
            update_kubeconfig(Plugin::new()).args(["--certificate-authority", "/dev/stdin"]),
            CERTIFICATE.to_owned(),
        ),
    ];
    for (name, call, content) in cases {
        let call = call.file("content", content);
        let output = run(
            through_shell(&call.command(), "cat content | \"$@\"", "sh"),
            HUNG,
        );
        assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{name}");
    }
}

/// Makes the call while a shell runs `command`, and stops that if it is still running after the call.
fn run_beside(plugin: &Plugin, command: &str) -> Output {
    let script = format!("{command} & \"$@\"; code=$?; kill $! 2>/dev/null; exit $code");
    run(through_shell(&plugin.command(), &script, "sh"), HUNG)
}

#[test]
fn named_pipe_is_read() {
    let aws = Aws::new();
    let definition = oidc() + "  eks: {clusterName: demo, region: eu-west-1}\n";
    let cases = [
        (
            aws.plugin_with_identity().args(["get-token", "./pipe"]),
            definition.clone(),
        ),
        (
            aws.plugin()
                .file("env.yaml", &definition)
                .args(["get-token", "env.yaml"])
                .args(["--web-identity-token-file", "pipe"]),
            aws.identity(),
        ),
    ];
    for (call, content) in cases {
        let call = call.file("content", content);
        make_pipe(&call.path("pipe"));
        run_beside(&call, "cat content > pipe").token();
    }
}

#[test]
fn pipe_is_not_replaced_by_a_kubeconfig() {
    let plugin = update_kubeconfig(Plugin::new());
    fs::create_dir(plugin.path("home/.kube")).unwrap();
    let config = plugin.path("home/.kube/config");
    make_pipe(&config);
    let output = run_beside(&plugin, "echo 'users: []' > home/.kube/config");
    assert_eq!(output.code, 2, "{output:?}");
    assert!(!fs::symlink_metadata(config).unwrap().is_file());
}

#[test]
fn import_is_read_through_links_within_the_directory_only() {
    /// The path of a link, and where it leads.
    type Link = (&'static str, &'static str);

    // The exit codes of `check envs/env.yaml` with `--root .` and without it.
    let cases: [(&str, &[Link], i32, i32); 6] = [
        (
            "outside",
            &[("envs/base.yaml", "../elsewhere/base.yaml")],
            3,
            3,
        ),
        (
            "directory outside",
            &[("envs/default", "../elsewhere")],
            3,
            3,
        ),
        (
            "link to a link",
            &[
                ("envs/default", "inner"),
                ("envs/inner/base.yaml", "../../elsewhere/base.yaml"),
            ],
            3,
            3,
        ),
        (
            "within the root",
            &[("base.yaml", "elsewhere/base.yaml")],
            0,
            3,
        ),
        (
            "within the directory",
            &[
                ("envs/base.yaml", "inner/good.yaml"),
                ("base.yaml", "envs/base.yaml"),
            ],
            0,
            0,
        ),
        ("broken", &[("envs/base.yaml", "none.yaml")], 3, 3),
    ];
    for (name, links, with_root, without_root) in cases {
        let plugin = Plugin::new()
            .file("envs/env.yaml", "imports: [base]\n")
            .file("envs/inner/good.yaml", "values: {a: b}\n")
            .file("elsewhere/base.yaml", "values: {a: b}\n");
        for (link, target) in links {
            symlink(target, plugin.path(link)).unwrap();
        }
        let plugin = plugin.args(["check", "envs/env.yaml"]);
        assert_eq!(plugin.run().code, without_root, "{name}");
        assert_eq!(plugin.args(["--root", "."]).run().code, with_root, "{name}");
    }
}

#[test]
fn line_of_a_file_outside_of_the_directory_is_not_shown() {
    let plugin = Plugin::new()
        .file("envs/env.yaml", "imports: [base]\n")
        .file("login", "hunter2: hunter2: [\n")
        .args(["check", "envs/env.yaml"]);
    symlink("../login", plugin.path("envs/base.yaml")).unwrap();
    plugin.run().assert_fails(
        "kubectl-esc: `envs/env.yaml` cannot be used: its definition has 1 error
error: `envs/base.yaml` is a link out of the directory of imports
 --> envs/env.yaml:1:11
  |
1 | imports: [base]
  |           ^^^^
  |
  = help: replace the link with a copy, or pass the directory of the file with `--root`
",
        3,
    );
}

#[test]
fn directory_of_imports_may_be_a_link() {
    let plugin = Plugin::new()
        .file("real/env.yaml", "imports: [base]\n")
        .file("real/base.yaml", "values: {a: b}\n")
        .args(["check", "envs/env.yaml"]);
    symlink("real", plugin.path("envs")).unwrap();
    plugin.run().assert("", "", 0);
}

/// Only Linux has such paths.
#[cfg(target_os = "linux")]
#[test]
fn path_need_not_be_utf_8() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let name = OsStr::from_bytes(b"caf\xe9");
    let definition = Path::new(name).join("env.yaml");
    let aws = Aws::new();
    let plugin = |arguments: &[&OsStr]| {
        let plugin = aws
            .plugin()
            .file(&definition, "imports: [base]\n".to_owned() + &oidc())
            .file(
                Path::new(name).join("base.yaml"),
                "values: {eks: {clusterName: demo, region: eu-west-1}}\n",
            )
            .file(Path::new(name).join("token"), aws.identity())
            .file(Path::new(name).join("ca.pem"), CERTIFICATE)
            .args(arguments);
        let home = plugin.path(name);
        plugin.env("HOME", home)
    };
    let os = OsStr::new;
    let path = definition.as_os_str();
    let token = Path::new(name).join("token");
    let certificates = Path::new(name).join("ca.pem");
    for arguments in [
        &[os("check"), path][..],
        &[os("check"), path, os("--root"), name],
        &[
            os("open"),
            path,
            os("eks"),
            os("--web-identity-token-file"),
            token.as_os_str(),
        ],
        &[
            os("get-token"),
            path,
            os("--web-identity-token-file"),
            token.as_os_str(),
        ],
        &[
            os("update-kubeconfig"),
            os("acme/prod"),
            os("--cluster-name=demo"),
            os("--server=https://api.example.com"),
            os("--certificate-authority"),
            certificates.as_os_str(),
            os("--kubeconfig"),
            token.with_extension("config").as_os_str(),
        ],
    ] {
        let output = plugin(arguments).run();
        assert_eq!(
            (output.code, output.stderr.as_str()),
            (0, ""),
            "{arguments:?}"
        );
    }
    let by_variable = plugin(&[
        os("get-token"),
        os("--web-identity-token-file"),
        token.as_os_str(),
    ])
    .env("KUBECTL_ESC_ENVIRONMENT", path);
    by_variable.run().token();

    // A kubeconfig is JSON or YAML, and a name in Pulumi Cloud is part of a URL.
    let message = "kubectl-esc: the path `caf\u{fffd}/env.yaml` is not valid UTF-8\n  hint: rename \
                   the file, or use a symbolic link with a UTF-8 name\n";
    for arguments in [
        &[
            os("update-kubeconfig"),
            path,
            os("--cluster-name=demo"),
            os("--server=https://api.example.com"),
        ][..],
        &[os("convert-kubeconfig"), path],
    ] {
        let config = "users: [{name: a, user: {exec: {command: aws, args: [eks, get-token, \
                      --cluster-name, a]}}}]\n";
        let plugin = plugin(arguments).file(Path::new(name).join(".kube/config"), config);
        plugin.run().assert_fails(message, 2);
    }
    plugin(&[os("check"), name]).run().assert_fails(
        "kubectl-esc: the environment name `caf\u{fffd}` is not valid UTF-8\n  hint: pass a definition \
         file such as ./env.yaml, or a name in Pulumi Cloud\n",
        2,
    );
}
