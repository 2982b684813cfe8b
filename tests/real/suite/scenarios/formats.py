"""`open` in every format, as the original CLI and ours print it: for the shared cases of the original
evaluator, which are not part of this repository, and for an environment of our own."""

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
from ..scenario import LeftOut, Scenario, expect_equal
from .pulumi_cloud import run_esc

# How many environments are opened at a time.
WORKERS = 4
FORMATS = ("json", "yaml", "string", "dotenv", "shell", "detailed")

# The cases that the service cannot open though they have no errors, and why.
NOT_OPENED = {
    "ciphertext": "the secret is encrypted with the test harness's own key",
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
    """The folder of each case, by its name."""
    named = os.environ.get("ESC_EVAL_CASES")
    folder = Path(named) if named else HERE.parent.parent / ".." / "shared" / "esc-eval-cases"
    if not folder.is_dir():
        raise LeftOut("there is no folder of cases (set ESC_EVAL_CASES)")
    return {path.parent.name: path.parent for path in sorted(folder.glob("*/expected.json"))}


def environments(name, folder):
    """A case's definitions as environments of an organization of its own. An import `a` is `a.yaml`,
    `foo/bar` is `foo/bar.yaml`."""
    for path in sorted(folder.rglob("*.yaml")):
        project, _, base = str(path.relative_to(folder).with_suffix("")).rpartition("/")
        # The service knows a person's login, where the test harness has an id.
        text = path.read_text().replace("context.pulumi.user.id", "context.pulumi.user.login")
        yield environment(project or "default", base, text, organization=name)


def has_errors(folder):
    expected = json.loads((folder / "expected.json").read_text())
    found = (expected.get("loadDiags") or []) + (expected.get("evalDiags") or [])
    return any(diagnostic["Severity"] == 1 for diagnostic in found)


def with_ours(home, cloud, reference, form):
    command = ["kubectl-esc", "open", reference, "--format", form]
    result = home.run(command, **cloud.variables(), KUBECTL_ESC_TIMEOUT="1m")
    return result.code, result.stdout


def with_original(home, cloud, reference, form):
    command = ["open", reference, "--format", form]
    result = run_esc(home.world, cloud, *command, home=home, PULUMI_ACCESS_TOKEN=TOKEN)
    return result.succeeded().stdout


def without_traces(text):
    """The text without the `trace` of each value, which says where in the definition it stands: ours
    does not print it. It is the last of a value's entries."""
    trace = re.compile(r'(,)?\n( *)"trace": \{\n *"def": \{\n(?:\2 .*\n)*\2\}')
    text = trace.sub("", text)
    return re.sub(r"\{\n *\}", "{}", text)


def quoted_for_a_shell(text):
    """`export NAME="…"` in Go's quotes, as the original prints it, in those of a shell: a shell
    would run what stands in backticks there. Python reads Go's quotes."""
    lines = []
    for line in text.splitlines():
        name, _, value = line.partition("=")
        value = ast.literal_eval(value).replace("'", "'\\''")
        lines.append(f"{name}='{value}'\n")
    return "".join(lines)


def detailed_as_ours(text):
    """Also, the id of an access key is as secret as its key, if `aws-login` gave it."""
    text = without_traces(text)
    return re.sub(r'^( *)("value": "AKIA\w+")$', r'\1\2,\n\1"secret": true', text, flags=re.MULTILINE)


# What ours prints otherwise, by design.
DIFFERENCES = {"detailed": detailed_as_ours, "shell": quoted_for_a_shell}


def compare(home, cloud, reference, form):
    original = with_original(home, cloud, reference, form)
    expected = DIFFERENCES.get(form, lambda text: text)(original)
    code, ours = with_ours(home, cloud, reference, form)
    expect_equal(f"{reference} as {form}: code", code, 0)
    if ours != expected:
        lines = [text.splitlines(keepends=True) for text in (expected, ours)]
        difference = "".join(difflib.unified_diff(*lines, "original", "ours"))
        raise Failure(f"{reference} as {form} differs\n{difference}")


def compare_all(world, cloud, references):
    """Compares every format of these environments; how many texts that are."""
    pairs = [(reference, form) for reference in references for form in FORMATS]
    # Each worker has a home of its own: the original keeps its login there.
    homes = [world.home() for _ in range(WORKERS)]

    def work(number):
        for reference, form in pairs[number::WORKERS]:
            compare(homes[number], cloud, reference, form)

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(work, range(WORKERS)))
    return len(pairs)


def cases(world):
    found = shared_cases()
    wanted, with_errors = {}, []
    for name, folder in found.items():
        if has_errors(folder):
            with_errors.append(name)
        elif name not in NOT_OPENED:
            wanted[name] = folder
    more = [one for name, folder in found.items() for one in environments(name, folder)]
    with world.pulumi_cloud(more) as cloud:
        # With errors neither prints anything.
        home = world.home()
        for name in with_errors:
            reference = f"{name}/default/env"
            expect_equal(name, with_original(home, cloud, reference, "json"), "")
            expect_equal(name, with_ours(home, cloud, reference, "json"), (3, ""))
        texts = compare_all(world, cloud, [f"{name}/default/env" for name in wanted])
    return (
        f"{texts} texts of {len(wanted)} cases equal; {len(with_errors)} with errors print none; "
        f"not opened: {', '.join(NOT_OPENED)}"
    )


def own_environments(world):
    everything = EVERYTHING.replace("REVISION", "one")
    more = [
        environment("formats", "variables", VARIABLES),
        environment("formats", "everything", everything),
    ]
    with world.pulumi_cloud(more) as cloud:
        names = ("variables", "everything")
        texts = compare_all(world, cloud, [f"acme/formats/{name}" for name in names])
        # `shell` means what the environment holds.
        home = world.home()
        code, lines = with_ours(home, cloud, "acme/formats/variables", "shell")
        expect_equal("code", code, 0)
        script = f"{lines}\nprintf '%s|' \"$HOSTILE\" \"$PASSWORD\" \"$BIG\""
        said = home.run(["sh", "-c", script]).succeeded().stdout
        hostile = "'; echo $HOME `id` \\ \"!\n\t\u00ad\u2028\x7f\x01 é 🙂 %s"
        expect_equal("by sh", said, f"{hostile}|hunter2 $(id)|18446744073709551615|")
    return f"{texts} texts equal"


ALL = [
    Scenario("esc", "open: the formats of the shared cases", cases),
    Scenario("esc", "open: the formats of our environments", own_environments),
]
