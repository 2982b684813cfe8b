"""helm: install, upgrade, list, uninstall of a small chart."""

import json

from ..scenario import Scenario, expect_equal

CHART = {
    "Chart.yaml": "apiVersion: v2\nname: greeting\nversion: 0.1.0\n",
    "values.yaml": "text: hello\n",
    "templates/configmap.yaml": (
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\n"
        "data:\n  text: {{ .Values.text | quote }}\n"
    ),
}


def life_of_a_release(world):
    home = world.home()
    chart = home.folder / "chart"
    for name, content in CHART.items():
        path = chart / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    kubeconfig = home.kubeconfig("oidc-token-file")

    def helm(*arguments):
        program = world.parts.path("helm")
        command = [program, "--kubeconfig", kubeconfig, "-n", "default", *arguments]
        return home.run(command).succeeded().stdout

    def text():
        path = "jsonpath={.data.text}"
        result = home.kubectl(kubeconfig, "-n", "default", "get", "cm", "release", "-o", path)
        return result.succeeded().stdout

    def releases():
        found = json.loads(helm("list", "-o", "json"))
        return [(release["name"], release["revision"], release["status"]) for release in found]

    helm("install", "release", chart)
    expect_equal("after install", text(), "hello")
    helm("upgrade", "release", chart, "--set", "text=good day")
    expect_equal("after upgrade", text(), "good day")
    expect_equal("releases", releases(), [("release", "2", "deployed")])
    helm("uninstall", "release")
    expect_equal("releases", releases(), [])
    gone = home.kubectl(kubeconfig, "-n", "default", "get", "cm", "release").failed()
    expect_equal("code", gone.code, 1)
    return f"{home.runs()} plugin runs"


ALL = [Scenario("helm", "helm: install, upgrade, list, uninstall", life_of_a_release)]
