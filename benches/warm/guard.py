#!/usr/bin/env python3
"""Guards the warm path of `get-token`: a call whose credentials are in the cache.

    benches/warm/guard.py [--print | --update]

Fails if the release build executes over 10 % more instructions than `benches/warm/instructions.txt`
records, needs more than 8 MiB of memory, opens other files than its cache entry, or uses the network.
`--update` records the current number, for a change that is worth its instructions: say why in the
commit. `--print` only prints the number.

Valgrind (callgrind) counts the instructions, strace the system calls, and `/usr/bin/time` the memory.
Valgrind emulates a processor without AVX-512 and SHA extensions, so machines with and without them
count alike. Build these first:

    cargo build --locked --release --package kubectl-esc
    cargo build --locked --bin pulumi-cloud-stand-in
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or REPOSITORY / "target")
BINARY = TARGET / "release" / "kubectl-esc"
STAND_IN = TARGET / "debug" / "pulumi-cloud-stand-in"
RECORDED_COUNT = REPOSITORY / "benches" / "warm" / "instructions.txt"
# The allowed growth over the recorded count, and absolute limits.
MAX_GROWTH = 1.10
MAX_INSTRUCTIONS = 1_500_000
MAX_MEMORY = 8 * 1024  # KiB

# Files that the loader of a dynamically linked build opens, and the one that the standard library reads
# to find the stack's guard page.
STARTUP_FILES = ("/etc/ld.so", "/lib", "/usr/lib", "/proc/self/maps")

TOKEN = "pul-0123456789abcdef0123456789abcdef01234567"
CALL = ["get-token", "acme/platform/prod"]
# As long as STS's session tokens for a role.
SESSION_TOKEN = "FwoGZXIvYXdzE" + 200 * "Ab0"
DEFINITION = f"""
values:
  environmentVariables:
    AWS_ACCESS_KEY_ID: ASIAIOSFODNN7EXAMPLE
    AWS_SECRET_ACCESS_KEY: wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY
    AWS_SESSION_TOKEN: {SESSION_TOKEN}
  eks:
    clusterName: prod
    region: eu-west-1
    credentialLifetime: 8h
"""
CONFIGURATION = {
    "cloud": {
        "users": [{"login": "alice", "organizations": ["acme"]}],
        "tokens": [{"text": TOKEN, "owner": {"personal": "alice"}}],
        "environments": [
            {
                "organization": "acme",
                "project": "platform",
                "name": "prod",
                "revisions": [DEFINITION],
            }
        ],
    }
}


class StandIn:
    """Runs the stand-in for Pulumi Cloud."""

    def __init__(self, folder):
        configuration = folder / "configuration.json"
        configuration.write_text(json.dumps(CONFIGURATION))
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            [STAND_IN, configuration], stdin=pipe, stdout=pipe, text=True
        )
        self.url = json.loads(self.process.stdout.readline())["url"]

    def requests(self):
        """Returns the number of requests so far."""
        self.process.stdin.write('{"command": "records"}\n')
        self.process.stdin.flush()
        return len(json.loads(self.process.stdout.readline())["records"])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()


def run(command, environment):
    """Runs a command, which has to succeed, and returns its standard output and standard error."""
    result = subprocess.run(
        list(map(str, command)), env=environment, capture_output=True, text=True
    )
    if result.returncode != 0:
        sys.exit(f"{command[0]} failed with exit code {result.returncode}\n{result.stderr}")
    return result.stdout, result.stderr


def instructions(environment):
    """Returns the number of instructions of a warm call, including the loader."""
    valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    stdout, stderr = run([*valgrind, BINARY, *CALL], environment)
    json.loads(stdout)
    return int(re.search(r"Collected\s*:\s*(\d+)", stderr)[1])


def peak_memory(environment):
    """Returns the peak memory of a warm call, in KiB."""
    # That includes memory of the process before `exec`; `time` is a small program.
    _, stderr = run(["/usr/bin/time", "-f", "%M", BINARY, *CALL], environment)
    return int(stderr)


def unexpected_calls(environment, home):
    """Yields unexpected system calls of a warm call: files, sockets, threads, programs."""
    log = home / "strace"
    calls = "trace=open,openat,socket,connect,clone,clone3,fork,vfork,execve"
    run(["strace", "-f", "-o", log, "-e", calls, BINARY, *CALL], environment)
    _, *calls, _ = (line.split(maxsplit=1)[1] for line in log.read_text().splitlines())
    entries = 0
    for call in calls:
        path = re.match(r'open(?:at)?\((?:AT_FDCWD, )?"([^"]+)"', call)
        if path and path[1].endswith(".entry"):
            entries += 1
        elif not path or not path[1].startswith(STARTUP_FILES):
            yield f"unexpected system call {call}"
    if entries != 1:
        yield f"it opens {entries} cache entries instead of 1"


def measure():
    """Returns the number of instructions, and a list of other problems."""
    with tempfile.TemporaryDirectory(prefix="kubectl-esc-guard-", dir="/tmp") as folder:
        folder = Path(folder)
        # Only these variables: the loader copies and examines each of them.
        environment = {"HOME": str(folder), "PATH": "/usr/bin:/bin"}
        with StandIn(folder) as stand_in:
            environment["PULUMI_BACKEND_URL"] = stand_in.url
            environment["PULUMI_ACCESS_TOKEN"] = TOKEN
            run([BINARY, *CALL], environment)
            requests = stand_in.requests()
            count = instructions(environment)
            problems = list(unexpected_calls(environment, folder))
            peak = peak_memory(environment)
            if peak > MAX_MEMORY:
                problems.append(f"it needs {peak} KiB of memory, more than {MAX_MEMORY}")
            if stand_in.requests() != requests:
                problems.append("it called Pulumi Cloud")
        return count, problems


def main():
    count, problems = measure()
    if "--print" in sys.argv:
        print(count)
        return
    if "--update" in sys.argv:
        RECORDED_COUNT.write_text(f"{count}\n")
    recorded = int(RECORDED_COUNT.read_text())
    change = 100 * count / recorded - 100
    print(f"a warm get-token: {count:,} instructions, {change:+.1f} % from {recorded:,}")
    if count > recorded * MAX_GROWTH or count > MAX_INSTRUCTIONS:
        problems.append(
            f"it executes over 10 % more instructions than recorded, or over {MAX_INSTRUCTIONS:,}: "
            "find the cause with `valgrind --tool=callgrind`; if the change is worth it, run "
            "`benches/warm/guard.py --update`, and say why in the commit"
        )
    for problem in problems:
        print(f"warm path: {problem}", file=sys.stderr)
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
