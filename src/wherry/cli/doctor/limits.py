"""Cgroups: whether limits on memory, CPU and processes can be kept."""

from __future__ import annotations

from wherry.cli.doctor import mends
from wherry.cli.doctor.finding import NOTE, Finding
from wherry.cli.doctor.machine import Machine

_AREA = "Limits"
_ROOT = "/sys/fs/cgroup"
_WANTED = ("cpu", "memory", "pids")
_UNKEPT = "limits (--memory, --cpus, --pids-limit) can't be kept"
_VERSION_2 = "systemd.unified_cgroup_hierarchy=1"


def check_limits(machine: Machine) -> list[Finding]:
    """Which cgroup version, which controllers, and whether this user has been given any."""
    unified = machine.read(f"{_ROOT}/cgroup.controllers")
    if unified is None:
        return [_version_1(machine)]
    if machine.root:
        return [_lacking(machine, unified.split(), "cgroup v2")]
    return [_delegated(machine)]


def _delegated(machine: Machine) -> Finding:
    if not machine.systemd:
        return Finding(
            _AREA,
            "no cgroup of your own: without systemd nobody delegates one",
            NOTE,
            _UNKEPT,
            "run the engine as root, or a container at a time below a limit of your session's (ulimit)",
        )
    place = f"{_ROOT}/user.slice/user-{machine.uid}.slice/user@{machine.uid}.service"
    delegated = machine.read(f"{place}/cgroup.controllers")
    if delegated is None:
        mend = f"{mends.linger(machine)}   (starts a systemd for this user)"
        return Finding(_AREA, "no cgroup of your own", NOTE, _UNKEPT, mend)
    missing = [name for name in _WANTED if name not in delegated.split()]
    if missing:
        return Finding(
            _AREA,
            f"not delegated to you: {', '.join(missing)}",
            NOTE,
            "limits of that kind can't be kept",
            _delegate_command(machine),
        )
    return Finding(_AREA, f"cgroup v2, delegated to you: {', '.join(delegated.split())}")


def _delegate_command(machine: Machine) -> str:
    root, folder = mends.as_root(machine), "/etc/systemd/system/user@.service.d"
    return (
        f"{root}mkdir -p {folder} && printf '[Service]\\nDelegate=cpu cpuset io memory pids\\n'"
        f" | {root}tee {folder}/delegate.conf && {root}systemctl daemon-reload   (then log in again)"
    )


def _version_1(machine: Machine) -> Finding:
    enabled = [
        line.split()[0]
        for line in (machine.read("/proc/cgroups") or "").splitlines()
        if line and not line.startswith("#") and line.split()[-1] == "1"
    ]
    mounted = machine.names(_ROOT)
    controllers = [name for name in enabled if any(name in entry.split(",") for entry in mounted)]
    if not controllers:
        root = mends.as_root(machine)
        mend = f"{root}mount -t cgroup2 none {_ROOT}"
        if machine.family == "alpine":
            mend = f"{root}rc-update add cgroups && {root}rc-service cgroups start"
        return Finding(_AREA, "no cgroups are mounted", NOTE, _UNKEPT, mend)
    if not machine.root:
        return Finding(
            _AREA,
            "cgroup v1 gives ordinary users no limits",
            NOTE,
            "--memory, --cpus and --pids-limit can't be kept",
            mends.kernel_words(machine, _VERSION_2),
        )
    return _lacking(machine, controllers, "cgroup v1")


def _lacking(machine: Machine, controllers: list[str], version: str) -> Finding:
    missing = [name for name in _WANTED if name not in controllers]
    if missing:
        return Finding(
            _AREA,
            f"{version} without {', '.join(missing)}",
            NOTE,
            "limits of that kind can't be kept",
            mends.kernel_words(machine, "cgroup_enable=memory")
            if missing == ["memory"]
            else "a kernel with " + ", ".join(f"CONFIG_CGROUP_{name.upper()}" for name in missing),
        )
    return Finding(_AREA, f"{version} with {', '.join(sorted(set(controllers)))}")
