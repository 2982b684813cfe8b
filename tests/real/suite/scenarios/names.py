"""Name lookup: a static kubectl-esc loads no library of the machine, regardless of nsswitch.conf."""

import re
import shutil

from ..scenario import Scenario, Skipped, expect_equal, expect_in

CONFIGURATION = """\
passwd: files
hosts: mymachines resolve [!UNAVAIL=return] files mdns4_minimal [NOTFOUND=return] dns myhostname sss
"""
SCRIPT = """\
mount --bind "$1" /etc/nsswitch.conf || exit 99
log=$2
shift 2
exec strace -f -o "$log" -e trace=open,openat,connect "$@"
"""


def linked_sources(suite):
    if b"ld-linux" in suite.plugin.read_bytes()[:4096]:
        raise Skipped("kubectl-esc is linked dynamically here")
    for tool in ("strace", "unshare"):
        if shutil.which(tool) is None:
            raise Skipped(f"{tool} is missing")
    home = suite.home()
    configuration = home.folder / "nsswitch.conf"
    configuration.write_text(CONFIGURATION)
    log = home.folder / "strace"
    call = [suite.plugin, "get-token", "acme/platform/prod", "--no-cache", "--timeout", "5s"]
    result = home.run(
        ["unshare", "--mount", "sh", "-c", SCRIPT, "sh", configuration, log, *call],
        HTTPS_PROXY="",
        PULUMI_BACKEND_URL="https://no-such-name.invalid",
        PULUMI_ACCESS_TOKEN="pul-0123456789abcdef0123456789abcdef01234567",
    )
    if not log.exists():
        raise Skipped("this machine does not allow private mounts")
    expect_equal("code", result.code, 5)
    expect_in("cannot reach `no-such-name.invalid`", result.stderr)
    trace = log.read_text()
    expect_in('"/etc/hosts"', trace)
    expect_in('"/etc/resolv.conf"', trace)
    expect_equal("libraries and daemons", re.findall(r'"[^"]*(?:\.so|nscd)[^"]*"', trace), [])


ALL = [
    Scenario("kubectl", "names: only /etc/hosts and DNS, no library loaded", linked_sources),
]
