"""What a call met, and what came of it."""

import re

# A call gives up after this time; the suite waits a while longer, because the machine may be busy.
TIMEOUT = 3
MARGIN = 12
# Of a file system.
PAGE = 4096

# Calls for which the process has no descriptors left, or the system no processes, or which are not to be
# waited for.
EXHAUSTED = {
    "EMFILE": re.compile(
        r"(open\w*|creat|socket\w*|pipe2|dup[23]?|epoll_create1|eventfd2)\(|fcntl\(\d+, F_DUPFD|nofile="
    ),
    "EAGAIN": re.compile(r"(clone3?|v?fork|execve|socket|connect|recvfrom|sendto|flock)\(|write\(1,"),
}

# What an error looks like: the message, diagnostics of a definition, causes, a hint.
ERROR = re.compile(r"kubectl-esc: \S[^\n]*\n(?:(?!kubectl-esc: |  caused by: |  hint: )[^\n]*\n)*"
                   r"(?:  caused by: \S[^\n]*\n)*(?:  hint: \S[^\n]*\n)?")
CODES = {0, 2, 3, 4, 5, 6}
ABORTED, SIGPIPE = 128 + 6, 128 + 13


class Result:
    """The result of a call; `code` is None if it hung."""

    def __init__(self, code, stdout, stderr):
        # As a shell has it.
        self.code = 128 - code if code is not None and code < 0 else code
        self.stdout, self.stderr, self.log = stdout, stderr, ""

    def __str__(self):
        text = f"exit code {self.code}\n"
        for name in ("stdout", "stderr"):
            lines = getattr(self, name).splitlines()
            text += "".join(f"    {name}: {line[:300]}\n" for line in lines)
        return text


class Fault:
    """What a call met."""

    def __init__(self, family="", name="", ours=(), others=(), may_abort=False):
        self.family, self.name = family, name
        # The calls of the plugin that failed, and those of the command that `run` started.
        self.ours, self.others = list(ours), list(others)
        # Whether libraries may abort or hang: before `main`, and on errors that the kernel does not document.
        self.may_abort = may_abort

    def lines(self):
        """The first of the failed calls, to show them."""
        return (self.ours + self.others)[:3]

    def kills(self):
        return self.name == "SIGKILL"

    def interrupts(self):
        return self.name in ("SIGINT", "SIGTERM")

    def hit(self, pattern):
        return any(re.match(pattern, line) for line in self.ours)
