"""The Python client: a read and a write."""

from ..scenario import Scenario, expect_equal

PROGRAM = """\
import sys
from kubernetes import client, config
config.load_kube_config(sys.argv[1])
maps = client.CoreV1Api()
name = client.V1ObjectMeta(name="by-python")
maps.create_namespaced_config_map("default", client.V1ConfigMap(metadata=name, data={"key": "value"}))
print(maps.read_namespaced_config_map("by-python", "default").data["key"])
"""


def reads_and_writes(suite):
    home = suite.home()
    python = suite.parts.path("python client") / "python"
    command = [python, "-c", PROGRAM, home.kubeconfig("oidc-token-file")]
    expect_equal("value", home.run(command).succeeded().stdout, "value\n")
    return f"{home.runs()} plugin runs"


ALL = [Scenario("python client", "python: reads and writes", reads_and_writes)]
