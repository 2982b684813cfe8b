//! A healthy context, and contexts with one problem each.

use serde_json::{Value, json};
use stand_ins::http::{Reply, Response, Server};
use stand_ins::pulumi_cloud::configuration::STRANGERS_TOKEN;
use stand_ins::sts::configuration::{AUDIENCE, ROLE};
use stand_ins::tls::Authority;

use super::{Diagnosis, Fixture, STEPS};

/// A broken context.
struct Case {
    name: &'static str,
    /// Breaks it. What it returns lives as long as the test.
    break_it: fn(&mut Fixture) -> Option<Server>,
    step: &'static str,
    code: i32,
    detail: &'static str,
    hint: &'static str,
}

/// The steps that are skipped if a step fails.
fn dependents(step: &str) -> &'static [&'static str] {
    match step {
        "kubeconfig" => &STEPS[1..9],
        "login" => &[
            "environment",
            "credentials",
            "cluster",
            "token",
            "aws-sts",
            "api-server",
            "clock",
        ],
        "environment" => &[
            "credentials",
            "cluster",
            "token",
            "aws-sts",
            "api-server",
            "clock",
        ],
        "cluster" => &["credentials", "token", "aws-sts", "api-server", "clock"],
        "credentials" => &["token", "aws-sts", "api-server", "clock"],
        "token" => &["aws-sts", "api-server", "clock"],
        _ => &[],
    }
}

const LOCAL: &str = "\
values:
  aws:
    fn::open::aws-login:
      oidc: {roleArn: ROLE, sessionName: local, duration: 1h}
";

/// A local definition, with an identity token of this subject.
pub(super) fn open_locally(fixture: &mut Fixture, subject: &str) {
    let now = fixture.aws.clock.now();
    let token = fixture.aws.issuer.token(AUDIENCE, subject, now);
    fixture.file("identity", token);
    fixture.set("AWS_WEB_IDENTITY_TOKEN_FILE", "./identity");
    fixture.file("env.yaml", LOCAL.replace("ROLE", ROLE));
    fixture.open("env.yaml");
}

/// Replaces the API server by one that sends this response to every request.
fn respond(fixture: &mut Fixture, response: Response) -> Server {
    let authority = Authority::new();
    let server = Server::start(Some(authority.server(|_| false)), move |_| {
        Reply::Answer(response.clone())
    });
    fixture.file("server-ca.pem", authority.pem());
    *fixture.cluster() = json!({
        "server": format!("https://{}", server.address()),
        "certificate-authority": "server-ca.pem",
    });
    server
}

const CASES: &[Case] = &[
    Case {
        name: "there is no kubeconfig",
        break_it: |f| {
            f.kubeconfig = Value::Null;
            None
        },
        step: "kubeconfig",
        code: 2,
        detail: "there is no kubeconfig `config`",
        hint: "pass `--kubeconfig FILE`, create one",
    },
    Case {
        name: "no current context",
        break_it: |f| {
            f.kubeconfig["current-context"] = "".into();
            None
        },
        step: "kubeconfig",
        code: 2,
        detail: "the kubeconfig has no current context",
        hint: "pass `--context NAME`",
    },
    Case {
        name: "the user runs the AWS CLI",
        break_it: |f| {
            f.exec()["command"] = "aws".into();
            f.exec()["args"] = json!(["eks", "get-token", "--cluster-name", "prod"]);
            None
        },
        step: "kubeconfig",
        code: 2,
        detail: "user `prod` runs `aws`, not kubectl-esc",
        hint: "convert-kubeconfig",
    },
    Case {
        name: "an argument that get-token does not have",
        break_it: |f| {
            f.exec()["args"][2] = "--cluster".into();
            None
        },
        step: "kubeconfig",
        code: 2,
        detail: "the plugin rejects the arguments or variables of the user: unexpected argument '--cluster'",
        hint: "",
    },
    Case {
        name: "a version that Kubernetes has removed",
        break_it: |f| {
            f.exec()["apiVersion"] = "client.authentication.k8s.io/v1alpha1".into();
            None
        },
        step: "kubeconfig",
        code: 2,
        detail: "unsupported exec API version `client.authentication.k8s.io/v1alpha1`",
        hint: "Kubernetes 1.24 removed v1alpha1",
    },
    Case {
        name: "not logged in",
        break_it: |f| {
            f.variables.remove("PULUMI_ACCESS_TOKEN");
            None
        },
        step: "login",
        code: 2,
        detail: "not logged in to Pulumi Cloud",
        hint: "run `pulumi login`",
    },
    Case {
        name: "the access token is not valid",
        break_it: |f| {
            f.set("PULUMI_ACCESS_TOKEN", "pul-no-such-token");
            None
        },
        step: "login",
        code: 4,
        detail: "rejected the access token",
        hint: "set PULUMI_ACCESS_TOKEN to a token that is valid",
    },
    Case {
        name: "the environment does not exist",
        break_it: |f| {
            f.open("acme/platform/absent");
            None
        },
        step: "environment",
        code: 2,
        detail: "acme/platform/absent",
        hint: "",
    },
    Case {
        name: "another user's environment",
        break_it: |f| {
            f.set("PULUMI_ACCESS_TOKEN", STRANGERS_TOKEN);
            None
        },
        step: "environment",
        code: 2,
        detail: "acme/platform/prod",
        hint: "",
    },
    Case {
        name: "the definition has an error",
        break_it: |f| {
            f.open("acme/test/broken");
            None
        },
        step: "environment",
        code: 3,
        detail: "its definition has 1 error",
        hint: "fix the definition",
    },
    Case {
        name: "the trust policy refuses the identity token",
        break_it: |f| {
            open_locally(f, "repo:evil/fork");
            None
        },
        step: "environment",
        code: 4,
        detail: "sub `repo:evil/fork`",
        hint: "check the role's trust policy",
    },
    Case {
        name: "no credentials in the environment",
        break_it: |f| {
            f.open("acme/test/none");
            None
        },
        step: "credentials",
        code: 6,
        detail: "the environment contains no AWS credentials",
        hint: "fn::open::aws-login",
    },
    Case {
        name: "no cluster name",
        break_it: |f| {
            f.open("acme/test/nameless");
            f.exec()["args"].as_array_mut().unwrap().drain(2..4);
            None
        },
        step: "cluster",
        code: 2,
        detail: "no EKS cluster name specified",
        hint: "pass `--cluster-name NAME`",
    },
    Case {
        name: "the token is too long",
        break_it: |f| {
            f.open("acme/test/long");
            None
        },
        step: "token",
        code: 6,
        detail: "clusters reject tokens longer than 16384 bytes",
        hint: "fewer or shorter session policies",
    },
    Case {
        name: "credentials unknown to AWS",
        break_it: |f| {
            f.open("acme/test/unknown");
            None
        },
        step: "aws-sts",
        code: 4,
        detail: "InvalidClientTokenId",
        hint: "check the credentials",
    },
    Case {
        name: "another cluster's name",
        break_it: |f| {
            f.exec()["args"][3] = "staging".into();
            None
        },
        step: "api-server",
        code: 4,
        detail: "rejected the token\ncaused by: HTTP status 401 (Unauthorized)",
        hint: "check that `staging` is the name of this cluster, and that it has an access entry \
               (`aws eks list-access-entries --cluster-name staging --region eu-west-1`) or an entry \
               in the config map `aws-auth` for `arn:aws:iam::123456789012:role/esc-oidc`",
    },
    Case {
        name: "another cluster's name, and the kubeconfig has the right one",
        break_it: |f| {
            let arn = "arn:aws:eks:eu-west-1:123456789012:cluster/prod";
            f.kubeconfig["clusters"][0]["name"] = arn.into();
            f.kubeconfig["contexts"][0]["context"]["cluster"] = arn.into();
            f.exec()["args"][3] = "staging".into();
            None
        },
        step: "api-server",
        code: 4,
        detail: "rejected the token",
        hint: "the kubeconfig's cluster is `prod` in region `eu-west-1`",
    },
    Case {
        name: "another region, and the name of another cluster",
        break_it: |f| {
            f.cluster()["server"] = "https://A1.gr7.eu-west-1.eks.amazonaws.com".into();
            f.cluster()["proxy-url"] = f.eks_proxy.url().into();
            f.exec()["args"][3] = "staging".into();
            f.exec()["args"][5] = "eu-central-1".into();
            None
        },
        step: "api-server",
        code: 4,
        detail: "rejected the token",
        hint: "the token is for region `eu-central-1`, but the API server is in region `eu-west-1`",
    },
    Case {
        name: "the certificate authority of another cluster",
        break_it: |f| {
            let pem = Authority::new().pem();
            f.cluster()["certificate-authority-data"] =
                encodings::base64::encode_standard_padded(pem.as_bytes()).into();
            None
        },
        step: "api-server",
        code: 5,
        detail: "signed by an unknown authority",
        hint: "update the certificate authority of the cluster in the kubeconfig",
    },
    Case {
        name: "a certificate for another name",
        break_it: |f| {
            f.cluster()["tls-server-name"] = "127.0.0.2".into();
            None
        },
        step: "api-server",
        code: 5,
        detail: "the server's certificate is for another host name",
        hint: "check `server` and `tls-server-name`",
    },
    Case {
        name: "a file with certificates that does not exist",
        break_it: |f| {
            let cluster = f.cluster().as_object_mut().unwrap();
            cluster.remove("certificate-authority-data");
            f.cluster()["certificate-authority"] = "absent.pem".into();
            None
        },
        step: "api-server",
        code: 2,
        detail: "cannot read the certificate authority in `absent.pem`",
        hint: "check `certificate-authority` of the cluster",
    },
    Case {
        name: "nothing listens at the address",
        break_it: |f| {
            f.cluster()["server"] = "https://127.0.0.1:1".into();
            None
        },
        step: "api-server",
        code: 5,
        detail: "the connection was refused",
        hint: "check `server` and its port",
    },
    Case {
        name: "the cluster's proxy does not know the server",
        break_it: |f| {
            f.cluster()["proxy-url"] = f.proxy.url().into();
            None
        },
        step: "api-server",
        code: 5,
        detail: "cannot reach `127.0.0.1`",
        hint: "check `proxy-url` of the cluster",
    },
    Case {
        name: "the token would not be encrypted",
        break_it: |f| {
            f.cluster()["server"] = "http://api.example.com".into();
            None
        },
        step: "api-server",
        code: 2,
        detail: "the connection to `api.example.com` would not be encrypted",
        hint: "use `https`",
    },
    Case {
        name: "a sign-in page answers for the server",
        break_it: |f| {
            Some(respond(
                f,
                Response::new(200, "text/html", "<html>Sign in</html>"),
            ))
        },
        step: "api-server",
        code: 5,
        detail: "the response did not come from a Kubernetes API server",
        hint: "check `server` of the cluster",
    },
    Case {
        name: "the API server is overloaded",
        break_it: |f| {
            let status = json!({"kind": "Status", "message": "etcd\nleader changed", "code": 500});
            Some(respond(
                f,
                Response::new(500, "application/json", status.to_string()),
            ))
        },
        step: "api-server",
        code: 5,
        detail: "HTTP status 500: etcd leader changed",
        hint: "try again in a moment",
    },
];

fn print(name: &str, diagnosis: &Diagnosis) {
    let Diagnosis { text, json, .. } = diagnosis;
    println!("## {name}\n\nExit code {}\n", text.code);
    println!(
        "```text\n{}```\n\n```json\n{}```\n",
        text.stdout, json.stdout
    );
}

#[test]
fn healthy_context_is_ok_up_to_the_api_server() {
    let fixture = Fixture::new();
    let diagnosis = fixture.diagnose();
    print("healthy", &diagnosis);
    assert_eq!(diagnosis.text.code, 0);
    assert_eq!(diagnosis.with_status("ok"), STEPS, "{:#?}", diagnosis.text);
    for (step, detail) in [
        ("kubeconfig", "user `prod` of context `prod` runs `"),
        (
            "login",
            "the user `alice`, with the access token from the variable `PULUMI_ACCESS_TOKEN`, at `http://",
        ),
        ("environment", "`acme/platform/prod` opens in "),
        (
            "credentials",
            "role/esc-oidc` in account 123456789012, valid until ",
        ),
        ("credentials", "(from `duration` in the definition)"),
        (
            "cluster",
            "`prod` (from the flag `--cluster-name`) in region `eu-west-1` (from the flag `--region`)",
        ),
        ("token", " bytes, valid until "),
        (
            "aws-sts",
            "accepts the token as `arn:aws:sts::123456789012:assumed-role/esc-oidc/pulumi-esc`",
        ),
        (
            "api-server",
            "`127.0.0.1` accepts the token as `arn:aws:sts::123456789012:assumed-role/esc-oidc/pulumi-esc` (groups `system:authenticated`)",
        ),
        ("clock", "agrees with that of AWS"),
        (
            "cache",
            "has 0 entries, none for this call; no failure recorded",
        ),
    ] {
        diagnosis.assert_step(step, "ok", detail, "");
    }
    // The token was sent only to AWS and to the API server: once in each run.
    assert_eq!(fixture.api_server.log().accepted.len(), 2);
    assert_eq!(fixture.proxy.requested().len(), 2);
}

#[test]
fn each_broken_context_fails_at_its_step() {
    for case in CASES {
        let mut fixture = Fixture::new();
        let _server = (case.break_it)(&mut fixture);
        let diagnosis = fixture.diagnose();
        print(case.name, &diagnosis);
        let Diagnosis { text, .. } = &diagnosis;
        assert_eq!(text.code, case.code, "{}: {text:#?}", case.name);
        let failed: &[&str] = match case.step {
            // The cluster asks AWS too.
            "aws-sts" => &["aws-sts", "api-server"],
            step => &[step],
        };
        assert_eq!(
            diagnosis.with_status("failed"),
            failed,
            "{}: {text:#?}",
            case.name
        );
        diagnosis.assert_step(case.step, "failed", case.detail, case.hint);
        let mut skipped = dependents(case.step).to_vec();
        // When AWS STS refused the identity token, its clock became known.
        let was_aws_asked = diagnosis.step("clock")["status"] == "ok";
        if was_aws_asked && case.detail.starts_with("sub ") {
            skipped.retain(|step| *step != "clock");
        }
        skipped.sort_by_key(|step| STEPS.iter().position(|name| name == step));
        assert_eq!(diagnosis.with_status("skipped"), skipped, "{}", case.name);
        for step in skipped {
            let reason = format!("needs the result of `{}`", case.step);
            diagnosis.assert_step(step, "skipped", &reason, "");
        }
    }
}
