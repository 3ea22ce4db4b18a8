"""`update`: change a container's limits."""

from __future__ import annotations

import json
import sys
from typing import Any

from wherry.errors import Conflict, Invalid
from wherry.runtime.command.arguments import Arguments
from wherry.runtime.command.container import Container
from wherry.runtime.command.entry import Context

# flag → (section, key) of `linux.resources`
_FLAGS = {
    "memory": ("memory", "limit"),
    "memory-reservation": ("memory", "reservation"),
    "memory-swap": ("memory", "swap"),
    "cpu-share": ("cpu", "shares"),
    "cpu-quota": ("cpu", "quota"),
    "cpu-period": ("cpu", "period"),
    "cpuset-cpus": ("cpu", "cpus"),
    "cpuset-mems": ("cpu", "mems"),
    "pids-limit": ("pids", "limit"),
    "blkio-weight": ("blockIO", "weight"),
}


def run(context: Context, arguments: Arguments) -> int:
    """Set the limits of --resources FILE (`-`: standard input), or those of the single flags."""
    container = Container.find(context.root, arguments.positional[0])
    cgroup = container.cgroup()
    if cgroup is None:
        raise Conflict(f"{container.name} has no cgroup to set limits in")
    for warning in cgroup.update(_wanted(arguments)):
        print(f"wherry-runtime: warning: {warning}", file=sys.stderr)  # noqa: T201
    return 0


def _wanted(arguments: Arguments) -> dict[str, Any]:
    path = arguments.get("resources", "r")
    if path:
        try:
            if path == "-":
                return json.load(sys.stdin)  # type: ignore[no-any-return]
            with open(path) as file:
                return json.load(file)  # type: ignore[no-any-return]
        except (OSError, ValueError) as error:
            raise Invalid(f"{path}: {error}") from None
    wanted: dict[str, Any] = {}
    for flag, (section, key) in _FLAGS.items():
        if arguments.get(flag):
            text = key in ("cpus", "mems")
            wanted.setdefault(section, {})[key] = arguments.get(flag) if text else arguments.number(flag)
    return wanted
