"""`events`: what a container uses, as JSON lines in the shape of runc's."""

from __future__ import annotations

import json
import time
from typing import Any

from wherry.errors import Conflict
from wherry.linux.cgroups import Cgroup
from wherry.runtime.command.arguments import Arguments
from wherry.runtime.command.container import Container
from wherry.runtime.command.entry import Context


def run(context: Context, arguments: Arguments) -> int:
    """Print one line with --stats, else one every --interval (seconds, 5 by default) until it stops."""
    container = Container.find(context.root, arguments.positional[0])
    cgroup = container.cgroup()
    if cgroup is None:
        raise Conflict(f"{container.name} has no cgroup, and its use can't be measured")
    interval = float(arguments.get("interval").removesuffix("s") or 5)
    killed = cgroup.oom_count()
    while container.alive():
        _say("stats", container, _stats(cgroup))
        if arguments.has("stats"):
            break
        time.sleep(interval)
        if cgroup.oom_count() > killed:
            killed = cgroup.oom_count()
            _say("oom", container, None)
    return 0


def _say(kind: str, container: Container, data: dict[str, Any] | None) -> None:
    event: dict[str, Any] = {"type": kind, "id": container.name}
    if data is not None:
        event["data"] = data
    print(json.dumps(event), flush=True)  # noqa: T201


def _stats(cgroup: Cgroup) -> dict[str, Any]:
    measured = cgroup.stats()
    memory, cpu = measured.get("memory_stats") or {}, measured.get("cpu_stats") or {}
    return {
        "cpu": {"usage": cpu.get("cpu_usage") or {}, "throttling": cpu.get("throttling_data") or {}},
        "memory": {
            "usage": {key: memory[key] for key in ("usage", "limit") if key in memory},
            "raw": memory.get("stats") or {},
        },
        "pids": measured.get("pids_stats") or {},
        "blkio": measured.get("blkio_stats") or {},
    }
