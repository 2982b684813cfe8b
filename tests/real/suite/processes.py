"""Programs that the suite starts: each in a process group of its own, ended when the suite ends."""

import os
import random
import signal
import socket
import subprocess
import time
from pathlib import Path


class Failure(Exception):
    """What a scenario or a part did not do. The text is for a person."""


def free_ports(count):
    """Ports that are free now. They lie below those that systems give to outgoing connections, so
    that none is taken between this look and the server's start."""
    found = []
    candidates = random.sample(range(10_000, 30_000), 1_000)
    while len(found) < count:
        with socket.socket() as held:
            try:
                held.bind(("127.0.0.1", port := candidates.pop()))
            except OSError:
                continue
            found.append(port)
    return found


def wait_until(what, ready, process=None, seconds=60):
    """Polls until `ready()` is true. Fails after so many seconds, or when the process has ended."""
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

    def __init__(self, name, command, log, environment, **more):
        self.name = name
        self.log = Path(log)
        with self.log.open("wb") as output:
            self.child = subprocess.Popen(
                [str(word) for word in command],
                env=environment,
                stderr=output,
                start_new_session=True,
                **{"stdin": subprocess.DEVNULL, "stdout": output, **more},
            )

    def ended(self):
        return self.child.poll() is not None

    def tail(self):
        """The last lines that it printed."""
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(f"    {self.name}: {line}" for line in lines[-15:])

    def stop(self):
        """Asks the whole group to end, then makes it."""
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
    """What a command did."""

    def __init__(self, command, code, stdout, stderr):
        self.command, self.code, self.stdout, self.stderr = command, code, stdout, stderr

    def __str__(self):
        return (
            f"`{' '.join(self.command)}` ended with {self.code}\n"
            f"    stdout: {self.stdout.strip()}\n    stderr: {self.stderr.strip()}"
        )

    def succeeded(self):
        """Itself, if the command ended with 0; else a failure."""
        if self.code != 0:
            raise Failure(str(self))
        return self

    def failed(self):
        """Itself, if the command did not end with 0; else a failure."""
        if self.code == 0:
            raise Failure(f"expected to fail: {self}")
        return self


def run(command, environment, seconds=60, text="", folder=None):
    """Runs a command to its end, within so many seconds; past that its whole group is ended."""
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
