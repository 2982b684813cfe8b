"""The stand-in for Pulumi Cloud (testing/stand-ins/src/bin/pulumi-cloud-stand-in.rs), with its own STS."""

from .processes import Failure
from .stand_in import DEPLOYERS_KEY, StandIn

TOKEN = "pul-0123456789abcdef0123456789abcdef01234567"
ROLE = "arn:aws:iam::123456789012:role/esc-oidc"
ISSUER = "https://token.actions.githubusercontent.com"

# One environment in three revisions, with each kind of value that a client can get wrong. It has no
# reference with an index, such as ${nested[2]}, because the SDK (0.14.0) fails to read its expression.
EVERYTHING = """\
imports:
- base
values:
  revision: REVISION
  texts:
    empty: ""
    line breaks: "a\\nb\\n"
    signs: "<&> é 🙂 \\u2028 $$ \\" '"
    "a.b c": dotted
  numbers: [0, -1, 1.5, 1e21, 9007199254740993, 18446744073709551615]
  booleans: [true, false]
  nothing: null
  nested: [[], {}, [{deep: [{deeper: true}]}]]
  same: ${nested}
  number: 1.50
  text: number ${number} of ${inherited}
  password:
    fn::secret: hunter2
  json:
    fn::toJSON: {b: "${password}", a: [1]}
  parsed:
    fn::fromJSON: '{"x": {"y": [null, 2.50]}}'
  encoded:
    fn::toBase64: ${texts.signs}
  joined:
    fn::join: ["-", ["${texts.empty}", b]]
  stack:
    fn::open::pulumi-stacks:
      stacks: {cluster: {stack: cluster/dev}}
  aws:
    login:
      fn::open::aws-login:
        static: {accessKeyId: AKIAIOSFODNN7EXAMPLE, secretAccessKey: {fn::secret: shh}}
  who: ${context.pulumi.user.login} in ${context.currentEnvironment.name}
  environmentVariables:
    AWS_REGION: eu-west-1
    AWS_ACCESS_KEY_ID: ${aws.login.accessKeyId}
"""
BASE = "values:\n  inherited: ${context.currentEnvironment.name}\n  nested: replaced\n"
OIDC = f"""\
values:
  aws:
    login:
      fn::open::aws-login:
        oidc: {{roleArn: '{ROLE}', sessionName: pulumi-esc, duration: 1h}}
"""
# The environment that the plugin opens to log in to the cluster.
ACCESS_NAME = "acme/platform/access"
ACCESS = f"""\
values:
  aws:
    login:
      fn::open::aws-login:
        static:
          accessKeyId: {DEPLOYERS_KEY[0]}
          secretAccessKey: {{fn::secret: {DEPLOYERS_KEY[1]}}}
"""
BROKEN = "values:\n  a: ${b.c}\n"


def environment(project, name, *revisions, tags=None, organization="acme"):
    return {
        "organization": organization,
        "project": project,
        "name": name,
        "revisions": list(revisions),
        "tags": tags or {},
    }


class PulumiCloud(StandIn):
    """The running stand-in."""

    def __init__(self, program, folder, process_environment, extra_environments=()):
        revisions = [EVERYTHING.replace("REVISION", word) for word in ("one", "two", "three")]
        trust = {
            "webIdentity": {
                "issuer": "https://api.pulumi.com/oidc",
                "audience": "aws:acme",
                "subject": "pulumi:environments:org:acme:env:platform/oidc",
            }
        }
        organizations = {"acme", *(extra["organization"] for extra in extra_environments)}
        configuration = {
            "cloud": {
                "users": [
                    {
                        "login": "alice",
                        "organizations": sorted(organizations),
                        "defaultOrganization": "acme",
                    }
                ],
                "tokens": [{"text": TOKEN, "name": "laptop", "owner": {"personal": "alice"}}],
                "environments": [
                    environment("platform", "everything", *revisions, tags={"stable": 2}),
                    environment("default", "base", BASE),
                    environment("platform", "oidc", OIDC),
                    environment("platform", "broken", BROKEN),
                    environment("platform", "access", ACCESS),
                    *extra_environments,
                ],
                "stacks": [
                    {
                        "organization": "acme",
                        "stack": "cluster/dev",
                        "outputs": {"name": "prod", "nodes": [1, 2.5, None]},
                        "secrets": ["name"],
                    }
                ],
            },
            "aws": {
                "accounts": {"roles": [{"arn": ROLE, "id": "AROAESCEXAMPLE", "trust": [trust]}]},
                "audiences": ["aws:acme"],
            },
            "issuer": {
                "url": ISSUER,
                "subject": "repo:acme/app",
                "organization": "acme",
                "grants": ["organization", "personal:alice"],
            },
        }
        name = "pulumi-cloud"
        super().__init__(name, program, configuration, folder, process_environment)
        self.url, self.secure_url = self.addresses["url"], self.addresses["secureUrl"]
        self.sts_url = self.addresses["stsUrl"]

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        """Fails on violations of the interface."""
        try:
            violations = self.execute("violations")["violations"] if kind is None else []
        finally:
            self.stop()
        if violations:
            raise Failure("violations of the interface of Pulumi Cloud: " + "; ".join(violations))

    def operations(self):
        """The operation and the status of every request so far."""
        records = self.execute("records")["records"]
        return [(record["operation"], record["status"]) for record in records]

    def opens(self, reference):
        """How often an environment was opened so far. Fails if any request was rejected."""
        records = self.execute("records")["records"]
        rejected = [record["target"] for record in records if record["status"] >= 400]
        if rejected:
            raise Failure(f"rejected by Pulumi Cloud: {rejected}")
        opened = [record["target"] for record in records if record["operation"] == "open"]
        return sum(f"/{reference}/open" in target for target in opened)

    def variables(self):
        """The variables of a user who is logged in here, but keeps the state of stacks elsewhere."""
        return {
            "PULUMI_API": self.secure_url,
            "PULUMI_ACCESS_TOKEN": TOKEN,
            "SSL_CERT_FILE": str(self.authority),
        }
