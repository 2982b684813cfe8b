"""Reads credentials with botocore, the AWS CLI's library, from a profile whose credential_process is
kubectl-esc, as docs/aws.md shows it.

usage: credential_process.py KUBECTL_ESC

Works offline: the definitions hold the credentials.
"""

import datetime
import os
import pathlib
import sys
import tempfile

PROFILES = """\
[profile static]
credential_process = {binary} credential-process {folder}/static.yaml
[profile temporary]
credential_process = {binary} credential-process "{folder}/temporary credentials.yaml" --no-cache
[profile broken]
credential_process = {binary} credential-process {folder}/none.yaml
"""
DEFINITION = """\
values:
  aws:
    fn::open::aws-login:
      static: {{accessKeyId: AKIDEXAMPLE, secretAccessKey: "a/b+c=", sessionToken: {token}}}
"""

binary = pathlib.Path(sys.argv[1]).resolve()
folder = pathlib.Path(tempfile.mkdtemp())
for name in list(os.environ):
    if name.startswith(("AWS_", "KUBECTL_ESC_")):
        del os.environ[name]
(folder / "config").write_text(PROFILES.format(binary=binary, folder=folder))
(folder / "static.yaml").write_text(DEFINITION.format(token="''"))
(folder / "temporary credentials.yaml").write_text(DEFINITION.format(token="IQoJb3Jp"))
os.environ |= {
    "HOME": str(folder),
    "AWS_CONFIG_FILE": str(folder / "config"),
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}

import botocore.exceptions
import botocore.session


def credentials(profile):
    return botocore.session.Session(profile=profile).get_credentials()


static = credentials("static").get_frozen_credentials()
assert static[:2] == ("AKIDEXAMPLE", "a/b+c="), static
assert not static.token, static

temporary = credentials("temporary")
assert temporary.method == "custom-process", temporary.method
assert temporary.get_frozen_credentials()[:3] == ("AKIDEXAMPLE", "a/b+c=", "IQoJb3Jp")
left = temporary._expiry_time - datetime.datetime.now(datetime.timezone.utc)
assert datetime.timedelta(minutes=13) < left <= datetime.timedelta(minutes=15), left

try:
    credentials("broken")
except botocore.exceptions.CredentialRetrievalError as error:
    assert "cannot read" in str(error) or "does not exist" in str(error), error
else:
    raise AssertionError("a failure is not an error to botocore")
print(f"botocore {botocore.__version__} reads what credential-process prints")
