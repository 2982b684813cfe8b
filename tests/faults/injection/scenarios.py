"""The calls that are made to fail, and what has to hold for each of them, whatever fails."""

import json
import os
import re
import shutil
import signal
import subprocess
from datetime import datetime, timezone

from suite.processes import Failure
from suite.pulumi_cloud import ROLE, TOKEN
from suite.stand_in import ADMIN_ROLE

from .outcomes import (
    ABORTED,
    CODES,
    ERROR,
    EXHAUSTED,
    MARGIN,
    PAGE,
    SIGPIPE,
    TIMEOUT,
    Fault,
    Result,
)


class Scenario:
    """A call in a home folder of its own, which is restored before each run."""

    name = ""
    arguments = []
    variables = {}
    # System calls during which it holds a lock.
    stops_at = ()

    def __init__(self, services, plugin, folder):
        self.services, self.plugin, self.folder = services, plugin, folder
        self.home, self.saved = folder / "home", folder / "saved"
        self.home.mkdir(parents=True)
        (self.home / "tmp").mkdir()
        self.prepare()
        shutil.copytree(self.home, self.saved, symlinks=True)

    def prepare(self):
        """Fills the home folder."""

    def restore(self):
        """Restores the home folder, which may be a disk of its own."""
        for path in self.home.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.copytree(self.saved, self.home, symlinks=True, dirs_exist_ok=True)

    def environment(self, timeout):
        return {
            "HOME": str(self.home),
            "TMPDIR": str(self.home / "tmp"),
            "PATH": "/usr/bin:/bin",
            "KUBECTL_ESC_TIMEOUT": f"{timeout}s",
            **self.variables,
        }

    def started(self, prefix=(), timeout=TIMEOUT, arguments=None, **options):
        """Starts the call, through another program."""
        arguments = self.arguments if arguments is None else arguments
        return subprocess.Popen(
            [*map(str, prefix), str(self.plugin), *map(str, arguments)],
            env=self.environment(timeout),
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            start_new_session=True,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
        )

    def call(self, prefix=(), timeout=TIMEOUT, **options):
        """Makes the call, and kills it if it hangs."""
        with self.started(prefix, timeout, **options) as child:
            try:
                stdout, stderr = child.communicate(timeout=timeout + MARGIN)
                code = child.returncode
            except subprocess.TimeoutExpired:
                end_group(child)
                stdout, stderr = child.communicate()
                code = None
        return Result(code, stdout or "", stderr or "")

    def check(self, result, fault):
        """Yields what is wrong after a call that met a fault."""
        yield from self._check_result(result, fault)
        yield from self.check_files(result, fault)
        yield from self._check_next_call(fault)

    def _check_result(self, result, fault):
        if fault.may_abort and result.code in (None, ABORTED, 70, 127):
            return
        if result.code is None:
            yield "hangs beyond its deadline"
            return
        if result.code == 0:
            yield from self.check_answer(result, fault)
            return
        if fault.kills() or fault.interrupts():
            return
        # As if SIGPIPE had ended the call.
        if fault.family == "output" and result.code == SIGPIPE:
            return
        if result.stdout and not self.may_print_and_fail(fault):
            yield "prints and fails"
        if result.code == 70 or "has a bug" in result.stderr or "panicked" in result.stderr:
            # A new thread panics without memory for its signal stack.
            if not (fault.family in ("memory", "limit") and "/std/src/sys/" in result.stderr):
                yield "has a bug: exit code 70"
        elif fault.name == "ENOMEM" and result.code == ABORTED:
            # The standard library aborts if memory cannot be allocated.
            if not re.fullmatch(r"(memory allocation of \d+ bytes failed\n)?", result.stderr):
                yield "aborts without a reason"
        elif not self.is_fitting(result.code, fault):
            yield f"exit code {result.code} does not fit {fault.name}"
        elif fault.hit(r"(write|writev)\(2,"):
            return
        elif not ERROR.fullmatch(result.stderr):
            yield "does not print one error"
        elif result.code == 5 and "  hint: " not in result.stderr:
            yield "has no hint"

    def is_fitting(self, code, fault):
        """Whether an exit code fits the fault."""
        exhausted = EXHAUSTED.get(fault.name)
        if exhausted and any(exhausted.match(line) for line in fault.ours):
            return code == 5
        return code in CODES

    def check_answer(self, result, fault):
        """Yields what is wrong with a call that succeeded."""
        raise NotImplementedError

    def may_print_and_fail(self, fault):
        """Whether the output may be there although the call failed."""
        # strace pretends that nothing was written, or nothing more.
        return fault.hit(r"(write|writev)\(1,") and fault.name != "short"

    def check_files(self, result, fault):
        """Yields what is wrong with the files."""
        for path in sorted(self.home.rglob("*")):
            # The next call that writes the same file removes a `.new`.
            is_left = path.suffix == ".tmp" or path.suffix == ".new" and not fault.interrupts()
            if is_left and not self.may_leave_files(result, fault):
                yield f"leaves a file {path.parent.relative_to(self.home)}/*{path.suffix}"

    def may_leave_files(self, result, fault):
        """Whether files for the moment may stay: the call had no chance to remove them, or failed to."""
        ended = fault.kills() or result.code in (None, ABORTED) or fault.may_abort and result.code == 70
        # A stopped lock holder is killed in the end.
        return ended or fault.name == "SIGSTOP" or fault.family == "unlink"

    def _check_next_call(self, fault):
        self.before_next_call(fault)
        result = self.call(timeout=60)
        if result.code != 0:
            yield f"the next call fails: {result}"
        for problem in self.check_answer(result, Fault()):
            yield f"the next call: {problem}: {result}"

    def before_next_call(self, fault):
        """Does what a user has to do after the fault."""


class GetToken(Scenario):
    """A call of `get-token`."""

    role = ROLE

    def check_answer(self, result, fault):
        if result.stderr:
            yield "prints messages on success"
        try:
            credential = json.loads(result.stdout)
            token = credential["status"]["token"]
            expiry = credential["status"]["expirationTimestamp"]
        except (ValueError, KeyError, TypeError):
            yield "succeeds without an ExecCredential"
            return
        if not result.stdout.endswith("\n") or result.stdout.count("\n") != 1:
            yield "prints more or less than a line"
        if not 0 < seconds_until(expiry) <= 15 * 60:
            yield f"the token expires at {expiry}"
        answer = self.services.authenticate(self.stand_in(), token)
        session = self.role.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/") + "/"
        if not answer.get("caller", "").startswith(session):
            yield f"the cluster rejects the token: {answer}"

    def stand_in(self):
        return self.services.cloud


class Warm(GetToken):
    """The credentials are in the cache."""

    name = "warm"
    arguments = ["get-token", "acme/platform/oidc", "--cluster-name", "prod", "--region", "eu-west-1"]

    def __init__(self, services, plugin, folder):
        self.variables = {
            "PULUMI_BACKEND_URL": services.cloud.url,
            "PULUMI_ACCESS_TOKEN": TOKEN,
        }
        super().__init__(services, plugin, folder)

    def prepare(self):
        result = self.call(timeout=60)
        for problem in self.check_answer(result, Fault()):
            raise Failure(f"{problem}: {result}")
        if not list(self.home.rglob("*.entry")):
            raise Failure("nothing was cached")


class ColdCloud(GetToken):
    """The environment is opened in Pulumi Cloud, by TLS."""

    name = "cold Cloud"
    stops_at = ("connect",)
    arguments = Warm.arguments

    def __init__(self, services, plugin, folder):
        self.variables = {
            "PULUMI_BACKEND_URL": services.cloud.secure_url,
            "PULUMI_ACCESS_TOKEN": TOKEN,
            "SSL_CERT_FILE": str(services.cloud.authority),
        }
        super().__init__(services, plugin, folder)


class ColdLocal(GetToken):
    """The environment is a file; its identity token is exchanged at AWS STS."""

    name = "cold local"
    stops_at = ("connect",)
    role = ADMIN_ROLE
    arguments = ["get-token", "oidc.yaml", "--cluster-name", "prod", "--region", "eu-west-1"]
    definition = "oidc.yaml"

    def __init__(self, services, plugin, folder):
        self.variables = {
            "AWS_ENDPOINT_URL_STS": services.sts.url,
            "SSL_CERT_FILE": str(services.sts.authority),
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(folder / "identity"),
        }
        super().__init__(services, plugin, folder)

    def prepare(self):
        shutil.copy(self.services.examples / self.definition, self.home)

    def restore(self):
        super().restore()
        (self.folder / "identity").write_text(self.services.identity_token())

    def stand_in(self):
        return self.services.sts


class LoginRefresh(GetToken):
    """The login of `pulumi login` has expired. Its refresh token is valid once."""

    name = "login refresh"
    stops_at = ("connect",)
    arguments = Warm.arguments
    other_logins = {
        "https://api.pulumi.com": {"accessToken": "pul-other", "username": "alice"},
        "https://pulumi.example.com": {"accessToken": "pul-third", "refreshToken": "pulr-third"},
    }
    def __init__(self, services, plugin, folder):
        self.variables = {
            "PULUMI_BACKEND_URL": services.cloud.url,
            "SSL_CERT_FILE": str(services.cloud.authority),
            "KUBECTL_ESC_LOG": "1",
        }
        super().__init__(services, plugin, folder)

    def call(self, *arguments, **options):
        """Makes the call, and separates the log from its message."""
        result = super().call(*arguments, **options)
        lines = result.stderr.splitlines(keepends=True)
        starts = [n for n, line in enumerate(lines) if line.startswith("kubectl-esc: ")]
        start = starts[-1] if starts and result.code else len(lines)
        result.log, result.stderr = "".join(lines[:start]), "".join(lines[start:])
        return result

    @property
    def credentials(self):
        return self.home / ".pulumi" / "credentials.json"

    def restore(self):
        super().restore()
        url = self.services.cloud.url
        account = {
            "accessToken": "pul-expired",
            "refreshToken": self.services.refresh_token(),
            "username": "alice",
            "tokenInformation": {"name": "laptop", "expiresAt": "2024-01-01T00:00:00Z"},
        }
        accounts = {url: account, **self.other_logins}
        tokens = {url: login["accessToken"] for url, login in accounts.items()}
        content = {"current": url, "accessTokens": tokens, "accounts": accounts, "padding": ""}
        # The new tokens do not fit into the page of the old ones.
        content["padding"] = "x" * (PAGE - 10 - len(json.dumps(content)))
        self.credentials.parent.mkdir()
        self.credentials.touch(0o600)
        self.credentials.write_text(json.dumps(content))

    def check_files(self, result, fault):
        yield from super().check_files(result, fault)
        try:
            stored = json.loads(self.credentials.read_text())
            accounts, tokens = stored["accounts"], stored["accessTokens"]
        except (OSError, ValueError, KeyError) as error:
            yield f"credentials.json is lost: {error}"
            return
        for url, login in self.other_logins.items():
            if accounts.get(url) != login or tokens.get(url) != login["accessToken"]:
                yield f"the login at {url} is lost"
        if self.credentials.stat().st_mode & 0o77:
            yield "others can read credentials.json"
        self.may_be_logged_out = self._may_be_logged_out(result, fault)

    def _may_be_logged_out(self, result, fault):
        """Whether the refresh token may be spent in vain: the new tokens did not arrive, or the call ended
        with them, or it logged that it cannot store them."""
        ended = fault.kills() or fault.interrupts() or result.code in (None, ABORTED)
        ended = ended or fault.may_abort and result.code == 70
        not_received = fault.family in ("network", "poll") or fault.hit("writev")
        return ended or not_received or "cannot store the refreshed login" in result.log

    def _check_next_call(self, _fault):
        # As if the access token had expired since: only the refresh token counts.
        try:
            stored = json.loads(self.credentials.read_text())
            information = stored["accounts"][self.services.cloud.url]["tokenInformation"]
            information["expiresAt"] = "2024-01-01T00:00:00Z"
        except (OSError, ValueError, KeyError):
            return
        self.credentials.write_text(json.dumps(stored))
        result = self.call(timeout=60, arguments=[*self.arguments, "--no-cache"])
        if result.code == 0:
            yield from self.check_answer(result, Fault())
            if list(self.credentials.parent.glob("*.new")):
                yield "the next call does not remove an unfinished credentials.json"
        elif result.code != 4:
            yield f"the next call fails: {result}"
        elif not self.may_be_logged_out:
            yield "the refresh token is spent, and the new one is lost"


class UpdateKubeconfig(Scenario):
    """An entry is added to a kubeconfig with others."""

    name = "kubeconfig"
    stops_at = ("fsync",)
    arguments = [
        "update-kubeconfig", "acme/platform/prod", "--cluster-name", "prod",
        "--server", "https://ABC.gr7.eu-west-1.eks.amazonaws.com",
    ]  # fmt: skip
    token = "the-only-copy-of-a-token"

    def prepare(self):
        self.kubeconfig = self.home / ".kube" / "config"
        self.kubeconfig.parent.mkdir()
        text = (self.services.examples.parent / "kubeconfigs" / "two-clusters.yaml").read_text()
        user = f"users:\n- name: first\n  user: {{token: {self.token}}}\n"
        self.old = text.replace("users:\n", user, 1)
        self.kubeconfig.write_text(self.old)
        self.kubeconfig.chmod(0o640)
        self.new = self.old
        result = self.call(timeout=60)
        if result.code != 0:
            raise Failure(str(result))
        self.new = self.kubeconfig.read_text()
        if self.new == self.old or self.new.count(self.token) != self.old.count(self.token):
            raise Failure("the kubeconfig was not changed as expected")
        self.kubeconfig.write_text(self.old)

    def check_answer(self, result, _fault):
        if result.stderr:
            yield "prints messages on success"
        if not result.stdout.startswith((f"changed {self.kubeconfig}: added", "nothing to change\n")):
            yield "succeeds without its message"
        if self.kubeconfig.read_text() != self.new:
            yield "succeeds without the change"

    def check_files(self, result, fault):
        yield from super().check_files(result, fault)
        if not self.kubeconfig.exists():
            yield "the kubeconfig is lost"
        elif self.kubeconfig.read_text() not in (self.old, self.new):
            yield "the kubeconfig is damaged"
        elif self.kubeconfig.stat().st_mode & 0o777 != 0o640:
            yield "the kubeconfig has another mode"
        if self._locks() and not self.may_leave_files(result, fault):
            yield f"leaves {self._locks()[0].name}"

    def _locks(self):
        return list(self.kubeconfig.parent.glob("*.lock"))

    def before_next_call(self, fault):
        # As the documentation says.
        for lock in self._locks():
            lock.unlink()


class Run(Scenario):
    """A command gets a secret file and a secret variable, and prints both."""

    name = "run"
    secret = "run-secret-of-the-suite"
    script = 'cat "$CONFIG"; echo "password $PASSWORD"; echo done; test -s "$CONFIG"'
    arguments = ["run", "run.yaml", "--", "sh", "-c", script]
    expected = "[secret]\npassword [secret]\ndone\n"

    def __init__(self, services, plugin, folder):
        self.variables = {"XDG_RUNTIME_DIR": str(folder / "home" / "runtime")}
        super().__init__(services, plugin, folder)

    def prepare(self):
        (self.home / "runtime").mkdir(mode=0o700)
        (self.home / "run.yaml").write_text(
            f"values:\n  password: {{fn::secret: {self.secret}}}\n"
            "  environmentVariables: {PASSWORD: '${password}'}\n"
            "  files: {CONFIG: \"token ${password}\\n\"}\n"
        )

    def restore(self):
        super().restore()
        for path in self._left():
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def check_answer(self, result, fault):
        if result.stdout != self.expected and not fault.others:
            yield "succeeds without the whole output"
        is_complaint = "cannot remove the environment's files" in result.stderr
        if result.stderr and not is_complaint and not fault.may_abort:
            yield "prints messages on success"

    def may_print_and_fail(self, _fault):
        return True

    def _check_result(self, result, fault):
        if self.secret in result.stdout + result.stderr:
            yield "shows a secret"
        # What fails in the command is its own matter: its exit code and messages are passed on.
        if result.code is None or not fault.others:
            yield from super()._check_result(result, fault)

    def is_fitting(self, code, fault):
        if fault.family == "read" and fault.name == "end":
            # Part of a definition may be a definition, of which the command makes what it can.
            return code != 70
        # The command cannot be started.
        return super().is_fitting(code, fault) or fault.family in ("process", "memory") and code == 126

    def check_files(self, result, fault):
        yield from super().check_files(result, fault)
        # Without descriptors, the folder cannot be removed; the next call does that.
        left = [path for folder in self._left() for path in folder.rglob("*") if path.stat().st_size]
        if left and not self.may_leave_files(result, fault) and "cannot remove" not in result.stderr:
            yield "leaves a secret file"

    def _left(self):
        folders = (self.home / "runtime", self.home / "tmp", self.services.shared_memory)
        return [path for folder in folders for path in folder.glob("kubectl-esc-run-*")]

    def _check_next_call(self, fault):
        yield from super()._check_next_call(fault)
        if self._left():
            yield f"the next call leaves {self._left()}"


ALL = [Warm, ColdLocal, ColdCloud, LoginRefresh, UpdateKubeconfig, Run]


def seconds_until(timestamp):
    end = datetime.fromisoformat(timestamp.replace("Z", "+00:00"))
    return (end - datetime.now(timezone.utc)).total_seconds()


def end_group(child):
    """Kills a process with its children."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
