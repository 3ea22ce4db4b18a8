"""Use of resources, read from version 1 hierarchies, in the shape of Docker's stats."""

from __future__ import annotations

import os
from typing import Any

from wherry.linux.cgroups import files

_UNIFIED = ""

_TICK = 1_000_000_000 // os.sysconf("SC_CLK_TCK")  # nanoseconds

# Docker's name → file, relative to the controller's prefix
_BLOCK = {
    "io_service_bytes_recursive": "io_service_bytes_recursive",
    "io_serviced_recursive": "io_serviced_recursive",
}


def stats(places: dict[str, str]) -> dict[str, Any]:
    """From the directories of one container, by controller; "" is the version 2 tree."""
    found: dict[str, Any] = {"cpu_stats": _cpu(places)}
    if "pids" in places:
        found["pids_stats"] = pids(places["pids"])
    if "memory" in places:
        found["memory_stats"] = _memory(places["memory"])
    if "blkio" in places:
        found["blkio_stats"] = {name: _block(places["blkio"], file) for name, file in _BLOCK.items()}
    return found


def pids(directory: str) -> dict[str, int]:
    """Alike in both versions."""
    found = {}
    for name, file in (("current", "pids.current"), ("limit", "pids.max")):
        value = files.number(f"{directory}/{file}")
        if value is not None:
            found[name] = value
    return found


def _memory(directory: str) -> dict[str, Any]:
    found: dict[str, Any] = {"stats": files.table(f"{directory}/memory.stat")}
    for name, file in (
        ("usage", "usage_in_bytes"),
        ("max_usage", "max_usage_in_bytes"),
        ("failcnt", "failcnt"),
        ("limit", "limit_in_bytes"),
    ):
        value = files.number(f"{directory}/memory.{file}")
        if value is not None:
            found[name] = value
    return found


def _cpu(places: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "cpuacct" in places:
        directory = places["cpuacct"]
        ticks = files.table(f"{directory}/cpuacct.stat")
        found["cpu_usage"] = {
            "total_usage": files.number(f"{directory}/cpuacct.usage") or 0,
            "percpu_usage": [
                int(word) for word in files.read_or(f"{directory}/cpuacct.usage_percpu").split()
            ],
            "usage_in_kernelmode": ticks.get("system", 0) * _TICK,
            "usage_in_usermode": ticks.get("user", 0) * _TICK,
        }
    elif _UNIFIED in places:
        found["cpu_usage"] = unified_cpu(files.table(f"{places[_UNIFIED]}/cpu.stat"))
    if "cpu" in places:
        table = files.table(f"{places['cpu']}/cpu.stat")
        found["throttling_data"] = {
            "periods": table.get("nr_periods", 0),
            "throttled_periods": table.get("nr_throttled", 0),
            "throttled_time": table.get("throttled_time", 0),
        }
    return found


def unified_cpu(table: dict[str, int]) -> dict[str, int]:
    """`cpu.stat` of the version 2 tree, which has these three lines also without the cpu controller."""
    return {
        "total_usage": table.get("usage_usec", 0) * 1000,
        "usage_in_kernelmode": table.get("system_usec", 0) * 1000,
        "usage_in_usermode": table.get("user_usec", 0) * 1000,
    }


def _block(directory: str, file: str) -> list[dict[str, Any]]:
    # the scheduler's count if there is one, else that of the throttling layer, which sees everything
    for prefix in ("blkio.bfq", "blkio.throttle"):
        entries = []
        for line in files.read_or(f"{directory}/{prefix}.{file}").splitlines():
            words = line.split()
            if len(words) == 3 and ":" in words[0]:
                major, minor = words[0].split(":")
                entry = {"major": int(major), "minor": int(minor), "op": words[1], "value": int(words[2])}
                entries.append(entry)
        if entries:
            return entries
    return []
