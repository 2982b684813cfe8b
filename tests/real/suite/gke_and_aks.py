"""A cluster that accepts tokens for GKE and AKS, with stand-ins for Google Cloud and Microsoft Entra ID. The
same environments exist in a stand-in for Pulumi Cloud and as local definitions."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

from .cluster import Cluster, base_environment
from .processes import Failure
from .pulumi_cloud import environment
from .stand_in import ISSUER, StandIn

ORGANIZATION, PROJECT = "acme", "platform"
# The identity that the clouds trust, and the objects that the examples name.
SUBJECT = "repo:acme/platform:ref:refs/heads/main"
POOL = "projects/123456789012/locations/global/workloadIdentityPools/github"
SERVICE_ACCOUNT = "deployer@acme-platform.iam.gserviceaccount.com"
UNIQUE_ID = "103456789012345678901"
AUDIENCE = "api://AzureADTokenExchange"
OBJECT_ID = "c4e8f1a0-1b2c-4d3e-9f40-5a6b7c8d9e0f"
# Clients replace a token with this lifetime, in seconds, after 8 seconds: a minute before its expiry.
SHORT_LIFETIME = 68
# An access token without the scope of the e-mail address.
TOKEN_WITHOUT_EMAIL = "ya29.without-email"

GOOGLE_CLOUD = {
    "gcp": {
        "providers": [{"name": f"{POOL}/providers/actions", "issuer": ISSUER}],
        "serviceAccounts": [
            {
                "email": SERVICE_ACCOUNT,
                "uniqueId": UNIQUE_ID,
                "impersonators": [f"principal://iam.googleapis.com/{POOL}/subject/{SUBJECT}"],
            }
        ],
        "accessTokens": [
            {
                "token": TOKEN_WITHOUT_EMAIL,
                "member": f"serviceAccount:{SERVICE_ACCOUNT}",
                "scopes": ["https://www.googleapis.com/auth/cloud-platform"],
            }
        ],
    },
    "issuer": {
        "url": ISSUER,
        "audience": f"https://iam.googleapis.com/{POOL}/providers/actions",
        "subject": SUBJECT,
    },
}


def entra(pulumi_keys):
    """The configuration of Microsoft Entra ID, with the keys of Pulumi Cloud's identity tokens."""
    pulumi = "https://api.pulumi.com/oidc"
    of_environment = {
        "issuer": pulumi,
        "subject": f"pulumi:environments:org:{ORGANIZATION}:env:{PROJECT}/aks",
        "audience": f"azure:{ORGANIZATION}",
    }
    application = {
        "clientId": "0d3c1d2e-8f0a-4b6c-9d1e-2f3a4b5c6d7e",
        "objectId": OBJECT_ID,
        "federatedCredentials": [
            {"issuer": ISSUER, "subject": SUBJECT, "audience": AUDIENCE},
            of_environment,
        ],
    }
    tenant = {"id": "7a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d", "applications": [application]}
    return {
        "azure": {"tenants": [tenant], "issuers": [{"url": pulumi, "jwks": pulumi_keys}]},
        "issuer": {"url": ISSUER, "audience": AUDIENCE, "subject": SUBJECT},
    }


class Login(NamedTuple):
    """An environment with a login, in Pulumi Cloud or as a local definition."""

    # `gke` or `aks`: also the name of the environment.
    provider: str
    is_local: bool
    # The user in the cluster.
    user: str
    # The requests that a login takes, those to Pulumi Cloud included.
    requests: int

    def __str__(self):
        return f"{self.provider.upper()}, {'local' if self.is_local else 'Pulumi Cloud'}"


LOGINS = [
    Login("gke", False, SERVICE_ACCOUNT, 2),
    Login("gke", True, SERVICE_ACCOUNT, 2),
    Login("aks", False, OBJECT_ID, 3),
    Login("aks", True, OBJECT_ID, 1),
]


class WebhookCluster(Cluster):
    """A cluster whose API server authenticates tokens with stand-ins, its token services."""

    _server = None

    def _start_webhook(self, parts, stand_ins, environment, port):
        """Serves the webhook (TokenReview), and writes `webhook.kubeconfig`."""

        class Webhook(BaseHTTPRequestHandler):
            def do_POST(self):
                review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                token = review["spec"]["token"]
                answers = [stand_in.execute("authenticate", token=token) for stand_in in stand_ins]
                users = [answer["user"] for answer in answers if "user" in answer]
                reasons = [answer["rejected"] for answer in answers if "rejected" in answer]
                accepted = {"authenticated": True, "user": {"username": "".join(users)}}
                rejected = {"authenticated": False, "error": "; ".join(reasons)}
                review["status"] = accepted if users else rejected
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(review).encode())

            def log_message(self, *_):
                """Logs nothing: the API server logs rejections."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Webhook)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        config = {
            "clusters": [{"name": "webhook", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
            "contexts": [{"name": "webhook", "context": {"cluster": "webhook"}}],
            "current-context": "webhook",
        }
        (self.folder / "webhook.kubeconfig").write_text(json.dumps(config))

    def stop(self):
        super().stop()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


class GkeAndAks:
    """The running cluster and stand-ins."""

    def __init__(self, suite):
        self._suite = suite
        self.cluster = None
        self._stand_ins = []
        examples = suite.examples / "environments"
        gke, account = (examples / "gcp.yaml").read_text(), f"serviceAccount: {SERVICE_ACCOUNT}"
        lifetime = f"\n          tokenLifetime: {SHORT_LIFETIME}s"
        self._definitions = {
            "gke": gke,
            "gke-short-lived": gke.replace(account, account + lifetime),
            "aks": (examples / "azure.yaml").read_text(),
        }
        try:
            self._start(suite)
        except BaseException:
            self.stop()
            raise

    def _start(self, suite):
        folder = suite.folder / "gke-and-aks"
        folder.mkdir()
        variables = base_environment(folder)

        def started(stand_in):
            self._stand_ins.append(stand_in)
            return stand_in

        items = self._definitions.items()
        environments = [environment(PROJECT, name, text) for name, text in items]
        self.pulumi = started(suite.pulumi_cloud(environments))

        def cloud(name, configuration):
            program = suite.programs / f"{name}-stand-in"
            return started(StandIn(name, program, configuration, folder, variables))

        self.clouds = {
            "gke": cloud("gcp", GOOGLE_CLOUD),
            "aks": cloud("azure", entra(self.pulumi.addresses["loginKeys"])),
        }
        # The plugin trusts the authorities of Pulumi Cloud and of the clouds.
        authorities = [stand_in.addresses["authority"] for stand_in in self._stand_ins]
        self.pulumi.authority.write_text("".join(authorities))
        self.cluster = WebhookCluster(suite.parts, self._stand_ins, folder, variables)
        for user in (SERVICE_ACCOUNT, OBJECT_ID):
            self.cluster.bind("cluster-admin", "User", user)

    def home(self, login):
        """A new home of a user who is logged in to Pulumi Cloud, with an identity token for the cloud."""
        home = self._suite.home()
        home.cluster = self.cluster
        cloud = self.clouds[login.provider]
        home.environment |= {**self.pulumi.variables(), "HTTPS_PROXY": cloud.addresses["proxy"]}
        (home.definitions / "token").write_text(cloud.execute("identityToken")["identityToken"])
        for name, text in self._definitions.items():
            (home.definitions / f"{name}.yaml").write_text(text)
        return home

    def kubeconfig(self, home, login, suffix=""):
        """The text of a kubeconfig for a login."""
        return home.stored_kubeconfig(*self._settings(home, login, suffix))

    def get_token(self, home, login, suffix=""):
        """A token for a login."""
        settings = self._settings(home, login, suffix)
        return home.run(["kubectl-esc", "get-token", *settings, "--token-only"]).succeeded().stdout.strip()

    def _settings(self, home, login, suffix):
        """The environment and options of a login."""
        name, options = login.provider + suffix, ["--provider", login.provider]
        if not login.is_local:
            return [f"{ORGANIZATION}/{PROJECT}/{name}", *options]
        options += ["--web-identity-token-file", home.definitions / "token"]
        return [home.definitions / f"{name}.yaml", *options]

    def requests(self, login):
        """How many requests Pulumi Cloud and the login's cloud have received. Fails if one violates the
        interface of Pulumi Cloud."""
        violations = self.pulumi.execute("violations")["violations"]
        if violations:
            raise Failure("violations of the interface of Pulumi Cloud: " + "; ".join(violations))
        records = self.clouds[login.provider].execute("records")["records"]
        return len(self.pulumi.operations()) + len(records)

    def stop(self):
        for service in filter(None, (self.cluster, *self._stand_ins)):
            service.stop()
