"""`kubectl-esc run`: commands in an environment that renders their kubeconfig."""

import base64
import re

from ..scenario import Scenario, expect_equal, expect_in


def inside(home, *command):
    """Runs a command in the example environment, whose kubeconfig points to the cluster."""
    cluster = home.cluster
    authority = base64.b64encode(cluster.authority.read_bytes()).decode()
    definition = home.definitions / "kubeconfig.yaml"
    text = definition.read_text()
    text, servers = re.subn(r"( server: ).*", rf"\g<1>{cluster.server}", text)
    text, authorities = re.subn(r"( certificate-authority-data: ).*", rf"\g<1>{authority}", text)
    expect_equal("clusters in the example", (servers, authorities), (1, 1))
    definition.write_text(text)
    runtime = home.folder / "runtime"
    runtime.mkdir(mode=0o700, exist_ok=True)
    result = home.run(
        ["kubectl-esc", "run", definition, "--", *command],
        XDG_RUNTIME_DIR=str(runtime),
        AWS_WEB_IDENTITY_TOKEN_FILE=str(home.definitions / "token"),
    )
    expect_equal("remaining files", [path.name for path in runtime.iterdir()], [])
    return result


def kubectl(suite):
    home = suite.home()
    result = inside(home, suite.parts.path("kubectl"), "get", "namespaces").succeeded()
    expect_in("kube-system", result.stdout)
    # `kubectl-esc run`, and the plugin that kubectl starts.
    expect_equal("kubectl-esc runs", home.runs(), 2)
    return "2 kubectl-esc runs"


def helm(suite):
    home = suite.home()
    result = inside(home, suite.parts.path("helm"), "list", "--all-namespaces").succeeded()
    expect_in("NAME", result.stdout)


def exit_code(suite):
    home = suite.home()
    result = inside(home, suite.parts.path("kubectl"), "get", "namespace", "no-such-namespace")
    expect_equal("code", result.code, 1)
    expect_in('namespaces "no-such-namespace" not found', result.stderr)


ALL = [
    Scenario("kubectl", "run: kubectl get namespaces", kubectl),
    Scenario("helm", "run: helm list", helm),
    Scenario("kubectl", "run: the exit code of kubectl", exit_code),
]
