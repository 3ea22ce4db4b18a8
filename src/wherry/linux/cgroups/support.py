"""Which limits this machine honours: what `info` shows, and what a container is warned of."""

from __future__ import annotations

import os
from typing import NamedTuple

from wherry.linux.cgroups import files
from wherry.linux.cgroups.hierarchies import Hierarchies, hierarchies


class Support(NamedTuple):
    """Each is whether the kernel has it and this process may set it. `cpus`, `mems`: lists as in "0-3"."""

    memory: bool = False
    swap: bool = False
    reservation: bool = False
    swappiness: bool = False
    oom_kill_disable: bool = False
    kernel_tcp: bool = False
    pids: bool = False
    cpu_shares: bool = False
    cpu_quota: bool = False
    cpu_realtime: bool = False
    cpuset: bool = False
    blkio_weight: bool = False
    blkio_weight_device: bool = False
    blkio_throttle: bool = False
    devices: bool = False
    cpus: str = ""
    mems: str = ""


def support(where: Hierarchies | None = None, below: str = "") -> Support:
    """`below` is the path of the cgroup whose children the containers' will be, in a version 2 tree."""
    found = where or hierarchies()
    if found.version == 2:
        return _version_2(found, below)
    return _version_1(found) if found.version == 1 else Support()


def _version_1(found: Hierarchies) -> Support:
    def has(controller: str, file: str) -> bool:
        top = found.legacy.get(controller)
        return bool(top) and os.path.exists(f"{top}/{controller}.{file}") and os.access(top or "", os.W_OK)

    writable = os.access(found.legacy.get("pids", ""), os.W_OK)
    # every cgroup but the top one has the newer scheduler's weight; at the top are its counters
    weight = has("blkio", "weight") or has("blkio", "bfq.io_service_bytes")
    return Support(
        memory=has("memory", "limit_in_bytes"),
        swap=has("memory", "memsw.limit_in_bytes"),
        reservation=has("memory", "soft_limit_in_bytes"),
        swappiness=has("memory", "swappiness"),
        oom_kill_disable=has("memory", "oom_control"),
        kernel_tcp=has("memory", "kmem.tcp.limit_in_bytes"),
        pids="pids" in found.legacy and writable,
        cpu_shares=has("cpu", "shares"),
        cpu_quota=has("cpu", "cfs_quota_us"),
        cpu_realtime=has("cpu", "rt_runtime_us"),
        cpuset=has("cpuset", "cpus"),
        blkio_weight=weight,
        blkio_weight_device=weight,
        blkio_throttle=has("blkio", "throttle.read_bps_device"),
        devices=has("devices", "list"),
        cpus=_first(found.legacy.get("cpuset", ""), ("cpuset.effective_cpus", "cpuset.cpus")),
        mems=_first(found.legacy.get("cpuset", ""), ("cpuset.effective_mems", "cpuset.mems")),
    )


def _version_2(found: Hierarchies, below: str) -> Support:
    here = f"{found.unified}/{below}".rstrip("/")
    controllers = files.read_or(f"{here}/cgroup.controllers").split()
    if not os.access(here, os.W_OK):
        return Support()
    return Support(
        memory="memory" in controllers,
        swap="memory" in controllers and os.path.exists("/proc/swaps"),
        reservation="memory" in controllers,
        pids="pids" in controllers,
        cpu_shares="cpu" in controllers,
        cpu_quota="cpu" in controllers,
        cpuset="cpuset" in controllers,
        blkio_weight="io" in controllers,
        blkio_weight_device="io" in controllers,
        blkio_throttle="io" in controllers,
        devices=os.geteuid() == 0 and not below,
        cpus=_first(here, ("cpuset.cpus.effective",)),
        mems=_first(here, ("cpuset.mems.effective",)),
    )


def _first(directory: str, names: tuple[str, ...]) -> str:
    for name in names:
        text = files.read_or(f"{directory}/{name}").strip()
        if text:
            return text
    return ""
