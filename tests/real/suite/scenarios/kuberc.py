"""kubectl with a kuberc that restricts credential plugins."""

from ..scenario import Scenario, expect_equal, expect_in


def allow_list(suite):
    """An entry and the kubeconfig's command match if they name the same file."""
    home = suite.home()
    bare, absolute = "kubectl-esc", str(home.folder / "bin" / "kubectl-esc")
    other = str(suite.plugin)
    for command in (bare, absolute):
        kubeconfig = home.kubeconfig(
            "oidc-token-file", lambda text: text.replace("command: kubectl-esc", f"command: {command}")
        )
        for key in ("name", "command"):
            for entry, allowed in ((bare, True), (absolute, True), (other, False), ("aws", False)):
                policy = f"Allowlist\ncredentialPluginAllowlist:\n- {key}: {entry}"
                result = with_policy(home, kubeconfig, policy)
                if allowed:
                    result.succeeded()
                else:
                    expect_in("is not permitted by the credential plugin", result.failed().stderr)
    runs = home.runs()
    expect_equal("plugin runs", runs, 8)
    expect_in('policy set to "DenyAll"', with_policy(home, kubeconfig, "DenyAll").failed().stderr)
    expect_equal("plugin runs", home.runs(), runs)
    return "by name and by absolute path; others and DenyAll refused"


def with_policy(home, kubeconfig, policy):
    """Runs kubectl with a policy for credential plugins."""
    kuberc = home.folder / ".kube" / "kuberc"
    kuberc.write_text(
        "apiVersion: kubectl.config.k8s.io/v1beta1\nkind: Preference\n"
        f"credentialPluginPolicy: {policy}\n"
    )
    try:
        return home.kubectl(kubeconfig, "get", "namespaces")
    finally:
        kuberc.unlink()


ALL = [Scenario("kubectl", "kuberc: allow list of credential plugins", allow_list)]
