"""Limits: Docker's fields as `linux.resources`, with a warning for each that this machine can't honour."""

from __future__ import annotations

import os
from typing import Any

from wherry.engine.models import Resources, ThrottleDevice
from wherry.errors import Invalid
from wherry.linux.cgroups import settings as say
from wherry.linux.cgroups.support import Support

_PERIOD = 100_000  # microseconds, for --cpus

_THROTTLES = (
    ("blkio_device_read_bps", "throttleReadBpsDevice"),
    ("blkio_device_write_bps", "throttleWriteBpsDevice"),
    ("blkio_device_read_iops", "throttleReadIOPSDevice"),
    ("blkio_device_write_iops", "throttleWriteIOPSDevice"),
)


def resources(limits: Resources, *, most_processes: int = 0) -> dict[str, Any]:
    """`linux.resources` without devices; `most_processes` is the limit of processes where none was asked for.

    Raises Invalid for a device that isn't there.
    """
    found: dict[str, Any] = {}
    for name, part in (("memory", _memory(limits)), ("cpu", _cpu(limits)), ("blockIO", _block_io(limits))):
        if part:
            found[name] = part
    if limits.pids_limit is not None:
        found["pids"] = {"limit": limits.pids_limit if limits.pids_limit > 0 else -1}
    elif most_processes:
        found["pids"] = {"limit": most_processes}
    return found


def _memory(limits: Resources) -> dict[str, Any]:
    part: dict[str, Any] = {}
    if limits.memory:
        part["limit"] = limits.memory
    if limits.memory_swap:
        part["swap"] = limits.memory_swap
    elif limits.memory > 0:
        part["swap"] = 2 * limits.memory
    if limits.memory_reservation:
        part["reservation"] = limits.memory_reservation
    if limits.kernel_memory:
        part["kernel"] = limits.kernel_memory
    if limits.kernel_memory_tcp:
        part["kernelTCP"] = limits.kernel_memory_tcp
    if limits.memory_swappiness is not None and limits.memory_swappiness >= 0:
        part["swappiness"] = limits.memory_swappiness
    if limits.oom_kill_disable:
        part["disableOOMKiller"] = True
    return part


def _cpu(limits: Resources) -> dict[str, Any]:
    part: dict[str, Any] = {}
    if limits.nano_cpus:
        part["period"] = _PERIOD
        part["quota"] = limits.nano_cpus * _PERIOD // 1_000_000_000
    for name, value in (
        ("period", limits.cpu_period),
        ("quota", limits.cpu_quota),
        ("shares", limits.cpu_shares),
        ("realtimePeriod", limits.cpu_realtime_period),
        ("realtimeRuntime", limits.cpu_realtime_runtime),
        ("cpus", limits.cpuset_cpus),
        ("mems", limits.cpuset_mems),
    ):
        if value:
            part[name] = value
    return part


def _block_io(limits: Resources) -> dict[str, Any]:
    part: dict[str, Any] = {}
    if limits.blkio_weight:
        part["weight"] = limits.blkio_weight
    weights = [{**_device(entry.path), "weight": entry.weight} for entry in limits.blkio_weight_device or ()]
    if weights:
        part["weightDevice"] = weights
    for field, name in _THROTTLES:
        entries: list[ThrottleDevice] = getattr(limits, field) or []
        if entries:
            part[name] = [{**_device(entry.path), "rate": entry.rate} for entry in entries]
    return part


def _device(path: str) -> dict[str, int]:
    try:
        number = os.stat(path).st_rdev
    except OSError as error:
        raise Invalid(f"no such device: {path}: {(error.strerror or '').lower()}") from None
    return {"major": os.major(number), "minor": os.minor(number)}


def warnings(limits: Resources, machine: Support) -> list[str]:
    """What of `limits` this machine can't honour, in Docker's words. Invalid for CPUs it hasn't."""
    _check_set("CPUs", "cpus", limits.cpuset_cpus, machine.cpus)
    _check_set("memory nodes", "mems", limits.cpuset_mems, machine.mems)
    wishes = (
        (limits.memory, machine.memory, say.MEMORY),
        (limits.memory and limits.memory_swap != -1, machine.swap or not machine.memory, say.SWAP),
        (limits.memory_reservation, machine.reservation, say.RESERVATION),
        (_given(limits.memory_swappiness), machine.swappiness, say.SWAPPINESS),
        (limits.kernel_memory, False, say.KERNEL_MEMORY),
        (limits.kernel_memory_tcp, machine.kernel_tcp, say.KERNEL_TCP),
        (limits.oom_kill_disable, machine.oom_kill_disable, say.OOM_KILL_DISABLE),
        (limits.pids_limit is not None and limits.pids_limit > 0, machine.pids, say.PIDS),
        (limits.cpu_shares, machine.cpu_shares, say.SHARES),
        (limits.nano_cpus or limits.cpu_quota or limits.cpu_period, machine.cpu_quota, say.QUOTA),
        (limits.cpu_realtime_period or limits.cpu_realtime_runtime, machine.cpu_realtime, say.REALTIME),
        (limits.cpuset_cpus or limits.cpuset_mems, machine.cpuset, say.CPUSET),
        (limits.blkio_weight, machine.blkio_weight, say.WEIGHT),
        (limits.blkio_weight_device, machine.blkio_weight_device, say.WEIGHT_DEVICE),
        *((getattr(limits, field), machine.blkio_throttle, say.THROTTLE[name]) for field, name in _THROTTLES),
    )
    found = [words for wanted, honoured, words in wishes if wanted and not honoured]
    if limits.oom_kill_disable and machine.oom_kill_disable and not limits.memory:
        found.append(
            "OOM killer is disabled for the container, but no memory limit is set, this can result in the "
            "system running out of resources."
        )
    return found


def _given(swappiness: int | None) -> bool:
    return swappiness is not None and swappiness != -1


def _check_set(what: str, option: str, wanted: str, available: str) -> None:
    if not wanted:
        return
    numbers = parse_set(wanted)
    if numbers is None:
        raise Invalid(f"Invalid value {wanted} for cpuset {option}")
    there = parse_set(available)
    if available and there is not None and not numbers <= there:
        raise Invalid(f"Requested {what} are not available - requested {wanted}, available: {available}")


def parse_set(text: str) -> set[int] | None:
    """ "0-2,5" as numbers; None if it is no such list, or an absurd one."""
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            return None
        low, high = int(first), int(last or first)
        if high < low or high > 8192:
            return None
        found.update(range(low, high + 1))
    return found
