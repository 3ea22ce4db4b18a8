"""What the shared engine holds and what runs in it, looked at before and after each test.

A test that leaves something changes what a later one meets, and the later one fails. So it is asked at once,
while the culprit is known by name. A look costs a millisecond: it reads the engine's database, not its API.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from tests.harness.engine import EngineUnderTest
from tests.harness.leaks import mounts_below

_QUERIES = {
    "container": "SELECT id FROM containers",
    "container of a build": "SELECT id FROM build_containers",
    "network": "SELECT name FROM networks WHERE name <> 'bridge'",
    "volume": "SELECT name FROM volumes",
    "image": "SELECT name || ' ' || image FROM tags WHERE image NOT IN (SELECT image FROM builtins)",
}
_MADE_BY_NAME = ("image", "network", "volume")
_FILES = (
    "run/containers/*",
    "state/containers/*",
    "state/layers/.draft-*",
    "state/blobs/sha256/.*",
    "state/build/work/*",
)
_SERVE_THE_ENGINE = ("wherry.engine", "wherry.supervisor", "wherry.network.keeper", "pasta", "slirp4netns")


class Belongings(NamedTuple):
    """One look: pairs of a kind and a name for what lasts, and the ids of all processes of the machine."""

    things: frozenset[tuple[str, str]]
    pids: frozenset[int]


def belongings(home: Path) -> Belongings:
    """Of the engine with this home, now."""
    things = {("mount", point) for point in mounts_below(home)}
    things |= {("file", str(file)) for pattern in _FILES for file in home.glob(pattern)}
    with contextlib.closing(sqlite3.connect(f"file:{home}/state/wherry.db?mode=ro", uri=True)) as rows:
        for kind, query in _QUERIES.items():
            try:
                things |= {(kind, str(row[0])) for row in rows.execute(query)}
            except sqlite3.OperationalError as error:
                if "no such table" not in str(error):  # which nobody has needed yet
                    raise
    pids = frozenset(int(name) for name in os.listdir("/proc") if name.isdigit())
    return Belongings(frozenset(things), pids)


def remove_what_came(engine: EngineUnderTest, before: Belongings) -> None:
    """Remove the containers, and the images, networks and volumes that were not there before."""
    engine.remove_containers()
    for kind, name in belongings(engine.home).things - before.things:
        if kind in _MADE_BY_NAME:
            engine.api("DELETE", f"/{kind}s/{quote(name.partition(' ')[0])}?force=1")


def changes(home: Path, before: Belongings, patience: float = 60) -> list[str]:
    """What came and what went since, one line each, and has not ended by itself after `patience` seconds."""
    deadline = time.monotonic() + patience
    while True:
        now = belongings(home)
        found = [f"left: {kind} {name}" for kind, name in now.things - before.things]
        found += [
            f"took away: {kind} {name}" for kind, name in before.things - now.things if kind in _MADE_BY_NAME
        ]
        found += [f"left: process {line}" for line in _started(home, now.pids - before.pids)]
        if not found or time.monotonic() > deadline:
            return sorted(found)
        time.sleep(0.01)


def _started(home: Path, pids: frozenset[int]) -> list[str]:
    """Those of the processes that belong to the engine with this home and do not serve it."""
    marker = f"WHERRY_HOME={home}\0".encode()
    found = []
    for pid in pids:
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes() + b"\0"
            command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # gone, a kernel thread, or another user's
            continue
        if marker in environment and command and not any(name in command for name in _SERVE_THE_ENGINE):
            found.append(f"{pid}: {command.strip()}")
    return found
