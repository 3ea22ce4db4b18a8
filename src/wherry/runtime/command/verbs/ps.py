"""`ps`: the processes of a container."""

from __future__ import annotations

import json
import os

from wherry.errors import Invalid
from wherry.runtime.command.arguments import Arguments
from wherry.runtime.command.container import Container
from wherry.runtime.command.entry import Context


def run(context: Context, arguments: Arguments) -> int:
    """Print their pids as JSON, or a table of them."""
    container = Container.find(context.root, arguments.positional[0])
    cgroup = container.cgroup()
    pids = cgroup.pids() if cgroup is not None else [container.pid]
    form = arguments.get("format", "f") or "table"
    if form == "json":
        print(json.dumps(pids))  # noqa: T201
    elif form == "table":
        print(f"{'PID':>8} {'PPID':>8} {'UID':>8} CMD")  # noqa: T201
        for pid in pids:
            line = _line(pid)
            if line:
                print(line)  # noqa: T201
    else:
        raise Invalid(f"unknown format {form!r}")
    return 0


def _line(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/stat") as file:
            name, _bracket, rest = file.read().partition("(")[2].rpartition(")")
        with open(f"/proc/{pid}/cmdline", "rb") as raw:
            command = raw.read().replace(b"\0", b" ").decode(errors="replace").strip()
        return f"{pid:>8} {rest.split()[1]:>8} {os.stat(f'/proc/{pid}').st_uid:>8} {command or f'[{name}]'}"
    except (FileNotFoundError, ProcessLookupError):
        return ""
