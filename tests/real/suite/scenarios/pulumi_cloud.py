"""Pulumi's own clients with the stand-in for Pulumi Cloud: ESC's CLI and ESC's SDK. They and ours must
get the same values."""

import json

from ..pulumi_cloud import ROLE, TOKEN
from ..scenario import Scenario, expect_equal, expect_in

SDK = """\
import json, sys
import pulumi_esc_sdk as esc
from pulumi_esc_sdk.exceptions import ApiException, UnauthorizedException
url, token = sys.argv[1:3]
client = esc.EscClient(esc.Configuration(access_token=token, host=url))
"""
SDK_OPEN = SDK + """\
organization, project, name, version = sys.argv[3:7]
names = (organization, project, name)
if version:
    _, values, _ = client.open_and_read_environment_at_version(*names, version)
else:
    _, values, _ = client.open_and_read_environment(*names)
print(json.dumps(values))
"""
SDK_PROPERTY = SDK + """\
names = ("acme", "platform", "everything")
session = client.open_environment(*names).id
_, value = client.read_open_environment_property(*names, session, sys.argv[3])
print(json.dumps(value))
"""
SDK_EDIT = SDK + """\
names = ("acme", "test", "by-sdk")
client.create_environment(*names)
client.update_environment_yaml(*names, "values:\\n  a:\\n    fn::secret: shh\\n  b: ${a}!\\n")
try:
    client.update_environment_yaml(*names, "values:\\n  a: ${c}\\n")
    raise SystemExit("a definition with errors was accepted")
except ApiException as error:
    assert error.status == 400 and "unknown property" in str(error), error
definition, text = client.get_environment(*names)
assert b"shh" not in text and b"ciphertext" in text, text
assert client.decrypt_environment(*names)[0].values.additional_properties["a"] == {"fn::secret": "shh"}
checked = client.check_environment_yaml("acme", "values:\\n  a: ${c}\\n")
assert checked.diagnostics[0].summary == 'unknown property "c"', checked
client.create_environment_revision_tag(*names, "first", 1)
client.update_environment_revision_tag(*names, "first", 2)
assert client.get_environment_revision_tag(*names, "first").revision == 2
assert [tag.name for tag in client.list_environment_revision_tags(*names).tags] == ["first", "latest"]
assert [revision.number for revision in client.list_environment_revisions(*names)] == [2, 1]
_, values, _ = client.open_and_read_environment_at_version(*names, "first")
assert values == {"a": "shh", "b": "shh!"}, values
client.delete_environment_revision_tag(*names, "first")
listed, token = [], None
while token != "":
    page = client.list_environments("acme", token)
    listed += [environment.name for environment in page.environments]
    token = page.next_token or ""
assert sorted(listed) == ["access", "base", "broken", "by-sdk", "everything", "oidc"], listed
client.delete_environment(*names)
bad = esc.EscClient(esc.Configuration(access_token="pul-unknown", host=url))
try:
    bad.open_environment(*names)
    raise SystemExit("an unknown token was accepted")
except UnauthorizedException as error:
    assert "No credentials provided" in str(error), error
"""


def with_esc(suite, cloud, reference):
    """The values from ESC's CLI, over TLS."""
    result = run_esc(suite, cloud, "env", "open", reference).succeeded()
    return json.loads(result.stdout)


def run_esc(suite, cloud, *arguments, home=None, **variables):
    """Runs ESC's CLI, with the token or in a home with a login."""
    environment = {"PULUMI_BACKEND_URL": cloud.secure_url, "SSL_CERT_FILE": str(cloud.authority)}
    if home is None:
        home = suite.home()
        environment["PULUMI_ACCESS_TOKEN"] = TOKEN
    # Without it the CLI ignores HOME and gets the home folder from the system.
    environment["PULUMI_HOME"] = str(home.folder / ".pulumi")
    return home.run([suite.parts.path("esc"), *arguments], **{**environment, **variables})


def with_sdk(suite, cloud, reference):
    """The values from the SDK."""
    name, _, version = reference.partition("@")
    arguments = [*name.split("/"), version]
    return json.loads(run_sdk(suite, cloud, SDK_OPEN, *arguments).stdout)


def run_sdk(suite, cloud, program, *arguments):
    python = suite.parts.path("esc sdk") / "python"
    home = suite.home()
    return home.run([python, "-c", program, cloud.url, TOKEN, *arguments]).succeeded()


def with_kubectl_esc(suite, cloud, reference):
    """The values from kubectl-esc."""
    environment = {
        "PULUMI_ACCESS_TOKEN": TOKEN,
        "PULUMI_BACKEND_URL": cloud.secure_url,
        "SSL_CERT_FILE": str(cloud.authority),
    }
    result = suite.home().run(["kubectl-esc", "open", reference], **environment)
    return json.loads(result.succeeded().stdout)


# The clients that must get the same values.
READERS = {
    "esc": with_esc,
    "esc sdk": with_sdk,
    "kubectl-esc": with_kubectl_esc,
}


def same_values(suite):
    opened = {"": "three", "@1": "one", "@stable": "two"}
    with suite.pulumi_cloud() as cloud:
        for version, revision in opened.items():
            reference = f"acme/platform/everything{version}"
            results = {name: read(suite, cloud, reference) for name, read in READERS.items()}
            first, *others = results.items()
            expect_equal("revision", first[1]["revision"], revision)
            for name, values in others:
                expect_equal(f"{reference} by {name}", values, first[1])
        expect_equal("values", first[1]["numbers"][4:], [9007199254740993, 18446744073709551615])
        expect_equal("signs", first[1]["texts"]["signs"], "<&> é 🙂 \u2028 $ \" '")
        expect_equal("secret", first[1]["password"], "hunter2")
        expect_equal("inherited", first[1]["inherited"], "base")
        expect_equal("who", first[1]["who"], "alice in platform/everything")
        expect_equal("stack", first[1]["stack"]["cluster"]["nodes"], [1, 2.5, None])
    return f"{', '.join(READERS)}: equal in {len(opened)} revisions"


def same_property(suite):
    with suite.pulumi_cloud() as cloud:
        for path in ("nested[2][0].deep", 'texts["a.b c"]', "numbers", "nothing"):
            shown = run_esc(suite, cloud, "env", "open", "acme/platform/everything", path)
            esc = json.loads(shown.succeeded().stdout)
            sdk = json.loads(run_sdk(suite, cloud, SDK_PROPERTY, path).stdout)
            expect_equal(path, sdk, esc)


def default_organization(suite):
    with suite.pulumi_cloud() as cloud:
        values = with_esc(suite, cloud, "platform/everything")
        expect_equal("revision", values["revision"], "three")
        expect_in(("default organization", 200), cloud.operations())


def identity_token(suite):
    """The CLI exchanges an identity token, stores the access token, and opens with it."""
    with suite.pulumi_cloud() as cloud:
        home = suite.home()
        token = cloud.execute("identityToken")["identityToken"]
        login = ["login", cloud.secure_url, "--oidc-token", token]
        login += ["--oidc-org", "acme", "--oidc-user", "alice"]
        result = run_esc(suite, cloud, *login, home=home).succeeded()
        expect_in("as alice", result.stdout)
        everything = "acme/platform/everything"
        opened = run_esc(suite, cloud, "open", everything, "password", home=home).succeeded()
        expect_equal("password", json.loads(opened.stdout), "hunter2")
        command = ["run", everything, "--", "sh", "-c", "echo $AWS_REGION"]
        result = run_esc(suite, cloud, *command, home=home).succeeded()
        expect_equal("region", result.stdout, "eu-west-1\n")
        expect_equal("first request", cloud.operations()[0], ("token", 200))
        result = run_esc(suite, cloud, *login[:-1], "bob", home=suite.home()).failed()
        expect_in("no policy of the organization allows this token", result.stderr)


def credentials(suite):
    """Pulumi Cloud's identity token is exchanged for AWS credentials, which work with `aws`."""
    with suite.pulumi_cloud() as cloud:
        login = with_esc(suite, cloud, "acme/platform/oidc")["aws"]["login"]
        variables = {
            "AWS_ACCESS_KEY_ID": login["accessKeyId"],
            "AWS_SECRET_ACCESS_KEY": login["secretAccessKey"],
            "AWS_SESSION_TOKEN": login["sessionToken"],
            "AWS_ENDPOINT_URL_STS": cloud.sts_url,
            "AWS_DEFAULT_REGION": "eu-west-1",
        }
        command = [suite.parts.path("aws") / "aws", "sts", "get-caller-identity", "--output", "json"]
        identity = json.loads(suite.home().run(command, **variables).succeeded().stdout)
        name = ROLE.rsplit("/", 1)[-1]
        arn = f"arn:aws:sts::123456789012:assumed-role/{name}/pulumi-esc"
        expect_equal("identity", identity["Arn"], arn)


def diagnostics(suite):
    with suite.pulumi_cloud() as cloud:
        # The CLI prints them and exits with 0.
        result = run_esc(suite, cloud, "env", "open", "acme/platform/broken").succeeded()
        expect_equal("stdout", result.stdout, "")
        expect_in("platform/broken:2:", result.stderr)
        expect_in('unknown property "b"', result.stderr)


def rejections(suite):
    reference = "acme/platform/everything"
    with suite.pulumi_cloud() as cloud:
        result = run_esc(suite, cloud, "env", "open", "acme/platform/nothing").failed()
        expect_in("Not Found: environment not found", result.stderr)
        result = run_esc(suite, cloud, "env", "open", f"{reference}@9").failed()
        expect_in("Not Found: revision not found", result.stderr)
        cloud.execute("fail", operation="open", status=429, times=1)
        result = run_esc(suite, cloud, "env", "open", reference).failed()
        expect_in("rate-limit exceeded", result.stderr)
        # The CLI retries reads.
        cloud.execute("fail", operation="read session", status=500, times=1)
        run_esc(suite, cloud, "env", "open", reference).succeeded()
        expect_in(("read session", 500), cloud.operations())
        run_esc(suite, cloud, "env", "open", reference, PULUMI_ACCESS_TOKEN="pul-unknown").failed()


def edits(suite):
    with suite.pulumi_cloud() as cloud:
        esc = lambda *arguments: run_esc(suite, cloud, "env", *arguments).succeeded().stdout
        esc("init", "acme/test/by-esc")
        esc("set", "acme/test/by-esc", "a.b", "shh", "--secret")
        esc("set", "acme/test/by-esc", "c", "${a.b}!")
        expect_equal("values", json.loads(esc("open", "acme/test/by-esc")), {"a": {"b": "shh"}, "c": "shh!"})
        expect_in("[secret]", esc("get", "acme/test/by-esc"))
        esc("version", "tag", "acme/test/by-esc@first", "@2")
        opened = json.loads(esc("open", "acme/test/by-esc@first"))
        expect_equal("first", opened, {"a": {"b": "shh"}})
        expect_in("acme/test/by-esc", esc("ls", "-o", "acme").replace(" ", ""))
        esc("rm", "acme/test/by-esc", "--yes")
        run_esc(suite, cloud, "env", "open", "acme/test/by-esc").failed()


def sdk_edits(suite):
    with suite.pulumi_cloud() as cloud:
        run_sdk(suite, cloud, SDK_EDIT)


ALL = [
    Scenario("esc", "cloud: CLI and SDK see the same values", same_values),
    Scenario("esc", "cloud: CLI and SDK see the same property", same_property),
    Scenario("esc", "cloud: CLI uses the default organization", default_organization),
    Scenario("esc", "cloud: CLI logs in with an identity token", identity_token),
    Scenario("esc", "cloud: AWS credentials", credentials),
    Scenario("esc", "cloud: CLI shows diagnostics", diagnostics),
    Scenario("esc", "cloud: CLI is rejected", rejections),
    Scenario("esc", "cloud: CLI edits environments", edits),
    Scenario("esc sdk", "cloud: SDK edits environments", sdk_edits),
]
