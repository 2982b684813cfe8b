"""The parts: programs under test, built from the package registries and cached in a folder.

The name of a part's folder has its version and a digest of all its inputs, so that it is built again
only if an input changes.
"""

import hashlib
import json
import os
import platform
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
# The Go programs: name, folder of the module, package, and the module with its version.
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
# Parts that are built only on request, because they take about 17 processor minutes.
HEAVY_PARTS = ("pulumi", "pulumi-language-yaml", PROVIDER)
# The Python parts share one virtual environment: part and distribution.
PYTHON_PARTS = [
    ("aws", "awscli"),
    ("moto", "moto"),
    ("python client", "kubernetes"),
    ("esc sdk", "pulumi-esc-sdk"),
    ("lightkube", "lightkube"),
    ("kr8s", "kr8s"),
]
NODE_PART = "client-node"
# The Java parts, each with its folder's name and the artifact.
JAVA_PARTS = [("client-java", "client-java"), ("fabric8", "kubernetes-client")]
ALL_PARTS = [
    *[part[0] for part in GO_PROGRAMS],
    "kube-rs",
    *[part[0] for part in PYTHON_PARTS],
    NODE_PART,
    *[part[0] for part in JAVA_PARTS],
]


class MissingPart(Failure):
    """A part that a scenario needs could not be built."""

    def __init__(self, name, problem):
        super().__init__(f"the part `{name}` is missing: {problem}")
        self.name = name


class Parts:
    """The paths and versions of the parts. A part that cannot be built is missing."""

    def __init__(self, cache):
        self.cache = cache
        self._built = {}
        self._missing = {}
        self._environment = {**os.environ, "GOFLAGS": "-buildvcs=false -p=2 -mod=readonly -trimpath"}

    def path(self, name):
        """The path of a program or of its folder. Fails if the part is missing."""
        if name in self._missing:
            raise MissingPart(name, self._missing[name])
        return self._built[name][0]

    def version(self, name):
        if name not in self._built and name not in self._missing:
            return "not built"
        return self._built[name][1] if name in self._built else "missing"

    def missing(self):
        """The reason for each part that could not be built, by its name."""
        return dict(self._missing)

    def build(self, with_heavy):
        """Builds the parts that are not in the cache."""
        self.cache.mkdir(parents=True, exist_ok=True)
        for name, module, package, source in GO_PROGRAMS:
            if with_heavy or name not in HEAVY_PARTS:
                self._try(name, lambda: self._go(name, HERE / module, package, source))
        self._try("kube-rs", lambda: self._cargo("kube-rs", HERE / "kube-rs"))
        self._python()
        self._try(NODE_PART, lambda: self._node(HERE / "node"))
        for name, artifact in JAVA_PARTS:
            self._try(name, lambda: self._java(name, HERE / "java", artifact))

    def _try(self, name, build):
        try:
            self._built[name] = build()
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

        return self._cached(name, folder, build) / program, version

    def _provider_overlay(self, module, source, version, folder):
        """A Go overlay with the files that Pulumi's Kubernetes provider embeds. Like its `go generate`:
        the schema with the version, and a mapping, both as compact JSON."""
        self._build(["go", "mod", "download", "-C", module, source])
        module_folder = self._output(["go", "list", "-C", module, "-m", "-f", "{{.Dir}}", source])
        replaced = {}
        for name, extra in [("schema", {"version": version[1:]}), ("terraform-mapping", {})]:
            text = (Path(module_folder) / "cmd" / PROVIDER / f"{name}.json").read_text()
            generated = folder / f"{name}-embed.json"
            generated.write_text(json.dumps({**json.loads(text), **extra}, separators=(",", ":")))
            replaced[str(module / "provider" / generated.name)] = str(generated)
        overlay = folder / "overlay.json"
        overlay.write_text(json.dumps({"Replace": replaced}))
        return overlay

    def _cargo(self, name, crate):
        """Builds the crate's program, whose name is in its manifest."""
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

        return self._cached(name, folder, build) / program, version

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
                    self._cached("python", folder, build, movable=False) / "bin",
                    pinned_version(requirements, distribution),
                ),
            )

    def _node(self, package):
        """A program for Node.js. The lock file pins Node.js too, because distributions package older
        versions than the library supports."""
        files = [package / name for name in ("client.js", "package.json", "package-lock.json")]
        lock = json.loads(files[-1].read_text())
        version = lock["packages"]["node_modules/@kubernetes/client-node"]["version"]
        folder = self.cache / f"{NODE_PART}-{version}-{digest(files, [platform.machine()])}"

        def build(into):
            for file in files:
                shutil.copy(file, into)
            self._build(["npm", "ci", "--silent", "--ignore-scripts", "--prefix", into])
            [node] = into.glob("node_modules/node-linux-*/bin/node")
            (into / "node").symlink_to(node.relative_to(into))

        return self._cached(NODE_PART, folder, build), version

    def _java(self, name, java, artifact):
        """The class `Client` and its libraries."""
        pom, sources = java / name / "pom.xml", [java / "Program.java", java / name / "Client.java"]
        version = re.search(rf"<artifactId>{artifact}</artifactId>\s*<version>(.*?)<", pom.read_text())[1]
        compiler = self._output(["javac", "-version"])
        folder = self.cache / f"{name}-{version}-{digest([pom, *sources], [compiler])}"

        def build(into):
            copy = ["dependency:copy-dependencies", f"-DoutputDirectory={into}"]
            self._build(["mvn", "--quiet", "--batch-mode", "--file", pom, *copy])
            self._build(["javac", "-cp", into / "*", "-d", into, *sources])

        return self._cached(name, folder, build), version

    def _cached(self, name, folder, build, movable=True):
        """The cached folder, built if necessary. An interrupted build leaves no folder or, if its files
        contain their own path (not `movable`), one without the mark."""
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
        """Runs a build command with low priority."""
        require_program(command[0])
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
        require_program(command[0])
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def require_program(name):
    """Fails with the name of a program that this machine lacks."""
    if shutil.which(name) is None:
        raise Failure(f"`{name}` is not installed")


def version_variables(source, version):
    """The Go variables with a program's version, which clients and Pulumi's plugins read. A build from
    source does not set them."""
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
    """The version that a go.mod requires, or its replacement."""
    text = go_mod.read_text()
    name = re.escape(module)
    replaced = re.search(rf"^\t{name} => {name} (v\S+)$", text, re.MULTILINE)
    required = re.search(rf"^(?:require |\t){name} (v\S+)", text, re.MULTILINE)
    match = replaced or required
    if not match:
        raise Failure(f"{go_mod} does not require {module}")
    return match[1]


def pinned_version(requirements, distribution):
    """The version of a distribution in a list of requirements."""
    match = re.search(rf"^{distribution}==(\S+)$", requirements.read_text(), re.MULTILINE)
    if not match:
        raise Failure(f"{requirements} does not pin {distribution}")
    return match[1]


def digest(files, words):
    """A digest of twelve hexadecimal digits of these files' contents and these words."""
    state = hashlib.sha256()
    for content in [path.read_bytes() for path in files] + [word.encode() for word in words]:
        state.update(len(content).to_bytes(8, "big"))
        state.update(content)
    return state.hexdigest()[:12]
