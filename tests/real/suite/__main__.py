"""Builds the parts, starts the cluster, runs the scenarios, prints the table."""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count, groupby
from pathlib import Path

from . import scenarios
from .cluster import Cluster, base_environment
from .gke_and_aks import GkeAndAks
from .home import Home
from .parts import ALL_PARTS, HEAVY_PARTS, HERE, MissingPart, Parts
from .processes import Failure
from .pulumi_cloud import PulumiCloud
from .scenario import Skipped
from .stand_in import Sts

REPOSITORY = HERE.parent.parent


class Suite:
    """The programs and services that scenarios use."""

    def __init__(self, parts, folder):
        self.parts = parts
        self.folder = folder
        self.examples = REPOSITORY / "examples"
        self.programs = Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target")) / "debug"
        self.plugin = self.programs / "kubectl-esc"
        self.sts = None
        self.cluster = None
        self._gke_and_aks = None
        self._one_start = threading.Lock()
        self._homes = count(1)
        self._clouds = 0

    def start(self):
        environment = base_environment(self.folder)
        self.sts = Sts(self.programs / "sts-stand-in", self.folder, environment)
        self.cluster = self._new_cluster("kube-apiserver")

    def home(self):
        """A new home folder, so that scenarios share no caches."""
        folder = self.folder / f"home-{next(self._homes)}"
        folder.mkdir()
        return Home(self, folder)

    def pulumi_cloud(self, extra_environments=()):
        """A new Pulumi Cloud with extra environments, which the scenario stops."""
        self._clouds += 1
        folder = self.folder / f"pulumi-cloud-{self._clouds}"
        folder.mkdir()
        program = self.programs / "pulumi-cloud-stand-in"
        return PulumiCloud(program, folder, base_environment(folder), extra_environments)

    def gke_and_aks(self):
        """A cluster that accepts tokens for GKE and AKS, started with the first scenario that needs it."""
        with self._one_start:
            if self._gke_and_aks is None:
                self._gke_and_aks = GkeAndAks(self)
        return self._gke_and_aks

    def older_cluster(self):
        """A new cluster with the older API server, which the scenario stops."""
        return self._new_cluster("older kube-apiserver")

    def _new_cluster(self, api_server):
        folder = self.folder / api_server.replace(" ", "-")
        folder.mkdir()
        environment = base_environment(folder)
        return Cluster(self.parts, self.sts, folder, environment, api_server)

    def stop(self):
        for service in (self._gke_and_aks, self.cluster, self.sts):
            if service is not None:
                service.stop()


def parse_options(arguments):
    """Parses the command line."""
    parser = argparse.ArgumentParser(
        prog="tests/real/run",
        description="Tests kubectl-esc with real programs. Without NAME: every scenario except the heavy"
        f" ones, which need {', '.join(HEAVY_PARTS)} (about 17 processor minutes to build).",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="run scenarios that start with NAME")
    parser.add_argument("--all", action="store_true", help="build heavy parts and run heavy scenarios")
    parser.add_argument("--parts", action="store_true", help="build the parts and stop")
    parser.add_argument("--list", action="store_true", help="list scenarios and parts; build nothing")
    return parser.parse_args(arguments)


def is_heavy(scenario):
    """Whether a scenario needs parts that are built only on request."""
    return scenario.part in HEAVY_PARTS


def select(options):
    """The scenarios to run, and the heavy ones to skip."""
    if options.names:
        names = tuple(options.names)
        return [scenario for scenario in scenarios.ALL if scenario.name.startswith(names)], []
    if options.all:
        return list(scenarios.ALL), []
    if options.parts:
        return [], []
    light = [scenario for scenario in scenarios.ALL if not is_heavy(scenario)]
    return light, [scenario for scenario in scenarios.ALL if is_heavy(scenario)]


def list_all(selected):
    """Prints every scenario and part, and which of them a run with the same options skips."""
    with_heavy = any(is_heavy(scenario) for scenario in selected)
    print("scenarios:")
    for scenario in scenarios.ALL:
        print(f"  {scenario.name} ({scenario.part}){'' if scenario in selected else ': skipped'}")
    print("parts:")
    for name in ALL_PARTS:
        print(f"  {name}{': skipped, heavy' if name in HEAVY_PARTS and not with_heavy else ''}")


def main(arguments):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options = parse_options(arguments)
    selected, skipped = select(options)
    if options.names and not selected:
        print(f"no scenario starts with {' or '.join(options.names)}", file=sys.stderr)
        return 2
    if options.list:
        list_all(selected)
        return 0
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    cache = os.environ.get("KUBECTL_ESC_REAL_CACHE") or default / "kubectl-esc-real"
    parts = Parts(Path(cache))
    with_heavy = options.all or any(is_heavy(scenario) for scenario in selected)
    if not with_heavy:
        print(f"not built, heavy: {', '.join(HEAVY_PARTS)}", file=sys.stderr, flush=True)
    parts.build(with_heavy)
    if options.parts:
        return 1 if parts.missing() else 0
    rows = missing_rows(parts)
    folder = Path(tempfile.mkdtemp(prefix="kubectl-esc-real-"))
    suite = Suite(parts, folder)
    try:
        started = time.monotonic()
        try:
            suite.start()
        except (Failure, OSError) as error:
            rows.append(("cluster", "", "starts", f"FAILED: {error}", time.monotonic() - started))
        else:
            row = ("cluster", suite.cluster.version, "starts", "passed", time.monotonic() - started)
            rows.append(row)
            for setting, group in groupby(selected, key=lambda scenario: scenario.setting):
                rows += attempt_group(suite, setting, list(group))
            rows += [skipped_row(scenario) for scenario in skipped]
    finally:
        suite.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return report(rows)


def may_be_missing():
    """The reasons why parts may be missing, by part; `run` lists them."""
    reasons = {}
    for line in os.environ.get("KUBECTL_ESC_REAL_MAY_BE_MISSING", "").splitlines():
        name, _, reason = line.partition(":")
        if reason.strip():
            reasons[name.strip()] = reason.strip()
    return reasons


def missing_rows(parts):
    """The rows of missing parts: failures, unless `run` lists the part with a reason."""
    reasons = may_be_missing()
    rows = []
    for name, problem in parts.missing().items():
        line = problem.splitlines()[0]
        result = f"skipped: {reasons[name]}" if name in reasons else f"FAILED: {line}"
        rows.append((name, "missing", "builds", result, 0))
    return rows


def skipped_row(scenario):
    """The row of a scenario that was not selected."""
    reason = "skipped: heavy, `tests/real/run --all` runs it"
    return scenario.part, "not built", scenario.name, reason, 0


def attempt_group(suite, setting, group):
    """The rows of consecutive scenarios: one after the other, or all at once in their setting."""
    if setting is None:
        return [attempt(suite, scenario) for scenario in group]
    with setting(suite), ThreadPoolExecutor(len(group)) as pool:
        return list(pool.map(partial(attempt, suite), group))


def attempt(suite, scenario):
    """Runs a scenario and returns its row. Skips it without a part that may be missing."""
    print(f"{scenario.name} …", file=sys.stderr, flush=True)
    started = time.monotonic()
    try:
        note = scenario.run(suite)
        result = f"passed: {note}" if note else "passed"
    except Skipped as reason:
        result = f"skipped: {reason}"
    except Exception as error:
        # An error in one scenario must not stop the others.
        if not isinstance(error, Failure):
            traceback.print_exc()
        print(f"{scenario.name}: {error}", file=sys.stderr, flush=True)
        lines = str(error).splitlines()
        result = f"FAILED: {lines[0] if lines else type(error).__name__}"
        if isinstance(error, MissingPart) and error.name in may_be_missing():
            result = f"skipped: {may_be_missing()[error.name]}"
    version = suite.parts.version(scenario.part)
    return scenario.part, version, scenario.name, result, time.monotonic() - started


def report(rows):
    """Prints the table and the summary; returns the exit code."""
    heads = ("part", "version", "scenario", "result", "seconds")
    table = [heads] + [(*row[:4], f"{row[4]:.1f}") for row in rows]
    table = [(part, version, name, seconds, result) for part, version, name, result, seconds in table]
    widths = [max(len(row[column]) for row in table) for column in range(4)]
    for row in table:
        print("  ".join(word.ljust(width) for word, width in zip(row, [*widths, 0])).rstrip())
    failed = sum(row[3].startswith("FAILED") for row in rows)
    skipped = [row[2] for row in rows if row[3].startswith("skipped")]
    note = f", {len(skipped)} skipped ({', '.join(skipped)})" if skipped else ""
    print(f"\n{len(rows) - failed - len(skipped)} passed, {failed} failed{note}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
