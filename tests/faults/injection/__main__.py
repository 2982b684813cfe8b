"""Runs the cases, and prints the table of outcomes and every violation."""

import argparse
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from suite.processes import Failure

from . import scenarios, strace
from .cases import injected, reduced, situations
from .outcomes import Fault
from .services import TARGET, Services

# How many occurrences of each call fail, with `--all`.
SAMPLE = 40
# How many cases of a violation are shown.
EXAMPLES = 5


class Outcome:
    """What came of a case."""

    def __init__(self, case, result, fault, problems):
        self.case, self.result, self.fault, self.problems = case, result, fault, problems

    def code(self):
        """The exit code for the table."""
        if self.case.fault in strace.ERRORS and self.case.family in strace.FAMILIES and not self.fault.lines():
            return "not reached"
        return "hung" if self.result.code is None else str(self.result.code)


def run_scenario(kind, services, folder, options):
    """Runs the cases of a scenario, and returns their outcomes."""
    scenario = kind(services, options.binary, folder / kind.name.replace(" ", "-"))
    started = time.monotonic()
    log = scenario.folder / "strace"
    scenario.restore()
    result = scenario.call(strace.listing(log), timeout=60)
    if problems := list(scenario.check(result, Fault())):
        raise Failure(f"{kind.name}, without a fault: {'; '.join(problems)}\n{result}")
    calls, startup = strace.Log(log).calls()
    cases = list(injected(scenario, calls, startup, SAMPLE))
    if not options.all and not options.case:
        cases = reduced(cases)
    cases += situations(scenario, options.mounts)
    if options.case:
        cases = [case for case in cases if str(case).startswith(options.case)]
    outcomes = [Outcome(case, *case.run()) for case in cases]
    seconds = time.monotonic() - started
    left_out = sorted(call for call in calls if call not in strace.FAMILY_OF)
    print(f"{kind.name}: {len(cases)} cases in {seconds:.0f} s; not made to fail: {' '.join(left_out)}")
    sys.stdout.flush()
    return outcomes


def print_table(outcomes):
    """Prints how often each fault had which exit code, for each scenario and family of calls."""
    tables = {}
    for outcome in outcomes:
        case = outcome.case
        table = tables.setdefault(case.family in strace.FAMILIES, {})
        row = table.setdefault((case.scenario.name, case.family), {})
        row.setdefault(case.fault, Counter())[outcome.code()] += 1
    for is_call, table in sorted(tables.items(), reverse=True):
        faults = [*strace.FAULTS] if is_call else sorted({fault for row in table.values() for fault in row})
        print(f"\n| scenario | {'calls' if is_call else 'situation'} | {' | '.join(faults)} |")
        print("| --- " * (2 + len(faults)) + "|")
        for key, row in table.items():
            cells = [
                " ".join(f"{code}×{count}" for code, count in sorted(row.get(fault, {}).items()))
                for fault in faults
            ]
            print(f"| {' | '.join([*key, *cells])} |")
    print("\nEach cell: exit code × number of runs.")


def print_violations(outcomes):
    """Prints what is wrong, with commands that reproduce it; returns the number of kinds."""
    violations = {}
    for outcome in outcomes:
        for problem in outcome.problems:
            key = outcome.case.scenario.name, problem.split("\n")[0]
            violations.setdefault(key, []).append(outcome)
    for (scenario, problem), found in sorted(violations.items()):
        print(f"\nVIOLATION: {scenario}: {problem} ({len(found)} cases)")
        for outcome in found[:EXAMPLES]:
            print(f"  tests/faults/run --case '{outcome.case}'")
            print("".join(f"    {line}\n" for line in outcome.fault.lines()[:1]), end="")
        print(f"  {found[0].result}")
    return len(violations)


def parse_options():
    """Parses the command line."""
    parser = argparse.ArgumentParser(
        prog="tests/faults/run",
        description="Makes system calls of kubectl-esc fail, and checks what it does. Without an option: one "
        "case of each scenario, family of calls and fault.",
    )
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help="only these, such as warm")
    parser.add_argument("--all", action="store_true", help="every case")
    parser.add_argument("--case", metavar="CASE", help="the cases that start with this text; prints them")
    parser.add_argument("--jobs", type=int, default=2, help="scenarios at the same time [default: 2]")
    parser.add_argument("--binary", type=Path, default=TARGET / "kubectl-esc", help="the plugin")
    parser.add_argument("--mounts", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    names = [kind.name.replace(" ", "-") for kind in scenarios.ALL]
    if unknown := set(options.scenarios).difference(names):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; the scenarios are {', '.join(names)}")
    return options


def main():
    options = parse_options()
    options.binary = options.binary.absolute()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    kinds = [
        kind
        for kind in scenarios.ALL
        if not options.scenarios or kind.name.replace(" ", "-") in options.scenarios
    ]
    if options.case:
        kinds = [kind for kind in scenarios.ALL if options.case.startswith(kind.name.replace(" ", "-"))]
    folder = Path(tempfile.mkdtemp(prefix="kubectl-esc-faults-"))
    services = Services(folder)
    try:
        with ThreadPoolExecutor(options.jobs) as pool:
            runs = [pool.submit(run_scenario, kind, services, folder, options) for kind in kinds]
            outcomes = [outcome for run in runs for outcome in run.result()]
    finally:
        services.stop()
        shutil.rmtree(folder, ignore_errors=True)
    if options.case:
        for outcome in outcomes:
            print(f"\n{outcome.case}\n{outcome.result}", *outcome.fault.lines(), sep="\n")
    else:
        print_table(outcomes)
    count = print_violations(outcomes)
    print(f"\n{len(outcomes)} cases, {count} kinds of violations")
    return 1 if count or not outcomes else 0


if __name__ == "__main__":
    sys.exit(main())
