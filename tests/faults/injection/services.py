"""The stand-ins, shared by all workers."""

import os
import threading
import time
from pathlib import Path

from suite.pulumi_cloud import PulumiCloud
from suite.stand_in import Sts

REPOSITORY = Path(__file__).resolve().parents[3]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or REPOSITORY / "target") / "debug"
# Identity tokens are valid for five minutes.
TOKEN_AGE = 120


class Services:
    """Pulumi Cloud and AWS."""

    examples = REPOSITORY / "examples" / "environments"
    shared_memory = Path("/dev/shm")

    def __init__(self, folder):
        environment = {"HOME": str(folder), "PATH": "/usr/bin:/bin"}
        self.lock = threading.Lock()
        self.cloud = PulumiCloud(TARGET / "pulumi-cloud-stand-in", folder, environment)
        self.sts = Sts(TARGET / "sts-stand-in", folder, environment)
        self._identity_token, self._issued_at = "", float("-inf")

    def authenticate(self, stand_in, token):
        """What the cluster `prod` answers to a token."""
        with self.lock:
            return stand_in.execute("authenticate", token=token, cluster="prod")

    def refresh_token(self):
        """A new refresh token, valid once."""
        with self.lock:
            return self.cloud.execute("refreshToken", login="alice")["refreshToken"]

    def identity_token(self):
        """An identity token that is valid for minutes."""
        with self.lock:
            if time.monotonic() - self._issued_at > TOKEN_AGE:
                self._identity_token, self._issued_at = self.sts.identity_token(), time.monotonic()
            return self._identity_token

    def stop(self):
        self.cloud.stop()
        self.sts.stop()
