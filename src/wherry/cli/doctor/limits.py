"""Cgroups: whether limits on memory, CPU and processes can be kept."""

from __future__ import annotations

import os

from wherry.cli.doctor.finding import NOTE, Finding, read

_AREA = "Limits"
_ROOT = "/sys/fs/cgroup"
_WANTED = ("cpu", "memory", "pids")
_DELEGATE = (
    "sudo mkdir -p /etc/systemd/system/user@.service.d"
    " && printf '[Service]\\nDelegate=cpu cpuset io memory pids\\n'"
    " | sudo tee /etc/systemd/system/user@.service.d/delegate.conf && sudo systemctl daemon-reload"
    "   (then log in again)"
)


def check_limits(root: bool) -> list[Finding]:
    """Which cgroup version, which controllers, and whether this user has been given any."""
    unified = read(f"{_ROOT}/cgroup.controllers")
    if unified is None:
        return _version_1(root)
    if root:
        return _lacking(unified.split(), "cgroup v2")
    user = os.geteuid()
    delegated = read(f"{_ROOT}/user.slice/user-{user}.slice/user@{user}.service/cgroup.controllers")
    if delegated is None:
        return [
            Finding(
                _AREA,
                "no cgroup of your own",
                NOTE,
                "limits (--memory, --cpus, --pids-limit) can't be kept",
                f"sudo loginctl enable-linger {_user_name()}   (starts a systemd for this user)",
            )
        ]
    missing = [name for name in _WANTED if name not in delegated.split()]
    if missing:
        return [
            Finding(
                _AREA,
                f"not delegated to you: {', '.join(missing)}",
                NOTE,
                "limits of that kind can't be kept",
                _DELEGATE,
            )
        ]
    return [Finding(_AREA, f"cgroup v2, delegated to you: {', '.join(delegated.split())}")]


def _version_1(root: bool) -> list[Finding]:
    controllers = [
        line.split()[0]
        for line in (read("/proc/cgroups") or "").splitlines()
        if not line.startswith("#") and line.split()[-1] == "1"
    ]
    mounted = [name for name in controllers if any(name in entry.split(",") for entry in _folders())]
    if not mounted:
        return [
            Finding(
                _AREA,
                "no cgroups are mounted",
                NOTE,
                "limits can't be kept",
                f"sudo mount -t cgroup2 none {_ROOT}",
            )
        ]
    if not root:
        return [
            Finding(
                _AREA,
                "cgroup v1 gives ordinary users no limits",
                NOTE,
                "--memory, --cpus and --pids-limit can't be kept",
                "add systemd.unified_cgroup_hierarchy=1 to the kernel's command line, and restart",
            )
        ]
    return _lacking(mounted, "cgroup v1")


def _folders() -> list[str]:
    try:
        return os.listdir(_ROOT)
    except OSError:
        return []


def _lacking(controllers: list[str], version: str) -> list[Finding]:
    missing = [name for name in _WANTED if name not in controllers]
    if missing:
        return [
            Finding(
                _AREA,
                f"{version} without {', '.join(missing)}",
                NOTE,
                "limits of that kind can't be kept",
                "add cgroup_enable=memory to the kernel's command line" if missing == ["memory"] else "",
            )
        ]
    return [Finding(_AREA, f"{version} with {', '.join(sorted(set(controllers)))}")]


def _user_name() -> str:
    import pwd

    return pwd.getpwuid(os.geteuid()).pw_name
