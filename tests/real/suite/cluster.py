"""A cluster: etcd, kube-apiserver with RBAC, and aws-iam-authenticator as its webhook."""

import json
import os
import secrets
import ssl
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager

from .processes import Process, free_ports, run, wait_until
from .stand_in import ADMIN_ROLE, ALICE, DEPLOYER, VIEWER_ROLE

CLUSTER_NAME = "demo"

# The users that aws-iam-authenticator maps. None is in `system:masters`, which bypasses RBAC.
AUTHENTICATOR = f"""\
clusterID: {CLUSTER_NAME}
server:
  port: PORT
  stateDir: STATE
  generateKubeconfig: STATE/webhook.kubeconfig
  mapRoles:
  - roleARN: {ADMIN_ROLE}
    username: "admin:{{{{SessionName}}}}"
    groups: [administrators]
  - roleARN: {VIEWER_ROLE}
    username: "viewer:{{{{SessionName}}}}"
    groups: [viewers]
  mapUsers:
  - userARN: {ALICE}
    username: alice
    groups: [viewers]
  - userARN: {DEPLOYER}
    username: deployer
    groups: [administrators]
"""
BINDINGS = {"administrators": "cluster-admin", "viewers": "readers"}
# Instead of the role `view`, which needs a controller to aggregate it.
READERS = {
    "metadata": {"name": "readers"},
    "rules": [
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch"]}
    ],
}
# Logs the user, the request and the status of each response.
AUDIT = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived", "ResponseStarted"],
    "rules": [{"level": "Metadata"}],
}
RBAC = "/apis/rbac.authorization.k8s.io/v1"


class Cluster:
    """The running cluster."""

    def __init__(self, parts, token_services, folder, environment, api_server="kube-apiserver"):
        self.folder = folder
        self.processes = []
        self.version = parts.version(api_server)
        self._token = secrets.token_hex(16)
        try:
            self._start(parts, token_services, environment, api_server)
        except BaseException:
            self.stop()
            raise

    def _start(self, parts, token_services, environment, api_server):
        make_certificates(self.folder, environment)
        client, peer, secure, webhook = free_ports(4)
        self.server = f"https://127.0.0.1:{secure}"
        self.address = f"127.0.0.1:{secure}"
        self.authority = self.folder / "ca.crt"
        etcd = self._process(
            "etcd",
            [
                parts.path("etcd"),
                f"--data-dir={self.folder / 'etcd'}",
                f"--listen-client-urls=http://127.0.0.1:{client}",
                f"--advertise-client-urls=http://127.0.0.1:{client}",
                f"--listen-peer-urls=http://127.0.0.1:{peer}",
                f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
                f"--initial-cluster=default=http://127.0.0.1:{peer}",
                "--unsafe-no-fsync",
            ],
            environment,
        )
        self._start_webhook(parts, token_services, environment, webhook)
        wait_until("etcd", lambda: answers(f"http://127.0.0.1:{client}/health"), etcd)
        policy = self.folder / "audit-policy.json"
        policy.write_text(json.dumps(AUDIT))
        self._audit = self.folder / "audit.log"
        tokens = self.folder / "tokens.csv"
        tokens.touch(0o600)
        tokens.write_text(f'{self._token},suite,suite,"system:masters"\n')
        server = self._process(
            "kube-apiserver",
            [
                parts.path(api_server),
                f"--etcd-servers=http://127.0.0.1:{client}",
                "--bind-address=127.0.0.1",
                "--advertise-address=127.0.0.1",
                # The endpoints of the service `kubernetes` must not be on loopback.
                "--endpoint-reconciler-type=none",
                f"--secure-port={secure}",
                f"--cert-dir={self.folder}",
                f"--tls-cert-file={self.folder / 'server.crt'}",
                f"--tls-private-key-file={self.folder / 'server.key'}",
                "--authorization-mode=RBAC",
                f"--authentication-token-webhook-config-file={self.folder / 'webhook.kubeconfig'}",
                # Another cache, of 10 s, has no flag.
                "--authentication-token-webhook-cache-ttl=1ms",
                f"--token-auth-file={tokens}",
                f"--audit-policy-file={policy}",
                f"--audit-log-path={self._audit}",
                "--service-account-issuer=https://kubernetes.default.svc",
                f"--service-account-key-file={self.folder / 'accounts.pub'}",
                f"--service-account-signing-key-file={self.folder / 'accounts.key'}",
                "--service-cluster-ip-range=10.0.0.0/24",
                "--disable-admission-plugins=ServiceAccount",
            ],
            environment,
        )
        wait_until("kube-apiserver", lambda: self._answers("/readyz"), server, 120)
        self.create(f"{RBAC}/clusterroles", READERS)
        for group, role in BINDINGS.items():
            self.bind(role, "Group", group)
        # The server creates the namespace shortly after it is ready.
        wait_until("namespace", lambda: self._answers("/api/v1/namespaces/default"), server)

    def _start_webhook(self, parts, sts, environment, port):
        """Starts aws-iam-authenticator, which writes `webhook.kubeconfig`."""
        configuration = self.folder / "authenticator.yaml"
        text = AUTHENTICATOR.replace("PORT", str(port)).replace("STATE", str(self.folder))
        configuration.write_text(text)
        authenticator = self._process(
            "aws-iam-authenticator",
            [parts.path("aws-iam-authenticator"), "server", "-c", configuration],
            authenticator_environment(sts, environment),
        )
        # The port of /healthz is fixed, and another process may use it. The webhook answers 405 to a
        # GET.
        certificate = self.folder / "cert.pem"
        wait_until(
            "aws-iam-authenticator",
            lambda: certificate.exists()
            and answers(f"https://127.0.0.1:{port}/authenticate", certificate, expected=405),
            authenticator,
        )
        self.authenticator = authenticator

    def _process(self, name, command, environment):
        process = Process(name, command, self.folder / f"{name}.log", environment)
        self.processes.append(process)
        return process

    def _request(self, path, body=None, method=None):
        data = None if body is None else json.dumps(body).encode()
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Content-Type": "application/json",
        }
        return open_url(self.server + path, self.authority, data, headers, method)

    def _answers(self, path):
        try:
            with self._request(path):
                return True
        except OSError:
            return False

    def create(self, path, body):
        """Creates an object with the suite's own credentials."""
        with self._request(path, body):
            pass

    def read(self, path):
        """The object at the path, read with the suite's own credentials; None if there is none."""
        try:
            with self._request(path) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise
            return None

    def bind(self, role, kind, name):
        """Binds a cluster role to a user or group."""
        group = "rbac.authorization.k8s.io"
        binding = {
            "metadata": {"name": name},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
            "subjects": [{"apiGroup": group, "kind": kind, "name": name}],
        }
        self.create(f"{RBAC}/clusterrolebindings", binding)

    @contextmanager
    def controllers(self):
        """Finalizes deleted namespaces and config maps in the background, because no controller manager
        runs here."""
        done = threading.Event()

        def finalize():
            while not done.wait(0.1):
                try:
                    self._finalize_deleted()
                except OSError:
                    # A conflict with another change: retry in the next round.
                    continue

        controller = threading.Thread(target=finalize)
        controller.start()
        try:
            yield
        finally:
            done.set()
            controller.join()

    def _finalize_deleted(self):
        core = "/api/v1"
        for resource, kind in (("configmaps", "ConfigMap"), ("namespaces", "Namespace")):
            for item in self.read(f"{core}/{resource}")["items"]:
                item |= {"apiVersion": "v1", "kind": kind}
                metadata = item["metadata"]
                if "deletionTimestamp" not in metadata:
                    continue
                scope = f"namespaces/{metadata['namespace']}/" if "namespace" in metadata else ""
                path = f"{core}/{scope}{resource}/{metadata['name']}"
                finalizers = metadata.get("finalizers", [])
                if "foregroundDeletion" in finalizers:
                    finalizers.remove("foregroundDeletion")
                elif kind == "Namespace":
                    item["spec"]["finalizers"] = []
                    path += "/finalize"
                with self._request(path, item, "PUT"):
                    pass

    def answers_to(self, username):
        """The status of every response so far to a user, and to requests without a valid token, from the
        audit log. Without requests that the client canceled, which the log has as 500."""
        events = map(json.loads, self._audit.read_text().splitlines())
        usernames = (username, None, "", "system:anonymous")
        statuses = [
            event["responseStatus"]
            for event in events
            if event.get("user", {}).get("username") in usernames
        ]
        canceled = "context canceled"
        return [status["code"] for status in statuses if status.get("message") != canceled]

    def authenticator_log(self):
        """The log of the authenticator so far."""
        return self.authenticator.log.read_text(errors="replace")

    def stop(self):
        for process in reversed(self.processes):
            process.stop()


def authenticator_environment(sts, environment):
    """The variables for aws-iam-authenticator: it calls STS by its real names, through the proxy."""
    return {
        **environment,
        "SSL_CERT_FILE": str(sts.authority),
        "HTTPS_PROXY": sts.proxy,
        "AWS_REGION": "eu-west-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def make_certificates(folder, environment):
    """Creates a certificate authority, the server's certificate, and the keys of service accounts."""

    def openssl(*arguments):
        run(["openssl", *arguments], environment).succeeded()

    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl(
        *["req", "-x509", *new_key, "-days", "2", "-subj", "/CN=suite"],
        *["-addext", "keyUsage=critical,keyCertSign"],
        *["-keyout", folder / "ca.key", "-out", folder / "ca.crt"],
    )
    openssl(
        *["req", *new_key, "-subj", "/CN=kube-apiserver"],
        *["-keyout", folder / "server.key", "-out", folder / "server.csr"],
    )
    extensions = folder / "server.ext"
    extensions.write_text(
        "basicConstraints=critical,CA:FALSE\n"
        "extendedKeyUsage=serverAuth\n"
        "subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:*.gr7.eu-west-1.eks.amazonaws.com\n"
    )
    openssl(
        *["x509", "-req", "-days", "2", "-in", folder / "server.csr"],
        *["-CA", folder / "ca.crt", "-CAkey", folder / "ca.key", "-CAcreateserial"],
        *["-extfile", extensions, "-out", folder / "server.crt"],
    )
    openssl("genrsa", "-out", folder / "accounts.key", "2048")
    openssl("rsa", "-in", folder / "accounts.key", "-pubout", "-out", folder / "accounts.pub")


def answers(url, authority=None, expected=200):
    """Whether the URL answers with this status."""
    try:
        with open_url(url, authority) as response:
            return response.status == expected
    except urllib.error.HTTPError as error:
        return error.code == expected
    except OSError:
        return False


def open_url(url, authority=None, data=None, headers=None, method=None):
    """Opens a URL without a proxy."""
    handlers = [urllib.request.ProxyHandler({})]
    if authority is not None:
        context = ssl.create_default_context(cafile=authority)
        handlers.append(urllib.request.HTTPSHandler(context=context))
    request = urllib.request.Request(url, data, headers or {}, method=method)
    return urllib.request.build_opener(*handlers).open(request, timeout=10)


def base_environment(home):
    """The variables of every program, without logins and proxies of this machine."""
    inherited = ("PATH", "LANG", "TMPDIR")
    return {
        **{name: os.environ[name] for name in inherited if name in os.environ},
        "HOME": str(home),
    }
