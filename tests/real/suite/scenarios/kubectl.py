"""kubectl in several minors: a read and a write each."""

import json
import re
import shutil
from pathlib import Path

from ..processes import Failure
from ..scenario import Scenario, expect_equal

MINORS = 3


def at_hand(world, home):
    """Every kubectl, by its minor: the suite's own, the one on PATH and `kubectl.1.NN` beside the
    file that it leads to. A dispatcher, which only picks another, does not count."""
    candidates = [Path(world.parts.path(part)) for part in ("older kubectl", "kubectl")]
    on_path = shutil.which("kubectl")
    if on_path:
        real = Path(on_path).resolve()
        candidates += [real, *sorted(real.parent.glob("kubectl.1.*"))]
    found = {}
    for program in candidates:
        result = home.run([program, "version", "--client", "--output=json"])
        if result.code != 0:
            continue
        version = json.loads(result.stdout)["clientVersion"]["gitVersion"]
        minor = re.match(r"v1\.(\d+)\.", version)
        if minor and not version.endswith("-dispatcher"):
            found.setdefault(int(minor[1]), (version, program))
    return [found[minor] for minor in sorted(found)]


def reads_and_writes(world):
    home = world.home()
    programs = at_hand(world, home)
    if len(programs) < MINORS:
        versions = ", ".join(version for version, _ in programs)
        raise Failure(f"{MINORS} minors of kubectl are wanted; there are {versions}")
    kubeconfig = home.kubeconfig("oidc-token-file")
    for version, program in programs:
        name = "by-" + version.replace(".", "-").replace("+", "-")
        cold = world.home()
        kubeconfig = cold.kubeconfig("oidc-token-file")

        def kubectl(*arguments):
            result = cold.kubectl(kubeconfig, "-n", "default", *arguments, program=program)
            return result.succeeded().stdout

        kubectl("create", "configmap", name, f"--from-literal=version={version}")
        stored = kubectl("get", "configmap", name, "-o", "jsonpath={.data.version}")
        expect_equal("value", stored, version)
        kubectl("delete", "configmap", name)
        # client-go keeps a credential for as long as the process lives: one run for each command.
        expect_equal(f"plugin runs of {version}", cold.runs(), 3)
    return ", ".join(version for version, _ in programs)


ALL = [Scenario("kubectl", "kubectl: reads and writes, by minor", reads_and_writes)]
