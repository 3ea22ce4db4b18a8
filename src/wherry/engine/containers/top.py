"""The processes of a container, in the columns that `ps` would print."""

from __future__ import annotations

import asyncio
import os
import shlex
from typing import TYPE_CHECKING

from wherry.errors import Conflict, Invalid, Unsupported, WherryError
from wherry.linux import cgroups, idmaps, namespaces

from ..models import ContainerTop
from . import lookup, process_table, users
from .process_table import COLUMNS, GROUP, OTHER_NAMES, USER, Process

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .registry import Container
    from .room import Room

_FULL = [
    ("UID", USER),
    *((COLUMNS[name][0], name) for name in ("pid", "ppid", "c", "stime", "tty", "time", "cmd")),
]
_LONG = [
    ("F", "_flags"),
    ("S", "s"),
    ("UID", "uid"),
    *((COLUMNS[name][0], name) for name in ("pid", "ppid", "c", "pri", "ni")),
    *((COLUMNS[name][0], name) for name in ("tty", "time", "cmd")),
]
_SHORT = [(COLUMNS[name][0], name) for name in ("pid", "tty", "time")] + [("CMD", "comm")]
_BSD_USER = [
    *((COLUMNS[name][0], name) for name in (USER, "pid", "pcpu", "pmem", "vsz", "rss", "tty", "stat")),
    ("START", "stime"),
    *((COLUMNS[name][0], name) for name in ("time", "args")),
]


async def top(room: Room, container: Container, ps_args: str) -> ContainerTop:
    """See `Containers.top`."""
    if not container.condition.alive:
        raise Conflict(f"container {container.id} is not running")
    columns = columns_of(ps_args)
    room.event(container, "top")
    rows = await asyncio.to_thread(_rows, room, container, columns)
    return ContainerTop(titles=[heading for heading, _ in columns], processes=rows)


def columns_of(ps_args: str) -> list[tuple[str, str]]:
    """(heading, column) of what `ps` with these arguments prints. Raises `Invalid`, `Unsupported`."""
    words = shlex.split(ps_args)
    chosen: list[tuple[str, str]] = []
    full = bsd_user = long_ = False
    while words:
        word = words.pop(0)
        if word.startswith("--"):
            name, _, value = word[2:].partition("=")
            if name == "format":
                chosen += _named(value or _next(words, word))
            elif name not in ("no-headers", "forest"):
                raise Unsupported(f"ps {word} is not supported", hint="-ef, aux and -o COLUMNS are")
            continue
        dashed = word.startswith("-")
        letters = word.lstrip("-")
        if "o" in letters or "O" in letters:
            before, _, value = letters.replace("O", "o").partition("o")
            chosen += _named(value or _next(words, word))
            letters = before
        for letter in letters:
            if letter == "f" and dashed:
                full = True
            elif letter == "l":
                long_ = True
            elif letter == "u" and not dashed:
                bsd_user = True
            elif letter not in "efaxAwHTLduj":
                raise Unsupported(
                    f"ps option {letter!r} is not supported", hint="-ef, aux and -o COLUMNS are"
                )
    if chosen:
        if not any(name == "pid" for _, name in chosen):
            raise Invalid("Couldn't find PID field in ps output")
        return chosen
    if bsd_user:
        return _BSD_USER
    if full:
        return _FULL
    return [column for column in _LONG if column[1] != "_flags"] if long_ else _SHORT


def _next(words: list[str], option: str) -> str:
    if not words:
        raise Invalid(f"ps {option} needs a list of columns")
    return words.pop(0)


def _named(text: str) -> list[tuple[str, str]]:
    columns = []
    for part in text.replace(" ", ",").split(","):
        name, equals, heading = part.partition("=")
        if not name:
            continue
        column = OTHER_NAMES.get(name.lower(), name.lower())
        if column not in COLUMNS:
            raise Invalid(f"ps: unknown column {name!r}")
        shown = COLUMNS[column][0] if name.lower() in COLUMNS else name.upper()
        columns.append((heading if equals else shown, column))
    return columns


def _rows(room: Room, container: Container, columns: Sequence[tuple[str, str]]) -> list[list[str]]:
    names = _Names(room, container)
    rows = []
    for pid in sorted(pids(container)):
        process = process_table.read(pid)
        if process is not None:
            rows.append([names.show(process, column) for _, column in columns])
    return rows


def pids(container: Container) -> list[int]:
    """Its processes: those in its cgroup, else those in its pid namespace."""
    condition = container.condition
    if condition.cgroup:
        try:
            found = cgroups.open_existing(condition.cgroup).pids()
            if found:
                return found
        except (OSError, WherryError):
            pass
    try:
        wanted = namespaces.inode(condition.pid, "pid")
    except OSError:
        return []
    return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if _is_in(pid, wanted)]


def _is_in(pid: int, namespace: int) -> bool:
    try:
        return namespaces.inode(pid, "pid") == namespace
    except OSError:
        return False


class _Names:
    """Users and groups by the container's own files: host ids mean nothing to whoever asks."""

    def __init__(self, room: Room, container: Container) -> None:
        snapshot = room.store.snapshots.get(container.id)
        self._stack = snapshot.driver.stack(snapshot.place)
        self._uids = self._map(container.condition.pid, "uid_map")
        self._gids = self._map(container.condition.pid, "gid_map")
        self._files: dict[str, dict[str, str]] = {}

    def show(self, process: Process, column: str) -> str:
        if column in (USER, "uid"):
            number = _inside(self._uids, process.user_id)
            return self._name("/etc/passwd", number) if column == USER else number
        if column in (GROUP, "gid"):
            number = _inside(self._gids, process.group_id)
            return self._name("/etc/group", number) if column == GROUP else number
        return COLUMNS[column][1](process)

    def _name(self, path: str, number: str) -> str:
        if path not in self._files:
            text = lookup.read_small(self._stack, path, limit=users.LIMIT).decode("utf-8", "replace")
            lines = [line.split(":") for line in text.splitlines()]
            self._files[path] = {fields[2]: fields[0] for fields in reversed(lines) if len(fields) > 2}
        return self._files[path].get(number, number)

    @staticmethod
    def _map(pid: int, name: str) -> idmaps.IdMap:
        try:
            return idmaps.read(f"/proc/{pid}/{name}")
        except OSError:
            return ()


def _inside(idmap: idmaps.IdMap, outside: int) -> str:
    for entry in idmap:
        if entry.outside <= outside < entry.outside + entry.size:
            return str(entry.inside + outside - entry.outside)
    return str(outside)
