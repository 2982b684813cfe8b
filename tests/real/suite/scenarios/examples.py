"""The example kubeconfigs that no other scenario uses. `github-actions` alone is left to the fast
tests: it needs GitHub's token service."""

import base64

from ..home import EXAMPLE_AUTHORITY, EXAMPLE_SERVER
from ..scenario import Scenario, expect_equal, expect_in
from .chain import who


def with_token_variable(world):
    """A home where a variable names the identity token, as in a pod."""
    home = world.home()
    home.environment["AWS_WEB_IDENTITY_TOKEN_FILE"] = str(home.definitions / "token")
    return home


def settings_by_variables(world):
    home = with_token_variable(world)
    user = who(home, home.kubeconfig("variables"))
    expect_equal("user", user["username"], "admin:kubectl-esc")


def imported_definition(world):
    home = with_token_variable(world)
    user = who(home, home.kubeconfig("imported"))
    expect_equal("user", user["username"], "admin:kubectl-esc")


def own_address(world):
    """The address stays the one of the example: the proxy leads to the cluster, and the region is
    read from the address."""
    home = with_token_variable(world)
    text = (world.examples / "kubeconfigs" / "cluster-info.yaml").read_text()
    server = EXAMPLE_SERVER.search(text)[0].split("https://")[1]
    world.stand_in.order("route", **{"from": f"{server}:443", "to": world.cluster.address})
    authority = base64.b64encode(world.cluster.authority.read_bytes()).decode()
    kubeconfig = home.folder / "own-address.kubeconfig"
    kubeconfig.touch(0o600)
    kubeconfig.write_text(EXAMPLE_AUTHORITY.sub(rf"\g<1>{authority}", text))
    user = who(home, kubeconfig)
    expect_equal("user", user["username"], "admin:kubectl-esc")
    last = world.stand_in.records("GetCallerIdentity")[-1]
    expect_equal("host", last["host"], "sts.eu-west-1.amazonaws.com")


def two_clusters(world):
    """Both contexts lead to the same cluster here, which takes the token for its own name only."""
    home = with_token_variable(world)
    kubeconfig = home.kubeconfig("two-clusters")
    user = who(home, kubeconfig)
    expect_equal("user", user["username"], "admin:kubectl-esc")
    result = home.kubectl(kubeconfig, "--context", "other", "auth", "whoami").failed()
    expect_in("Unauthorized", result.stderr)
    last = world.stand_in.records("GetCallerIdentity")[-1]
    expect_equal("host", last["host"], "sts.us-east-2.amazonaws.com")
    expect_equal("outcome at STS", last["outcome"], "SignatureDoesNotMatch")


ALL = [
    Scenario("kubectl", "example: settings by variables", settings_by_variables),
    Scenario("kubectl", "example: an imported definition", imported_definition),
    Scenario("kubectl", "example: the region from the API server's name", own_address),
    Scenario("kubectl", "example: two clusters", two_clusters),
]
