"""kube-rs's client: a write and a read."""

from ..scenario import Scenario, expect_equal


def reads_and_writes(world):
    home = world.home()
    command = [world.parts.path("kube-rs"), "by-kube-rs", "value"]
    result = home.run(command, KUBECONFIG=str(home.kubeconfig("oidc-token-file")))
    expect_equal("value", result.succeeded().stdout, "value\n")
    return f"{home.runs()} plugin runs"


ALL = [Scenario("kube-rs", "kube-rs: reads and writes", reads_and_writes)]
