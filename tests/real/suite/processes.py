"""Programs that the suite starts, each in its own process group, which ends with the suite."""

import os
import random
import signal
import socket
import subprocess
import time
from pathlib import Path


class Failure(Exception):
    """A failed expectation of a scenario, or a failed build of a part."""


def free_ports(count):
    """Ports that are free now. They are below the range for outgoing connections, so that none is
    likely to be taken before the server starts."""
    ports = []
    candidates = random.sample(range(10_000, 30_000), 1_000)
    while len(ports) < count:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port := candidates.pop()))
            except OSError:
                continue
            ports.append(port)
    return ports


def wait_until(what, ready, process=None, seconds=60):
    """Polls until `ready()` is true. Fails after this many seconds, or if the process has ended."""
    end = time.monotonic() + seconds
    while not ready():
        if process is not None and process.ended():
            raise Failure(f"{what}: the program ended\n{process.tail()}")
        if time.monotonic() > end:
            tail = f"\n{process.tail()}" if process is not None else ""
            raise Failure(f"{what}: not within {seconds} s{tail}")
        time.sleep(0.05)


class Process:
    """A server. Its output goes to a file."""

    def __init__(self, name, command, log, environment, **options):
        self.name = name
        self.log = Path(log)
        with self.log.open("wb") as output:
            self.child = subprocess.Popen(
                [str(word) for word in command],
                env=environment,
                stderr=output,
                start_new_session=True,
                **{"stdin": subprocess.DEVNULL, "stdout": output, **options},
            )

    def ended(self):
        return self.child.poll() is not None

    def tail(self):
        """The last lines of its output."""
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(f"    {self.name}: {line}" for line in lines[-15:])

    def stop(self):
        """Terminates the process group, or kills it after 10 seconds."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.child.pid, number)
            except (ProcessLookupError, PermissionError):
                pass
            try:
                self.child.wait(timeout=10)
                break
            except subprocess.TimeoutExpired:
                continue
        for stream in (self.child.stdin, self.child.stdout):
            if stream:
                stream.close()


class Result:
    """The result of a command."""

    def __init__(self, command, code, stdout, stderr):
        self.command, self.code, self.stdout, self.stderr = command, code, stdout, stderr

    def __str__(self):
        return (
            f"`{' '.join(self.command)}` ended with {self.code}\n"
            f"    stdout: {self.stdout.strip()}\n    stderr: {self.stderr.strip()}"
        )

    def succeeded(self):
        """Returns itself if the command succeeded; fails otherwise."""
        if self.code != 0:
            raise Failure(str(self))
        return self

    def failed(self):
        """Returns itself if the command failed; fails otherwise."""
        if self.code == 0:
            raise Failure(f"expected to fail: {self}")
        return self


def run(command, environment, seconds=60, text="", folder=None):
    """Runs a command, and kills its process group after this many seconds."""
    command = [str(word) for word in command]
    child = subprocess.Popen(
        command,
        env=environment,
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    try:
        stdout, stderr = child.communicate(text, timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        stdout, stderr = child.communicate()
        raise Failure(f"hung: {Result(command, f'no end in {seconds} s', stdout, stderr)}") from None
    except BaseException:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        raise
    return Result(command, child.returncode, stdout, stderr)
