"""`linux.resources` as files of version 1 hierarchies (Documentation/admin-guide/cgroup-v1)."""

from __future__ import annotations

from typing import Any

from wherry.errors import Invalid
from wherry.linux.cgroups import settings as say
from wherry.linux.cgroups.settings import Setting, device, huge_page_size, limit, setting, unsupported

_THROTTLE = {
    "throttleReadBpsDevice": "throttle.read_bps_device",
    "throttleWriteBpsDevice": "throttle.write_bps_device",
    "throttleReadIOPSDevice": "throttle.read_iops_device",
    "throttleWriteIOPSDevice": "throttle.write_iops_device",
}


def plan(resources: dict[str, Any]) -> list[Setting]:
    """Everything but devices, in an order in which it can be written for a new cgroup. Raises Invalid."""
    if resources.get("unified"):
        raise Invalid("files of cgroup version 2 (linux.resources.unified) on a machine of version 1")
    return [
        *_memory(resources.get("memory") or {}),
        *_cpu(resources.get("cpu") or {}),
        *_pids(resources.get("pids") or {}),
        *_block_io(resources.get("blockIO") or {}),
        *_rest(resources),
    ]


def _memory(memory: dict[str, Any]) -> list[Setting]:
    plan: list[Setting] = []
    if memory.get("limit"):
        plan.append(setting("memory", "limit_in_bytes", limit(memory["limit"], "-1"), say.MEMORY))
    if memory.get("swap"):
        plan.append(setting("memory", "memsw.limit_in_bytes", limit(memory["swap"], "-1"), say.SWAP))
    if memory.get("reservation"):
        value = limit(memory["reservation"], "-1")
        plan.append(setting("memory", "soft_limit_in_bytes", value, say.RESERVATION))
    if memory.get("kernel"):
        # the kernel counts it in with the rest, and ignores what is written here
        plan.append(unsupported(say.KERNEL_MEMORY))
    if memory.get("kernelTCP"):
        value = limit(memory["kernelTCP"], "-1")
        plan.append(setting("memory", "kmem.tcp.limit_in_bytes", value, say.KERNEL_TCP))
    if memory.get("swappiness") is not None:
        plan.append(setting("memory", "swappiness", memory["swappiness"], say.SWAPPINESS))
    if memory.get("disableOOMKiller"):
        plan.append(setting("memory", "oom_control", 1, say.OOM_KILL_DISABLE))
    return plan


def _cpu(cpu: dict[str, Any]) -> list[Setting]:
    plan: list[Setting] = []
    if cpu.get("shares"):
        plan.append(setting("cpu", "shares", cpu["shares"], say.SHARES))
    for name, file in (("period", "cfs_period_us"), ("quota", "cfs_quota_us"), ("burst", "cfs_burst_us")):
        if cpu.get(name):
            plan.append(setting("cpu", file, limit(cpu[name], "-1"), say.QUOTA))
    for name, file in (("realtimePeriod", "rt_period_us"), ("realtimeRuntime", "rt_runtime_us")):
        if cpu.get(name):
            plan.append(setting("cpu", file, cpu[name], say.REALTIME))
    if cpu.get("idle") is not None:
        plan.append(setting("cpu", "idle", cpu["idle"], say.IDLE))
    for name in ("cpus", "mems"):
        if cpu.get(name):
            plan.append(setting("cpuset", name, cpu[name], say.CPUSET))
    return plan


def _pids(pids: dict[str, Any]) -> list[Setting]:
    if pids.get("limit") is None:
        return []
    return [setting("pids", "max", limit(pids["limit"] or -1, "max"), say.PIDS)]


def _block_io(block: dict[str, Any]) -> list[Setting]:
    plan: list[Setting] = []
    if block.get("weight"):
        plan.append(_weight("weight", str(block["weight"]), say.WEIGHT))
    for entry in block.get("weightDevice") or []:
        if entry.get("weight"):
            plan.append(_weight("weight_device", f"{device(entry)} {entry['weight']}", say.WEIGHT_DEVICE))
    for name, file in _THROTTLE.items():
        for entry in block.get(name) or []:
            plan.append(setting("blkio", file, f"{device(entry)} {entry['rate']}", say.THROTTLE[name]))
    return plan


def _weight(file: str, value: str, warning: str) -> Setting:
    # CFQ's name, then that of the scheduler which came after it
    return Setting("blkio", ((f"blkio.{file}", value), (f"blkio.bfq.{file}", value)), warning)


def _rest(resources: dict[str, Any]) -> list[Setting]:
    plan: list[Setting] = []
    for entry in resources.get("hugepageLimits") or []:
        file = f"{huge_page_size(entry)}.limit_in_bytes"
        plan.append(setting("hugetlb", file, entry["limit"], say.HUGEPAGES))
    network = resources.get("network") or {}
    if network.get("classID"):
        plan.append(setting("net_cls", "classid", network["classID"], say.NETWORK_CLASS))
    for entry in network.get("priorities") or []:
        value = f"{entry['name']} {entry['priority']}"
        plan.append(setting("net_prio", "ifpriomap", value, say.NETWORK_PRIORITY))
    for name, entry in (resources.get("rdma") or {}).items():
        plan.append(setting("rdma", "max", rdma(name, entry), say.RDMA))
    return plan


def rdma(name: str, entry: dict[str, Any]) -> str:
    """One device's line of `rdma.max`, alike in both versions."""
    words = [name]
    if entry.get("hcaHandles") is not None:
        words.append(f"hca_handle={entry['hcaHandles']}")
    if entry.get("hcaObjects") is not None:
        words.append(f"hca_object={entry['hcaObjects']}")
    return " ".join(words)
