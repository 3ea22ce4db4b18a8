"""Memory of processes, from /proc."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple


class Process(NamedTuple):
    """A process at one moment. `pss` is its proportional share of memory in bytes."""

    pid: int
    name: str
    pss: int


def pss(pid: int) -> int:
    """Bytes, from smaps_rollup; 0 when the process is gone."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:")), 0)


def descendants_and_named(root: int, names: tuple[str, ...], directory: Path) -> list[Process]:
    """`root`, its children of its own program kind, and those named so that belong to `directory`.

    A process belongs to a directory when its command line or its environment names it. Children that are
    containers' processes are told apart by their PID namespace.
    """
    namespace = os.readlink(f"/proc/{root}/ns/pid")
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            command = (
                Path(f"/proc/{entry}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            )
            parent = int(Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()[1])
            inside = os.readlink(f"/proc/{entry}/ns/pid") != namespace
            named = any(name in command for name in names)
            ours = named and (
                str(directory) in command
                or str(directory).encode() in Path(f"/proc/{entry}/environ").read_bytes()
            )
        except OSError:
            continue
        if not inside and (int(entry) == root or parent == root or ours):
            found.append(Process(int(entry), command.split(" ")[0], pss(int(entry))))
    return found


def available_memory() -> int:
    """MemAvailable in bytes: what the kernel's own structures cost shows here too."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("/proc/meminfo has no MemAvailable")
