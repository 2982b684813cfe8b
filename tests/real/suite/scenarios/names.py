"""Name lookup: a static kubectl-esc loads no library of the machine, whatever is configured."""

import re
import shutil

from ..scenario import LeftOut, Scenario, expect_equal, expect_in

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


def linked_sources(world):
    if b"ld-linux" in world.plugin.read_bytes()[:4096]:
        raise LeftOut("kubectl-esc is linked dynamically here")
    for tool in ("strace", "unshare"):
        if shutil.which(tool) is None:
            raise LeftOut(f"{tool} is missing")
    home = world.home()
    configuration = home.folder / "nsswitch.conf"
    configuration.write_text(CONFIGURATION)
    log = home.folder / "strace"
    call = [world.plugin, "get-token", "acme/platform/prod", "--no-cache", "--timeout", "5s"]
    result = home.run(
        ["unshare", "--mount", "sh", "-c", SCRIPT, "sh", configuration, log, *call],
        HTTPS_PROXY="",
        PULUMI_BACKEND_URL="https://no-such-name.invalid",
        PULUMI_ACCESS_TOKEN="pul-0123456789abcdef0123456789abcdef01234567",
    )
    if not log.exists():
        raise LeftOut("this machine lets nobody set up a mount of their own")
    expect_equal("code", result.code, 5)
    expect_in("cannot reach `no-such-name.invalid`", result.stderr)
    used = log.read_text()
    expect_in('"/etc/hosts"', used)
    expect_in('"/etc/resolv.conf"', used)
    expect_equal("libraries and daemons", re.findall(r'"[^"]*(?:\.so|nscd)[^"]*"', used), [])


ALL = [
    Scenario("kubectl", "names: by /etc/hosts and DNS alone, no library loaded", linked_sources),
]
