"""An API server six minors older, with the newest kubectl and with its own."""

from ..scenario import Scenario, expect_equal
from .chain import who


def reads_and_writes(world):
    cluster = world.older_cluster()
    try:
        home = world.home()
        home.cluster = cluster
        kubeconfig = home.kubeconfig("oidc-token-file")
        expect_equal("user", who(home, kubeconfig)["username"], "admin:kubectl-esc")
        for part in ("kubectl", "older kubectl"):
            name = part.replace(" ", "-")
            program = world.parts.path(part)
            for verb in ("create", "get", "delete"):
                arguments = [verb, "configmap", name, "-n", "default"]
                home.kubectl(kubeconfig, *arguments, program=program).succeeded()
    finally:
        cluster.stop()
    return f"kubectl {world.parts.version('kubectl')} and {world.parts.version('older kubectl')}"


ALL = [Scenario("older kube-apiserver", "older: reads and writes", reads_and_writes)]
