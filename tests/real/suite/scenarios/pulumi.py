"""The Pulumi CLI with the Kubernetes provider, and a kubeconfig that logs in with the plugin. The state
is in a folder, because the stand-in does not support the API for state in Pulumi Cloud."""

import json

from ..processes import Failure
from ..pulumi_cloud import ACCESS_NAME, TOKEN, environment
from ..scenario import Scenario, expect_equal, expect_in, expect_no_rejections, expect_one_open
from ..stand_in import DEPLOYERS_KEY

NAMESPACE = "from-pulumi"
PROGRAM = """\
name: greeting
runtime: yaml
resources:
  namespace:
    type: kubernetes:core/v1:Namespace
    properties:
      metadata: {name: from-pulumi}
  greeting:
    type: kubernetes:core/v1:ConfigMap
    properties:
      metadata: {name: greeting, namespace: "${namespace.metadata.name}"}
      data: {text: TEXT}
"""


class Project:
    """A Pulumi program with a stack, and its requests to the cluster and to Pulumi Cloud."""

    def __init__(self, suite, home, cloud, user="deployer"):
        self.home, self.cluster, self.cloud, self._user = home, home.cluster, cloud, user
        self._pulumi = suite.parts.path("pulumi")
        self._folder = home.folder / "project"
        state = home.folder / "state"
        for folder in (self._folder, state):
            folder.mkdir()
        # Pulumi looks for its plugins on the PATH.
        plugins = [
            suite.parts.path(name).parent
            for name in ("pulumi-language-yaml", "pulumi-resource-kubernetes")
        ]
        self._variables = {
            **cloud.variables(),
            "PATH": ":".join([home.environment["PATH"], *map(str, plugins)]),
            "PULUMI_BACKEND_URL": state.as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "correct horse",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_HOME": str(home.folder / ".pulumi"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            # For a busy machine.
            "KUBECTL_ESC_TIMEOUT": "5m",
        }
        self._runs = home.runs()
        self._answers = len(self._all_answers())
        self.write("hello")
        self.pulumi("stack", "init", "dev")

    def write(self, text):
        """Writes the program with this text in its config map."""
        (self._folder / "Pulumi.yaml").write_text(PROGRAM.replace("TEXT", text))

    def pulumi(self, *arguments, before=()):
        """Runs a command of the CLI, with the words `before` in front of it."""
        command = [*before, self._pulumi, "--non-interactive", *arguments]
        result = self.home.run(command, seconds=600, folder=self._folder, **self._variables)
        return result.succeeded()

    def text(self):
        """The text of the config map in the cluster."""
        config_map = self.cluster.read(f"/api/v1/namespaces/{NAMESPACE}/configmaps/greeting")
        return config_map and config_map["data"]["text"]

    def run_lifecycle(self, *, before=(), flags=()):
        """Runs preview, up, refresh, a change and destroy. Returns the commands."""

        def steps():
            preview = self.pulumi("preview", *flags, before=before)
            expect_in("+ 3 to create", preview.stdout)
            expect_equal("after preview", self.cluster.read(f"/api/v1/namespaces/{NAMESPACE}"), None)
            yield "preview"
            self.pulumi("up", "--yes", *flags, before=before)
            expect_equal("after up", self.text(), "hello")
            yield "up"
            refresh = self.pulumi("refresh", "--yes", *flags, before=before)
            expect_in("3 unchanged", refresh.stdout)
            yield "refresh"
            self.write("good day")
            self.pulumi("up", "--yes", *flags, before=before)
            expect_equal("after the change", self.text(), "good day")
            yield "up"
            destroy = self.pulumi("destroy", "--yes", *flags, before=before)
            expect_in("- 3 deleted", destroy.stdout)
            expect_equal("after destroy", self.cluster.read(f"/api/v1/namespaces/{NAMESPACE}"), None)
            yield "destroy"

        with self.cluster.controllers():
            return list(steps())

    def expect_no_secrets(self):
        """Neither the stack's state and history nor its configuration contains credentials."""
        files = [path for path in self.home.folder.glob("*/**/*") if path.is_file()]
        stored = [path for path in files if {"project", "state"} & set(path.parts)]
        if not any("dev.json" in path.name for path in stored):
            raise Failure(f"no state in {[path.name for path in stored]}")
        for path in stored:
            text = path.read_text(errors="replace")
            for secret in (*DEPLOYERS_KEY, TOKEN, "k8s-aws-v1.", "ya29.", "eyJhbGci"):
                if secret in text:
                    raise Failure(f"{path.name} contains a secret")

    def plugin_runs(self):
        """How often kubectl-esc has run since the start."""
        return self.home.runs() - self._runs

    def answers(self):
        """The status of every response of the API server since the start."""
        return self._all_answers()[self._answers :]

    def _all_answers(self):
        return self.cluster.answers_to(self._user)


def note(commands, runs, opens, answers):
    return (
        f"{', '.join(commands)}: {runs} plugin runs, {opens} environment opens, "
        f"{len(answers)} requests, none rejected"
    )


def contents(suite):
    """`kubernetes:kubeconfig` is the text of the kubeconfig, not its path."""
    home = suite.home()
    kubeconfig = home.stored_kubeconfig(ACCESS_NAME)
    with suite.pulumi_cloud() as cloud:
        project = Project(suite, home, cloud)
        project.pulumi("config", "set", "kubernetes:kubeconfig", kubeconfig)
        stored = project.pulumi("config", "get", "kubernetes:kubeconfig").stdout
        expect_equal("stored kubeconfig", stored.strip(), kubeconfig.strip())
        commands = project.run_lifecycle()
        project.expect_no_secrets()
        runs, opens, answers = project.plugin_runs(), cloud.opens(ACCESS_NAME), project.answers()
    expect_no_rejections(answers)
    expect_one_open(opens)
    return note(commands, runs, opens, answers)


def environment_of_a_stack(suite):
    """An environment with `pulumiConfig`, as stacks import it. The CLI imports environments only with
    state in Pulumi Cloud; `kubectl-esc run` passes the same values."""
    home = suite.home()
    kubeconfig = home.stored_kubeconfig(ACCESS_NAME)
    values = {
        "kubeconfig": kubeconfig,
        "pulumiConfig": {"kubernetes:kubeconfig": "${kubeconfig}"},
    }
    definition = json.dumps({"values": values})
    with suite.pulumi_cloud([environment("platform", "prod", definition)]) as cloud:
        project = Project(suite, home, cloud)
        name = "acme/platform/prod"
        config = 'kubernetes:kubeconfig=${pulumiConfig["kubernetes:kubeconfig"]}'
        run = ["kubectl-esc", "run", name, "--"]
        commands = project.run_lifecycle(before=run, flags=["--config", config])
        project.expect_no_secrets()
        show = ["kubectl-esc", "open", name, "kubeconfig", "--format", "string"]
        text = home.run(show, **cloud.variables()).succeeded().stdout
        expect_equal("kubeconfig that `open` shows", text, kubeconfig)
        own_runs = len(commands) + 1
        expect_equal(f"opens of {name}", cloud.opens(name), own_runs)
        runs = project.plugin_runs() - own_runs
        opens, answers = cloud.opens(ACCESS_NAME), project.answers()
    expect_no_rejections(answers)
    expect_one_open(opens)
    return note(commands, runs, opens, answers)


ALL = [
    Scenario("pulumi", "pulumi: the kubeconfig's contents", contents),
    Scenario("pulumi", "pulumi: an environment's pulumiConfig", environment_of_a_stack),
]
