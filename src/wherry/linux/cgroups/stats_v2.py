"""Use of resources, read from the version 2 tree, in the shape of Docker's stats."""

from __future__ import annotations

from typing import Any

from wherry.linux.cgroups import files
from wherry.linux.cgroups.stats_v1 import pids, unified_cpu


def stats(directory: str) -> dict[str, Any]:
    """From one container's directory; what its controllers don't count is left out."""
    table = files.table(f"{directory}/cpu.stat")
    cpu: dict[str, Any] = {"cpu_usage": unified_cpu(table)}
    if "nr_periods" in table:
        cpu["throttling_data"] = {
            "periods": table["nr_periods"],
            "throttled_periods": table.get("nr_throttled", 0),
            "throttled_time": table.get("throttled_usec", 0) * 1000,
        }
    found: dict[str, Any] = {"cpu_stats": cpu}
    count = pids(directory)
    if count:
        found["pids_stats"] = count
    usage = files.number(f"{directory}/memory.current")
    if usage is not None:
        memory: dict[str, Any] = {"usage": usage, "stats": files.table(f"{directory}/memory.stat")}
        limit = files.number(f"{directory}/memory.max")
        if limit is not None:
            memory["limit"] = limit
        memory["failcnt"] = files.table(f"{directory}/memory.events").get("max", 0)
        peak = files.number(f"{directory}/memory.peak")
        if peak is not None:
            memory["max_usage"] = peak
        found["memory_stats"] = memory
    lines = files.read_or(f"{directory}/io.stat", "?")
    if lines != "?":
        found["blkio_stats"] = _block(lines)
    return found


def _block(text: str) -> dict[str, list[dict[str, Any]]]:
    sizes: list[dict[str, Any]] = []
    counts: list[dict[str, Any]] = []
    for line in text.splitlines():
        device, _, values = line.partition(" ")
        major, colon, minor = device.partition(":")
        if not colon:
            continue
        for word in values.split():
            name, _, value = word.partition("=")
            entry = {
                "major": int(major),
                "minor": int(minor),
                "value": int(value) if value.isdecimal() else 0,
            }
            if name in ("rbytes", "wbytes"):
                sizes.append({**entry, "op": "read" if name == "rbytes" else "write"})
            elif name in ("rios", "wios"):
                counts.append({**entry, "op": "read" if name == "rios" else "write"})
    return {"io_service_bytes_recursive": sizes, "io_serviced_recursive": counts}
