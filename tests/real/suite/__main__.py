"""Builds the parts, starts the cluster, runs the scenarios, prints the table."""

import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

from . import scenarios
from .cluster import Cluster, base_environment
from .home import Home
from .parts import HERE, MissingPart, Parts
from .processes import Failure
from .pulumi_cloud import PulumiCloud
from .scenario import LeftOut
from .stand_in import StandIn

REPOSITORY = HERE.parent.parent


class World:
    """What scenarios work with."""

    def __init__(self, parts, folder):
        self.parts = parts
        self.folder = folder
        self.examples = REPOSITORY / "examples"
        target = Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target")) / "debug"
        self.plugin = target / "kubectl-esc"
        self._sts = target / "examples" / "sts-stand-in"
        self._pulumi_cloud = target / "examples" / "pulumi-cloud-stand-in"
        self.stand_in = None
        self.cluster = None
        self._older = None
        self._homes = 0
        self._clouds = 0

    def start(self):
        environment = base_environment(self.folder)
        self.stand_in = StandIn(self._sts, self.folder, environment)
        self.cluster = self._new_cluster("kube-apiserver")

    def home(self):
        """A new home folder, so that no scenario finds another's caches."""
        self._homes += 1
        folder = self.folder / f"home-{self._homes}"
        folder.mkdir()
        return Home(self, folder)

    def pulumi_cloud(self, more=()):
        """A Pulumi Cloud of its own, with more environments: scenarios that need one start it, and
        stop it."""
        self._clouds += 1
        folder = self.folder / f"pulumi-cloud-{self._clouds}"
        folder.mkdir()
        return PulumiCloud(self._pulumi_cloud, folder, base_environment(folder), more)

    def older_cluster(self):
        """The cluster with the older API server: scenarios that need it start it."""
        return self._new_cluster("older kube-apiserver")

    def _new_cluster(self, api_server):
        folder = self.folder / api_server.replace(" ", "-")
        folder.mkdir()
        environment = base_environment(folder)
        return Cluster(self.parts, self.stand_in, folder, environment, api_server)

    def stop(self):
        for part in (self.cluster, self.stand_in):
            if part is not None:
                part.stop()


def main(arguments):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    cache = os.environ.get("KUBECTL_ESC_REAL_CACHE") or default / "kubectl-esc-real"
    parts = Parts(Path(cache))
    parts.build_all()
    if arguments == ["--parts"]:
        return 1 if parts.missing() else 0
    wanted = [
        scenario
        for scenario in scenarios.ALL
        if not arguments or scenario.name.startswith(tuple(arguments))
    ]
    if not wanted:
        print(f"no scenario begins with {' or '.join(arguments)}", file=sys.stderr)
        return 2
    rows = missing_rows(parts)
    folder = Path(tempfile.mkdtemp(prefix="kubectl-esc-real-"))
    world = World(parts, folder)
    try:
        started = time.monotonic()
        try:
            world.start()
        except (Failure, OSError) as error:
            rows.append(("cluster", "", "starts", f"FAILED: {error}", time.monotonic() - started))
        else:
            row = ("cluster", world.cluster.version, "starts", "passed", time.monotonic() - started)
            rows.append(row)
            rows += [attempt(world, scenario) for scenario in wanted]
    finally:
        world.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return report(rows)


def may_be_missing():
    """The reasons for which parts may be missing, by part, as the entry lists them."""
    reasons = {}
    for line in os.environ.get("KUBECTL_ESC_REAL_MAY_BE_MISSING", "").splitlines():
        name, _, reason = line.partition(":")
        if reason.strip():
            reasons[name.strip()] = reason.strip()
    return reasons


def missing_rows(parts):
    """A missing part is a failure, unless the entry lists it with a reason."""
    reasons = may_be_missing()
    rows = []
    for name, problem in parts.missing().items():
        line = problem.splitlines()[0]
        result = f"left out: {reasons[name]}" if name in reasons else f"FAILED: {line}"
        rows.append((name, "missing", "is there", result, 0))
    return rows


def attempt(world, scenario):
    """Runs a scenario once, and says how it went. Without a part that may be missing it is left
    out."""
    print(f"{scenario.name} …", file=sys.stderr, flush=True)
    started = time.monotonic()
    try:
        note = scenario.run(world)
        result = f"passed: {note}" if note else "passed"
    except LeftOut as reason:
        result = f"left out: {reason}"
    except Exception as error:
        # Whatever goes wrong in a scenario fails this one and lets the others run.
        if not isinstance(error, Failure):
            traceback.print_exc()
        print(f"{scenario.name}: {error}", file=sys.stderr, flush=True)
        lines = str(error).splitlines()
        result = f"FAILED: {lines[0] if lines else type(error).__name__}"
        if isinstance(error, MissingPart) and error.name in may_be_missing():
            result = f"left out: {may_be_missing()[error.name]}"
    version = world.parts.version(scenario.part)
    return scenario.part, version, scenario.name, result, time.monotonic() - started


def report(rows):
    """Prints the table and the closing line; the exit code."""
    heads = ("part", "version", "scenario", "result", "seconds")
    table = [heads] + [(*row[:4], f"{row[4]:.1f}") for row in rows]
    table = [(part, version, name, seconds, result) for part, version, name, result, seconds in table]
    widths = [max(len(row[column]) for row in table) for column in range(4)]
    for row in table:
        print("  ".join(word.ljust(width) for word, width in zip(row, [*widths, 0])).rstrip())
    failed = sum(row[3].startswith("FAILED") for row in rows)
    left_out = sum(row[3].startswith("left out") for row in rows)
    note = f", {left_out} left out" if left_out else ""
    print(f"\n{len(rows) - failed - left_out} passed, {failed} failed{note}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
