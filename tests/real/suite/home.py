"""A person's home folder: the examples as a person would copy them, and a counted kubectl-esc."""

import base64
import re
import shlex

from .cluster import CLUSTER_NAME, base_environment
from .processes import run

EXAMPLE_SERVER = re.compile(r"^(    server: ).*$", re.MULTILINE)
EXAMPLE_AUTHORITY = re.compile(r"^(    certificate-authority-data: ).*$", re.MULTILINE)


class Home:
    """The home folder, with `kubectl-esc` on its PATH."""

    def __init__(self, world, folder):
        self.world = world
        self.cluster = world.cluster
        self.folder = folder
        self.definitions = folder / ".kube" / "esc"
        self.definitions.mkdir(parents=True)
        for path in (world.examples / "environments").iterdir():
            (self.definitions / path.name).write_text(path.read_text())
        self.login()
        self._runs = folder / "runs"
        self._runs.touch()
        programs = folder / "bin"
        programs.mkdir()
        # One line for each run, then the real program in the same process.
        plugin = programs / "kubectl-esc"
        plugin.write_text(
            f"#!/bin/sh\necho run >> {shlex.quote(str(self._runs))}\n"
            f'exec {shlex.quote(str(world.plugin))} "$@"\n'
        )
        plugin.chmod(0o755)
        stand_in = world.stand_in
        environment = base_environment(folder)
        self.environment = {
            **environment,
            "PATH": f"{programs}:{environment['PATH']}",
            "SSL_CERT_FILE": str(stand_in.authority),
            "HTTPS_PROXY": stand_in.proxy,
            "NO_PROXY": "127.0.0.1,localhost",
        }

    def login(self):
        """Puts a fresh identity token where the examples look for it."""
        token = self.definitions / "token"
        token.touch(0o600)
        token.write_text(self.world.stand_in.identity_token())

    def runs(self):
        """How often the plugin has run so far."""
        return len(self._runs.read_text().splitlines())

    def kubeconfig_text(self, example, change=lambda text: text):
        """An example kubeconfig with the cluster's address and authority put in, as its first
        lines ask for."""
        cluster = self.cluster
        authority = base64.b64encode(cluster.authority.read_bytes()).decode()
        text = (self.world.examples / "kubeconfigs" / f"{example}.yaml").read_text()
        text, servers = EXAMPLE_SERVER.subn(rf"\g<1>{cluster.server}", text)
        text, authorities = EXAMPLE_AUTHORITY.subn(rf"\g<1>{authority}", text)
        assert servers == authorities > 0, f"{example}.yaml has no cluster"
        return change(text)

    def kubeconfig(self, example, change=lambda text: text):
        """The same in a file of its own."""
        taken = len(list(self.folder.glob("*.kubeconfig")))
        path = self.folder / f"{taken}-{example}.kubeconfig"
        path.touch(0o600)
        path.write_text(self.kubeconfig_text(example, change))
        return path

    def stored_kubeconfig(self, environment):
        """The text of a kubeconfig to be stored, as `update-kubeconfig --stdout` makes it. It opens
        nothing."""
        cluster = self.cluster
        command = ["kubectl-esc", "update-kubeconfig", environment, "--stdout"]
        command += ["--cluster-name", CLUSTER_NAME, "--region", "eu-west-1"]
        command += ["--server", cluster.server, "--certificate-authority", cluster.authority]
        return self.run(command).succeeded().stdout

    def run(self, command, seconds=60, text="", folder=None, **variables):
        """Runs a command as this person."""
        return run(command, {**self.environment, **variables}, seconds, text, folder)

    def kubectl(self, kubeconfig, *arguments, program=None, text=""):
        """Runs kubectl, the suite's own if none is given."""
        program = program or self.world.parts.path("kubectl")
        return self.run([program, "--kubeconfig", kubeconfig, *arguments], text=text)
