"""The Pulumi CLI with the Kubernetes provider, and a kubeconfig that logs in with the plugin. State is
kept in a folder: where the CLI keeps it in Pulumi Cloud, it speaks a second interface of the service,
which the stand-in does not have."""

import json

from ..processes import Failure
from ..pulumi_cloud import ACCESS_NAME, TOKEN, environment
from ..scenario import Scenario, expect_equal, expect_in, expect_no_refusals, expect_one_open
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
    """A Pulumi program with a stack, and what the cluster and Pulumi Cloud saw of it."""

    def __init__(self, world, home, cloud):
        self.home, self.cluster, self.cloud = home, world.cluster, cloud
        self._pulumi = world.parts.path("pulumi")
        self._folder = home.folder / "project"
        state = home.folder / "state"
        for folder in (self._folder, state):
            folder.mkdir()
        # Pulumi looks for its plugins on the PATH.
        plugins = [
            world.parts.path(name).parent
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
            # How fast a busy machine is, is not the question.
            "KUBECTL_ESC_TIMEOUT": "5m",
        }
        self._runs = home.runs()
        self._answers = len(self._all_answers())
        self.write("hello")
        self.pulumi("stack", "init", "dev")

    def write(self, text):
        """The program, with this text in its config map."""
        (self._folder / "Pulumi.yaml").write_text(PROGRAM.replace("TEXT", text))

    def pulumi(self, *arguments, before=()):
        """Runs a command of the CLI, by way of another command if one is given."""
        command = [*before, self._pulumi, "--non-interactive", *arguments]
        result = self.home.run(command, seconds=600, folder=self._folder, **self._variables)
        return result.succeeded()

    def text(self):
        """What is in the cluster."""
        found = self.cluster.read(f"/api/v1/namespaces/{NAMESPACE}/configmaps/greeting")
        return found and found["data"]["text"]

    def live(self, *, before=(), flags=()):
        """preview, up, refresh, a change, destroy; the commands that it took."""

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
        """Neither the stack's state, with its history, nor its configuration holds a login."""
        files = [path for path in self.home.folder.glob("*/**/*") if path.is_file()]
        kept = [path for path in files if {"project", "state"} & set(path.parts)]
        if not any("dev.json" in path.name for path in kept):
            raise Failure(f"no state in {[path.name for path in kept]}")
        for path in kept:
            text = path.read_text(errors="replace")
            for secret in (*DEPLOYERS_KEY, TOKEN, "k8s-aws-v1."):
                if secret in text:
                    raise Failure(f"{path.name} holds a secret")

    def plugin_runs(self):
        """How often kubectl-esc has run since the start."""
        return self.home.runs() - self._runs

    def answers(self):
        """The status of every answer of the API server since the start."""
        return self._all_answers()[self._answers :]

    def _all_answers(self):
        return self.cluster.answers_to("deployer")


def note(commands, runs, opens, answers):
    return (
        f"{', '.join(commands)}: {runs} plugin runs, {opens} environment opens, "
        f"{len(answers)} requests, none refused"
    )


def contents(world):
    """`kubernetes:kubeconfig` has the text of the kubeconfig, not its path."""
    home = world.home()
    kubeconfig = home.stored_kubeconfig(ACCESS_NAME)
    with world.pulumi_cloud() as cloud:
        project = Project(world, home, cloud)
        project.pulumi("config", "set", "kubernetes:kubeconfig", kubeconfig)
        stored = project.pulumi("config", "get", "kubernetes:kubeconfig").stdout
        expect_equal("stored kubeconfig", stored.strip(), kubeconfig.strip())
        commands = project.live()
        project.expect_no_secrets()
        runs, opens, answers = project.plugin_runs(), cloud.opens(ACCESS_NAME), project.answers()
    expect_no_refusals(answers)
    expect_one_open(opens)
    return note(commands, runs, opens, answers)


def environment_of_a_stack(world):
    """An environment with `pulumiConfig`, as stacks import it. The CLI imports environments only where
    its state is in Pulumi Cloud too; `kubectl-esc run` hands on the same values."""
    home = world.home()
    kubeconfig = home.stored_kubeconfig(ACCESS_NAME)
    values = {
        "kubeconfig": kubeconfig,
        "pulumiConfig": {"kubernetes:kubeconfig": "${kubeconfig}"},
    }
    definition = json.dumps({"values": values})
    with world.pulumi_cloud([environment("platform", "prod", definition)]) as cloud:
        project = Project(world, home, cloud)
        name = "acme/platform/prod"
        config = 'kubernetes:kubeconfig=${pulumiConfig["kubernetes:kubeconfig"]}'
        run = ["kubectl-esc", "run", name, "--"]
        commands = project.live(before=run, flags=["--config", config])
        project.expect_no_secrets()
        shown = ["kubectl-esc", "open", name, "kubeconfig", "--format", "string"]
        text = home.run(shown, **cloud.variables()).succeeded().stdout
        expect_equal("kubeconfig that `open` shows", text, kubeconfig)
        ours = len(commands) + 1
        expect_equal(f"opens of {name}", cloud.opens(name), ours)
        runs = project.plugin_runs() - ours
        opens, answers = cloud.opens(ACCESS_NAME), project.answers()
    expect_no_refusals(answers)
    expect_one_open(opens)
    return note(commands, runs, opens, answers)


ALL = [
    Scenario("pulumi", "pulumi: the kubeconfig's contents", contents),
    Scenario("pulumi", "pulumi: an environment's pulumiConfig", environment_of_a_stack),
]
