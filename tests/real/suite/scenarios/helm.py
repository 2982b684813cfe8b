"""helm: installs, upgrades, lists and uninstalls a small chart, and runs many commands at once."""

import json
from concurrent.futures import ThreadPoolExecutor

from ..processes import Failure
from ..pulumi_cloud import ACCESS_NAME
from ..scenario import Scenario, expect_equal, expect_no_rejections, expect_one_open

PARALLEL = 50

CHART = {
    "Chart.yaml": "apiVersion: v2\nname: greeting\nversion: 0.1.0\n",
    "values.yaml": "text: hello\n",
    "templates/configmap.yaml": (
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\n"
        "data:\n  text: {{ .Values.text | quote }}\n"
    ),
}


def chart_of(home):
    chart = home.folder / "chart"
    for name, content in CHART.items():
        path = chart / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return chart


def release_lifecycle(suite):
    home = suite.home()
    run_lifecycle(suite, home, home.kubeconfig("oidc-token-file"))
    return f"{home.runs()} plugin runs"


def run_lifecycle(suite, home, kubeconfig):
    """Installs, upgrades, lists and uninstalls a release."""
    chart = chart_of(home)

    def helm(*arguments):
        program = suite.parts.path("helm")
        command = [program, "--kubeconfig", kubeconfig, "-n", "default", *arguments]
        return home.run(command).succeeded().stdout

    def text():
        path = "jsonpath={.data.text}"
        result = home.kubectl(kubeconfig, "-n", "default", "get", "cm", "release", "-o", path)
        return result.succeeded().stdout

    def releases():
        listed = json.loads(helm("list", "-o", "json"))
        return [(release["name"], release["revision"], release["status"]) for release in listed]

    helm("install", "release", chart)
    expect_equal("after install", text(), "hello")
    helm("upgrade", "release", chart, "--set", "text=good day")
    expect_equal("after upgrade", text(), "good day")
    expect_equal("releases", releases(), [("release", "2", "deployed")])
    helm("uninstall", "release")
    expect_equal("releases", releases(), [])
    gone = home.kubectl(kubeconfig, "-n", "default", "get", "cm", "release").failed()
    expect_equal("code", gone.code, 1)


def many_at_once(suite):
    """Like a pipeline that deploys many releases, of which none may fail."""
    home, cluster = suite.home(), suite.cluster
    chart = chart_of(home)
    kubeconfig = home.new_kubeconfig("stored", home.stored_kubeconfig(ACCESS_NAME))
    runs, answers = home.runs(), len(cluster.answers_to("deployer"))
    helm = [suite.parts.path("helm"), "--kubeconfig", kubeconfig, "-n", "default"]
    with suite.pulumi_cloud() as cloud:
        # On a busy machine the last one starts late.
        variables = {**cloud.variables(), "KUBECTL_ESC_TIMEOUT": "5m"}

        def upgrade(number):
            command = [*helm, "upgrade", "--install", f"parallel-{number}", chart]
            return home.run(command, seconds=600, **variables)

        with ThreadPoolExecutor(PARALLEL) as pool:
            results = list(pool.map(upgrade, range(PARALLEL)))
        for result in results:
            result.succeeded()
        opens = cloud.opens(ACCESS_NAME)
    runs = home.runs() - runs
    answers = cluster.answers_to("deployer")[answers:]
    expect_no_rejections(answers)
    maps = cluster.read("/api/v1/namespaces/default/configmaps")["items"]
    actual = {item["metadata"]["name"] for item in maps}
    expected = {f"parallel-{number}" for number in range(PARALLEL)}
    expect_equal("missing releases", sorted(expected - actual), [])
    if runs < PARALLEL:
        raise Failure(f"{runs} plugin runs for {PARALLEL} commands")
    expect_one_open(opens)
    return f"{runs} plugin runs, {opens} environment opens, {len(answers)} requests, none rejected"


ALL = [
    Scenario("helm", "helm: install, upgrade, list, uninstall", release_lifecycle),
    Scenario("helm", f"helm: {PARALLEL} upgrades at once", many_at_once),
]
