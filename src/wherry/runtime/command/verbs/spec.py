"""`spec`: write a specification to begin with."""

from __future__ import annotations

import json
import os
from typing import Any

from wherry.errors import Conflict
from wherry.runtime.command.arguments import Arguments
from wherry.runtime.command.entry import SPECIFICATION, Context

_CAPABILITIES = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
_NODEV = ["nosuid", "noexec", "nodev"]


def run(context: Context, arguments: Arguments) -> int:
    """Write config.json into the bundle. Raises Conflict if there is one."""
    path = os.path.join(arguments.get("bundle", "b") or ".", "config.json")
    try:
        with open(path, "x") as file:
            json.dump(default(rootless=arguments.has("rootless")), file, indent="\t")
    except FileExistsError:
        raise Conflict(f"file {path} exists, remove it first") from None
    return 0


def default(*, rootless: bool = False) -> dict[str, Any]:
    """A shell in namespaces of its own on the directory `rootfs`."""
    kinds = ["pid", "network", "ipc", "uts", "mount", "cgroup", *(["user"] if rootless else [])]
    linux: dict[str, Any] = {
        "namespaces": [{"type": kind} for kind in kinds],
        "resources": {"devices": [{"allow": False, "access": "rwm"}]},
        "maskedPaths": [
            "/proc/acpi",
            "/proc/asound",
            "/proc/interrupts",
            "/proc/kcore",
            "/proc/keys",
            "/proc/latency_stats",
            "/proc/sched_debug",
            "/proc/scsi",
            "/proc/timer_list",
            "/proc/timer_stats",
            "/sys/devices/virtual/powercap",
            "/sys/firmware",
        ],
        "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
    }
    if rootless:
        del linux["resources"]
        linux["uidMappings"] = [{"containerID": 0, "hostID": os.geteuid(), "size": 1}]
        linux["gidMappings"] = [{"containerID": 0, "hostID": os.getegid(), "size": 1}]
    return {
        "ociVersion": SPECIFICATION,
        "process": {
            "terminal": True,
            "user": {"uid": 0, "gid": 0},
            "args": ["sh"],
            "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
            "cwd": "/",
            "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), _CAPABILITIES),
            "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
            "noNewPrivileges": True,
        },
        "root": {"path": "rootfs", "readonly": True},
        "hostname": "wherry",
        "mounts": [
            _mount("/proc", "proc", "proc", []),
            _mount("/dev", "tmpfs", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
            _mount(
                "/dev/pts",
                "devpts",
                "devpts",
                ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]
                + ([] if rootless else ["gid=5"]),
            ),
            _mount("/dev/shm", "tmpfs", "shm", [*_NODEV, "mode=1777", "size=65536k"]),
            _mount("/dev/mqueue", "mqueue", "mqueue", _NODEV),
            _mount("/sys", "sysfs", "sysfs", [*_NODEV, "ro"]),
            _mount("/sys/fs/cgroup", "cgroup", "cgroup", [*_NODEV, "relatime", "ro"]),
        ],
        "linux": linux,
    }


def _mount(destination: str, kind: str, source: str, options: list[str]) -> dict[str, Any]:
    return {"destination": destination, "type": kind, "source": source, "options": options}
