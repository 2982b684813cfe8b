"""Programs with client libraries, each of which implements the exec protocol itself: they list, cross the
expiry of credentials, show a failure, and start at the same time."""

import json
import time
from contextlib import ExitStack, contextmanager
from typing import Callable, NamedTuple

from ..client import Client
from ..cluster import open_url
from ..home import PROXY_VARIABLES
from ..parts import HERE
from ..processes import Failure
from ..scenario import Scenario, expect_equal, expect_in, expect_no_rejections, expect_one_open

ALL_VERSIONS = ("v1", "v1beta1")
USER = "admin:kubectl-esc"

# Credentials with this lifetime give tokens of 4 seconds: a token expires a minute earlier.
TOKEN_LIFETIME = 4
SHORT_LIFETIME = 60 + TOKEN_LIFETIME
EXPIRY_TIMEOUT = 150

# What the plugin says in `shows_failure`.
MESSAGE = "does not contain a valid identity token"

PROCESSES = 5
REQUESTS = 8


class Library(NamedTuple):
    """A client library, and how it differs from others."""

    part: str
    # Takes the path of the part; returns the command.
    command: Callable
    # A text in the error of the request for which the plugin fails, and one on standard error.
    error: str
    log: str
    # Whether the next request runs the plugin again after a failure.
    retries: bool
    # At least these seconds pass between two plugin runs, with short-lived credentials. None if the
    # library runs the plugin only once.
    interval: float | None
    # Plugin runs for the first request of a process.
    runs: int = 1
    # The most plugin runs for the first requests of a process, all at the same time.
    runs_at_once: int = 1
    versions: tuple = ALL_VERSIONS


def python(module):
    return lambda path: [path / "python", HERE / "python" / "client.py", module]


def java(path):
    return ["java", "-cp", f"{path}:{path}/*", "Client"]


LIBRARIES = [
    Library("client-go", lambda path: [path], "failed with exit code 2", MESSAGE, True, 2),
    Library(
        "client-node",
        lambda path: [path / "node", path / "client.js"],
        MESSAGE,
        "",
        retries=True,
        interval=2,
        runs_at_once=REQUESTS,
    ),
    # These two run the plugin a minute, and 5 minutes, before the expiry: for each request, with tokens of
    # 4 seconds.
    Library("kube-rs", lambda path: [path], MESSAGE, "", True, 0, runs=3, runs_at_once=3),
    Library("python client", python("kubernetes"), "system:anonymous", MESSAGE, False, 0),
    # Runs the plugin again only when the API server rejects the token.
    Library(
        "lightkube",
        python("lightkube"),
        MESSAGE,
        "",
        retries=True,
        interval=SHORT_LIFETIME - 1,
        runs_at_once=REQUESTS,
        versions=("v1beta1",),
    ),
    Library("kr8s", python("kr8s"), MESSAGE, "", True, SHORT_LIFETIME - 1),
    Library("client-java", java, "system:anonymous", MESSAGE, False, None),
    # Runs the plugin again after each minute.
    Library("fabric8", java, "system:anonymous", MESSAGE, False, 50),
]


def start(suite, home, library, version=None):
    """Starts the program of a library."""
    kubeconfig = home.library_kubeconfig(version or library.versions[0])
    environment = {**home.environment, "KUBECONFIG": str(kubeconfig)}
    environment["KUBECONFIG_CONTENTS"] = kubeconfig.read_text()
    for name in PROXY_VARIABLES:
        del environment[name]
    return Client(library.part, library.command(suite.parts.path(library.part)), home, environment)


def lists(suite, library):
    name = f"for-{library.part.replace(' ', '-')}"
    maps = "/api/v1/namespaces/default/configmaps"
    suite.cluster.create(maps, {"metadata": {"name": name}})
    for version in ALL_VERSIONS:
        home = suite.home()
        with start(suite, home, library, version) as client:
            if version in library.versions:
                expect_in(name, client.names())
                expect_equal("plugin runs", home.runs(), library.runs)
            else:
                expect_in(f"client.authentication.k8s.io/{version} not implemented", client.request(1))
                expect_equal("plugin runs", home.runs(), 0)
    return ", ".join(library.versions)


def shows_failure(suite, library):
    home = suite.home()
    (home.definitions / "token").write_text("not-a-token")
    with start(suite, home, library) as client:
        error = client.request(1)
        expect_in(library.error, error)
        expect_in(library.log, client.log())
        expect_equal("message in the error", MESSAGE in error, library.error == MESSAGE)
        expect_equal("plugin runs", home.runs(), 1)
        home.login()
        error = client.request(1)
        expect_equal("next request succeeds", not error, library.retries)
        expect_equal("plugin runs", home.runs(), 1 + (library.runs if library.retries else 0))
    where = "in the error" if library.error == MESSAGE else "on standard error"
    return f"message {where}; the next request {'succeeds' if library.retries else 'fails too'}"


def starts_at_once(suite, library):
    home = suite.home()
    # On a busy machine the last one starts late.
    home.environment["KUBECTL_ESC_TIMEOUT"] = "5m"
    logins = len(suite.sts.records("AssumeRoleWithWebIdentity"))
    answers = len(suite.cluster.answers_to(USER))
    with ExitStack() as stack:
        clients = [stack.enter_context(start(suite, home, library)) for _ in range(PROCESSES)]
        for client in clients:
            client.send(REQUESTS)
        for client in clients:
            expect_equal("error", client.answer().get("error"), None)
    expect_one_open(len(suite.sts.records("AssumeRoleWithWebIdentity")) - logins)
    expect_no_rejections(suite.cluster.answers_to(USER)[answers:])
    runs = home.runs()
    if not PROCESSES * library.runs <= runs <= PROCESSES * library.runs_at_once:
        raise Failure(f"{runs} plugin runs of {PROCESSES} processes")
    return f"{runs} plugin runs, 1 environment open, none rejected"


@contextmanager
def short_lived_credentials(suite):
    suite.sts.execute("lifetime", seconds=SHORT_LIFETIME)
    try:
        yield
    finally:
        suite.sts.execute("lifetime", seconds=None)


def crosses_expiry(suite, library):
    """Several credentials expire during one process; no request fails."""
    home = suite.home()
    with start(suite, home, library) as client:
        if library.interval is None:
            return stays_with_first_token(suite, library, home, client)
        runs = 4 if library.interval < TOKEN_LIFETIME else 2
        requests, started, took = 0, time.monotonic(), 0
        while home.runs() < runs or took < 2 * TOKEN_LIFETIME:
            if took > EXPIRY_TIMEOUT:
                raise Failure(f"only {home.runs()} plugin runs in {EXPIRY_TIMEOUT} s")
            client.succeed(1)
            requests += 1
            time.sleep(0.05)
            took = time.monotonic() - started
    # With an expiry in the past, client-go would run the plugin for each request.
    if took < (home.runs() - 1) * library.interval:
        raise Failure(f"{home.runs()} plugin runs in {took:.1f} s: the credential is not kept")
    return f"{home.runs()} plugin runs, {requests} requests in {took:.0f} s"


def stays_with_first_token(suite, library, home, client):
    """The library never runs the plugin again; a new client does."""
    expect_in("Unauthorized", client.repeat_until_rejected(1, EXPIRY_TIMEOUT))
    expect_equal("plugin runs", home.runs(), 1)
    with start(suite, home, library) as another:
        another.succeed(1)
    return "rejected after the expiry; a new client is not"


def csharp_exec_info(suite):
    """The .NET client's exec info has another kind. There is no .NET here: this is what it passes."""
    home = suite.home()
    for version in ALL_VERSIONS:
        api_version = f"client.authentication.k8s.io/{version}"
        info = {"apiVersion": api_version, "kind": "ExecCredentials", "spec": {"interactive": True}}
        command = ["kubectl-esc", "get-token", home.definitions / "oidc.yaml", "--region", "eu-west-1"]
        command += ["--cluster-name", "demo", "--web-identity-token-file", home.definitions / "token"]
        result = home.run(command, KUBERNETES_EXEC_INFO=json.dumps(info)).succeeded()
        expect_equal("standard error", result.stderr, "")
        credential = json.loads(result.stdout)
        expect_equal("apiVersion", credential["apiVersion"], api_version)
        headers = {
            "Authorization": f"Bearer {credential['status']['token']}",
            "Content-Type": "application/json",
        }
        cluster, path = suite.cluster, "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        with open_url(cluster.server + path, cluster.authority, b"{}", headers) as response:
            expect_equal("user", json.load(response)["status"]["userInfo"]["username"], USER)
    return "v1, v1beta1"


def scenarios(name, run, setting=None):
    """A scenario for each library."""

    def scenario(library):
        return Scenario(library.part, f"{library.part}: {name}", lambda suite: run(suite, library), setting)

    return [scenario(library) for library in LIBRARIES]


ALL = [
    # The first, so that they run at the same time as those of GKE and AKS.
    *scenarios("credentials expire during one process", crosses_expiry, short_lived_credentials),
    *scenarios("lists", lists),
    *scenarios("shows the failure of the plugin", shows_failure),
    *scenarios(f"{PROCESSES} processes with {REQUESTS} requests at once", starts_at_once),
    Scenario("kube-apiserver", ".NET: its exec info", csharp_exec_info),
]
