"""A long-lived program with client-go, as the Pulumi Kubernetes provider loads a kubeconfig."""

import json
import subprocess
import tempfile
import time

from ..processes import Failure, Process
from ..scenario import Scenario, expect_equal, expect_in
from ..stand_in import roles

# The plugin has a token end a minute before its credentials do. Such a life is left after that.
SHORT_LIFE = 60 + 4


class Client:
    """The running program (cluster/client), in a folder that is not the plugin's."""

    def __init__(self, world, home):
        self.home = home
        self.folder = tempfile.TemporaryDirectory(dir=world.folder)
        contents = home.kubeconfig_text("oidc-token-file")
        self.process = Process(
            "client-go",
            [world.parts.path("client-go")],
            home.folder / "client-go.log",
            {**home.environment, "KUBECONFIG_CONTENTS": contents},
            cwd=self.folder.name,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stop()
        self.folder.cleanup()

    def ask(self, request):
        """Sends a request to the cluster; the error, empty if there was none."""
        child = self.process.child
        child.stdin.write(request + "\n")
        child.stdin.flush()
        line = child.stdout.readline()
        if not line:
            raise Failure(f"the client ended\n{self.process.tail()}")
        return json.loads(line)["error"]

    def succeed(self, request):
        error = self.ask(request)
        if error:
            raise Failure(f"`{request}`: {error}\n{self.process.tail()}")


    def succeed_until_refused(self, request):
        """Sends it until it fails, which it does once the API server, which keeps for 10 s what it
        knows of a token, asks again."""
        end = time.monotonic() + 30
        while not (error := self.ask(request)):
            if time.monotonic() > end:
                raise Failure(f"`{request}` still succeeds after 30 s")
            time.sleep(0.05)
        return error


def reads_and_writes(world):
    home = world.home()
    with Client(world, home) as client:
        client.succeed("write by-client-go")
        client.succeed("read by-client-go")
    expect_equal("plugin runs", home.runs(), 1)


def crosses_expiry(world):
    """Several credentials end within the life of one process; no request may notice."""
    home = world.home()
    world.stand_in.order("lifetime", seconds=SHORT_LIFE)
    try:
        with Client(world, home) as client:
            client.succeed("write crossing-expiry")
            requests, started, end = 0, time.monotonic(), time.monotonic() + 60
            while home.runs() < 4:
                if time.monotonic() > end:
                    raise Failure(f"only {home.runs()} plugin runs in a minute")
                home.login()
                client.succeed("read crossing-expiry")
                requests += 1
            took = time.monotonic() - started
    finally:
        world.stand_in.order("lifetime", seconds=None)
    # Three lives, and no more runs than that: a plugin that told a past end would run each time.
    if took < 2 * (SHORT_LIFE - 60 - 1):
        raise Failure(f"4 plugin runs in {took:.1f} s: the credential is not kept")
    return f"{home.runs()} plugin runs, {requests} requests in {took:.0f} s"


def home_without_cache(world):
    """A home whose every plugin run gets credentials of its own."""
    home = world.home()
    home.environment["KUBECTL_ESC_NO_CACHE"] = "true"
    return home


def revoked_sessions(world):
    """Sessions are taken away mid-way: one request fails, and the next one has a new session."""
    home = home_without_cache(world)
    with Client(world, home) as client:
        client.succeed("write revoked-session")
        expect_equal("plugin runs", home.runs(), 1)
        world.stand_in.order("revokeSessions")
        expect_in("Unauthorized", client.succeed_until_refused("read revoked-session"))
        # client-go has asked the plugin afresh, without being able to try the request again.
        expect_equal("plugin runs", home.runs(), 2)
        client.succeed("read revoked-session")
        expect_equal("plugin runs", home.runs(), 2)
    return "2 plugin runs, 1 request refused"


def revoked_role(world):
    """The role is taken away as well: each request fails at once, none loops."""
    home = home_without_cache(world)
    try:
        with Client(world, home) as client:
            client.succeed("write revoked-role")
            world.stand_in.order("roles", roles=[])
            world.stand_in.order("revokeSessions")
            expect_in("Unauthorized", client.succeed_until_refused("read revoked-role"))
            expect_in("Unauthorized", client.ask("read revoked-role"))
            expect_in("Unauthorized", client.ask("read revoked-role"))
            # One at the start, one for each refusal: client-go keeps the old token, which has not
            # ended, when the plugin fails.
            runs = home.runs()
            expect_equal("plugin runs", runs, 4)
            world.stand_in.order("roles", roles=roles())
            expect_in("Unauthorized", client.ask("read revoked-role"))
            client.succeed("read revoked-role")
            expect_equal("plugin runs", home.runs(), 5)
    finally:
        world.stand_in.order("roles", roles=roles())
    return f"{runs} plugin runs, 3 requests refused; 1 each when the role is back"


def revoked_between_commands(world):
    """The same with kubectl, whose every command is a process of its own."""
    home = home_without_cache(world)
    kubeconfig = home.kubeconfig("oidc-token-file")
    home.kubectl(kubeconfig, "get", "namespaces").succeeded()
    world.stand_in.order("revokeSessions")
    home.kubectl(kubeconfig, "get", "namespaces").succeeded()
    before = home.runs()
    try:
        world.stand_in.order("roles", roles=[])
        world.stand_in.order("revokeSessions")
        result = home.kubectl(kubeconfig, "auth", "whoami").failed()
        expect_in("AccessDenied", result.stderr)
        expect_in("failed with exit code 4", result.stderr)
    finally:
        world.stand_in.order("roles", roles=roles())
    refused = home.runs() - before
    home.kubectl(kubeconfig, "get", "namespaces").succeeded()
    expect_equal("plugin runs before the role was withdrawn", before, 2)
    if refused > 5:
        raise Failure(f"{refused} plugin runs for one refused command")
    return f"{refused} plugin runs for the refused command"


def revoked_in_the_cache(world):
    """Nobody tells the plugin that AWS took a session away: what is kept of it is refused until it is
    removed. The role that is gone is told then."""
    home = world.home()
    kubeconfig = home.kubeconfig("oidc-token-file")
    whoami = ["auth", "whoami"]
    home.kubectl(kubeconfig, *whoami).succeeded()
    world.stand_in.order("revokeSessions")
    end = time.monotonic() + 30
    # Two tokens of the same second are the same, and the API server keeps what it knows of one.
    while (result := home.kubectl(kubeconfig, *whoami)).code == 0:
        if time.monotonic() > end:
            raise Failure("kubectl still succeeds after 30 s")
        time.sleep(0.05)
    expect_in("Unauthorized", result.stderr)
    try:
        world.stand_in.order("roles", roles=[])
        home.run(["kubectl-esc", "cache", "clear"]).succeeded()
        expect_in("AccessDenied", home.kubectl(kubeconfig, *whoami).failed().stderr)
    finally:
        world.stand_in.order("roles", roles=roles())
    home.kubectl(kubeconfig, *whoami).succeeded()
    return "refused until the cache is cleared"


ALL = [
    Scenario("client-go", "client-go: kubeconfig as contents, reads and writes", reads_and_writes),
    Scenario("client-go", "client-go: credentials end within one process", crosses_expiry),
    Scenario("client-go", "revocation: sessions, within one process", revoked_sessions),
    Scenario("client-go", "revocation: the role, within one process", revoked_role),
    Scenario("kubectl", "revocation: between commands", revoked_between_commands),
    Scenario("kubectl", "revocation: of what is in the cache", revoked_in_the_cache),
]
