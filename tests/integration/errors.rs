//! The messages and exit codes of `get-token`. Standard output is empty in every row (the runner
//! checks that), and no secret is printed at any verbosity.

use std::cell::RefCell;
use std::rc::Rc;

use stand_ins::oidc::Issuer;
use stand_ins::sts::Failure;

use crate::support::aws::{AUDIENCE, Aws, SUBJECT, VIEWER, project_file};
use crate::support::plugin::{Output, Plugin};

/// A case: its name, the call, standard error, exit code.
type Row = (&'static str, fn(&Table) -> Plugin, &'static str, i32);

/// What the calls need.
struct Table {
    aws: Aws,
    /// The AWS accounts of single cases, which have to outlive the calls.
    others: RefCell<Vec<Rc<Aws>>>,
}

/// A secret that no output may contain.
const SECRET: &str = "hunter2-hunter2";

impl Table {
    fn new() -> Self {
        Self {
            aws: Aws::new(),
            others: RefCell::default(),
        }
    }

    /// `get-token env.yaml` for a cluster and region, with this definition.
    fn definition(&self, text: &str) -> Plugin {
        self.aws
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

    /// The same with `examples/environments/oidc.yaml`.
    fn oidc(&self) -> Plugin {
        self.definition(&project_file("examples/environments/oidc.yaml"))
    }

    /// The same with another AWS.
    fn oidc_in(&self, aws: Aws) -> Plugin {
        let plugin = aws
            .plugin_with_identity()
            .file("env.yaml", project_file("examples/environments/oidc.yaml"))
            .args([
                "get-token",
                "env.yaml",
                "-i",
                "demo",
                "--region",
                "eu-west-1",
            ]);
        self.others.borrow_mut().push(Rc::new(aws));
        plugin
    }

    /// The same with an STS that always fails like this.
    fn oidc_failing(&self, failure: Failure) -> Plugin {
        let aws = Aws::new();
        aws.sts.fail(failure, usize::MAX);
        self.oidc_in(aws)
    }

    /// A call with static credentials, without a command and settings.
    fn plain(&self) -> Plugin {
        self.aws.plugin().file(
            "env.yaml",
            format!(
                "values:\n  aws:\n    fn::open::aws-login:\n      static:\n        accessKeyId: \
                 AKIDEXAMPLE\n        secretAccessKey: {{fn::secret: {SECRET}}}\n"
            ),
        )
    }
}

const ROWS: &[Row] = &[
    // The exec info of client-go.
    (
        "exec info is not JSON",
        |t| t.plain().arg("get-token").env("KUBERNETES_EXEC_INFO", "{"),
        r"kubectl-esc: the variable `KUBERNETES_EXEC_INFO` is not an ExecCredential in JSON
  caused by: EOF while parsing an object at line 1 column 1
  hint: kubectl and other clients set `KUBERNETES_EXEC_INFO`; unset it to run kubectl-esc by hand
",
        2,
    ),
    (
        "exec info is an array",
        |t| t.plain().arg("get-token").env("KUBERNETES_EXEC_INFO", "[]"),
        r"kubectl-esc: the variable `KUBERNETES_EXEC_INFO` is not an ExecCredential in JSON
  caused by: invalid length 0, expected struct ExecCredentialJson with 2 elements at line 1 column 2
  hint: kubectl and other clients set `KUBERNETES_EXEC_INFO`; unset it to run kubectl-esc by hand
",
        2,
    ),
    (
        "exec info of an unknown version",
        |t| t.plain().arg("get-token").exec_info("v2", false, None),
        r"kubectl-esc: unsupported exec API version `client.authentication.k8s.io/v2`
  hint: set `apiVersion: client.authentication.k8s.io/v1` (or v1beta1) in the user's `exec` entry of the kubeconfig
",
        2,
    ),
    (
        "exec info of v1alpha1",
        |t| {
            t.plain()
                .arg("get-token")
                .exec_info("v1alpha1", false, None)
        },
        r"kubectl-esc: unsupported exec API version `client.authentication.k8s.io/v1alpha1`
  hint: Kubernetes 1.24 removed v1alpha1: set `apiVersion: client.authentication.k8s.io/v1` in the user's `exec` entry of the kubeconfig
",
        2,
    ),
    // Flags and variables.
    (
        "no environment specified",
        |t| t.plain().arg("get-token"),
        r"kubectl-esc: no environment specified
  hint: pass ENVIRONMENT, such as acme/platform/prod or ./env.yaml, or set KUBECTL_ESC_ENVIRONMENT
",
        2,
    ),
    (
        "unknown flag",
        |t| t.plain().args(["get-token", "env.yaml", "--regio", "x"]),
        r"kubectl-esc: unexpected argument '--regio' found
  hint: did you mean `--region`?
",
        2,
    ),
    (
        "no cluster name",
        |t| {
            t.plain()
                .args(["get-token", "env.yaml", "--region", "eu-west-1"])
        },
        r"kubectl-esc: no EKS cluster name specified
  hint: pass `--cluster-name NAME`, set KUBECTL_ESC_CLUSTER_NAME, or add `eks.clusterName` to the environment
",
        2,
    ),
    (
        "no cluster name, and no cluster information from the client",
        |t| {
            t.plain()
                .args(["get-token", "env.yaml", "--region", "eu-west-1"])
                .exec_info("v1", false, None)
        },
        r"kubectl-esc: no EKS cluster name specified, and the client passed no cluster information
  hint: pass `--cluster-name NAME`, set KUBECTL_ESC_CLUSTER_NAME, or add `eks.clusterName` to the environment
",
        2,
    ),
    (
        "ARN instead of the cluster name",
        |t| {
            let arn = "arn:aws:eks:eu-west-1:123456789012:cluster/demo";
            t.plain()
                .args(["get-token", "env.yaml", "-i", arn, "--region", "eu-west-1"])
        },
        r"kubectl-esc: cannot use the flag `--cluster-name`: `arn:aws:eks:eu-west-1:123456789012:cluster/demo` is the ARN of a cluster, not its name
  hint: use the name `demo`
",
        2,
    ),
    (
        "no region",
        |t| t.plain().args(["get-token", "env.yaml", "-i", "demo"]),
        r"kubectl-esc: no AWS region specified for the cluster
  hint: pass `--region REGION`, set KUBECTL_ESC_REGION or AWS_REGION, or add `eks.region` to the environment
",
        2,
    ),
    (
        "region is malformed",
        |t| {
            t.plain()
                .args(["get-token", "env.yaml", "-i", "demo", "--region", "eu west"])
        },
        r"kubectl-esc: cannot use the flag `--region`: `eu west` is not a valid AWS region name
  hint: use a region such as `eu-west-1`
",
        2,
    ),
    (
        "region without a dual-stack host",
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
        r"kubectl-esc: the region `us-iso-east-1` has no dual-stack STS endpoint: EKS accepts no dual-stack host in this partition
  hint: unset `AWS_USE_DUALSTACK_ENDPOINT`
",
        2,
    ),
    (
        "time limit is malformed",
        |t| {
            t.plain()
                .args(["get-token", "env.yaml"])
                .env("KUBECTL_ESC_TIMEOUT", "15")
        },
        r"kubectl-esc: cannot use the variable `KUBECTL_ESC_TIMEOUT`: `15` is not a duration
  hint: write a duration such as 15s
",
        2,
    ),
    (
        "external ID without a role",
        |t| t.oidc().args(["--external-id", "demo"]),
        r"kubectl-esc: the flag `--external-id` is set, but there is no role to assume
  hint: pass `--role-arn ARN` too
",
        2,
    ),
    // The definition file.
    (
        "environment in Pulumi Cloud, without a login",
        |t| t.plain().args(["get-token", "acme/prod"]),
        r"kubectl-esc: cannot open the environment `acme/prod`: not logged in to Pulumi Cloud at `api.pulumi.com`
  hint: run `pulumi login`, set PULUMI_ACCESS_TOKEN, or pass `--pulumi-oidc-token`
",
        4,
    ),
    (
        "environment file is missing",
        |t| t.plain().args(["get-token", "./no.yaml"]),
        r"kubectl-esc: the file `./no.yaml` does not exist
  hint: check the path of the definition
",
        2,
    ),
    (
        "environment file is a folder",
        |t| t.plain().args(["get-token", "./home"]),
        r"kubectl-esc: `./home` is a directory, not a definition
  hint: pass the YAML file
",
        2,
    ),
    // The content of the definition.
    (
        "YAML syntax error",
        |t| t.definition("values:\n  a: [1, 2\n  b: 3\n"),
        r"kubectl-esc: cannot open the environment `env.yaml`: its definition has 1 error
error: yaml: line 1: did not find expected ',' or ']'
 --> env.yaml:3:4
  |
3 |   b: 3
  |    ^
  hint: separate the items with commas, and end the list with `]`
",
        3,
    ),
    (
        "YAML syntax error in a secret",
        |t| {
            t.definition(&format!(
                "values:\n  a:\n    fn::secret: \"{SECRET}\n  b: 3\n"
            ))
        },
        r"kubectl-esc: cannot open the environment `env.yaml`: its definition has 1 error
error: yaml: line 3: found unexpected end of stream
 --> env.yaml:3:17
  |
3 |     fn::secret: ****************
  |                 ^
  hint: add the quote that ends the text
",
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
        r#"kubectl-esc: cannot open the environment `env.yaml`: its definition has 1 error
error: unknown property "accesKeyId"; did you mean "accessKeyId"?
 --> env.yaml:4:13
  |
4 |   a: ${creds.accesKeyId}
  |             ^^^^^^^^^^^
  hint: fix the definition; `kubectl-esc check env.yaml` validates it without opening it
"#,
        3,
    ),
    (
        "unknown property beside a secret",
        |t| {
            t.definition(&format!(
                "values: {{a: {{fn::secret: {SECRET}}}, b: '${{c}}'}}\n"
            ))
        },
        r#"kubectl-esc: cannot open the environment `env.yaml`: its definition has 1 error
error: unknown property "c"
 --> env.yaml:1:47
  |
1 | values: {a: {fn::secret: ***************}, b: '${c}'}
  |                                               ^^^^^^
  hint: use one of the properties `a`, `b`
"#,
        3,
    ),
    (
        "property of the Pulumi login without a login",
        |t| t.definition("values:\n  a: ${context.pulumi.user.login}\n"),
        r"kubectl-esc: cannot open the environment `env.yaml`: `context.pulumi.user.login` is not known on this machine
error: failed here
 --> env.yaml:2:27
  |
2 |   a: ${context.pulumi.user.login}
  |                           ^^^^^^
  caused by: not logged in to `https://api.pulumi.com`
  hint: run `pulumi login`, or use `--remote` to evaluate the definition in Pulumi Cloud
",
        2,
    ),
    (
        "role ARN with a short account",
        |t| {
            let oidc = project_file("examples/environments/oidc.yaml");
            t.definition(&oidc.replace("arn:aws:iam::123456789012:", "arn:aws:iam::1234567890:"))
        },
        r"kubectl-esc: cannot open the environment `env.yaml`: `roleArn` is not the ARN of an IAM role
error: failed here
 --> env.yaml:8:20
  |
8 |           roleArn: arn:aws:iam::1234567890:role/cluster-admin
  |                    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  hint: use an ARN such as `arn:aws:iam::123456789012:role/NAME`, whose account has 12 digits
",
        3,
    ),
    (
        "import cycle",
        |t| {
            t.definition("imports: [a]\nvalues: {x: 1}\n")
                .file("a.yaml", "imports: [b]\n")
                .file("b.yaml", "imports:\n  - a\n")
        },
        r"kubectl-esc: cannot open the environment `env.yaml`: its definition has 1 error
error: cyclic import of a
 --> b.yaml:2:5
  |
2 |   - a
  |     ^
  hint: fix the definition; `kubectl-esc check env.yaml` validates it without opening it
",
        3,
    ),
    (
        "import is missing",
        |t| t.definition("imports: [team/aws]\nvalues: {x: 1}\n"),
        r#"kubectl-esc: cannot open the environment `env.yaml`: environment "team/aws" not found
error: failed here
 --> env.yaml:1:11
  |
1 | imports: [team/aws]
  |           ^^^^^^^^
  hint: looked for team/aws.yaml and aws.yaml
"#,
        3,
    ),
    (
        "unknown provider",
        |t| t.definition("values:\n  a:\n    fn::open::vault-login: {}\n"),
        r#"kubectl-esc: cannot open the environment `env.yaml`: unknown provider "vault-login"
error: failed here
 --> env.yaml:3:5
  |
3 |     fn::open::vault-login: {}
  |     ^^^^^^^^^^^^^^^^^^^^^^^^
  hint: only `aws-login`, `azure-login`, `gcp-login` and `pulumi-stacks` work locally; use `--remote` to evaluate the definition in Pulumi Cloud
"#,
        3,
    ),
    (
        "invalid inputs of a provider",
        |t| {
            t.definition(
                "values:\n  a:\n    fn::open::aws-login:\n      oidc:\n        sessionName: x\n",
            )
        },
        r"kubectl-esc: cannot open the environment `env.yaml`: its definition has 2 errors
error: missing required properties: roleArn
 --> env.yaml:5:9
  |
5 |         sessionName: x
  |         ^^^^^^^^^^^^^^
error: expected a string of at least length 2
 --> env.yaml:5:22
  |
5 |         sessionName: x
  |                      ^
  hint: fix the definition; `kubectl-esc check env.yaml` validates it without opening it
",
        3,
    ),
    // The credentials of the environment.
    (
        "no credentials",
        |t| t.definition("values: {a: 1}\n"),
        r"kubectl-esc: the environment contains no AWS credentials
  hint: add `fn::open::aws-login` to it, or pass the path of credentials with `--credentials PATH`
",
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
        r"kubectl-esc: the environment contains several AWS credentials: `a`, `b`
  hint: choose one with `--credentials PATH`, or with `eks.credentials` in the environment
",
        6,
    ),
    (
        "incomplete credentials",
        |t| {
            t.definition(&format!(
                "values:\n  environmentVariables: {{AWS_SECRET_ACCESS_KEY: {SECRET}}}\n"
            ))
        },
        r"kubectl-esc: `environmentVariables` in the environment has `AWS_SECRET_ACCESS_KEY`, but no `AWS_ACCESS_KEY_ID`
  hint: add `AWS_ACCESS_KEY_ID`, or remove `AWS_SECRET_ACCESS_KEY`
",
        6,
    ),
    (
        "credentials path does not exist",
        |t| t.oidc().args(["--credentials", "aws.login"]),
        r"kubectl-esc: `aws.login` in the environment does not exist
  hint: pass the path of an object with `accessKeyId` and `secretAccessKey`, such as the output of `fn::open::aws-login`
",
        6,
    ),
    (
        "token too long",
        |t| t.oidc_in(Aws::with(|aws| aws.session_token_length = 13_000)),
        r"kubectl-esc: the token would be [length] bytes long, but clusters reject tokens longer than 16384 bytes
  hint: assume the role with fewer or shorter session policies and tags: the AWS session token is 13000 bytes long
",
        6,
    ),
    (
        "expiring credentials",
        |t| {
            t.definition(&format!(
            "values:\n  environmentVariables: {{AWS_ACCESS_KEY_ID: AKID, AWS_SECRET_ACCESS_KEY: {SECRET}}}\n"
        )).args(["--credential-lifetime", "30s"])
        },
        r"kubectl-esc: the AWS credentials expire too soon, at [soon]
  hint: get credentials that last longer, and check this machine's clock
",
        6,
    ),
    (
        "secret setting",
        |t| {
            t.aws
                .plugin()
                .file(
                    "env.yaml",
                    format!(
                        "values:\n  eks: {{clusterName: c, region: {{fn::secret: {SECRET} x}}}}\n"
                    ),
                )
                .args(["get-token", "env.yaml"])
        },
        r"kubectl-esc: cannot use `eks.region` in the environment: its value is malformed
  hint: correct the value; it is secret and therefore not shown
",
        2,
    ),
    (
        "secret role",
        |t| {
            let eks = format!("  eks: {{roleArn: {{fn::secret: '{VIEWER}-{SECRET}'}}}}\n");
            t.definition(&(project_file("examples/environments/oidc.yaml") + &eks))
        },
        r"kubectl-esc: AWS STS does not allow this identity to assume the role `[secret]`
  caused by: AccessDenied: User: arn:aws:sts::123456789012:assumed-role/cluster-admin/kubectl-esc is not authorized to perform: sts:AssumeRole on resource: [secret] (request ID [id])
  hint: check that the role's trust policy allows this identity and external ID, and that the identity has the permission `sts:AssumeRole`
",
        4,
    ),
    // The identity token.
    (
        "identity token is not specified",
        |t| t.oidc().env("AWS_WEB_IDENTITY_TOKEN_FILE", ""),
        r"kubectl-esc: cannot open the environment `env.yaml`: no identity token specified for AWS
error: failed here
 --> env.yaml:5:7
  |
5 |       fn::open::aws-login:
  |       ^^^^^^^^^^^^^^^^^^^^
  hint: pass `--web-identity-token-file PATH` or `--web-identity-token-env NAME`, set `AWS_WEB_IDENTITY_TOKEN_FILE`, or grant the GitHub Actions job the permission `id-token: write`
",
        2,
    ),
    (
        "identity token file is missing",
        |t| t.oidc().args(["--web-identity-token-file", "./none"]),
        r"kubectl-esc: cannot open the environment `env.yaml`: cannot read the identity token from the file `./none` (`--web-identity-token-file`)
error: failed here
 --> env.yaml:5:7
  |
5 |       fn::open::aws-login:
  |       ^^^^^^^^^^^^^^^^^^^^
  caused by: No such file or directory (os error [number])
  hint: check the path and the file's permissions
",
        2,
    ),
    (
        "identity token file is empty",
        |t| {
            t.oidc()
                .file("empty", "\n")
                .args(["--web-identity-token-file", "./empty"])
        },
        r"kubectl-esc: cannot open the environment `env.yaml`: there is no identity token in the file `./empty` (`--web-identity-token-file`)
error: failed here
 --> env.yaml:5:7
  |
5 |       fn::open::aws-login:
  |       ^^^^^^^^^^^^^^^^^^^^
  hint: check that the process that writes the file has run
",
        2,
    ),
    (
        "identity token is malformed",
        |t| {
            t.oidc()
                .file("odd", SECRET)
                .env("AWS_WEB_IDENTITY_TOKEN_FILE", "./odd")
        },
        r"kubectl-esc: cannot open the environment `env.yaml`: the file `./odd` (`AWS_WEB_IDENTITY_TOKEN_FILE`) does not contain a valid identity token
error: failed here
 --> env.yaml:5:7
  |
5 |       fn::open::aws-login:
  |       ^^^^^^^^^^^^^^^^^^^^
  hint: use a signed JSON web token (JWT): three parts in base64url, separated by dots
",
        2,
    ),
    (
        "identity token variable is not set",
        |t| t.oidc().args(["--web-identity-token-env", "MY_TOKEN"]),
        r"kubectl-esc: cannot open the environment `env.yaml`: there is no identity token in the variable `MY_TOKEN` (`--web-identity-token-env`)
error: failed here
 --> env.yaml:5:7
  |
5 |       fn::open::aws-login:
  |       ^^^^^^^^^^^^^^^^^^^^
  hint: set the variable to the identity token, or use another one
",
        2,
    ),
    (
        "identity token has expired",
        |t| {
            let token = t.aws.issuer.expired_token(AUDIENCE, SUBJECT, 1_700_000_000);
            t.oidc().file("identity", token)
        },
        r"kubectl-esc: cannot open the environment `env.yaml`: AWS STS rejected the identity token: it expired at 2023-11-14T22:12:20Z
error: failed here
 --> env.yaml:5:7
  |
5 |       fn::open::aws-login:
  |       ^^^^^^^^^^^^^^^^^^^^
  caused by: ExpiredTokenException: Token expired: current date/time [now] must be before the expiration date/time 1699999940 (request ID [id])
  hint: get a new identity token
",
        4,
    ),
    (
        "identity token of another issuer",
        |t| {
            let issuer = Issuer::new("https://elsewhere.example");
            t.oidc().file(
                "identity",
                issuer.token(AUDIENCE, SUBJECT, t.aws.clock.now()),
            )
        },
        r"kubectl-esc: cannot open the environment `env.yaml`: AWS STS rejected the identity token
error: failed here
 --> env.yaml:5:7
  |
5 |       fn::open::aws-login:
  |       ^^^^^^^^^^^^^^^^^^^^
  caused by: InvalidIdentityToken: No OpenIDConnect provider found in your account for https://elsewhere.example (request ID [id])
  caused by: the identity token has iss `https://elsewhere.example`, aud `sts.amazonaws.com`, sub `repo:acme/platform:ref:refs/heads/main`
  hint: check that the role's account has an identity provider for the token's issuer and audience
",
        4,
    ),
    (
        "identity token that was tampered with",
        |t| {
            let token = t
                .aws
                .issuer
                .tampered_token(AUDIENCE, SUBJECT, t.aws.clock.now());
            t.oidc().file("identity", token)
        },
        r"kubectl-esc: cannot open the environment `env.yaml`: AWS STS rejected the identity token
error: failed here
 --> env.yaml:5:7
  |
5 |       fn::open::aws-login:
  |       ^^^^^^^^^^^^^^^^^^^^
  caused by: InvalidIdentityToken: The ID Token provided has a signature that does not match. (request ID [id])
  caused by: the identity token has iss `https://token.actions.example`, aud `sts.amazonaws.com`, sub `repo:acme/platform:ref:refs/heads/main`
  hint: check that the role's account has an identity provider for the token's issuer and audience
",
        4,
    ),
    // STS.
    (
        "STS rejects the identity token for the role",
        |t| {
            let token = t
                .aws
                .issuer
                .token(AUDIENCE, "repo:evil/fork", t.aws.clock.now());
            t.oidc().file("identity", token)
        },
        r"kubectl-esc: cannot open the environment `env.yaml`: AWS STS does not allow this identity to assume the role `arn:aws:iam::123456789012:role/cluster-admin`
error: failed here
 --> env.yaml:5:7
  |
5 |       fn::open::aws-login:
  |       ^^^^^^^^^^^^^^^^^^^^
  caused by: AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity (request ID [id])
  caused by: the identity token has iss `https://token.actions.example`, aud `sts.amazonaws.com`, sub `repo:evil/fork`
  hint: check the role's trust policy: the identity provider, audience and subject that it allows
",
        4,
    ),
    (
        "STS rejects the role to assume",
        |t| {
            t.oidc()
                .args(["--role-arn", VIEWER, "--external-id", "wrong"])
        },
        r"kubectl-esc: AWS STS does not allow this identity to assume the role `arn:aws:iam::210987654321:role/cluster-viewer`
  caused by: AccessDenied: User: arn:aws:sts::123456789012:assumed-role/cluster-admin/kubectl-esc is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::210987654321:role/cluster-viewer (request ID [id])
  hint: check that the role's trust policy allows this identity and external ID, and that the identity has the permission `sts:AssumeRole`
",
        4,
    ),
    (
        "the session is longer than the role allows",
        |t| t.definition(&project_file("examples/environments/oidc.yaml").replace("1h", "2h")),
        r"kubectl-esc: cannot open the environment `env.yaml`: AWS STS rejected the session duration for the role `arn:aws:iam::123456789012:role/cluster-admin`
error: failed here
 --> env.yaml:5:7
  |
5 |       fn::open::aws-login:
  |       ^^^^^^^^^^^^^^^^^^^^
  caused by: ValidationError: The requested DurationSeconds exceeds the MaxSessionDuration set for this role. (request ID [id])
  hint: set a shorter `duration`, such as `duration: 1h`, or raise the role's maximum session duration
",
        3,
    ),
    (
        "STS is unreachable",
        |t| t.oidc().env("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1"),
        r"kubectl-esc: cannot open the environment `env.yaml`: cannot reach AWS STS at `127.0.0.1:1`
error: failed here
 --> env.yaml:5:7
  |
5 |       fn::open::aws-login:
  |       ^^^^^^^^^^^^^^^^^^^^
  caused by: the connection was refused
  caused by: Connection refused (os error [number])
  hint: check the network; if it requires a proxy, set `HTTPS_PROXY`
",
        5,
    ),
    (
        "STS is slow",
        |t| t.oidc_failing(Failure::Hang).args(["--timeout", "300ms"]),
        r"kubectl-esc: cannot open the environment `env.yaml`: AWS STS did not respond within 300ms
error: failed here
 --> env.yaml:5:7
  |
5 |       fn::open::aws-login:
  |       ^^^^^^^^^^^^^^^^^^^^
  hint: check the network, or increase `--timeout`
",
        5,
    ),
    (
        "STS fails",
        |t| t.oidc_failing(Failure::internal()),
        r"kubectl-esc: cannot open the environment `env.yaml`: AWS STS is temporarily unavailable
error: failed here
 --> env.yaml:5:7
  |
5 |       fn::open::aws-login:
  |       ^^^^^^^^^^^^^^^^^^^^
  caused by: InternalFailure: The request processing has failed because of an unknown error (request ID [id])
  hint: try again in a moment
",
        5,
    ),
    (
        "STS throttles",
        |t| t.oidc_failing(Failure::throttle()),
        r"kubectl-esc: cannot open the environment `env.yaml`: AWS STS is temporarily unavailable
error: failed here
 --> env.yaml:5:7
  |
5 |       fn::open::aws-login:
  |       ^^^^^^^^^^^^^^^^^^^^
  caused by: Throttling: Rate exceeded (request ID [id])
  hint: try again in a moment
",
        5,
    ),
    (
        "plain HTTP to another machine",
        |t| t.oidc().env("AWS_ENDPOINT_URL_STS", "http://sts.example"),
        r"kubectl-esc: `AWS_ENDPOINT_URL_STS` is not a usable endpoint URL
  caused by: the connection to `sts.example` would not be encrypted
  hint: use `https`; `http` is only allowed for loopback addresses, such as 127.0.0.1
",
        2,
    ),
];

#[test]
fn each_error_has_its_message_and_hint() {
    let table = Table::new();
    let mut failures = Vec::new();
    for (name, plugin, stderr, code) in ROWS {
        let plugin = plugin(&table);
        let quiet = run(&plugin, &table);
        if (quiet.stderr.as_str(), quiet.code) != (*stderr, *code) {
            failures.push(format!(
                "## {name}: exit code {}, wanted {code}\n{}\nwanted:\n{stderr}",
                quiet.code, quiet.stderr
            ));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// On Windows, `?` in a path is such an error too.
#[test]
fn path_that_no_file_can_have_is_explained() {
    let path = format!("./{}.yaml", "x".repeat(300));
    let table = Table::new();
    let output = table.plain().args(["get-token", &path]).run();
    let message = format!("kubectl-esc: cannot read the definition `{path}`\n  caused by: ");
    let hint = "  hint: check the path of the definition\n";
    assert!(output.stderr.starts_with(&message), "{output:#?}");
    assert!(output.stderr.ends_with(hint), "{output:#?}");
    assert_eq!(output.code, 2);
}

#[test]
fn no_secret_is_printed_at_any_verbosity() {
    let table = Table::new();
    for (name, plugin, ..) in ROWS {
        let plugin = plugin(&table).arg("-vv");
        let log = run(&plugin, &table).stderr;
        let identity = table.aws.identity();
        let parts = identity.split('.').chain([SECRET, "secretAccessKey: ASIA"]);
        for secret in parts {
            assert!(!log.contains(secret), "{name}: {log}");
        }
        for part in std::fs::read_to_string(plugin.path("identity"))
            .unwrap_or_default()
            .split('.')
        {
            // The header is the same in every token of an issuer, and no secret.
            assert!(part.len() < 20 || !log.contains(part), "{name}: {log}");
        }
    }
}

/// Runs the plugin, and replaces what differs between runs in its message: addresses of stand-ins, times,
/// request ids.
fn run(plugin: &Plugin, table: &Table) -> Output {
    let mut output = plugin.run();
    let others = table.others.borrow();
    for aws in others.iter().map(Rc::as_ref).chain([&table.aws]) {
        let url = aws.sts.url();
        let address = url.trim_start_matches("http://");
        output.stderr = output.stderr.replace(address, "[sts]");
    }
    for (start, end, name) in [
        ("(request ID ", ")", "[id]"),
        ("current date/time ", " ", "[now]"),
        ("(os error ", ")", "[number]"),
        ("the token would be ", " bytes", "[length]"),
        ("AWS credentials expire too soon, at ", "\n", "[soon]"),
    ] {
        if let Some(at) = output.stderr.find(start).map(|at| at + start.len()) {
            let length = output.stderr[at..].find(end).expect("the end of the value");
            output.stderr.replace_range(at..at + length, name);
        }
    }
    output
}
