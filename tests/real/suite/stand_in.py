"""The stand-ins as processes, and the one for AWS STS (testing/stand-ins/src/bin/sts-stand-in.rs)."""

import json
import subprocess
import threading

from .processes import Failure, Process

ISSUER = "https://token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"

ADMIN_ROLE = "arn:aws:iam::123456789012:role/cluster-admin"
VIEWER_ROLE = "arn:aws:iam::210987654321:role/cluster-viewer"
UNMAPPED_ROLE = "arn:aws:iam::123456789012:role/unmapped"
ALICE = "arn:aws:iam::123456789012:user/alice"
DEPLOYER = "arn:aws:iam::123456789012:user/deployer"
# Another example key of AWS's documentation.
DEPLOYERS_KEY = ("AKIAI44QH8DHBEXAMPLE", "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY")


def roles():
    """The roles of the examples: two for the identity token, and one that the first may assume."""
    by_identity = {
        "webIdentity": {"issuer": ISSUER, "audience": AUDIENCE, "subject": "repo:acme/*"}
    }
    return [
        {"arn": ADMIN_ROLE, "id": "AROAADMINEXAMPLE", "trust": [by_identity]},
        {"arn": UNMAPPED_ROLE, "id": "AROAUNMAPPEDEXAMPLE", "trust": [by_identity]},
        {
            "arn": VIEWER_ROLE,
            "id": "AROAVIEWEREXAMPLE",
            "trust": [{"caller": {"arn": ADMIN_ROLE, "externalId": "demo"}}],
        },
    ]


class StandIn:
    """A stand-in as a process. It reads a JSON file, prints its addresses as a line of JSON, and
    executes commands from its standard input."""

    def __init__(self, name, program, configuration, folder, environment):
        self.name = name
        # Scenarios that run at the same time share the stand-in.
        self._one_command = threading.Lock()
        path = folder / f"{name}.json"
        path.write_text(json.dumps(configuration))
        self.process = Process(
            name,
            [program, path],
            folder / f"{name}.log",
            environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.addresses = self._answer()
        self.authority = folder / f"{name}-authority.pem"
        self.authority.write_text(self.addresses["authority"])

    def execute(self, command, **arguments):
        """Sends a command, and returns the answer."""
        stdin = self.process.child.stdin
        with self._one_command:
            stdin.write(json.dumps({"command": command, **arguments}) + "\n")
            stdin.flush()
            return self._answer()

    def _answer(self):
        line = self.process.child.stdout.readline()
        if not line:
            raise Failure(f"the stand-in `{self.name}` ended\n{self.process.tail()}")
        return json.loads(line)

    def stop(self):
        self.process.stop()


class Sts(StandIn):
    """The running stand-in for AWS STS."""

    def __init__(self, program, folder, environment):
        configuration = {
            "sts": {
                "roles": roles(),
                "users": [
                    {
                        # The example key of AWS's documentation, as in static.yaml.
                        "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
                        "secretAccessKey": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                        "arn": ALICE,
                        "userId": "AIDACKCEVSQ6C2EXAMPLE",
                    },
                    {
                        "accessKeyId": DEPLOYERS_KEY[0],
                        "secretAccessKey": DEPLOYERS_KEY[1],
                        "arn": DEPLOYER,
                        "userId": "AIDADEPLOYEREXAMPLE",
                    },
                ],
            },
            "issuer": {"url": ISSUER, "audience": AUDIENCE, "subject": "repo:acme/app"},
        }
        super().__init__("sts", program, configuration, folder, environment)
        self.url, self.proxy = self.addresses["url"], self.addresses["proxy"]

    def identity_token(self):
        """A new token of the OIDC issuer, valid for five minutes."""
        return self.execute("identityToken")["identityToken"]

    def records(self, action=None):
        """Every request so far, or every request for an action."""
        records = self.execute("records")["records"]
        return [record for record in records if action in (None, record["action"])]
