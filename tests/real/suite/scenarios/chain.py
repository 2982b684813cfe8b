"""The whole chain: local environment, identity token, STS, token, API server, authenticator."""

import json

from ..cluster import CLUSTER_NAME
from ..scenario import Scenario, expect_equal, expect_in
from ..stand_in import UNMAPPED_ROLE

# One for the request, and one when it is refused: kubectl gives up at the second refusal.
RUNS_OF_A_REFUSED_COMMAND = 2


def who(home, kubeconfig):
    """The user as whom the API server sees this kubeconfig."""
    result = home.kubectl(kubeconfig, "auth", "whoami", "-o", "json").succeeded()
    return json.loads(result.stdout)["status"]["userInfo"]


def mapped_user(world):
    home = world.home()
    calls = world.stand_in.records()
    user = who(home, home.kubeconfig("oidc-token-file"))
    expect_equal("user", user["username"], "admin:kubectl-esc")
    expect_in("administrators", user["groups"])
    actions = [
        (record["action"], record["outcome"], record["host"])
        for record in world.stand_in.records()[len(calls) :]
    ]
    host = "sts.eu-west-1.amazonaws.com"
    expected = [("AssumeRoleWithWebIdentity", "OK", host), ("GetCallerIdentity", "OK", host)]
    expect_equal("calls of STS", actions, expected)
    expect_equal("plugin runs", home.runs(), 1)
    return user["username"]


def role_on_top(world):
    home = world.home()
    # The example has no path of the identity token: a pod's variable names it.
    home.environment["AWS_WEB_IDENTITY_TOKEN_FILE"] = str(home.definitions / "token")
    user = who(home, home.kubeconfig("role-to-assume"))
    expect_equal("user", user["username"], "viewer:kubectl-esc")
    return user["username"]


def static_user(world):
    home = world.home()
    users = [who(home, home.kubeconfig(example)) for example in ("local", "local-v1beta1")]
    expect_equal("users", [user["username"] for user in users], ["alice", "alice"])
    return "alice, by v1 and v1beta1"


def unmapped_role(world):
    home = world.home()
    definition = home.definitions / "oidc.yaml"
    text = definition.read_text()
    definition.write_text(text.replace("role/cluster-admin", UNMAPPED_ROLE.split(":")[-1]))
    result = home.kubectl(home.kubeconfig("oidc-token-file"), "auth", "whoami").failed()
    expect_in("Unauthorized", result.stderr)
    denial = f'msg="access denied" arn="{UNMAPPED_ROLE}"'
    lines = world.cluster.log_of_authenticator().splitlines()
    denials = [line for line in lines if denial in line]
    expect_in('error="identity is not mapped"', "\n".join(denials))
    # STS was asked and knew the role: it is the mapping that is missing.
    last = world.stand_in.records("GetCallerIdentity")[-1]
    expect_equal("outcome at STS", last["outcome"], "OK")
    expect_equal("plugin runs", home.runs(), RUNS_OF_A_REFUSED_COMMAND)


def another_cluster(world):
    """A token for another cluster has another signature, so STS refuses it."""
    home = world.home()
    kubeconfig = home.kubeconfig(
        "oidc-token-file",
        lambda text: text.replace(f"      - {CLUSTER_NAME}\n", "      - another\n"),
    )
    result = home.kubectl(kubeconfig, "auth", "whoami").failed()
    expect_in("Unauthorized", result.stderr)
    last = world.stand_in.records("GetCallerIdentity")[-1]
    expect_equal("outcome at STS", last["outcome"], "SignatureDoesNotMatch")
    expect_equal("plugin runs", home.runs(), RUNS_OF_A_REFUSED_COMMAND)


def rbac_decides(world):
    viewer, admin = world.home(), world.home()
    viewer.environment["AWS_WEB_IDENTITY_TOKEN_FILE"] = str(viewer.definitions / "token")
    of_viewer, of_admin = viewer.kubeconfig("role-to-assume"), admin.kubeconfig("oidc-token-file")
    viewer.kubectl(of_viewer, "get", "configmaps", "-n", "default").succeeded()
    create = ["create", "configmap", "rbac", "--from-literal=key=value", "-n", "default"]
    refused = viewer.kubectl(of_viewer, *create).failed()
    expect_in("is forbidden", refused.stderr)
    expect_in('User "viewer:kubectl-esc" cannot create resource "configmaps"', refused.stderr)
    admin.kubectl(of_admin, *create).succeeded()
    read = viewer.kubectl(of_viewer, "get", "configmap", "rbac", "-o", "jsonpath={.data.key}")
    expect_equal("value", read.succeeded().stdout, "value")
    admin.kubectl(of_admin, "delete", "configmap", "rbac").succeeded()


ALL = [
    Scenario("kubectl", "chain: whoami is the mapped user", mapped_user),
    Scenario("kubectl", "chain: whoami with a role on top", role_on_top),
    Scenario("kubectl", "chain: whoami with static credentials", static_user),
    Scenario("kubectl", "chain: a role without mapping is refused", unmapped_role),
    Scenario("kubectl", "chain: a token for another cluster is refused", another_cluster),
    Scenario("kubectl", "chain: RBAC decides", rbac_decides),
]
