"""What this machine can do, by name.

A test that can't run everywhere says `@pytest.mark.needs("dockerd", "root")`; where one of them is missing
it is skipped with that name. `WHERRY_REQUIRE` (names, separated by commas; CI sets it) turns a missing one
into a failure of the whole run. `root` and `ordinary-user` are two sides of one suite, which `./check` runs
as both: a test of the other side is left out instead of skipped.
"""

from __future__ import annotations

import functools
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.images.busybox import find_busybox


def _program(name: str) -> Callable[[], bool]:
    return lambda: shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") is not None


def _ordinary_user() -> bool:
    return os.geteuid() != 0


def _subordinate_ids() -> bool:
    """Whether the present user has subordinate ids and the two set-uid programs that map them."""
    if shutil.which("newuidmap") is None or shutil.which("newgidmap") is None:
        return False
    import pwd

    names = {str(os.geteuid())}
    try:
        names.add(pwd.getpwuid(os.geteuid()).pw_name)
    except KeyError:
        return False
    try:
        lines = Path("/etc/subuid").read_text().splitlines()
    except OSError:
        return False
    return any(line.partition(":")[0] in names for line in lines)


def _cgroup2_controllers() -> bool:
    try:
        return "memory" in Path("/sys/fs/cgroup/cgroup.controllers").read_text()
    except OSError:
        return False


def _version_2_beside_version_1() -> bool:
    """A version 2 tree that has controllers, beside version 1: crun makes no container there."""
    try:
        return bool(Path("/sys/fs/cgroup/unified/cgroup.controllers").read_text().split())
    except OSError:
        return False


def _freezer() -> bool:
    """Whether a container gets a cgroup, with a freezer: as root, or where systemd delegates version 2."""
    if os.geteuid() == 0:
        return True
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        if line.startswith("0::"):
            return os.access(f"/sys/fs/cgroup{line[3:]}/cgroup.procs", os.W_OK)
    return False


def _compose_v2() -> bool:
    """Whether Docker's command line has Docker Compose 2 as a plugin."""
    if shutil.which("docker") is None:
        return False
    asked = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    return asked.returncode == 0


def _apparmor() -> bool:
    try:
        return Path("/sys/module/apparmor/parameters/enabled").read_text().strip() == "Y"
    except OSError:
        return False


def _interfaces(kind: str) -> Callable[[], bool]:
    """Whether root can make interfaces of a kind; loopback as their parent is refused for another reason."""

    def probe() -> bool:
        if os.geteuid() != 0:
            return False
        add = ["ip", "link", "add", "one", "link", "lo", "type", kind]
        said = subprocess.run(["unshare", "--net", *add], capture_output=True, text=True, check=False).stderr
        return "Unknown device type" not in said and "not supported" not in said

    return probe


def _sctp() -> bool:
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_SCTP).close()
    except OSError:
        return False
    return True


def _buildx() -> bool:
    """The plugin of the real `docker` command."""
    if not _program("docker")():
        return False
    return subprocess.run(["docker", "buildx", "version"], capture_output=True, check=False).returncode == 0


PROBES: dict[str, Callable[[], bool]] = {
    "root": lambda: os.geteuid() == 0,
    "docker-compose": _program("docker-compose"),
    "compose-v2": _compose_v2,
    "ordinary-user": _ordinary_user,
    "subordinate-ids": _subordinate_ids,
    "busybox": lambda: find_busybox() is not None,
    "ssh-agent": _program("ssh-agent"),
    "mmdebstrap": _program("mmdebstrap"),
    "dockerd": lambda: os.geteuid() == 0 and _program("dockerd")() and _program("docker")(),
    "docker-cli": _program("docker"),
    "buildx": _buildx,
    "podman": _program("podman"),
    "crun": _program("crun"),
    "crun-cgroups": lambda: not _version_2_beside_version_1(),
    "runc": _program("runc"),
    "skopeo": _program("skopeo"),
    "pasta": _program("pasta"),
    "slirp4netns": _program("slirp4netns"),
    "wrk": _program("wrk"),
    "macvlan": _interfaces("macvlan"),
    "ipvlan": _interfaces("ipvlan"),
    "sctp": _sctp,
    "containerd": lambda: os.geteuid() == 0 and _program("containerd")() and _program("ctr")(),
    "cgroup2": _cgroup2_controllers,
    "cgroup1": lambda: Path("/sys/fs/cgroup/memory/cgroup.procs").exists(),
    "freezer": _freezer,
    "apparmor": _apparmor,
    "systemd": lambda: os.path.isdir("/run/systemd/system"),
    "x86-64": lambda: os.uname().machine == "x86_64",
    "docker-py": lambda: __import__("importlib.util").util.find_spec("docker") is not None,
    "gdb": _program("gdb"),
    "docker-registry": _program("docker-registry"),
    "htpasswd": _program("htpasswd"),
    "openssl": _program("openssl"),
    "chromium": _program("chromium"),
    "strace": _program("strace"),
}


@functools.cache
def have(name: str) -> bool:
    """Whether the machine has the capability. Raises KeyError for a name not in PROBES."""
    return PROBES[name]()


ONLY_ROOT_HAS = frozenset({"root", "dockerd", "containerd", "macvlan", "ipvlan"})
ONLY_OTHERS_HAVE = frozenset({"ordinary-user", "subordinate-ids"})


def required() -> list[str]:
    """The capabilities that this run must have: those of WHERRY_REQUIRE that its identity can have."""
    impossible = ONLY_OTHERS_HAVE if os.geteuid() == 0 else ONLY_ROOT_HAS
    return [
        name for name in os.environ.get("WHERRY_REQUIRE", "").split(",") if name and name not in impossible
    ]


def other_side(name: str) -> bool:
    """Whether `name` stands for the half of the suite that another identity runs."""
    return name in ("root", "ordinary-user") and not have(name)


def python() -> str:
    """The interpreter that runs the suite, and so the engine under test."""
    return sys.executable
