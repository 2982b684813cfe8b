"""Runs `kubectl-esc run` in an interactive shell on a pseudo-terminal.

    terminal.py PROGRAM FOLDER SCENARIO

FOLDER contains `env.yaml` and the empty folder `runtime`. On failure, prints the reason to standard error
and exits with 1.
"""

import os
import pty
import re
import select
import signal
import sys
import time

PROGRAM, FOLDER, SCENARIO = sys.argv[1:]
# Seconds after which a wait fails. Nothing is expected to take this long.
LIMIT = 60
CTRL_C, CTRL_D, CTRL_Z, CTRL_BACKSLASH = "\x03", "\x04", "\x1a", "\x1c"

# In files, so that the shell's echo of a command line does not look like their output. A signal ends `read`;
# every script exits once its terminal is gone.
SCRIPTS = {
    "plain.sh": "echo now-up; exec cat",
    "trap.sh": (
        "n=0; trap 'n=$((n+1)); echo now-caught' INT; echo now-up; "
        "while read line || { line=; test -t 0; }; do "
        "test \"$line\" = quit && exit 5; test \"$line\" && echo got-$line-$n; done"
    ),
    "ignore.sh": "trap '' INT QUIT TSTP; echo now-up; while read line; do echo got-$line; done",
    "ask.sh": "test -t 0 && test -t 1 && test -t 2 && echo now-terminal",
    "outer.sh": '"$K" run env.yaml -- sh plain.sh; echo now-after',
    "alone.sh": "sh plain.sh; echo now-after",
    "size.sh": "trap 'echo now-size $(stty size)' WINCH; echo now-up; while read x || test -t 0; do :; done",
    "hang-up.sh": (
        "trap 'echo hung-up >> seen; exit 0' HUP; echo now-up; "
        "while test $((n = n + 1)) -lt 9999999; do read x; done; exit 3"
    ),
}


class Terminal:
    def __init__(self, *command):
        self.text = ""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": FOLDER,
            "TERM": "dumb",
            "PS1": "READY> ",
            "K": PROGRAM,
            "XDG_RUNTIME_DIR": os.path.join(FOLDER, "runtime"),
        }
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.chdir(FOLDER)
            os.execvpe(command[0], command, environment)

    def send(self, text):
        os.write(self.master, text.encode())

    def wait_for(self, pattern):
        """Reads until the output matches, and drops the output up to the end of the match."""
        end = time.monotonic() + LIMIT
        while True:
            match = re.search(pattern, self.text)
            if match:
                self.text = self.text[match.end() :]
                return match
            left = end - time.monotonic()
            ready = left > 0 and select.select([self.master], [], [], left)[0]
            try:
                more = os.read(self.master, 4096) if ready else b""
            except OSError:
                more = b""
            if not more:
                fail(f"no output matches `{pattern}`; the terminal shows {self.text!r}")
            self.text += more.decode(errors="replace")

    def enter(self, text):
        """Types a line at the prompt."""
        self.wait_for("READY> ")
        self.send(text + "\n")

    def exit_code(self):
        self.enter("echo code=$?")
        return int(self.wait_for(r"code=(\d+)")[1])


def shell():
    return Terminal("bash", "--norc", "--noprofile", "-i")


def fail(message):
    print(message, file=sys.stderr)
    sys.exit(1)


def expect(what, actual, expected):
    if actual != expected:
        fail(f"{what}: {actual!r}, expected {expected!r}")


def runtime_files():
    return sorted(os.listdir(os.path.join(FOLDER, "runtime")))


def ctrl_c():
    terminal = shell()
    terminal.enter('"$K" run env.yaml -- sh plain.sh')
    terminal.wait_for("now-up")
    expect("files while it runs", len(runtime_files()), 2)
    terminal.send(CTRL_C)
    expect("exit code", terminal.exit_code(), 130)
    expect("remaining files", runtime_files(), [])


def ctrl_backslash():
    terminal = shell()
    terminal.enter('"$K" run env.yaml -- sh plain.sh')
    terminal.wait_for("now-up")
    terminal.send(CTRL_BACKSLASH)
    expect("exit code", terminal.exit_code(), 131)
    expect("remaining files", runtime_files(), [])


def caught():
    """The command handles Ctrl-C, and gets it once."""
    terminal = shell()
    terminal.enter('"$K" run env.yaml -- sh trap.sh')
    terminal.wait_for("now-up")
    for number in (1, 2):
        terminal.send(CTRL_C)
        terminal.wait_for("now-caught")
        terminal.send("x\n")
        expect("times", terminal.wait_for(r"got-x-(\d+)")[1], str(number))
    terminal.send("quit\n")
    expect("exit code", terminal.exit_code(), 5)
    expect("remaining files", runtime_files(), [])


def ignored():
    terminal = shell()
    terminal.enter('"$K" run env.yaml -- sh ignore.sh')
    terminal.wait_for("now-up")
    terminal.send(CTRL_C + CTRL_BACKSLASH + CTRL_Z)
    terminal.send("still\n")
    terminal.wait_for("got-still")
    terminal.send(CTRL_D)
    expect("exit code", terminal.exit_code(), 0)


def script_ends():
    """Ctrl-C ends a script that runs the plugin like one that runs the command alone."""
    for script in ("alone.sh", "outer.sh"):
        terminal = shell()
        terminal.enter(f"bash {script}")
        terminal.wait_for("now-up")
        terminal.send(CTRL_C)
        terminal.enter("echo the-end-$?")
        terminal.wait_for(r"the-end-130")
        expect(f"{script} went on", "now-after" in terminal.text, False)
        expect("remaining files", runtime_files(), [])


def stop_and_continue():
    terminal = shell()
    terminal.enter('"$K" run env.yaml -- sh plain.sh')
    terminal.wait_for("now-up")
    for word in ("one", "two", "three", "four", "five"):
        terminal.send(CTRL_Z)
        terminal.wait_for("Stopped")
        expect("files while stopped", len(runtime_files()), 2)
        terminal.enter("fg")
        terminal.wait_for("run env.yaml")
        terminal.send(f"{word}-x\n")
        # The terminal's echo, then the output of cat.
        terminal.wait_for(f"{word}-x")
        terminal.wait_for(f"{word}-x")
    terminal.send(CTRL_D)
    expect("exit code", terminal.exit_code(), 0)
    expect("remaining files", runtime_files(), [])


def background():
    """A background command that reads is stopped, and can be brought to the foreground."""
    terminal = shell()
    terminal.enter('"$K" run env.yaml -- sh plain.sh &')
    until_stopped(terminal)
    # `enter` waits for the prompt: what the shell prints about the job before it does not match.
    terminal.enter("fg")
    terminal.wait_for("run env.yaml")
    terminal.send("hello-x\n")
    terminal.wait_for("hello-x")
    terminal.wait_for("hello-x")
    terminal.send(CTRL_D)
    expect("exit code", terminal.exit_code(), 0)
    expect("remaining files", runtime_files(), [])


def until_stopped(terminal):
    for _ in range(1000):
        terminal.enter("jobs -s | grep -c env.yaml")
        if terminal.wait_for(r"\n([01])\r")[1] == "1":
            return
    fail("the job did not stop")


def is_terminal():
    terminal = shell()
    terminal.enter('"$K" run env.yaml -- sh ask.sh')
    terminal.wait_for("now-terminal")
    expect("exit code", terminal.exit_code(), 0)


def resize():
    terminal = shell()
    terminal.enter('"$K" run env.yaml -- bash size.sh')
    terminal.wait_for("now-up")
    import fcntl
    import struct
    import termios

    fcntl.ioctl(terminal.master, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
    terminal.send("\n")
    terminal.wait_for("now-size 33 77")
    terminal.send(CTRL_C)
    expect("exit code", terminal.exit_code(), 130)


def hang_up():
    """Closes the window."""
    terminal = Terminal(PROGRAM, "run", "env.yaml", "--", "sh", "hang-up.sh")
    terminal.wait_for("now-up")
    os.close(terminal.master)
    _, status = os.waitpid(terminal.pid, 0)
    expect("exit code", os.waitstatus_to_exitcode(status), 0)
    with open(os.path.join(FOLDER, "seen")) as seen:
        expect("seen", seen.read(), "hung-up\n")
    expect("remaining files", runtime_files(), [])


for name, text in SCRIPTS.items():
    with open(os.path.join(FOLDER, name), "w") as file:
        file.write(text + "\n")
signal.alarm(5 * LIMIT)
globals()[SCENARIO]()
