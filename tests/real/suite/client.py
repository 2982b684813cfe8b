"""Long-lived programs that list config maps, each with another client library.

A program reads a count from each line of its standard input, and lists the config maps of the namespace
`default` that often at the same time. It answers with a line of JSON: `{"names": […]}`, or
`{"error": "…"}` with what a program shows of the first failure. It reads the kubeconfig when it first
needs it, and keeps the library's client."""

import json
import subprocess
import time

from .processes import Failure, Process


class Client:
    """A running program."""

    def __init__(self, name, command, home, environment):
        self.process = Process(
            name,
            command,
            home.new_log(name),
            environment,
            cwd=home.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stop()

    def send(self, request):
        stdin = self.process.child.stdin
        stdin.write(f"{request}\n")
        stdin.flush()

    def answer(self):
        line = self.process.child.stdout.readline()
        if not line:
            raise Failure(f"the client ended\n{self.process.tail()}")
        return json.loads(line)

    def names(self):
        """The names in a list."""
        self.send(1)
        answer = self.answer()
        if "names" not in answer:
            raise Failure(f"{answer['error']}\n{self.process.tail()}")
        return answer["names"]

    def request(self, request):
        """Sends a request to the cluster. Returns the error, or an empty text."""
        self.send(request)
        return self.answer().get("error", "")

    def succeed(self, request):
        error = self.request(request)
        if error:
            raise Failure(f"`{request}`: {error}\n{self.process.tail()}")

    def repeat_until_rejected(self, request, seconds=30):
        """Repeats a request until it fails: the API server caches the user of a token for 10 s."""
        end = time.monotonic() + seconds
        while not (error := self.request(request)):
            if time.monotonic() > end:
                raise Failure(f"`{request}` still succeeds after {seconds} s")
            time.sleep(0.05)
        return error

    def log(self):
        """Its standard error so far."""
        return self.process.log.read_text(errors="replace")
