"""Compares every format of `open` with ESC's CLI: for the test cases of ESC's evaluator, which are not
in this repository, and for our own environments."""

import ast
import difflib
import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ..parts import HERE
from ..processes import Failure
from ..pulumi_cloud import EVERYTHING, TOKEN, environment
from ..scenario import Scenario, Skipped, expect_equal
from .pulumi_cloud import run_esc

# The number of environments opened at the same time.
WORKERS = 4
FORMATS = ("json", "yaml", "string", "dotenv", "shell", "detailed")

# Cases without errors that the service cannot open, and why.
NOT_OPENED = {
    "ciphertext": "the secret is encrypted with the key of ESC's tests",
}
# Names and values that are hard to quote.
VARIABLES = r"""
values:
  environmentVariables:
    EMPTY: ""
    HOSTILE: "'; echo $HOME `id` \\ \"!\n\t\u00ad\u2028\u007f\u0001 é 🙂 %s"
    NUMBER: 1.50
    BIG: 18446744073709551615
    YES: true
    NOTHING: null
    LEFT_OUT: [1]
    _lower1: x
    PASSWORD: {fn::secret: "hunter2 $(id)"}
"""


def shared_cases():
    """The folder of each case, by the case's name."""
    path = os.environ.get("ESC_EVAL_CASES")
    folder = Path(path) if path else HERE.parent.parent / ".." / "shared" / "esc-eval-cases"
    if not folder.is_dir():
        raise Skipped("no folder of cases (set ESC_EVAL_CASES)")
    return {path.parent.name: path.parent for path in sorted(folder.glob("*/expected.json"))}


def environments(name, folder):
    """The definitions of a case, as environments of an organization with the case's name. The import
    `foo/bar` is in `foo/bar.yaml`."""
    for path in sorted(folder.rglob("*.yaml")):
        project, _, base = str(path.relative_to(folder).with_suffix("")).rpartition("/")
        # The service has a user's login, where ESC's tests have an id.
        text = path.read_text().replace("context.pulumi.user.id", "context.pulumi.user.login")
        yield environment(project or "default", base, text, organization=name)


def has_errors(folder):
    expected = json.loads((folder / "expected.json").read_text())
    diagnostics = (expected.get("loadDiags") or []) + (expected.get("evalDiags") or [])
    return any(diagnostic["Severity"] == 1 for diagnostic in diagnostics)


def with_kubectl_esc(home, cloud, reference, form):
    command = ["kubectl-esc", "open", reference, "--format", form]
    result = home.run(command, **cloud.variables(), KUBECTL_ESC_TIMEOUT="1m")
    return result.code, result.stdout


def with_esc(home, cloud, reference, form):
    command = ["open", reference, "--format", form]
    result = run_esc(home.suite, cloud, *command, home=home, PULUMI_ACCESS_TOKEN=TOKEN)
    return result.succeeded().stdout


def without_traces(text):
    """Removes the `trace` of each value, its range in the definition, which ours does not print. It is
    the last entry of a value."""
    trace = re.compile(r'(,)?\n( *)"trace": \{\n *"def": \{\n(?:\2 .*\n)*\2\}')
    text = trace.sub("", text)
    return re.sub(r"\{\n *\}", "{}", text)


def quoted_for_a_shell(text):
    """Replaces the Go quotes of ESC's `export NAME="…"` with shell quotes, in which a shell does not
    execute backticks. Python reads Go's quotes."""
    lines = []
    for line in text.splitlines():
        name, _, value = line.partition("=")
        value = ast.literal_eval(value).replace("'", "'\\''")
        lines.append(f"{name}='{value}'\n")
    return "".join(lines)


def detailed_as_ours(text):
    """Also marks the access key id of `aws-login` as a secret."""
    text = without_traces(text)
    return re.sub(r'^( *)("value": "AKIA\w+")$', r'\1\2,\n\1"secret": true', text, flags=re.MULTILINE)


# Intended differences from ESC's CLI.
DIFFERENCES = {"detailed": detailed_as_ours, "shell": quoted_for_a_shell}


def compare(home, cloud, reference, form):
    theirs = with_esc(home, cloud, reference, form)
    expected = DIFFERENCES.get(form, lambda text: text)(theirs)
    code, ours = with_kubectl_esc(home, cloud, reference, form)
    expect_equal(f"{reference} as {form}: code", code, 0)
    if ours != expected:
        lines = [text.splitlines(keepends=True) for text in (expected, ours)]
        difference = "".join(difflib.unified_diff(*lines, "esc", "ours"))
        raise Failure(f"{reference} as {form} differs\n{difference}")


def compare_all(suite, cloud, references):
    """Compares every format of these environments. Returns the number of texts."""
    pairs = [(reference, form) for reference in references for form in FORMATS]
    # Each worker needs its own home, because ESC's CLI stores its login there.
    homes = [suite.home() for _ in range(WORKERS)]

    def work(number):
        for reference, form in pairs[number::WORKERS]:
            compare(homes[number], cloud, reference, form)

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(work, range(WORKERS)))
    return len(pairs)


def cases(suite):
    folders = shared_cases()
    valid, with_errors = [], []
    for name, folder in folders.items():
        if has_errors(folder):
            with_errors.append(name)
        elif name not in NOT_OPENED:
            valid.append(name)
    extra = [env for name, folder in folders.items() for env in environments(name, folder)]
    with suite.pulumi_cloud(extra) as cloud:
        # With errors, neither prints values.
        home = suite.home()
        for name in with_errors:
            reference = f"{name}/default/env"
            expect_equal(name, with_esc(home, cloud, reference, "json"), "")
            expect_equal(name, with_kubectl_esc(home, cloud, reference, "json"), (3, ""))
        texts = compare_all(suite, cloud, [f"{name}/default/env" for name in valid])
    return (
        f"{texts} texts of {len(valid)} cases equal; {len(with_errors)} with errors print none; "
        f"not opened: {', '.join(NOT_OPENED)}"
    )


def own_environments(suite):
    everything = EVERYTHING.replace("REVISION", "one")
    extra = [
        environment("formats", "variables", VARIABLES),
        environment("formats", "everything", everything),
    ]
    with suite.pulumi_cloud(extra) as cloud:
        names = ("variables", "everything")
        texts = compare_all(suite, cloud, [f"acme/formats/{name}" for name in names])
        # A shell reads the values of the environment from `shell`.
        home = suite.home()
        code, lines = with_kubectl_esc(home, cloud, "acme/formats/variables", "shell")
        expect_equal("code", code, 0)
        script = f"{lines}\nprintf '%s|' \"$HOSTILE\" \"$PASSWORD\" \"$BIG\""
        output = home.run(["sh", "-c", script]).succeeded().stdout
        hostile = "'; echo $HOME `id` \\ \"!\n\t\u00ad\u2028\x7f\x01 é 🙂 %s"
        expect_equal("by sh", output, f"{hostile}|hunter2 $(id)|18446744073709551615|")
    return f"{texts} texts equal"


ALL = [
    Scenario("esc", "open: the formats of ESC's cases", cases),
    Scenario("esc", "open: the formats of our environments", own_environments),
]
