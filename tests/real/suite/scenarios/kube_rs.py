"""kube-rs's client: a write and a read."""

from ..scenario import Scenario, expect_equal


def reads_and_writes(world):
    home = world.home()
    # The proxy is for the plugin alone: without its feature for proxies this client refuses to
    # start where the variable is set, whatever `NO_PROXY` says.
    proxy = home.environment.pop("HTTPS_PROXY")
    lines = f"      env:\n      - name: HTTPS_PROXY\n        value: {proxy}\n"
    kubeconfig = home.kubeconfig(
        "oidc-token-file",
        lambda text: text.replace("      interactiveMode:", f"{lines}      interactiveMode:"),
    )
    command = [world.parts.path("kube-rs"), "by-kube-rs", "value"]
    result = home.run(command, KUBECONFIG=str(kubeconfig))
    expect_equal("value", result.succeeded().stdout, "value\n")
    return f"{home.runs()} plugin runs"


ALL = [Scenario("kube-rs", "kube-rs: reads and writes", reads_and_writes)]
