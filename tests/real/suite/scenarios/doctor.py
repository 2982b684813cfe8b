"""doctor, up to the real API server."""

import json

from ..cluster import CLUSTER_NAME
from ..scenario import Scenario, expect_equal, expect_in
from ..stand_in import UNMAPPED_ROLE


def diagnose(home, kubeconfig):
    """The exit code, and the steps by their names."""
    command = ["kubectl-esc", "doctor", "--kubeconfig", kubeconfig, "-o", "json"]
    result = home.run(command)
    expect_equal("stderr", result.stderr, "")
    return result.code, {step["name"]: step for step in json.loads(result.stdout)["steps"]}


def expect_rejection(suite, home, kubeconfig, principal, cluster_name):
    """Only the API server rejects the token, and the hint names the cluster and the role."""
    code, steps = diagnose(home, kubeconfig)
    expect_equal("exit code", code, 4)
    failed = [name for name, step in steps.items() if step["status"] == "failed"]
    expect_equal("failed steps", failed, ["api-server"])
    expect_in("401 (Unauthorized)", steps["api-server"]["detail"])
    expect_in(f"list-access-entries --cluster-name {cluster_name}", steps["api-server"]["hint"])
    expect_in(principal, steps["api-server"]["hint"])


def mapped_user(suite):
    home = suite.home()
    code, steps = diagnose(home, home.kubeconfig("oidc-token-file"))
    expect_equal("exit code", code, 0)
    # The examples have a path with `~`, which some clients change.
    others = [(name, step["status"]) for name, step in steps.items() if step["status"] != "ok"]
    expect_equal("steps that are not ok", others, [("kubeconfig", "warning")])
    expect_in("`~/.kube/esc/oidc.yaml`", steps["kubeconfig"]["detail"])
    expect_in("as `admin:kubectl-esc`", steps["api-server"]["detail"])
    expect_in("`administrators`", steps["api-server"]["detail"])
    return suite.cluster.version


def another_cluster(suite):
    home = suite.home()
    kubeconfig = home.kubeconfig(
        "oidc-token-file",
        lambda text: text.replace(f"      - {CLUSTER_NAME}\n", "      - another\n"),
    )
    expect_rejection(suite, home, kubeconfig, ":role/", "another")


def unmapped_role(suite):
    home = suite.home()
    definition = home.definitions / "oidc.yaml"
    text = definition.read_text()
    definition.write_text(text.replace("role/cluster-admin", UNMAPPED_ROLE.split(":")[-1]))
    kubeconfig = home.kubeconfig("oidc-token-file")
    expect_rejection(suite, home, kubeconfig, UNMAPPED_ROLE, CLUSTER_NAME)


def unknown_authority(suite):
    home = suite.home()
    cluster = suite.cluster
    other = home.folder / "other-ca.pem"
    other.write_text(suite.sts.authority.read_text())
    kubeconfig = home.kubeconfig("oidc-token-file")
    lines = kubeconfig.read_text().splitlines()
    key = "    certificate-authority-data: "
    changed = [
        f"    certificate-authority: {other}" if line.startswith(key) else line for line in lines
    ]
    kubeconfig.write_text("\n".join(changed) + "\n")
    before = len(cluster.answers_to("admin:kubectl-esc"))
    code, steps = diagnose(home, kubeconfig)
    expect_equal("exit code", code, 5)
    expect_in("unknown authority", steps["api-server"]["detail"])
    expect_equal("new requests", len(cluster.answers_to("admin:kubectl-esc")) - before, 0)


ALL = [
    Scenario("kube-apiserver", "doctor: who the token belongs to", mapped_user),
    Scenario("kube-apiserver", "doctor: another cluster's name", another_cluster),
    Scenario("kube-apiserver", "doctor: a role without mapping", unmapped_role),
    Scenario("kube-apiserver", "doctor: the authority of another server", unknown_authority),
]
