"""The whole chain: local environment, identity token, STS, token, API server, authenticator."""

import json

from ..cluster import CLUSTER_NAME
from ..scenario import Scenario, expect_equal, expect_in
from ..stand_in import UNMAPPED_ROLE

# One for the request, and one when it is rejected: kubectl gives up after the second rejection.
RUNS_OF_A_REJECTED_COMMAND = 2


def whoami(home, kubeconfig):
    """The user info of the API server for this kubeconfig."""
    result = home.kubectl(kubeconfig, "auth", "whoami", "-o", "json").succeeded()
    return json.loads(result.stdout)["status"]["userInfo"]


def mapped_user(suite):
    home = suite.home()
    calls = suite.sts.records()
    user = whoami(home, home.kubeconfig("oidc-token-file"))
    expect_equal("user", user["username"], "admin:kubectl-esc")
    expect_in("administrators", user["groups"])
    actions = [
        (record["action"], record["outcome"], record["host"])
        for record in suite.sts.records()[len(calls) :]
    ]
    host = "sts.eu-west-1.amazonaws.com"
    expected = [("AssumeRoleWithWebIdentity", "OK", host), ("GetCallerIdentity", "OK", host)]
    expect_equal("calls of STS", actions, expected)
    expect_equal("plugin runs", home.runs(), 1)
    return user["username"]


def role_to_assume(suite):
    home = suite.home()
    # The example has no path of the identity token, which is in a variable, as in a pod.
    home.environment["AWS_WEB_IDENTITY_TOKEN_FILE"] = str(home.definitions / "token")
    user = whoami(home, home.kubeconfig("role-to-assume"))
    expect_equal("user", user["username"], "viewer:kubectl-esc")
    return user["username"]


def static_user(suite):
    home = suite.home()
    users = [whoami(home, home.kubeconfig(example)) for example in ("local", "local-v1beta1")]
    expect_equal("users", [user["username"] for user in users], ["alice", "alice"])
    return "alice, by v1 and v1beta1"


def unmapped_role(suite):
    home = suite.home()
    definition = home.definitions / "oidc.yaml"
    text = definition.read_text()
    definition.write_text(text.replace("role/cluster-admin", UNMAPPED_ROLE.split(":")[-1]))
    result = home.kubectl(home.kubeconfig("oidc-token-file"), "auth", "whoami").failed()
    expect_in("Unauthorized", result.stderr)
    denial = f'msg="access denied" arn="{UNMAPPED_ROLE}"'
    lines = suite.cluster.authenticator_log().splitlines()
    denials = [line for line in lines if denial in line]
    expect_in('error="identity is not mapped"', "\n".join(denials))
    # STS accepted the role, so that only the mapping is missing.
    last = suite.sts.records("GetCallerIdentity")[-1]
    expect_equal("outcome at STS", last["outcome"], "OK")
    expect_equal("plugin runs", home.runs(), RUNS_OF_A_REJECTED_COMMAND)


def another_cluster(suite):
    """A token for another cluster has another signature, which STS rejects."""
    home = suite.home()
    kubeconfig = home.kubeconfig(
        "oidc-token-file",
        lambda text: text.replace(f"      - {CLUSTER_NAME}\n", "      - another\n"),
    )
    result = home.kubectl(kubeconfig, "auth", "whoami").failed()
    expect_in("Unauthorized", result.stderr)
    last = suite.sts.records("GetCallerIdentity")[-1]
    expect_equal("outcome at STS", last["outcome"], "SignatureDoesNotMatch")
    expect_equal("plugin runs", home.runs(), RUNS_OF_A_REJECTED_COMMAND)


def rbac_decides(suite):
    viewer, admin = suite.home(), suite.home()
    viewer.environment["AWS_WEB_IDENTITY_TOKEN_FILE"] = str(viewer.definitions / "token")
    viewer_kubeconfig = viewer.kubeconfig("role-to-assume")
    admin_kubeconfig = admin.kubeconfig("oidc-token-file")
    viewer.kubectl(viewer_kubeconfig, "get", "configmaps", "-n", "default").succeeded()
    create = ["create", "configmap", "rbac", "--from-literal=key=value", "-n", "default"]
    result = viewer.kubectl(viewer_kubeconfig, *create).failed()
    expect_in("is forbidden", result.stderr)
    expect_in('User "viewer:kubectl-esc" cannot create resource "configmaps"', result.stderr)
    admin.kubectl(admin_kubeconfig, *create).succeeded()
    read = viewer.kubectl(viewer_kubeconfig, "get", "configmap", "rbac", "-o", "jsonpath={.data.key}")
    expect_equal("value", read.succeeded().stdout, "value")
    admin.kubectl(admin_kubeconfig, "delete", "configmap", "rbac").succeeded()


ALL = [
    Scenario("kubectl", "chain: whoami is the mapped user", mapped_user),
    Scenario("kubectl", "chain: whoami with a role to assume", role_to_assume),
    Scenario("kubectl", "chain: whoami with static credentials", static_user),
    Scenario("kubectl", "chain: a role without mapping is rejected", unmapped_role),
    Scenario("kubectl", "chain: a token for another cluster is rejected", another_cluster),
    Scenario("kubectl", "chain: RBAC decides", rbac_decides),
]
