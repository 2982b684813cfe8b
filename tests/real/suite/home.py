"""A user's home folder: with copies of the examples, and a kubectl-esc whose runs are counted."""

import base64
import json
import re
import shlex

from .cluster import CLUSTER_NAME, base_environment
from .processes import run

EXAMPLE_SERVER = re.compile(r"^(    server: ).*$", re.MULTILINE)
EXAMPLE_AUTHORITY = re.compile(r"^(    certificate-authority-data: ).*$", re.MULTILINE)
PROXY_VARIABLES = ("HTTPS_PROXY", "SSL_CERT_FILE")


class Home:
    """The home folder, with `kubectl-esc` on its PATH."""

    def __init__(self, suite, folder):
        self.suite = suite
        self.cluster = suite.cluster
        self.folder = folder
        self.definitions = folder / ".kube" / "esc"
        self.definitions.mkdir(parents=True)
        for path in (suite.examples / "environments").iterdir():
            (self.definitions / path.name).write_text(path.read_text())
        self.login()
        self._runs = folder / "runs"
        self._runs.touch()
        programs = folder / "bin"
        programs.mkdir()
        # Logs a line for each run, then becomes the real program.
        plugin = programs / "kubectl-esc"
        plugin.write_text(
            f"#!/bin/sh\necho run >> {shlex.quote(str(self._runs))}\n"
            f'exec {shlex.quote(str(suite.plugin))} "$@"\n'
        )
        plugin.chmod(0o755)
        environment = base_environment(folder)
        self.environment = {
            **environment,
            "PATH": f"{programs}:{environment['PATH']}",
            "SSL_CERT_FILE": str(suite.sts.authority),
            "HTTPS_PROXY": suite.sts.proxy,
            "NO_PROXY": "127.0.0.1,localhost",
        }

    def login(self):
        """Writes a new identity token to the file of the examples."""
        token = self.definitions / "token"
        token.touch(0o600)
        token.write_text(self.suite.sts.identity_token())

    def runs(self):
        """How often the plugin has run so far."""
        return len(self._runs.read_text().splitlines())

    def new_log(self, name):
        """A new path for the log of a process."""
        return self.folder / f"{name}-{len(list(self.folder.glob('*.log')))}.log"

    def kubeconfig_text(self, example, change=lambda text: text):
        """An example kubeconfig with the cluster's address and authority."""
        cluster = self.cluster
        authority = base64.b64encode(cluster.authority.read_bytes()).decode()
        text = (self.suite.examples / "kubeconfigs" / f"{example}.yaml").read_text()
        text, servers = EXAMPLE_SERVER.subn(rf"\g<1>{cluster.server}", text)
        text, authorities = EXAMPLE_AUTHORITY.subn(rf"\g<1>{authority}", text)
        assert servers == authorities > 0, f"{example}.yaml has no cluster"
        return change(text)

    def kubeconfig(self, example, change=lambda text: text):
        """A new file with an example kubeconfig."""
        return self.new_kubeconfig(example, self.kubeconfig_text(example, change))

    def new_kubeconfig(self, name, text):
        """A new file with a kubeconfig."""
        count = len(list(self.folder.glob("*.kubeconfig")))
        path = self.folder / f"{count}-{name}.kubeconfig"
        path.touch(0o600)
        path.write_text(text)
        return path

    def library_kubeconfig(self, version="v1"):
        """A new kubeconfig for a program with a client library, whose environment lacks the variables
        for the proxy, because some libraries ignore `NO_PROXY`. It sets them for the plugin."""
        variables = [{"name": name, "value": self.environment[name]} for name in PROXY_VARIABLES]
        arguments = "" if version == "v1" else f"      - --api-version\n      - {version}\n"
        added = f"{arguments}      env: {json.dumps(variables)}\n      interactiveMode:"

        def change(text):
            text = text.replace("authentication.k8s.io/v1\n", f"authentication.k8s.io/{version}\n")
            return text.replace("      interactiveMode:", added)

        return self.kubeconfig("oidc-token-file", change)

    def stored_kubeconfig(self, environment, *options):
        """A kubeconfig for an environment, by default for EKS, from `update-kubeconfig --stdout`, which
        opens nothing."""
        cluster = self.cluster
        command = ["kubectl-esc", "update-kubeconfig", environment, "--stdout"]
        command += ["--cluster-name", CLUSTER_NAME, *(options or ["--region", "eu-west-1"])]
        command += ["--server", cluster.server, "--certificate-authority", cluster.authority]
        return self.run(command).succeeded().stdout

    def run(self, command, seconds=60, text="", folder=None, **variables):
        """Runs a command as this user."""
        return run(command, {**self.environment, **variables}, seconds, text, folder)

    def kubectl(self, kubeconfig, *arguments, program=None, text=""):
        """Runs kubectl, by default the suite's."""
        program = program or self.suite.parts.path("kubectl")
        return self.run([program, "--kubeconfig", kubeconfig, *arguments], text=text)
