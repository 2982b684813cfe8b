"""GKE and AKS: kubectl, helm, client-go and the Pulumi CLI, with environments in Pulumi Cloud and on this
machine."""

import os
import time
import urllib.error
from contextlib import ExitStack, contextmanager
from functools import partial

from ..cluster import open_url
from ..gke_and_aks import LOGINS, SHORT_LIFETIME, TOKEN_WITHOUT_EMAIL, UNIQUE_ID
from ..processes import Failure, wait_until
from ..scenario import Scenario, expect_equal, expect_in, expect_no_rejections
from . import client_go, helm, pulumi
from .chain import whoami
from .libraries import short_lived_credentials

# Without discovery, whose failure reads otherwise.
NAMESPACES = ["get", "--raw", "/api/v1/namespaces"]


@contextmanager
def one_login(suite, login):
    """A home and a kubeconfig. All commands together make the requests of one login; the API server rejects
    none of theirs."""
    fixture = suite.gke_and_aks()
    home = fixture.home(login)
    kubeconfig = fixture.kubeconfig(home, login)
    requests, answers = fixture.requests(login), len(fixture.cluster.answers_to(login.user))
    yield home, kubeconfig
    expect_equal("requests", fixture.requests(login) - requests, login.requests)
    expect_no_rejections(fixture.cluster.answers_to(login.user)[answers:])


def kubectl_and_helm(suite, login):
    with one_login(suite, login) as (home, contents):
        kubeconfig = home.new_kubeconfig(login.provider, contents)
        expect_equal("user", whoami(home, kubeconfig)["username"], login.user)
        namespaces = home.kubectl(kubeconfig, "get", "namespaces").succeeded()
        expect_in("kube-system", namespaces.stdout)
        helm.run_lifecycle(suite, home, kubeconfig)
    return f"{home.runs()} plugin runs, requests for tokens: {login.requests}"


def pulumi_lifecycle(suite, login):
    fixture = suite.gke_and_aks()
    with one_login(suite, login) as (home, contents):
        project = pulumi.Project(suite, home, fixture.pulumi, login.user)
        project.pulumi("config", "set", "kubernetes:kubeconfig", contents)
        commands = project.run_lifecycle()
        project.expect_no_secrets()
    runs = project.plugin_runs()
    return f"{', '.join(commands)}: {runs} plugin runs, requests for tokens: {login.requests}"


def status(cluster, token):
    """The status of a request with a token."""
    headers = {"Authorization": f"Bearer {token}"}
    try:
        with open_url(f"{cluster.server}/api/v1/namespaces", cluster.authority, headers=headers) as response:
            return response.status
    except urllib.error.HTTPError as error:
        return error.code


def tokens_expire(suite, provider):
    """For each login, tokens expire during one process. No request of the process fails, though the API
    server rejects its first token by then."""
    fixture = suite.gke_and_aks()
    cluster, suffix = fixture.cluster, "-short-lived" if provider == "gke" else ""
    # Pulumi Cloud's tokens for GKE have the lifetime of the definition.
    fixture.clouds[provider].execute("lifetime", seconds=SHORT_LIFETIME)
    try:
        with ExitStack() as stack:
            homes, tokens, clients = [], [], []
            for login in LOGINS:
                if login.provider != provider:
                    continue
                home = fixture.home(login)
                contents = fixture.kubeconfig(home, login, suffix)
                tokens.append(fixture.get_token(home, login, suffix))
                clients.append(stack.enter_context(client_go.start(suite, home, contents)))
                homes.append(home)
            expect_equal("first tokens", [status(cluster, token) for token in tokens], [200, 200])
            started = time.monotonic()

            def requests_succeed():
                for client in clients:
                    client.succeed(1)
                return time.monotonic() - started

            wait_until("expiry", lambda: requests_succeed() > SHORT_LIFETIME, seconds=2 * SHORT_LIFETIME)
            # The API server caches the user of a token for 10 s.
            wait_until(
                "rejection of the first tokens",
                lambda: [status(cluster, token) for token in tokens] == [401, 401],
            )
            took = requests_succeed()
    finally:
        fixture.clouds[provider].execute("lifetime", seconds=None)
    runs = [home.runs() for home in homes]
    for count in runs:
        # With an expiry in the past, client-go would run the plugin for each request.
        if not 3 <= count <= 3 + took / 4:
            raise Failure(f"{count} plugin runs in {took:.0f} s")
    return f"{' and '.join(map(str, runs))} plugin runs in {took:.0f} s, the first tokens are rejected"


def rejected_tokens(suite):
    fixture = suite.gke_and_aks()
    cluster, (_, gke, _, aks) = fixture.cluster, LOGINS
    home = fixture.home(aks)
    identity = (home.definitions / "token").read_text()
    content, signature = fixture.get_token(home, aks).rsplit(".", 1)
    tokens = {
        "unknown to Google": "ya29.unknown",
        "of another issuer": identity,
        "with another signature": f"{content}.{identity.rsplit('.', 1)[1]}",
    }
    server = ["--server", cluster.server, "--certificate-authority", cluster.authority]

    def get_namespaces(token):
        return home.kubectl(os.devnull, *server, "--token", token, *NAMESPACES)

    get_namespaces(f"{content}.{signature}").succeeded()
    for what, token in tokens.items():
        result = get_namespaces(token).failed()
        if "You must be logged in to the server (Unauthorized)" not in result.stderr:
            raise Failure(f"a token {what}: {result}")
    expect_in(f'User "{UNIQUE_ID}" cannot list', get_namespaces(TOKEN_WITHOUT_EMAIL).failed().stderr)
    home = fixture.home(gke)
    kubeconfig = home.new_kubeconfig("gke", fixture.kubeconfig(home, gke))
    fixture.get_token(home, gke)
    fixture.clouds["gke"].execute("revokeTokens")
    result = home.kubectl(kubeconfig, *NAMESPACES).failed()
    expect_in("You must be logged in to the server (Unauthorized)", result.stderr)
    home.run(["kubectl-esc", "cache", "clear"]).succeeded()
    home.kubectl(kubeconfig, *NAMESPACES).succeeded()
    return f"{len(tokens)} tokens, and a cached one that was revoked"


def each_login(part, name, run):
    """A scenario for each login, whose name has it in braces."""

    def scenario(login):
        return Scenario(part, name.format(login), lambda suite: run(suite, login))

    return [scenario(login) for login in LOGINS]


def expiry(provider):
    name = f"{provider.upper()}: tokens expire during one process"
    run = partial(tokens_expire, provider=provider)
    return Scenario("client-go", name, run, short_lived_credentials)


ALL = [
    *each_login("helm", "{}: kubectl and helm", kubectl_and_helm),
    Scenario("kubectl", "GKE and AKS: rejected tokens", rejected_tokens),
    # The last, so that they run at the same time as those of other libraries.
    expiry("gke"),
    expiry("aks"),
]
HEAVY = each_login("pulumi", "pulumi: {}", pulumi_lifecycle)
