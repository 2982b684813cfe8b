"""System calls of a command: listed, and made to fail with `strace -e inject=`."""

import re
from collections import Counter

# Calls by family. Other calls (signal handlers, futexes, the start of the process) are not made to fail:
# the standard library aborts if the kernel refuses them.
FAMILIES = {
    "open": "open openat openat2 creat",
    "read": "read pread64 readv preadv getdents64 readlink readlinkat",
    "write": "write pwrite64 writev ftruncate lseek fallocate",
    "sync": "fsync fdatasync",
    "rename": "rename renameat renameat2 link linkat symlink symlinkat",
    "stat": "stat fstat lstat newfstatat statx access faccessat faccessat2 getcwd statfs fstatfs",
    "mkdir": "mkdir mkdirat",
    "unlink": "unlink unlinkat rmdir",
    "mode": "chmod fchmod fchmodat chown fchown fchownat umask utimensat",
    "lock": "flock fcntl",
    # Not `brk`: its failure is no error number.
    "memory": "mmap mprotect munmap mremap madvise",
    "network": "socket socketpair connect bind sendto recvfrom sendmsg recvmsg shutdown setsockopt "
    "getsockopt getsockname getpeername ioctl",
    "poll": "poll ppoll select pselect6 epoll_create1 epoll_ctl epoll_wait epoll_pwait eventfd2",
    "process": "clone clone3 fork vfork execve pipe2 dup dup2 dup3 wait4 waitid kill pidfd_open",
    "random": "getrandom",
    "time": "clock_gettime clock_nanosleep nanosleep gettimeofday",
}
FAMILY_OF = {call: family for family, calls in FAMILIES.items() for call in calls.split()}

# The faults, as strace has them. `end` returns 0: the end of a file or connection, or nothing written.
ERRORS = ("ENOSPC", "EIO", "EMFILE", "EAGAIN", "EACCES", "EINTR", "ENOMEM")
FAULTS = {
    **{name: f"error={name}" for name in ERRORS},
    "end": "retval=0",
    "SIGKILL": "signal=KILL",
    "SIGINT": "signal=INT",
    "SIGTERM": "signal=TERM",
}
# Faults that last: a full disk, a limit. They are also tried with every later call.
LASTING = ("ENOSPC", "EIO", "EMFILE", "EACCES", "ENOMEM")
# To other calls than these, 0 does not mean an end.
END_CALLS = ("read", "pread64", "readv", "recvfrom", "write", "pwrite64", "writev", "sendto")

# Errors that the kernel documents for the calls of these families; it documents almost all for files. For
# others, the libraries may abort.
DOCUMENTED = {
    "lock": {
        "flock": "EINTR EAGAIN ENOMEM",
        "fcntl": "EACCES EAGAIN EINTR EMFILE",
    },
    "memory": {"mmap": "ENOMEM EAGAIN", "mprotect": "ENOMEM", "mremap": "ENOMEM"},
    "poll": {
        "epoll_create1": "EMFILE ENOMEM",
        "eventfd2": "EMFILE ENOMEM",
        "epoll_ctl": "ENOMEM ENOSPC",
        **{call: "EINTR ENOMEM" for call in ("poll", "ppoll", "select", "pselect6")},
        **{call: "EINTR" for call in ("epoll_wait", "epoll_pwait")},
    },
    "process": {
        **{call: "EAGAIN ENOMEM" for call in ("clone", "clone3", "fork", "vfork")},
        **{call: "EMFILE" for call in ("pipe2", "dup", "dup2", "dup3", "pidfd_open")},
        **{call: "EINTR" for call in ("wait4", "waitid")},
        "execve": "EACCES EAGAIN EIO EMFILE ENOMEM",
    },
    "random": {"getrandom": "EINTR"},
    "time": {"nanosleep": "EINTR", "clock_nanosleep": "EINTR"},
}

# What fails on a programming error only: how threads wake an event loop, how a signal handler wakes its
# reader, and flags of a descriptor.
NEVER_FAILS = re.compile(
    r"write\(\d+, \"\\1(\\0){7}\", 8\)|sendto\(\d+, \"X\", 1, MSG_DONTWAIT"
    r"|recvfrom\(\d+, \S+, (1|1024), (0|MSG_DONTWAIT), NULL, NULL\)|fcntl\(\d+, F_[GS]ETF"
)


def is_documented(call, fault):
    """Whether the kernel documents this error for this call."""
    calls = DOCUMENTED.get(FAMILY_OF[call])
    return calls is None or fault in calls.get(call, "").split() or fault not in ERRORS


NEW_PROCESS = "clone|clone3|fork|vfork"
UNFINISHED = re.compile(r"^(.*) <unfinished \.\.\.>$")
RESUMED = re.compile(r"^\d+ +<\.\.\. \w+ resumed>(.*)$")
CALL = re.compile(r"^(\d+) +(\w+)\(")
CHILD = re.compile(rf"^(\d+) +(?:{NEW_PROCESS})\(.* = (\d+)$")
EXECUTED = re.compile(r"^(\d+) +execve\(.* = 0$")
# The last thing that the standard library does before `main`.
MAIN = re.compile(r"^\d+ +rt_sigaction\(SIGBUS, \{sa_handler=0x")
INJECTED = re.compile(r"^(\d+) +(.*\(INJECTED\))$")
STOPPED = re.compile(r"^\d+ +--- stopped by SIGSTOP ---$", re.MULTILINE)


def joined(lines):
    """Yields the lines of a log, with each call that was interrupted by another thread in one line."""
    begun = {}
    for line in lines:
        thread = line.split(maxsplit=1)[0]
        if match := UNFINISHED.match(line):
            begun[thread] = match[1]
        elif (match := RESUMED.match(line)) and thread in begun:
            yield begun.pop(thread) + match[1]
        else:
            yield line
    yield from begun.values()


class Log:
    """A log of `strace -f`."""

    def __init__(self, path):
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        self.lines = [*joined(lines)]
        # The threads of the plugin; other processes are those of a command that `run` started.
        self.executed, parents = {}, {}
        for number, line in enumerate(self.lines):
            if match := EXECUTED.match(line):
                self.executed.setdefault(match[1], number)
            if match := CHILD.match(line):
                parents[match[2]] = match[1]
        if self.lines:
            del self.executed[self.lines[0].split()[0]]
        for child in parents:
            parent = parents.get(child)
            while parent and parent not in self.executed:
                parent = parents.get(parent)
            if parent:
                self.executed[child] = 0

    def is_ours(self, number, thread):
        """Whether the plugin made the call in this line, and not the command of `run`."""
        return number < self.executed.get(thread, len(self.lines))

    def calls(self):
        """Returns how often each call is made, at most, by one thread; and how often before `main`."""
        startup, counts = Counter(), {}
        for number, line in enumerate(self.lines):
            match = CALL.match(line)
            if not match or not self.is_ours(number, match[1]):
                continue
            if MAIN.match(line) and not startup:
                startup = Counter(counts[match[1]])
            counts.setdefault(match[1], Counter())[match[2]] += 1
        most = Counter()
        for counter in counts.values():
            most |= counter
        return most, startup

    def injected(self):
        """Returns the calls that were made to fail: of the plugin, and of the command of `run`."""
        ours, others = [], []
        for number, line in enumerate(self.lines):
            if match := INJECTED.match(line):
                (ours if self.is_ours(number, match[1]) else others).append(match[2])
        return ours, others


def listing(log):
    """The command line that lists every call in `log`."""
    return ["strace", "-f", "-o", log]


def injection(log, call, fault, when):
    """The command line that makes a call fail: the N-th of each thread (`N`), or from then on (`N+`)."""
    fault = FAULTS.get(fault, fault)
    trace = f"trace={call},execve,{NEW_PROCESS.replace('|', ',')}"
    command = ["strace", "-f", "-o", log, "-e", trace, "-e", f"inject={call}:{fault}:when={when}"]
    # Faster, but it delivers no signals.
    return command if fault.startswith("signal=") else [*command, "--seccomp-bpf"]


def is_stopped(log):
    """Whether the log has a process that SIGSTOP stopped."""
    return log.exists() and STOPPED.search(log.read_text()) is not None
