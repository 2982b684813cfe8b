"""Runs `kubectl-esc run` in an interactive shell on a terminal of its own, as a person would.

    terminal.py PROGRAM FOLDER SCENARIO

FOLDER holds `env.yaml` and the empty folder `runtime`. Says on standard error what went otherwise.
"""

import os
import pty
import re
import select
import signal
import sys
import time

PROGRAM, FOLDER, SCENARIO = sys.argv[1:]
# Not a time that anything is expected to take, only an end to waiting for what never comes.
LIMIT = 60
CTRL_C, CTRL_D, CTRL_Z, CTRL_BACKSLASH = "\x03", "\x04", "\x1a", "\x1c"

# The scripts are files, so that the shell's echo of a command line does not look like their output.
# A signal ends `read`; no script goes on for ever on a terminal that is gone.
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
        """Reads until the pattern has come; what came before and with it is taken."""
        end = time.monotonic() + LIMIT
        while True:
            found = re.search(pattern, self.text)
            if found:
                self.text = self.text[found.end() :]
                return found
            left = end - time.monotonic()
            ready = left > 0 and select.select([self.master], [], [], left)[0]
            try:
                more = os.read(self.master, 4096) if ready else b""
            except OSError:
                more = b""
            if not more:
                fail(f"`{pattern}` did not come; the terminal shows {self.text!r}")
            self.text += more.decode(errors="replace")

    def line(self, text):
        self.wait_for("READY> ")
        self.send(text + "\n")

    def code(self):
        self.line("echo code=$?")
        return int(self.wait_for(r"code=(\d+)")[1])


def shell():
    return Terminal("bash", "--norc", "--noprofile", "-i")


def fail(message):
    print(message, file=sys.stderr)
    sys.exit(1)


def expect(what, have, want):
    if have != want:
        fail(f"{what}: {have!r}, wanted {want!r}")


def left():
    return sorted(os.listdir(os.path.join(FOLDER, "runtime")))


def until(condition, what):
    end = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > end:
            fail(what)
        time.sleep(0.01)


def ctrl_c():
    terminal = shell()
    terminal.line('"$K" run env.yaml -- sh plain.sh')
    terminal.wait_for("now-up")
    expect("while it runs", len(left()), 2)
    terminal.send(CTRL_C)
    expect("code", terminal.code(), 130)
    expect("left", left(), [])


def ctrl_backslash():
    terminal = shell()
    terminal.line('"$K" run env.yaml -- sh plain.sh')
    terminal.wait_for("now-up")
    terminal.send(CTRL_BACKSLASH)
    expect("code", terminal.code(), 131)
    expect("left", left(), [])


def caught():
    """The command decides what Ctrl-C means, and gets it once."""
    terminal = shell()
    terminal.line('"$K" run env.yaml -- sh trap.sh')
    terminal.wait_for("now-up")
    for number in (1, 2):
        terminal.send(CTRL_C)
        terminal.wait_for("now-caught")
        terminal.send("x\n")
        expect("times", terminal.wait_for(r"got-x-(\d+)")[1], str(number))
    terminal.send("quit\n")
    expect("code", terminal.code(), 5)
    expect("left", left(), [])


def ignored():
    terminal = shell()
    terminal.line('"$K" run env.yaml -- sh ignore.sh')
    terminal.wait_for("now-up")
    terminal.send(CTRL_C + CTRL_BACKSLASH + CTRL_Z)
    terminal.send("still\n")
    terminal.wait_for("got-still")
    terminal.send(CTRL_D)
    expect("code", terminal.code(), 0)


def script_ends():
    """A script that runs us ends with Ctrl-C as one that runs the command alone."""
    for script in ("alone.sh", "outer.sh"):
        terminal = shell()
        terminal.line(f"bash {script}")
        terminal.wait_for("now-up")
        terminal.send(CTRL_C)
        terminal.line("echo the-end-$?")
        terminal.wait_for(r"the-end-130")
        expect(f"{script} went on", "now-after" in terminal.text, False)
        expect("left", left(), [])


def stop_and_continue():
    terminal = shell()
    terminal.line('"$K" run env.yaml -- sh plain.sh')
    terminal.wait_for("now-up")
    for word in ("one", "two", "three", "four", "five"):
        terminal.send(CTRL_Z)
        terminal.wait_for("Stopped")
        expect("while stopped", len(left()), 2)
        terminal.line("fg")
        terminal.wait_for("run env.yaml")
        terminal.send(f"{word}-x\n")
        # The terminal's echo, then cat's.
        terminal.wait_for(f"{word}-x")
        terminal.wait_for(f"{word}-x")
    terminal.send(CTRL_D)
    expect("code", terminal.code(), 0)
    expect("left", left(), [])


def background():
    """A command in the background that reads stops, and can be brought back."""
    terminal = shell()
    terminal.line('"$K" run env.yaml -- sh plain.sh &')
    until_stopped(terminal)
    # After the prompt, so that what the shell says of the job before is not taken for its answer.
    terminal.line("fg")
    terminal.wait_for("run env.yaml")
    terminal.send("hello-x\n")
    terminal.wait_for("hello-x")
    terminal.wait_for("hello-x")
    terminal.send(CTRL_D)
    expect("code", terminal.code(), 0)
    expect("left", left(), [])


def until_stopped(terminal):
    for _ in range(1000):
        terminal.line("jobs -s | grep -c env.yaml")
        if terminal.wait_for(r"\n([01])\r")[1] == "1":
            return
    fail("the job did not stop")


def is_terminal():
    terminal = shell()
    terminal.line('"$K" run env.yaml -- sh ask.sh')
    terminal.wait_for("now-terminal")
    expect("code", terminal.code(), 0)


def resize():
    terminal = shell()
    terminal.line('"$K" run env.yaml -- bash size.sh')
    terminal.wait_for("now-up")
    import fcntl
    import struct
    import termios

    fcntl.ioctl(terminal.master, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
    terminal.send("\n")
    terminal.wait_for("now-size 33 77")
    terminal.send(CTRL_C)
    expect("code", terminal.code(), 130)


def hang_up():
    """The window is closed."""
    terminal = Terminal(PROGRAM, "run", "env.yaml", "--", "sh", "hang-up.sh")
    terminal.wait_for("now-up")
    os.close(terminal.master)
    _, status = os.waitpid(terminal.pid, 0)
    expect("code", os.waitstatus_to_exitcode(status), 0)
    with open(os.path.join(FOLDER, "seen")) as seen:
        expect("seen", seen.read(), "hung-up\n")
    expect("left", left(), [])


for name, text in SCRIPTS.items():
    with open(os.path.join(FOLDER, name), "w") as file:
        file.write(text + "\n")
signal.alarm(5 * LIMIT)
globals()[SCENARIO]()
