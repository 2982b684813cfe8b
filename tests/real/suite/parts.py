"""The parts: other people's programs, built from the package registries and kept in a cache folder.

A part's folder is named after its version and a digest of all that it is built from, so a part is
built again when, and only when, something of that has changed.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .processes import Failure

HERE = Path(__file__).resolve().parent.parent

PULUMI = "github.com/pulumi"
PROVIDER = "pulumi-resource-kubernetes"
# What is built by Go: program, folder of its module, package, module that gives the version.
GO_PROGRAMS = [
    ("kube-apiserver", "cluster", "k8s.io/kubernetes/cmd/kube-apiserver", "k8s.io/kubernetes"),
    ("etcd", "cluster", "go.etcd.io/etcd/server/v3", "go.etcd.io/etcd/server/v3"),
    (
        "aws-iam-authenticator",
        "cluster",
        "sigs.k8s.io/aws-iam-authenticator/cmd/aws-iam-authenticator",
        "sigs.k8s.io/aws-iam-authenticator",
    ),
    ("kubectl", "cluster", "k8s.io/kubernetes/cmd/kubectl", "k8s.io/kubernetes"),
    ("helm", "cluster", "helm.sh/helm/v3/cmd/helm", "helm.sh/helm/v3"),
    ("client-go", "cluster", "./client", "k8s.io/client-go"),
    ("esc", "esc", "github.com/pulumi/esc/cmd/esc", "github.com/pulumi/esc"),
    ("pulumi", "pulumi", f"{PULUMI}/pulumi/pkg/v3/cmd/pulumi", f"{PULUMI}/pulumi/pkg/v3"),
    (
        "pulumi-language-yaml",
        "pulumi",
        f"{PULUMI}/pulumi-yaml/cmd/pulumi-language-yaml",
        f"{PULUMI}/pulumi-yaml",
    ),
    (PROVIDER, "pulumi", "./provider", f"{PULUMI}/pulumi-kubernetes/provider/v4"),
    ("older kube-apiserver", "older", "k8s.io/kubernetes/cmd/kube-apiserver", "k8s.io/kubernetes"),
    ("older kubectl", "older", "k8s.io/kubernetes/cmd/kubectl", "k8s.io/kubernetes"),
]
# Parts that are built only on request: together they take about 17 processor minutes.
HEAVY_PARTS = ("pulumi", "pulumi-language-yaml", PROVIDER)
# The Python parts share one virtual environment: part and distribution.
PYTHON_PARTS = [
    ("aws", "awscli"),
    ("moto", "moto"),
    ("python client", "kubernetes"),
    ("esc sdk", "pulumi-esc-sdk"),
]


class MissingPart(Failure):
    """A part that a scenario needs could not be built."""

    def __init__(self, name, problem):
        super().__init__(f"the part `{name}` is missing: {problem}")
        self.name = name


class Parts:
    """Where each part is, and its version. A part that cannot be built is missing."""

    def __init__(self, cache):
        self.cache = cache
        self._found = {}
        self._missing = {}
        self._environment = {**os.environ, "GOFLAGS": "-buildvcs=false -p=2 -mod=readonly -trimpath"}

    def path(self, name):
        """The program; a failure if it is missing."""
        if name in self._missing:
            raise MissingPart(name, self._missing[name])
        return self._found[name][0]

    def version(self, name):
        if name not in self._found and name not in self._missing:
            return "not built"
        return self._found[name][1] if name in self._found else "missing"

    def missing(self):
        """Name and reason of each part that could not be built."""
        return dict(self._missing)

    def build(self, with_heavy):
        """Builds the parts that are not in the cache: all, or all but the heavy ones."""
        self.cache.mkdir(parents=True, exist_ok=True)
        for name, module, package, source in GO_PROGRAMS:
            if with_heavy or name not in HEAVY_PARTS:
                self._try(name, lambda: self._go(name, HERE / module, package, source))
        self._try("kube-rs", lambda: self._cargo("kube-rs", HERE / "kube-rs"))
        self._python()

    def _try(self, name, build):
        try:
            self._found[name] = build()
        except (Failure, OSError) as error:
            self._missing[name] = str(error)
            print(f"the part `{name}` could not be built: {error}", file=sys.stderr, flush=True)

    def _go(self, name, module, package, source):
        version = module_version(module / "go.mod", source)
        inputs = [module / "go.mod", module / "go.sum"]
        if package.startswith("./"):
            inputs += sorted((module / package).glob("*.go"))
        flags = ["-s", "-w"]
        for variable, value in version_variables(source, version).items():
            flags += ["-X", f"{variable}={value}"]
        program = name.rsplit(" ", 1)[-1]
        go = self._output(["go", "env", "GOVERSION"]) + self._environment["GOFLAGS"]
        folder = self.cache / f"{program}-{version}-{digest(inputs, [go, package, *flags])}"

        def build(into):
            command = ["go", "build", "-C", module, "-ldflags", " ".join(flags)]
            if name != PROVIDER:
                self._build([*command, "-o", into / program, package])
                return
            with tempfile.TemporaryDirectory() as scratch:
                overlay = self._provider_overlay(module, source, version, Path(scratch))
                self._build([*command, "-overlay", overlay, "-o", into / program, package])

        return self._kept(name, folder, build) / program, version

    def _provider_overlay(self, module, source, version, folder):
        """What Pulumi's Kubernetes provider embeds, made of files of its module as its own
        `go generate` does: the schema with the version, and a mapping, both as compact JSON."""
        self._build(["go", "mod", "download", "-C", module, source])
        of_module = self._output(["go", "list", "-C", module, "-m", "-f", "{{.Dir}}", source])
        replaced = {}
        for name, more in [("schema", {"version": version[1:]}), ("terraform-mapping", {})]:
            text = (Path(of_module) / "cmd" / PROVIDER / f"{name}.json").read_text()
            generated = folder / f"{name}-embed.json"
            generated.write_text(json.dumps({**json.loads(text), **more}, separators=(",", ":")))
            replaced[str(module / "provider" / generated.name)] = str(generated)
        overlay = folder / "overlay.json"
        overlay.write_text(json.dumps({"Replace": replaced}))
        return overlay

    def _cargo(self, name, crate):
        """The client's own small crate: a program of the name that its manifest gives."""
        manifest = crate / "Cargo.toml"
        text = manifest.read_text()
        version = re.search(r'^kube = .*version = "=([^"]+)"', text, re.MULTILINE)[1]
        program = re.search(r'^name = "([^"]+)"', text, re.MULTILINE)[1]
        inputs = [manifest, crate / "Cargo.lock", *sorted((crate / "src").glob("*.rs"))]
        rust = self._output(["rustc", "--version"])
        folder = self.cache / f"{name}-{version}-{digest(inputs, [rust])}"

        def build(into):
            target = into / "target"
            command = ["cargo", "build", "--quiet", "--locked", "--manifest-path", manifest]
            self._build([*command, "--target-dir", target])
            shutil.move(target / "debug" / program, into / program)
            shutil.rmtree(target)

        return self._kept(name, folder, build) / program, version

    def _python(self):
        requirements = HERE / "python" / "requirements.txt"
        python = self._output([sys.executable, "--version"])
        folder = self.cache / f"python-{digest([requirements], [python])}"

        def build(into):
            self._build([sys.executable, "-m", "venv", into])
            pip = [into / "bin" / "python", "-m", "pip", "install", "--quiet"]
            self._build([*pip, "--disable-pip-version-check", "--no-deps", "-r", requirements])

        for name, distribution in PYTHON_PARTS:
            self._try(
                name,
                lambda: (
                    self._kept("python", folder, build, movable=False) / "bin",
                    pinned_version(requirements, distribution),
                ),
            )

    def _kept(self, name, folder, build, movable=True):
        """The folder, built if it is not there. A build that was broken off leaves no folder, or
        (where its files name their own place) one without the mark."""
        mark = folder / ".complete"
        if mark.exists():
            return folder
        print(f"building {name} into {folder.name}", file=sys.stderr, flush=True)
        started = time.monotonic()
        into = folder.with_name(folder.name + ".new") if movable else folder
        for old in {into, folder}:
            shutil.rmtree(old, ignore_errors=True)
        into.mkdir()
        build(into)
        (into / mark.name).touch()
        if movable:
            into.rename(folder)
        print(f"    {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
        return folder

    def _build(self, command):
        """Builds give way to whatever else this machine does."""
        command = ["nice", *map(str, command)]
        result = subprocess.run(
            command,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if result.returncode != 0:
            last = "\n".join(result.stdout.splitlines()[-20:])
            raise Failure(f"`{' '.join(command)}` ended with {result.returncode}\n{last}")

    def _output(self, command):
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def version_variables(source, version):
    """The variables from which a program reads its own version. Clients, and Pulumi's plugins, ask
    for it; a build from source has none."""
    if source == "k8s.io/kubernetes":
        major, minor, _ = version.removeprefix("v").split(".")
        package = "k8s.io/component-base/version"
        values = {"gitVersion": version, "gitMajor": major, "gitMinor": minor}
        return {f"{package}.{key}": value for key, value in values.items()}
    if source == f"{PULUMI}/pulumi/pkg/v3":
        return {f"{PULUMI}/pulumi/sdk/v3/go/common/version.Version": version}
    if source.startswith(f"{PULUMI}/pulumi-"):
        return {f"{source}/pkg/version.Version": version.removeprefix("v")}
    return {}


def module_version(go_mod, module):
    """The version that a go.mod requires, or puts in its place."""
    text = go_mod.read_text()
    name = re.escape(module)
    replaced = re.search(rf"^\t{name} => {name} (v\S+)$", text, re.MULTILINE)
    required = re.search(rf"^(?:require |\t){name} (v\S+)", text, re.MULTILINE)
    found = replaced or required
    if not found:
        raise Failure(f"{go_mod} does not require {module}")
    return found[1]


def pinned_version(requirements, distribution):
    """The version of a distribution in a list of requirements."""
    found = re.search(rf"^{distribution}==(\S+)$", requirements.read_text(), re.MULTILINE)
    if not found:
        raise Failure(f"{requirements} does not pin {distribution}")
    return found[1]


def digest(files, words):
    """Twelve hexadecimal digits that stand for the contents of these files and these words."""
    state = hashlib.sha256()
    for content in [path.read_bytes() for path in files] + [word.encode() for word in words]:
        state.update(len(content).to_bytes(8, "big"))
        state.update(content)
    return state.hexdigest()[:12]
