"""Limits as files to write: first planned, then carried out by a cgroup.

A plan is a list of `Setting`. Which version's files they name is the business of `settings_v1` and
`settings_v2`; both read `linux.resources` of an OCI runtime specification. The words of a limit that can't be
honoured are Docker's, because clients show and compare them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from wherry.errors import Invalid


class Setting(NamedTuple):
    """One limit. The first of `choices` (file, value) whose file exists is written."""

    controller: str
    choices: tuple[tuple[str, str], ...]
    warning: str  # what to say when this machine has none of the files, or lets nobody write them


_LACKS = "Your kernel does not support {} or the cgroup is not mounted. {} discarded."

MEMORY = _LACKS.format("memory limit capabilities", "Limitation")
SWAP = (
    "Your kernel does not support swap limit capabilities or the cgroup is not mounted. "
    "Memory limited without swap."
)
RESERVATION = _LACKS.format("memory soft limit capabilities", "Limitation")
SWAPPINESS = _LACKS.format("memory swappiness capabilities", "Memory swappiness")
KERNEL_MEMORY = _LACKS.format("kernel memory limit capabilities", "Limitation")
KERNEL_TCP = _LACKS.format("kernel memory TCP limit capabilities", "Limitation")
OOM_KILL_DISABLE = "Your kernel does not support OomKillDisable. OomKillDisable discarded."
PIDS = _LACKS.format("PIDs limit capabilities", "PIDs limit")
SHARES = _LACKS.format("CPU shares", "Shares")
QUOTA = _LACKS.format("CPU CFS scheduler", "CPU period/quota")
REALTIME = _LACKS.format("CPU real-time scheduler", "CPU real-time runtime/period")
IDLE = _LACKS.format("CPU idle", "CPU idle")
CPUSET = _LACKS.format("cpuset", "Cpuset")
WEIGHT = _LACKS.format("Block I/O weight", "Weight")
WEIGHT_DEVICE = _LACKS.format("Block I/O weight_device", "Weight-device")
THROTTLE = {
    "throttleReadBpsDevice": _LACKS.format("BPS Block I/O read limit", "Block I/O BPS read limit"),
    "throttleWriteBpsDevice": _LACKS.format("BPS Block I/O write limit", "Block I/O BPS write limit"),
    "throttleReadIOPSDevice": _LACKS.format("IOPS Block read limit", "Block I/O IOPS read limit"),
    "throttleWriteIOPSDevice": _LACKS.format("IOPS Block write limit", "Block I/O IOPS write limit"),
}
HUGEPAGES = _LACKS.format("huge page limit capabilities", "Huge page limit")
NETWORK_CLASS = _LACKS.format("network class", "Network class")
NETWORK_PRIORITY = _LACKS.format("network priority", "Network priority")
DEVICES = _LACKS.format("device rules", "Device rules")
RDMA = _LACKS.format("RDMA limits", "RDMA limit")


def setting(controller: str, file: str, value: object, warning: str) -> Setting:
    """The usual case: one file."""
    return Setting(controller, ((f"{controller}.{file}", str(value)),), warning)


def unsupported(warning: str) -> Setting:
    """A limit that this version has no file for at all."""
    return Setting("", (), warning)


def limit(value: int, unlimited: str) -> str:
    """A number as a file takes it; negative means no limit."""
    return unlimited if value < 0 else str(value)


def device(entry: dict[str, Any]) -> str:
    return f"{int(entry['major'])}:{int(entry['minor'])}"


def huge_page_size(entry: dict[str, Any]) -> str:
    """ "2MB", as it stands in the names of files."""
    size = str(entry.get("pageSize", ""))
    if not size.isalnum():
        raise Invalid(f'invalid huge page size "{size}"')
    return size
