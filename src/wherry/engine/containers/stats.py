"""What a container uses of the machine, in Docker's shape."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from wherry.errors import WherryError
from wherry.linux import cgroups

from ..models import NEVER
from ..moments import now, rfc3339
from .process_table import read as read_process
from .top import pids

if TYPE_CHECKING:
    from .registry import Container
    from .room import Room

PERIOD = 1.0
"""Seconds between two readings."""
_MEMORY = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
_NANO_PER_TICK = 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def stats(room: Room, container: Container, *, stream: bool, one_shot: bool) -> AsyncIterator[dict[str, Any]]:
    """See `Containers.stats`."""
    return _readings(room, container, stream=stream, one_shot=one_shot)


async def _readings(
    room: Room, container: Container, *, stream: bool, one_shot: bool
) -> AsyncIterator[dict[str, Any]]:
    before: dict[str, Any] | None = None
    if not stream and not one_shot and container.condition.alive:
        before = reading(container)
        await asyncio.sleep(PERIOD)
    while True:
        current = reading(container)
        yield {
            **current,
            "preread": before["read"] if before is not None else NEVER,
            "precpu_stats": before["cpu_stats"] if before is not None else _no_cpu(),
        }
        if not stream or room.registry.get(container.id) is None:
            return
        before = current if container.condition.alive else None
        await asyncio.sleep(PERIOD)
        if room.registry.get(container.id) is None:
            return


def reading(container: Container) -> dict[str, Any]:
    """One look, without what came before; a stopped container uses nothing. Some dozen small files."""
    condition = container.condition
    found: dict[str, Any] = {}
    if condition.alive and condition.cgroup:
        try:
            found = cgroups.open_existing(condition.cgroup).stats()
        except (OSError, WherryError):
            found = {}
    elif condition.alive:
        found = _of_processes(container)
    cpu = {**_no_cpu(), **found.get("cpu_stats", {})}
    memory = found.get("memory_stats", {})
    if memory.get("limit", _MEMORY) >= _MEMORY and memory:
        memory["limit"] = _MEMORY  # without a limit of its own it is the machine's
    if condition.alive:
        cpu["system_cpu_usage"] = _machine_time()
        cpu["online_cpus"] = len(os.sched_getaffinity(0))
    taken: dict[str, Any] = {
        "id": container.id,
        "name": f"/{container.name}",
        "read": rfc3339(now()) if condition.alive else NEVER,
        "num_procs": 0,
        "pids_stats": found.get("pids_stats", {}),
        "cpu_stats": cpu,
        "memory_stats": memory,
        "blkio_stats": found.get("blkio_stats", {}),
        "storage_stats": {},
    }
    networks = _networks(condition.pid) if condition.alive else {}
    if networks:
        taken["networks"] = networks
    return taken


def _of_processes(container: Container) -> dict[str, Any]:
    """The same without a cgroup, from the processes that are there now: what ended ones used is not in it."""
    processes = [found for pid in pids(container) if (found := read_process(pid)) is not None]
    used = int(sum(process.cpu for process in processes) * 1e9)
    return {
        "cpu_stats": {
            "cpu_usage": {"total_usage": used, "usage_in_kernelmode": 0, "usage_in_usermode": used}
        },
        "memory_stats": {"usage": sum(process.resident for process in processes) * 1024, "stats": {}},
        "pids_stats": {"current": sum(process.threads for process in processes)},
    }


def _no_cpu() -> dict[str, Any]:
    return {
        "cpu_usage": {"total_usage": 0, "usage_in_kernelmode": 0, "usage_in_usermode": 0},
        "throttling_data": {"periods": 0, "throttled_periods": 0, "throttled_time": 0},
    }


def _machine_time() -> int:
    """Nanoseconds that all CPUs together have been counted for (proc_stat(5)), guests not twice."""
    with open("/proc/stat", encoding="ascii") as file:
        fields = file.readline().split()[1:8]
    return sum(map(int, fields)) * _NANO_PER_TICK


def _networks(pid: int) -> dict[str, dict[str, int]]:
    """Counters of the interfaces in the process's network namespace (proc_pid_net(5)), loopback left out."""
    found = {}
    try:
        with open(f"/proc/{pid}/net/dev", encoding="ascii") as file:
            lines = file.readlines()[2:]
    except OSError:
        return {}
    for line in lines:
        name, _, rest = line.partition(":")
        if name.strip() == "lo":
            continue
        numbers = list(map(int, rest.split()))
        found[name.strip()] = {
            "rx_bytes": numbers[0],
            "rx_packets": numbers[1],
            "rx_errors": numbers[2],
            "rx_dropped": numbers[3],
            "tx_bytes": numbers[8],
            "tx_packets": numbers[9],
            "tx_errors": numbers[10],
            "tx_dropped": numbers[11],
        }
    return found
