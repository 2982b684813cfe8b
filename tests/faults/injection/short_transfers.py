"""Runs a command whose reads and writes transfer at most LIMIT bytes per call, as the kernel may do.

    short_transfers.py LIMIT COMMAND...

strace cannot do this: it replaces the result of a call, but not its arguments. This tracer reduces the
length when the call starts. Only for x86-64 Linux. Not for sockets: event loops rely on getting all that
has arrived; nor for up to 8 bytes, which an event counter transfers at once.
"""

import ctypes
import os
import signal
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
LIBC.ptrace.restype = ctypes.c_long

TRACEME, PEEKUSER, POKEUSER, SYSCALL, SETOPTIONS = 0, 3, 6, 24, 0x4200
# Stops are marked; threads are followed, but not child processes; the command dies with this program.
OPTIONS = 0x1 | 0x8 | 0x100000
SYSCALL_STOP = signal.SIGTRAP | 0x80
WALL = 0x40000000
# Offsets in `struct user`: the number of the call, its first argument, and its third.
NUMBER, FIRST, LENGTH = 8 * 15, 8 * 14, 8 * 12
# By number: `read`, `write`, `pread64`, `pwrite64`; and `rt_sigaction`.
TRANSFERS, SIGACTION = {0, 1, 17, 18}, 13


def ptrace(request, thread, address=0, data=0):
    return LIBC.ptrace(request, thread, address, data)


def reduce_length(thread, limit):
    """Reduces the length of a read or write that starts."""
    is_transfer = ptrace(PEEKUSER, thread, NUMBER) in TRANSFERS
    if is_transfer and ptrace(PEEKUSER, thread, LENGTH) > max(limit, 8):
        ptrace(POKEUSER, thread, LENGTH, limit)


def is_start(thread):
    """Whether the call sets what happens on SIGPIPE."""
    call = ptrace(PEEKUSER, thread, NUMBER), ptrace(PEEKUSER, thread, FIRST)
    return call == (SIGACTION, signal.SIGPIPE)


def main(limit, command):
    child = os.fork()
    if child == 0:
        ptrace(TRACEME, 0)
        os.kill(os.getpid(), signal.SIGSTOP)
        os.execvp(command[0], command)
    os.waitpid(child, 0)
    ptrace(SETOPTIONS, child, 0, OPTIONS)
    ptrace(SYSCALL, child)
    inside, started = set(), False
    while True:
        thread, status = os.waitpid(-1, WALL)
        if not os.WIFSTOPPED(status):
            if thread == child:
                sys.exit(os.waitstatus_to_exitcode(status) % 256)
            continue
        number = os.WSTOPSIG(status)
        if number == SYSCALL_STOP:
            if thread not in inside and started:
                reduce_length(thread, limit)
            # The standard library ignores SIGPIPE before `main`. The loader needs full reads.
            started = started or is_start(thread)
            inside ^= {thread}
        # The stops of `exec` and of new threads are not signals for the command.
        passed_on = 0 if number in (SYSCALL_STOP, signal.SIGTRAP, signal.SIGSTOP) else number
        ptrace(SYSCALL, thread, 0, passed_on)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
