"""A long-lived client-go program, which loads a kubeconfig like Pulumi's Kubernetes provider."""

import time

from ..client import Client
from ..processes import Failure
from ..scenario import Scenario, expect_equal, expect_in
from ..stand_in import roles


def start(suite, home, contents=None):
    """Starts the program (cluster/client) with a kubeconfig, by default an example."""
    contents = contents or home.kubeconfig_text("oidc-token-file")
    environment = {**home.environment, "KUBECONFIG_CONTENTS": contents}
    return Client("client-go", [suite.parts.path("client-go")], home, environment)


def reads_and_writes(suite):
    home = suite.home()
    with start(suite, home) as client:
        client.succeed("write by-client-go")
        client.succeed("read by-client-go")
    expect_equal("plugin runs", home.runs(), 1)


def home_without_cache(suite):
    """A home in which every plugin run gets new credentials."""
    home = suite.home()
    home.environment["KUBECTL_ESC_NO_CACHE"] = "true"
    return home


def revoked_sessions(suite):
    """Sessions are revoked during a process: one request fails, and the next has a new session."""
    home = home_without_cache(suite)
    with start(suite, home) as client:
        client.succeed("write revoked-session")
        expect_equal("plugin runs", home.runs(), 1)
        suite.sts.execute("revokeSessions")
        expect_in("Unauthorized", client.repeat_until_rejected("read revoked-session"))
        # client-go has run the plugin again, but does not repeat the request.
        expect_equal("plugin runs", home.runs(), 2)
        client.succeed("read revoked-session")
        expect_equal("plugin runs", home.runs(), 2)
    return "2 plugin runs, 1 request rejected"


def revoked_role(suite):
    """The role is removed as well: each request fails at once, none loops."""
    home = home_without_cache(suite)
    try:
        with start(suite, home) as client:
            client.succeed("write revoked-role")
            suite.sts.execute("roles", roles=[])
            suite.sts.execute("revokeSessions")
            expect_in("Unauthorized", client.repeat_until_rejected("read revoked-role"))
            expect_in("Unauthorized", client.request("read revoked-role"))
            expect_in("Unauthorized", client.request("read revoked-role"))
            # One at the start, one for each rejection: when the plugin fails, client-go keeps the old
            # token, which has not expired.
            runs = home.runs()
            expect_equal("plugin runs", runs, 4)
            suite.sts.execute("roles", roles=roles())
            expect_in("Unauthorized", client.request("read revoked-role"))
            client.succeed("read revoked-role")
            expect_equal("plugin runs", home.runs(), 5)
    finally:
        suite.sts.execute("roles", roles=roles())
    return f"{runs} plugin runs, 3 requests rejected; 1 each when the role is back"


def revoked_between_commands(suite):
    """The same with kubectl, where every command is a new process."""
    home = home_without_cache(suite)
    kubeconfig = home.kubeconfig("oidc-token-file")
    home.kubectl(kubeconfig, "get", "namespaces").succeeded()
    suite.sts.execute("revokeSessions")
    home.kubectl(kubeconfig, "get", "namespaces").succeeded()
    before = home.runs()
    try:
        suite.sts.execute("roles", roles=[])
        suite.sts.execute("revokeSessions")
        result = home.kubectl(kubeconfig, "auth", "whoami").failed()
        expect_in("AccessDenied", result.stderr)
        expect_in("failed with exit code 4", result.stderr)
    finally:
        suite.sts.execute("roles", roles=roles())
    runs = home.runs() - before
    home.kubectl(kubeconfig, "get", "namespaces").succeeded()
    expect_equal("plugin runs before the role was removed", before, 2)
    if runs > 5:
        raise Failure(f"{runs} plugin runs for one rejected command")
    return f"{runs} plugin runs for the rejected command"


def revoked_in_the_cache(suite):
    """The plugin cannot know that AWS revoked a cached session: its tokens are rejected until the cache
    is cleared. Then the plugin reports the removed role."""
    home = suite.home()
    kubeconfig = home.kubeconfig("oidc-token-file")
    whoami = ["auth", "whoami"]
    home.kubectl(kubeconfig, *whoami).succeeded()
    suite.sts.execute("revokeSessions")
    end = time.monotonic() + 30
    # The API server caches the user of a token, and tokens of the same second are equal.
    while (result := home.kubectl(kubeconfig, *whoami)).code == 0:
        if time.monotonic() > end:
            raise Failure("kubectl still succeeds after 30 s")
        time.sleep(0.05)
    expect_in("Unauthorized", result.stderr)
    try:
        suite.sts.execute("roles", roles=[])
        home.run(["kubectl-esc", "cache", "clear"]).succeeded()
        expect_in("AccessDenied", home.kubectl(kubeconfig, *whoami).failed().stderr)
    finally:
        suite.sts.execute("roles", roles=roles())
    home.kubectl(kubeconfig, *whoami).succeeded()
    return "rejected until the cache is cleared"


ALL = [
    Scenario("client-go", "client-go: kubeconfig as contents, reads and writes", reads_and_writes),
    Scenario("client-go", "revocation: sessions, during one process", revoked_sessions),
    Scenario("client-go", "revocation: the role, during one process", revoked_role),
    Scenario("kubectl", "revocation: between commands", revoked_between_commands),
    Scenario("kubectl", "revocation: of cached sessions", revoked_in_the_cache),
]
