#!/usr/bin/env python3
"""Guards the warm path of `get-token`: a call whose credentials or token are in the cache.

    benches/warm/guard.py [--print | --update]

Fails if, for EKS, GKE or AKS, the release build executes over 10 % more instructions than
`benches/warm/instructions.txt` records, needs more than 8 MiB of memory, opens other files than its
cache entry, or uses the network; if a call for GKE or AKS executes over 10 % more instructions than one
for EKS; and if a call that replaces its cache entry executes over 100 million. `--update` records the
current numbers, for a change that is worth its instructions: say why in the commit. `--print` only
prints the numbers.

Valgrind (callgrind) counts the instructions, strace the system calls, and `/usr/bin/time` the memory.
Valgrind emulates a processor without AVX-512 and SHA extensions, so machines with and without them
count alike. Build these first:

    cargo build --locked --release --package kubectl-esc
    cargo build --locked --bin pulumi-cloud-stand-in --bin azure-stand-in
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
STAND_INS = TARGET / "debug"
RECORDED_COUNTS = REPOSITORY / "benches" / "warm" / "instructions.txt"
# The allowed growth over the recorded count, and over EKS; and absolute limits.
MAX_GROWTH = 1.10
MAX_RATIO = 1.10
MAX_INSTRUCTIONS = 1_500_000
# Random numbers from the jitter of the processor alone take 400 million: see `.cargo/config.toml`.
MAX_COLD_INSTRUCTIONS = 100_000_000
MAX_MEMORY = 8 * 1024  # KiB

# Files that the loader of a dynamically linked build opens, and the one that the standard library reads
# to find the stack's guard page.
STARTUP_FILES = ("/etc/ld.so", "/lib", "/usr/lib", "/proc/self/maps")

TOKEN = "pul-0123456789abcdef0123456789abcdef01234567"
# The environment for a cluster of each provider. The first one is compared with the others.
ENVIRONMENTS = {
    "eks": "acme/platform/prod",
    "gke": "acme/platform/gke",
    "aks": "acme/platform/aks",
}
# As long as STS's session tokens for a role.
SESSION_TOKEN = "FwoGZXIvYXdzE" + 200 * "Ab0"
EKS_DEFINITION = f"""
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
GKE_DEFINITION = """
values:
  gcp:
    login:
      fn::open::gcp-login:
        project: 123456789012
        oidc:
          workloadPoolId: pulumi
          providerId: esc
          serviceAccount: deploy@acme.iam.gserviceaccount.com
"""
CLIENT, TENANT = "0d3c1d2e-8f0a-4b6c-9d1e-2f3a4b5c6d7e", "7a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"
AKS_DEFINITION = f"""
values:
  azure:
    login:
      fn::open::azure-login:
        clientId: {CLIENT}
        tenantId: {TENANT}
        clientSecret: {{fn::secret: example~secret}}
"""
PULUMI_CLOUD = {
    "cloud": {
        "users": [{"login": "alice", "organizations": ["acme"]}],
        "tokens": [{"text": TOKEN, "owner": {"personal": "alice"}}],
        "environments": [
            {
                "organization": "acme",
                "project": "platform",
                "name": name,
                "revisions": [definition],
            }
            for name, definition in [
                ("prod", EKS_DEFINITION),
                ("gke", GKE_DEFINITION),
                ("aks", AKS_DEFINITION),
            ]
        ],
    }
}
APPLICATION = {
    "clientId": CLIENT,
    "objectId": "c4e8f1a0-1b2c-4d3e-9f40-5a6b7c8d9e0f",
    "clientSecrets": [{"value": "example~secret"}],
}
AZURE = {"azure": {"tenants": [{"id": TENANT, "applications": [APPLICATION]}]}}


class StandIn:
    """Runs a stand-in."""

    def __init__(self, name, folder, configuration):
        file = folder / f"{name}.json"
        file.write_text(json.dumps(configuration))
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            [STAND_INS / name, file], stdin=pipe, stdout=pipe, text=True
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


def instructions(call, environment):
    """Returns the number of instructions of a call, including the loader."""
    valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    stdout, stderr = run([*valgrind, *call], environment)
    json.loads(stdout)
    return int(re.search(r"Collected\s*:\s*(\d+)", stderr)[1])


def peak_memory(call, environment):
    """Returns the peak memory of a warm call, in KiB."""
    # That includes memory of the process before `exec`; `time` is a small program.
    _, stderr = run(["/usr/bin/time", "-f", "%M", *call], environment)
    return int(stderr)


def unexpected_calls(call, environment, home):
    """Yields unexpected system calls of a warm call: files, sockets, threads, programs."""
    log = home / "strace"
    calls = "trace=open,openat,socket,connect,clone,clone3,fork,vfork,execve"
    run(["strace", "-f", "-o", log, "-e", calls, *call], environment)
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
    """Returns the number of instructions for each provider, and a list of other problems."""
    counts, problems = {}, []
    with tempfile.TemporaryDirectory(prefix="kubectl-esc-guard-", dir="/tmp") as folder:
        folder = Path(folder)
        with (
            StandIn("pulumi-cloud-stand-in", folder, PULUMI_CLOUD) as cloud,
            StandIn("azure-stand-in", folder, AZURE) as azure,
        ):
            # Only these variables: the loader copies and examines each of them.
            environment = {
                "HOME": str(folder),
                "PATH": "/usr/bin:/bin",
                "PULUMI_BACKEND_URL": cloud.url,
                "PULUMI_ACCESS_TOKEN": TOKEN,
            }
            for provider, name in ENVIRONMENTS.items():
                if provider == "aks":
                    environment["AZURE_AUTHORITY_HOST"] = azure.url
                call = [BINARY, "get-token", name]
                run(call, environment)
                requests = cloud.requests() + azure.requests()
                counts[provider] = instructions(call, environment)
                found = list(unexpected_calls(call, environment, folder))
                peak = peak_memory(call, environment)
                if peak > MAX_MEMORY:
                    found.append(f"it needs {peak} KiB of memory, more than {MAX_MEMORY}")
                if cloud.requests() + azure.requests() != requests:
                    found.append("it made a request")
                cold = instructions([*call, "--refresh"], environment)
                if cold > MAX_COLD_INSTRUCTIONS:
                    found.append(f"a call with `--refresh` executes {cold:,} instructions")
                problems += [f"{provider}: {problem}" for problem in found]
    return counts, problems


def excess(provider, counts, recorded):
    """Yields why the number of instructions is too high."""
    count, eks = counts[provider], counts["eks"]
    if count > recorded * MAX_GROWTH or count > MAX_INSTRUCTIONS:
        yield (
            f"it executes over 10 % more instructions than recorded, or over {MAX_INSTRUCTIONS:,}: "
            "find the cause with `valgrind --tool=callgrind`; if the change is worth it, run "
            "`benches/warm/guard.py --update`, and say why in the commit"
        )
    if count > eks * MAX_RATIO:
        yield f"it executes {count:,} instructions, over 10 % more than one for EKS ({eks:,})"


def main():
    counts, problems = measure()
    lines = "".join(f"{provider} {count}\n" for provider, count in counts.items())
    if "--print" in sys.argv:
        print(lines, end="")
        return
    if "--update" in sys.argv:
        RECORDED_COUNTS.write_text(lines)
    recorded = dict(line.split() for line in RECORDED_COUNTS.read_text().splitlines())
    for provider, count in counts.items():
        before = int(recorded[provider])
        change = 100 * count / before - 100
        print(
            f"a warm get-token for {provider.upper()}: {count:,} instructions, {change:+.1f} % from "
            f"{before:,}"
        )
        problems += [f"{provider}: {problem}" for problem in excess(provider, counts, before)]
    for problem in problems:
        print(f"warm path: {problem}", file=sys.stderr)
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
