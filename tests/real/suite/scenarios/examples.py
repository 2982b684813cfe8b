"""The example kubeconfigs that no other scenario uses, except those for GitHub Actions, which need GitHub's
token service, and for GKE and AKS; the integration tests cover them."""

import base64

from ..home import EXAMPLE_AUTHORITY, EXAMPLE_SERVER
from ..scenario import Scenario, expect_equal, expect_in
from .chain import whoami


def with_token_variable(suite):
    """A home with the file of the identity token in a variable, as in a pod."""
    home = suite.home()
    home.environment["AWS_WEB_IDENTITY_TOKEN_FILE"] = str(home.definitions / "token")
    return home


def settings_by_variables(suite):
    home = with_token_variable(suite)
    user = whoami(home, home.kubeconfig("variables"))
    expect_equal("user", user["username"], "admin:kubectl-esc")


def imported_definition(suite):
    home = with_token_variable(suite)
    user = whoami(home, home.kubeconfig("imported"))
    expect_equal("user", user["username"], "admin:kubectl-esc")


def region_from_server(suite):
    """The example keeps its server, which the proxy leads to the cluster. The plugin takes the region
    from its name."""
    home = with_token_variable(suite)
    text = (suite.examples / "kubeconfigs" / "cluster-info.yaml").read_text()
    server = EXAMPLE_SERVER.search(text)[0].split("https://")[1]
    suite.sts.execute("route", **{"from": f"{server}:443", "to": suite.cluster.address})
    authority = base64.b64encode(suite.cluster.authority.read_bytes()).decode()
    text = EXAMPLE_AUTHORITY.sub(rf"\g<1>{authority}", text)
    kubeconfig = home.new_kubeconfig("region", text)
    user = whoami(home, kubeconfig)
    expect_equal("user", user["username"], "admin:kubectl-esc")
    last = suite.sts.records("GetCallerIdentity")[-1]
    expect_equal("host", last["host"], "sts.eu-west-1.amazonaws.com")


def two_clusters(suite):
    """Both contexts have the same cluster, which accepts the token for its own name only."""
    home = with_token_variable(suite)
    kubeconfig = home.kubeconfig("two-clusters")
    user = whoami(home, kubeconfig)
    expect_equal("user", user["username"], "admin:kubectl-esc")
    result = home.kubectl(kubeconfig, "--context", "other", "auth", "whoami").failed()
    expect_in("Unauthorized", result.stderr)
    last = suite.sts.records("GetCallerIdentity")[-1]
    expect_equal("host", last["host"], "sts.us-east-2.amazonaws.com")
    expect_equal("outcome at STS", last["outcome"], "SignatureDoesNotMatch")


ALL = [
    Scenario("kubectl", "example: settings by variables", settings_by_variables),
    Scenario("kubectl", "example: an imported definition", imported_definition),
    Scenario("kubectl", "example: the region from the API server's name", region_from_server),
    Scenario("kubectl", "example: two clusters", two_clusters),
]
