#!/usr/bin/env python3
"""Guards the warm path of `get-token`: a call whose credentials are in the cache.

    benches/warm/guard.py [--print | --update]

Fails where the release build takes more than 10 % more instructions than
`benches/warm/instructions.txt` says, or more than 8 MiB, or opens more than its entry, or asks the
network. `--update` writes the figure anew, for a change that is worth its instructions: say why in
the commit. `--print` prints the figure alone.

Valgrind counts the instructions (callgrind), strace watches the calls, `/usr/bin/time` the memory.
Valgrind shows programs a processor of its own, without AVX-512 and SHA extensions, so machines with
and without them count alike. Before:

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
FIGURE = REPOSITORY / "benches" / "warm" / "instructions.txt"
# The growth that is let pass, and the bounds that do not move.
GROWTH = 1.10
MOST_INSTRUCTIONS = 1_500_000
MOST_MEMORY = 8 * 1024  # KiB

# What the loader opens before `main`, where the build is a dynamic one.
STARTING = ("/etc/ld.so", "/lib", "/usr/lib")

TOKEN = "pul-0123456789abcdef0123456789abcdef01234567"
CALL = ["get-token", "acme/platform/prod"]
# As long as those of STS are for a role.
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
    """The stand-in for Pulumi Cloud, as a program."""

    def __init__(self, folder):
        configuration = folder / "configuration.json"
        configuration.write_text(json.dumps(CONFIGURATION))
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            [STAND_IN, configuration], stdin=pipe, stdout=pipe, text=True
        )
        self.url = json.loads(self.process.stdout.readline())["url"]

    def requests(self):
        """How many requests there were."""
        self.process.stdin.write('{"order": "records"}\n')
        self.process.stdin.flush()
        return len(json.loads(self.process.stdout.readline())["records"])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()


def run(command, environment):
    """Runs a command, which has to succeed; its two outputs."""
    outcome = subprocess.run(
        list(map(str, command)), env=environment, capture_output=True, text=True
    )
    if outcome.returncode != 0:
        sys.exit(f"{command[0]} failed: {outcome.returncode}\n{outcome.stderr}")
    return outcome.stdout, outcome.stderr


def instructions(environment):
    """The instructions of a warm call, those of the loader included."""
    valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    stdout, stderr = run([*valgrind, BINARY, *CALL], environment)
    json.loads(stdout)
    return int(re.search(r"Collected\s*:\s*(\d+)", stderr)[1])


def memory(environment):
    """The most memory that a warm call held, in KiB."""
    # What a process held before it became another program counts too: time is a small one.
    _, stderr = run(["/usr/bin/time", "-f", "%M", BINARY, *CALL], environment)
    return int(stderr)


def surprises(environment, home):
    """What a warm call does that it should not: files, sockets, threads, programs."""
    log = home / "strace"
    calls = "trace=open,openat,socket,connect,clone,clone3,fork,vfork,execve"
    run(["strace", "-f", "-o", log, "-e", calls, BINARY, *CALL], environment)
    _, *calls, _ = (line.split(maxsplit=1)[1] for line in log.read_text().splitlines())
    entries = 0
    for call in calls:
        path = re.match(r'open(?:at)?\((?:AT_FDCWD, )?"([^"]+)"', call)
        if path and path[1].endswith(".entry"):
            entries += 1
        elif not path or not path[1].startswith(STARTING):
            yield f"it should not call {call}"
    if entries != 1:
        yield f"it opens {entries} entries of the cache"


def measure():
    """The instructions, and what is wrong with the rest."""
    with tempfile.TemporaryDirectory(prefix="kubectl-esc-guard-", dir="/tmp") as folder:
        folder = Path(folder)
        # No variables but these: each one more is copied and looked at by the loader.
        environment = {"HOME": str(folder), "PATH": "/usr/bin:/bin"}
        with StandIn(folder) as stand_in:
            environment["PULUMI_BACKEND_URL"] = stand_in.url
            environment["PULUMI_ACCESS_TOKEN"] = TOKEN
            run([BINARY, *CALL], environment)
            cold = stand_in.requests()
            count = instructions(environment)
            faults = list(surprises(environment, folder))
            held = memory(environment)
            if held > MOST_MEMORY:
                faults.append(f"it holds {held} KiB, more than {MOST_MEMORY}")
            if stand_in.requests() != cold:
                faults.append("it asked Pulumi Cloud again")
        return count, faults


def main():
    count, faults = measure()
    if "--print" in sys.argv:
        print(count)
        return
    if "--update" in sys.argv:
        FIGURE.write_text(f"{count}\n")
    known = int(FIGURE.read_text())
    change = 100 * count / known - 100
    print(f"a warm get-token: {count:,} instructions, {change:+.1f} % of {known:,}")
    if count > known * GROWTH or count > MOST_INSTRUCTIONS:
        faults.append(
            f"it takes more than 10 % more instructions, or more than {MOST_INSTRUCTIONS:,}: "
            "find what was added with `valgrind --tool=callgrind`; if it is worth that, "
            "`benches/warm/guard.py --update` and say why in the commit"
        )
    for fault in faults:
        print(f"the warm path: {fault}", file=sys.stderr)
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
