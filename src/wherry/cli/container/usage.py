"""What a container uses, from one answer of the stats route: the sums and percentages that people know."""

from __future__ import annotations

from wherry.cli.format.human import binary_size, size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

COLUMNS = (
    *(("CONTAINER ID", "ID"), ("NAME", "Name"), ("CPU %", "CPUPerc"), ("MEM USAGE / LIMIT", "MemUsage")),
    *(("MEM %", "MemPerc"), ("NET I/O", "NetIO"), ("BLOCK I/O", "BlockIO"), ("PIDS", "PIDs")),
)


def usage_row(name: str, identity: str, sample: dict[str, Any] | None, *, truncate: bool) -> dict[str, Any]:
    """The members of a line of `stats`; dashes while there is no sample."""
    row = {
        "Container": name,
        "ID": identity[:12] if truncate else identity,
        "Name": "--",
        "CPUPerc": "--",
        "MemUsage": "-- / --",
        "MemPerc": "--",
        "NetIO": "--",
        "BlockIO": "--",
        "PIDs": "--",
    }
    if not sample or not sample.get("name"):
        return row
    memory, limit = _memory(sample.get("memory_stats") or {})
    received, sent = _network(sample.get("networks") or {})
    read, written = _disk((sample.get("blkio_stats") or {}).get("io_service_bytes_recursive") or [])
    row.update(
        Name=sample["name"].removeprefix("/"),
        CPUPerc=f"{_cpu(sample):.2f}%",
        MemUsage=f"{binary_size(memory)} / {binary_size(limit)}",
        MemPerc=f"{memory / limit * 100 if limit else 0:.2f}%",
        NetIO=f"{size(received)} / {size(sent)}",
        BlockIO=f"{size(read)} / {size(written)}",
        PIDs=str((sample.get("pids_stats") or {}).get("current", 0)),
    )
    return row


def _cpu(sample: dict[str, Any]) -> float:
    """Percent of one CPU since the sample before; 100 is one CPU busy."""
    now, before = sample.get("cpu_stats") or {}, sample.get("precpu_stats") or {}
    usage, usage_before = now.get("cpu_usage") or {}, before.get("cpu_usage") or {}
    used = usage.get("total_usage", 0) - usage_before.get("total_usage", 0)
    passed = now.get("system_cpu_usage", 0) - before.get("system_cpu_usage", 0)
    count = now.get("online_cpus") or len(usage.get("percpu_usage") or ()) or 1
    return float(used / passed * count * 100) if passed > 0 and used > 0 else 0.0


def _memory(stats: dict[str, Any]) -> tuple[int, int]:
    """(used, limit) in bytes; pages of files that nobody is waiting for are not counted as used."""
    used, details = stats.get("usage", 0), stats.get("stats") or {}
    for name in ("total_inactive_file", "inactive_file"):  # cgroup v1, v2
        idle = details.get(name)
        if idle is not None and idle < used:
            return used - idle, stats.get("limit", 0)
    return used, stats.get("limit", 0)


def _network(networks: dict[str, Any]) -> tuple[int, int]:
    return (
        sum(network.get("rx_bytes", 0) for network in networks.values()),
        sum(network.get("tx_bytes", 0) for network in networks.values()),
    )


def _disk(entries: list[dict[str, Any]]) -> tuple[int, int]:
    read = sum(entry.get("value", 0) for entry in entries if entry.get("op", "")[:1] in "rR")
    written = sum(entry.get("value", 0) for entry in entries if entry.get("op", "")[:1] in "wW")
    return read, written
