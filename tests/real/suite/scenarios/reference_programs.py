"""Comparisons with other programs that generate or verify EKS tokens."""

import base64
import json
import urllib.parse

from ..cluster import CLUSTER_NAME, answers, authenticator_environment, base_environment
from ..processes import Failure, Process, free_ports, wait_until
from ..scenario import Scenario, expect_equal, expect_in
from ..stand_in import ALICE

# The example key of AWS's documentation, as in static.yaml.
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "AWS_EC2_METADATA_DISABLED": "true",
}
# A few tries are enough for two programs to sign in the same second.
TRIES = 30
REGIONS = """\
import json, botocore.session
session = botocore.session.get_session()
partitions = session.get_available_partitions()
print(json.dumps({name: session.get_available_regions("sts", name) for name in partitions}))
"""


def our_token(home, region):
    command = ["kubectl-esc", "get-token", home.definitions / "static.yaml"]
    return home.run([*command, "--region", region, "--token-only"]).succeeded().stdout.strip()


def parameters(token):
    """The scheme, host, path and parameters of a token's URL."""
    payload = token.removeprefix("k8s-aws-v1.")
    padding = "=" * (-len(payload) % 4)
    url = urllib.parse.urlsplit(base64.urlsafe_b64decode(payload + padding).decode())
    pairs = urllib.parse.parse_qsl(url.query, keep_blank_values=True, strict_parsing=True)
    return url.scheme, url.netloc, url.path, sorted(pairs)


def same_token(home, region, theirs):
    """Compares with another program's token of the same second."""

    def date(token):
        return dict(token[3])["X-Amz-Date"]

    for _ in range(TRIES):
        before = parameters(our_token(home, region))
        their_token = parameters(theirs())
        after = parameters(our_token(home, region))
        for ours in (before, after):
            if date(ours) == date(their_token):
                expect_equal(f"parameters in {region}", ours, their_token)
                return
    raise Failure(f"in {TRIES} tries the programs never signed in the same second")


def authenticator_token(suite):
    home = suite.home()
    program = suite.parts.path("aws-iam-authenticator")
    regions = ("eu-west-1", "us-gov-west-1", "cn-north-1")
    for region in regions:
        command = [program, "token", "-i", CLUSTER_NAME, "--region", region, "--token-only"]
        theirs = lambda: home.run(command, **CREDENTIALS).succeeded().stdout.strip()
        same_token(home, region, theirs)
    return f"equal in {', '.join(regions)}"


def aws_token(suite):
    home = suite.home()
    program = suite.parts.path("aws") / "aws"
    regions = ("eu-west-1", "us-gov-west-1", "cn-north-1")
    for region in regions:
        command = [program, "--region", region, "--output", "json"]
        command += ["eks", "get-token", "--cluster-name", CLUSTER_NAME]

        def theirs():
            answer = json.loads(home.run(command, **CREDENTIALS).succeeded().stdout)
            return answer["status"]["token"]

        same_token(home, region, theirs)
    return f"equal in {', '.join(regions)}"


def verify(suite):
    home = suite.home()
    python = suite.parts.path("aws") / "python"
    partitions = json.loads(home.run([python, "-c", REGIONS]).succeeded().stdout)
    program = suite.parts.path("aws-iam-authenticator")
    environment = authenticator_environment(suite.sts, {})
    count = 0
    for partition, regions in partitions.items():
        for region in regions:
            if region == "aws-global":
                continue
            command = [program, "verify", "-i", CLUSTER_NAME, "--partition", partition]
            command += ["-o", "json", "-t", our_token(home, region)]
            identity = json.loads(home.run(command, **environment).succeeded().stdout)
            expect_equal(f"identity in {region}", identity["ARN"], ALICE)
            count += 1
    if count < 30:
        raise Failure(f"only {count} regions are known")
    return f"{count} regions in {len(partitions)} partitions"


def moto(suite):
    """moto, another stand-in for STS, accepts our AssumeRoleWithWebIdentity, and we sign with its
    credentials. It checks neither the identity token nor the trust policy."""
    home = suite.home()
    (port,) = free_ports(1)
    environment = base_environment(home.folder)
    command = [suite.parts.path("moto") / "moto_server", "-H", "127.0.0.1", "-p", port]
    server = Process("moto", command, home.folder / "moto.log", environment)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until("moto", lambda: answers(f"{url}/moto-api/data.json"), server)
        calls = suite.sts.records()
        command = ["kubectl-esc", "get-token", home.definitions / "oidc.yaml", "--token-only"]
        command += ["-i", CLUSTER_NAME, "--region", "eu-west-1"]
        command += ["--web-identity-token-file", home.definitions / "token"]
        token = home.run(command, AWS_ENDPOINT_URL_STS=url).succeeded().stdout.strip()
    finally:
        server.stop()
    expect_equal("calls of our own stand-in", suite.sts.records(), calls)
    _, host, _, pairs = parameters(token)
    values = dict(pairs)
    expect_equal("host", host, "sts.eu-west-1.amazonaws.com")
    expect_equal("key", values["X-Amz-Credential"][:4], "ASIA")
    expect_in('"POST / HTTP/1.1" 200', server.log.read_text())


ALL = [
    Scenario("aws-iam-authenticator", "reference: aws-iam-authenticator verifies our tokens", verify),
    Scenario("aws-iam-authenticator", "reference: aws-iam-authenticator token equals ours", authenticator_token),
    Scenario("aws", "reference: aws eks get-token equals ours", aws_token),
    Scenario("moto", "reference: moto accepts AssumeRoleWithWebIdentity", moto),
]
