"""The faults: what fails in a call, and how to make it fail."""

import fcntl
import os
import platform
import subprocess
import sys
import zlib
from pathlib import Path

from suite.processes import wait_until

from . import strace
from .outcomes import PAGE, Fault
from .scenarios import GetToken, LoginRefresh, Run, UpdateKubeconfig, end_group


class Case:
    """A fault in a call of a scenario. `family` and `fault` are its place in the table."""

    family = fault = where = ""

    def __init__(self, scenario):
        self.scenario = scenario

    def __str__(self):
        words = (self.scenario.name, self.family, self.fault, self.where)
        return ":".join(word for word in words if word).replace(" ", "-")

    def run(self):
        """Makes the call; returns its result, the fault that it met, and what is wrong."""
        self.scenario.restore()
        result, fault = self.execute()
        return result, fault, [*self.check(result, fault)]

    def execute(self):
        raise NotImplementedError

    def check(self, result, fault):
        return self.scenario.check(result, fault)


class Injected(Case):
    """A system call that fails."""

    def __init__(self, scenario, call, fault, when, is_at_start):
        super().__init__(scenario)
        self.family, self.fault = strace.FAMILY_OF[call], fault
        self.call, self.when = call, when
        self.may_abort = is_at_start or not strace.is_documented(call, fault)
        self.where = f"{call}:{when}"

    def execute(self):
        log = self.scenario.folder / "strace"
        log.unlink(missing_ok=True)
        result = self.scenario.call(strace.injection(log, self.call, self.fault, self.when))
        ours, others = strace.Log(log).injected()
        may_abort = self.may_abort or any(strace.NEVER_FAILS.search(line) for line in ours)
        return result, Fault(self.family, self.fault, ours, others, may_abort)


class FullDisk(Case):
    """A home folder on a disk with this many free pages."""

    family, fault = "disk", "ENOSPC"

    def __init__(self, scenario, pages):
        super().__init__(scenario)
        self.where = f"{pages} pages free"
        self.pages = pages

    def execute(self):
        home = self.scenario.home
        command = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs", home]
        subprocess.run(command, check=True)
        self.scenario.restore()
        with (home / "filler").open("wb") as filler:
            space = os.statvfs(home)
            filler.write(bytes(PAGE * (space.f_bavail - self.pages)))
        return self.scenario.call(), Fault(self.family, self.fault)

    def run(self):
        try:
            return super().run()
        finally:
            subprocess.run(["umount", self.scenario.home], check=True)

    def check(self, result, fault):
        (self.scenario.home / "filler").unlink()
        return super().check(result, fault)


class Limited(Case):
    """A limit of the process, as `prlimit` sets it."""

    family = "limit"

    def __init__(self, scenario, limit, value, fault):
        super().__init__(scenario)
        self.where, self.fault = f"{limit}={value}", fault

    def execute(self):
        result = self.scenario.call(["prlimit", f"--{self.where}"])
        # The limit is also one of the command that `run` starts.
        others = [self.where] if isinstance(self.scenario, Run) else []
        return result, Fault(self.family, self.fault, [] if others else [self.where], others)


class ShortTransfers(Case):
    """Reads and writes that transfer at most this many bytes at once. Not a fault: all has to succeed."""

    family, fault = "transfer", "short"

    def __init__(self, scenario, size):
        super().__init__(scenario)
        self.where = f"{size} bytes"
        self.prefix = [sys.executable, Path(__file__).with_name("short_transfers.py"), size]

    def execute(self):
        return self.scenario.call(self.prefix, timeout=60), Fault()

    def check(self, result, fault):
        if result.code != 0:
            yield "fails with short reads and writes"
        yield from super().check(result, fault)


class LostOutput(Case):
    """A standard output that takes nothing."""

    family, fault = "output", "lost"

    def __init__(self, scenario, where):
        super().__init__(scenario)
        self.where = where

    def execute(self):
        call = self.scenario.call
        if self.where == "full":
            with open("/dev/full", "wb") as full:
                result = call(stdout=full)
        elif self.where == "read-only":
            with open("/dev/null", "rb") as null:
                result = call(stdout=null)
        elif self.where == "no reader":
            reader, writer = os.pipe()
            os.close(reader)
            result = call(stdout=writer)
            os.close(writer)
        else:
            result = call(["sh", "-c", 'exec "$0" "$@" >&-'])
        return result, Fault(self.family, self.fault)

    def check(self, result, fault):
        if result.code == 0:
            yield f"succeeds, but its output was lost ({self.where})"
        else:
            yield from super().check(result, fault)


class StoppedHolder(Case):
    """Another call was stopped (SIGSTOP) while it held a lock."""

    family, fault = "lock holder", "SIGSTOP"

    def __init__(self, scenario, call):
        super().__init__(scenario)
        self.call = self.where = call

    def execute(self):
        log = self.scenario.folder / "strace"
        log.unlink(missing_ok=True)
        prefix = strace.injection(log, self.call, "signal=STOP", 1)
        with self.scenario.started(prefix, timeout=60) as holder:
            try:
                wait_until(f"{self}: the holder is stopped", lambda: strace.is_stopped(log))
                result = self.scenario.call(timeout=10)
            finally:
                end_group(holder)
        return result, Fault(self.family, self.fault)

    def check(self, result, fault):
        if isinstance(self.scenario, UpdateKubeconfig):
            # The lock is kubectl's: it has no owner that could be asked.
            if result.code != 5 or "config.lock" not in result.stderr:
                yield "does not name the lock"
        elif result.code != 0 and not isinstance(self.scenario, LoginRefresh):
            yield "fails because another call is stopped"
        yield from super().check(result, fault)


class LockedLogin(Case):
    """Another program holds Pulumi's lock on `credentials.json`."""

    family, fault = "lock holder", "locked"

    def execute(self):
        credentials = self.scenario.home / ".pulumi" / "credentials.json"
        credentials.parent.mkdir(exist_ok=True)
        credentials.touch()
        if not credentials.read_text():
            credentials.write_text("{}")
        with credentials.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            result = self.scenario.call(timeout=10)
        return result, Fault(self.family, self.fault)

    def check(self, result, fault):
        if result.code != 0 and not isinstance(self.scenario, LoginRefresh):
            yield "fails because the login of `pulumi login` is locked"
        yield from super().check(result, fault)


def injected(scenario, calls, startup, sample):
    """The cases of every call: `sample` occurrences of each."""
    for call, count in sorted(calls.items()):
        for fault in strace.FAULTS if call in strace.FAMILY_OF else ():
            if fault == "end" and call not in strace.END_CALLS:
                continue
            for number in spread(count, sample):
                whens = [f"{number}", f"{number}+"] if fault in strace.LASTING else [f"{number}"]
                for when in whens:
                    yield Injected(scenario, call, fault, when, number <= startup[call])


def situations(scenario, has_mounts):
    """The other cases: disk, limits, transfers, output, lock holders."""
    if has_mounts:
        yield from (FullDisk(scenario, pages) for pages in range(4))
    yield from (Limited(scenario, "nofile", number, "EMFILE") for number in range(3, 13))
    yield from (Limited(scenario, "fsize", size, "EFBIG") for size in (0, 1, 100))
    yield from (Limited(scenario, "data", size << 20, "ENOMEM") for size in (2, 4, 8))
    if platform.machine() == "x86_64":
        yield from (ShortTransfers(scenario, size) for size in (1, 7, 100))
    if isinstance(scenario, (GetToken, Run)):
        yield from (LostOutput(scenario, where) for where in ("full", "read-only", "no reader", "closed"))
    for call in scenario.stops_at:
        yield StoppedHolder(scenario, call)
    if isinstance(scenario, GetToken):
        yield LockedLogin(scenario)


def spread(count, sample):
    """Up to `sample` numbers from 1 to `count`, evenly spread, with the last."""
    sample = min(count, sample)
    return [round(count * (index + 1) / sample) for index in range(sample)]


# Cases that found a fault which is fixed: the first of these calls, with this fault.
REGRESSIONS = (":clone3:1", "EAGAIN"), (":epoll_ctl:1", "ENOSPC"), (":socketpair:1", "EIO")


def reduced(cases):
    """One case of each family and fault, always the same one, and the regressions."""
    groups = {}
    for case in cases:
        groups.setdefault((case.family, case.fault), []).append(case)
    chosen = [min(group, key=lambda case: zlib.crc32(str(case).encode())) for group in groups.values()]
    found_before = [
        case
        for case in cases
        if any(str(case).endswith(where) and case.fault == fault for where, fault in REGRESSIONS)
    ]
    return [*chosen, *(case for case in found_before if case not in chosen)]
