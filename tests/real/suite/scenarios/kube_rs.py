"""A client with kube-rs: a write and a read."""

from ..scenario import Scenario, expect_equal


def reads_and_writes(suite):
    home = suite.home()
    # The proxy is for the plugin. A client without kube-rs's proxy feature fails if the variable is
    # set, regardless of `NO_PROXY`.
    proxy = home.environment.pop("HTTPS_PROXY")
    lines = f"      env:\n      - name: HTTPS_PROXY\n        value: {proxy}\n"
    kubeconfig = home.kubeconfig(
        "oidc-token-file",
        lambda text: text.replace("      interactiveMode:", f"{lines}      interactiveMode:"),
    )
    command = [suite.parts.path("kube-rs"), "by-kube-rs", "value"]
    result = home.run(command, KUBECONFIG=str(kubeconfig))
    expect_equal("value", result.succeeded().stdout, "value\n")
    return f"{home.runs()} plugin runs"


ALL = [Scenario("kube-rs", "kube-rs: reads and writes", reads_and_writes)]
