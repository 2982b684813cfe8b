"""kubectl in several minor versions: reads and writes."""

import json
import re
import shutil
from pathlib import Path

from ..processes import Failure
from ..scenario import Scenario, expect_equal

MINORS = 3


def available_kubectls(suite, home):
    """Every kubectl by its minor version: the suite's, the one on PATH, and each `kubectl.1.NN` beside
    it. Ignores a dispatcher, which starts another one."""
    candidates = [Path(suite.parts.path(part)) for part in ("older kubectl", "kubectl")]
    on_path = shutil.which("kubectl")
    if on_path:
        real = Path(on_path).resolve()
        candidates += [real, *sorted(real.parent.glob("kubectl.1.*"))]
    programs = {}
    for program in candidates:
        result = home.run([program, "version", "--client", "--output=json"])
        if result.code != 0:
            continue
        version = json.loads(result.stdout)["clientVersion"]["gitVersion"]
        minor = re.match(r"v1\.(\d+)\.", version)
        if minor and not version.endswith("-dispatcher"):
            programs.setdefault(int(minor[1]), (version, program))
    return [programs[minor] for minor in sorted(programs)]


def reads_and_writes(suite):
    home = suite.home()
    programs = available_kubectls(suite, home)
    if len(programs) < MINORS:
        versions = ", ".join(version for version, _ in programs)
        raise Failure(f"{MINORS} minor versions of kubectl are needed; found {versions}")
    for version, program in programs:
        name = "by-" + version.replace(".", "-").replace("+", "-")
        cold = suite.home()
        kubeconfig = cold.kubeconfig("oidc-token-file")

        def kubectl(*arguments):
            result = cold.kubectl(kubeconfig, "-n", "default", *arguments, program=program)
            return result.succeeded().stdout

        kubectl("create", "configmap", name, f"--from-literal=version={version}")
        stored = kubectl("get", "configmap", name, "-o", "jsonpath={.data.version}")
        expect_equal("value", stored, version)
        kubectl("delete", "configmap", name)
        # client-go keeps a credential within a process: one run for each command.
        expect_equal(f"plugin runs of {version}", cold.runs(), 3)
    return ", ".join(version for version, _ in programs)


ALL = [Scenario("kubectl", "kubectl: reads and writes, by minor version", reads_and_writes)]
