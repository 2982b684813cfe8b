"""Records the output of botocore, the AWS CLI's library, as test data.

Writes two files to a folder:
botocore.json           for each region and kind of endpoint, the host and the signatures of a
                        presigned GetCallerIdentity, signed as `aws eks get-token` signs it
botocore_requests.json  signed requests, for the tests of the stand-ins' signature verification

Works offline. The time and the credentials are fixed, so that the output is reproducible.
"""

import datetime
import json
import os
import pathlib
import sys
from unittest import mock
from urllib.parse import parse_qs, urlsplit

for name in list(os.environ):
    if name.startswith("AWS_"):
        del os.environ[name]
os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull

import botocore
import botocore.auth
import botocore.awsrequest
import botocore.config
import botocore.session

AT = datetime.datetime(2026, 3, 1, 12, 34, 56)
CLUSTER = "oracle-cluster_1"
ACCESS_KEY_ID = "AKIAORACLEEXAMPLE000"
SECRET_ACCESS_KEY = "oracle/Example+Secret/Key0123456789abcdef"
# Base64 with all the characters that must be escaped in a query.
SESSION_TOKEN = "IQoJb3JpZ2luX2VjE/+" + "Qk1/+3vL" * 45 + "=="
MODES = {
    "plain": (False, False),
    "fips": (True, False),
    "dualstack": (False, True),
    "both": (True, True),
}
# Not a region of AWS. SDKs assume the commercial partition.
UNKNOWN_REGION = "mars-north-1"

# Shared, because a session reads botocore's data files.
SESSION = botocore.session.Session()


def client(region, session_token, fips=False, dual_stack=False):
    return SESSION.create_client(
        "sts",
        region_name=region,
        aws_access_key_id=ACCESS_KEY_ID,
        aws_secret_access_key=SECRET_ACCESS_KEY,
        aws_session_token=session_token,
        config=botocore.config.Config(
            use_fips_endpoint=fips, use_dualstack_endpoint=dual_stack
        ),
    )


def presign(region, session_token, fips, dual_stack):
    sts = client(region, session_token, fips, dual_stack)

    def add_cluster_header(request, **_):
        request.headers["x-k8s-aws-id"] = CLUSTER

    sts.meta.events.register("before-sign.sts.GetCallerIdentity", add_cluster_header)
    return sts.generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")


def row(region, mode):
    signatures = []
    for session_token in (None, SESSION_TOKEN):
        try:
            url = urlsplit(presign(region, session_token, *MODES[mode]))
        except Exception as error:  # an error of botocore is recorded too
            return [region, mode, {"error": f"{type(error).__name__}: {error}"}]
        query = parse_qs(url.query, strict_parsing=True)
        assert (url.scheme, url.path) == ("https", "/"), url
        assert query["X-Amz-SignedHeaders"] == ["host;x-k8s-aws-id"], url
        assert query["X-Amz-Expires"] == ["60"], url
        assert query["X-Amz-Date"] == [AT.strftime("%Y%m%dT%H%M%SZ")], url
        signatures += query["X-Amz-Signature"]
    scope = query["X-Amz-Credential"][0].split("/")
    return [region, mode, url.netloc, scope[2], *signatures]


def rows():
    regions = {"aws-global", UNKNOWN_REGION}
    for partition in SESSION.get_available_partitions():
        regions.update(SESSION.get_available_regions("sts", partition))
    return [row(region, mode) for region in sorted(regions) for mode in MODES]


def requests():
    recorded = []

    def record(request, **_):
        headers = [[name, as_text(value)] for name, value in request.headers.items()]
        if "host" not in {name.lower() for name, _ in headers}:
            headers.append(["Host", urlsplit(request.url).netloc])
        recorded.append(describe(request.method, request.url, headers, as_text(request.body or "")))
        return botocore.awsrequest.AWSResponse(request.url, 400, {}, None)

    for session_token in (None, SESSION_TOKEN):
        sts = client("eu-west-1", session_token)
        sts.meta.events.register("before-send.sts", record)
        parameters = {
            "RoleArn": "arn:aws:iam::123456789012:role/teams/deployer",
            "RoleSessionName": "one=two,three@four",
        }
        for call in (
            lambda: sts.assume_role(**parameters, ExternalId="ext:1/2+3", DurationSeconds=900),
            lambda: sts.get_caller_identity(),
        ):
            try:
                call()
            except Exception:
                pass  # only the request matters
        url = presign("eu-west-1", session_token, False, False)
        headers = [["Host", urlsplit(url).netloc], ["x-k8s-aws-id", CLUSTER]]
        recorded.append(describe("GET", url, headers, ""))
    return recorded


def describe(method, url, headers, body):
    parts = urlsplit(url)
    # These headers differ in each run, and are not signed.
    stable = [pair for pair in headers if pair[0].lower() not in VARYING]
    return {
        "method": method,
        "target": parts.path + (f"?{parts.query}" if parts.query else ""),
        "headers": sorted(stable),
        "body": body,
        "secret": SECRET_ACCESS_KEY,
    }


VARYING = {"amz-sdk-invocation-id", "amz-sdk-request", "user-agent"}


def as_text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def lines(items):
    return ",\n".join(json.dumps(item) for item in items)


def main(folder):
    folder = pathlib.Path(folder)
    with mock.patch.object(botocore.auth, "get_current_datetime", lambda *_, **__: AT):
        head = {
            "botocore": botocore.__version__,
            "at": AT.strftime("%Y%m%dT%H%M%SZ"),
            "cluster": CLUSTER,
            "accessKeyId": ACCESS_KEY_ID,
            "secretAccessKey": SECRET_ACCESS_KEY,
            "sessionToken": SESSION_TOKEN,
            "columns": [
                "region",
                "mode",
                "host",
                "scope region",
                "signature",
                "signature with session token",
            ],
        }
        head = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in head.items())
        tokens = f'{{\n{head},\n"rows": [\n{lines(rows())}\n]\n}}\n'
        (folder / "botocore.json").write_text(tokens)
        (folder / "botocore_requests.json").write_text(f"[\n{lines(requests())}\n]\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} FOLDER")
    main(sys.argv[1])
