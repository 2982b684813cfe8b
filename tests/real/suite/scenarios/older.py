"""An API server six minor versions older, with the newest kubectl and with its own."""

from ..scenario import Scenario, expect_equal
from .chain import whoami


def reads_and_writes(suite):
    cluster = suite.older_cluster()
    try:
        home = suite.home()
        home.cluster = cluster
        kubeconfig = home.kubeconfig("oidc-token-file")
        expect_equal("user", whoami(home, kubeconfig)["username"], "admin:kubectl-esc")
        for part in ("kubectl", "older kubectl"):
            name = part.replace(" ", "-")
            program = suite.parts.path(part)
            for verb in ("create", "get", "delete"):
                arguments = [verb, "configmap", name, "-n", "default"]
                home.kubectl(kubeconfig, *arguments, program=program).succeeded()
    finally:
        cluster.stop()
    return f"kubectl {suite.parts.version('kubectl')} and {suite.parts.version('older kubectl')}"


ALL = [Scenario("older kube-apiserver", "older: reads and writes", reads_and_writes)]
