"""`linux.resources` as files of the version 2 tree (Documentation/admin-guide/cgroup-v2.rst)."""

from __future__ import annotations

from typing import Any

from wherry.errors import Invalid
from wherry.linux.cgroups import settings as say
from wherry.linux.cgroups.conversions import cpu_weight, io_weight
from wherry.linux.cgroups.settings import Setting, device, huge_page_size, limit, setting, unsupported
from wherry.linux.cgroups.settings_v1 import rdma

_THROTTLE = {
    "throttleReadBpsDevice": "rbps",
    "throttleWriteBpsDevice": "wbps",
    "throttleReadIOPSDevice": "riops",
    "throttleWriteIOPSDevice": "wiops",
}

_DEFAULT_PERIOD = 100_000  # microseconds


def plan(resources: dict[str, Any]) -> list[Setting]:
    """Everything but devices. Raises Invalid for what contradicts itself."""
    return [
        *_memory(resources.get("memory") or {}),
        *_cpu(resources.get("cpu") or {}),
        *_pids(resources.get("pids") or {}),
        *_block_io(resources.get("blockIO") or {}),
        *_rest(resources),
        *_unified(resources.get("unified") or {}),
    ]


def _memory(memory: dict[str, Any]) -> list[Setting]:
    plan: list[Setting] = []
    maximum, both = memory.get("limit") or 0, memory.get("swap") or 0
    # swap first: with less of it, a limit that shrinks can push pages nowhere
    if both:
        plan.append(setting("memory", "swap.max", _swap(maximum, both), say.SWAP))
    if maximum:
        plan.append(setting("memory", "max", limit(maximum, "max"), say.MEMORY))
    if memory.get("reservation"):
        plan.append(setting("memory", "low", limit(memory["reservation"], "max"), say.RESERVATION))
    if memory.get("kernel"):
        plan.append(unsupported(say.KERNEL_MEMORY))
    if memory.get("kernelTCP"):
        plan.append(unsupported(say.KERNEL_TCP))
    if memory.get("swappiness") is not None:
        plan.append(unsupported(say.SWAPPINESS))
    if memory.get("disableOOMKiller"):
        plan.append(unsupported(say.OOM_KILL_DISABLE))
    return plan


def _swap(maximum: int, both: int) -> str:
    """Version 1 limits memory and swap together, version 2 swap alone."""
    if both < 0 or maximum < 0:
        return "max"
    if not maximum:
        raise Invalid("a limit of memory and swap needs a limit of memory")
    if both < maximum:
        raise Invalid("the limit of memory and swap is below that of memory")
    return str(both - maximum)


def _cpu(cpu: dict[str, Any]) -> list[Setting]:
    plan: list[Setting] = []
    # an idle group has no weight to set
    if cpu.get("idle") is not None:
        plan.append(setting("cpu", "idle", cpu["idle"], say.IDLE))
    if cpu.get("shares") and not cpu.get("idle"):
        plan.append(setting("cpu", "weight", cpu_weight(cpu["shares"]), say.SHARES))
    period, quota = cpu.get("period") or 0, cpu.get("quota") or 0
    if quota or period:
        value = f"{quota if quota > 0 else 'max'} {period or _DEFAULT_PERIOD}"
        plan.append(setting("cpu", "max", value, say.QUOTA))
    if cpu.get("burst"):
        plan.append(setting("cpu", "max.burst", cpu["burst"], say.QUOTA))
    if cpu.get("realtimePeriod") or cpu.get("realtimeRuntime"):
        plan.append(unsupported(say.REALTIME))
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
        plan.append(_weight("", block["weight"], say.WEIGHT))
    for entry in block.get("weightDevice") or []:
        if entry.get("weight"):
            plan.append(_weight(f"{device(entry)} ", entry["weight"], say.WEIGHT_DEVICE))
    for name, key in _THROTTLE.items():
        for entry in block.get(name) or []:
            rate = entry["rate"] or "max"
            plan.append(setting("io", "max", f"{device(entry)} {key}={rate}", say.THROTTLE[name]))
    return plan


def _weight(where: str, weight: int, warning: str) -> Setting:
    # the scheduler that takes version 1's scale, else the I/O cost model
    own, general = f"{where}{weight}", f"{where or 'default '}{io_weight(weight)}"
    return Setting("io", (("io.bfq.weight", own), ("io.weight", general)), warning)


def _rest(resources: dict[str, Any]) -> list[Setting]:
    plan: list[Setting] = []
    for entry in resources.get("hugepageLimits") or []:
        size = huge_page_size(entry)
        plan.append(setting("hugetlb", f"{size}.max", entry["limit"], say.HUGEPAGES))
    network = resources.get("network") or {}
    if network.get("classID"):
        plan.append(unsupported(say.NETWORK_CLASS))
    if network.get("priorities"):
        plan.append(unsupported(say.NETWORK_PRIORITY))
    for name, entry in (resources.get("rdma") or {}).items():
        plan.append(setting("rdma", "max", rdma(name, entry), say.RDMA))
    return plan


def _unified(files: dict[str, Any]) -> list[Setting]:
    """Files named outright, as the specification allows; a value of several lines is several writes."""
    plan: list[Setting] = []
    for file, value in files.items():
        controller, dot, _ = file.partition(".")
        if not dot or "/" in file or controller == "cgroup":
            raise Invalid(f'"{file}" is no file of a cgroup that can be set')
        warning = f'this kernel has no cgroup file "{file}". Limitation discarded.'
        for line in str(value).splitlines():
            plan.append(Setting(controller, ((file, line),), warning))
    return plan
