"""Being told of changes in a directory (inotify(7))."""

from __future__ import annotations

import os
import struct

from wherry.linux.syscalls import INT, STRING, UINT, function

MODIFIED = 0x2
MOVED_TO = 0x80
CREATED = 0x100
IGNORED = 0x8000
"""The watch is gone: removed, or its directory deleted."""

_EVENT = struct.Struct("iIII")
_init = function("inotify_init1", INT)
_add_watch = function("inotify_add_watch", INT, STRING, UINT)
_rm_watch = function("inotify_rm_watch", INT, INT)


def open_watch() -> int:
    """A descriptor, not blocking, readable when something happened. Raises OSError (EMFILE: too many)."""
    return _init(os.O_NONBLOCK | os.O_CLOEXEC)


def add(watch: int, directory: str, events: int) -> int:
    """Watch a directory; returns its number, the same for the same directory. Raises OSError."""
    return _add_watch(watch, os.fsencode(directory), events)


def remove(watch: int, number: int) -> None:
    """Stop watching; a directory that is gone is no error."""
    try:
        _rm_watch(watch, number)
    except OSError:
        pass


def read(watch: int) -> list[tuple[int, int]]:
    """(number, event bits) of what happened since; empty when nothing did."""
    try:
        data = os.read(watch, 65536)
    except BlockingIOError:
        return []
    happened: list[tuple[int, int]] = []
    start = 0
    while start < len(data):
        number, mask, _cookie, length = _EVENT.unpack_from(data, start)
        happened.append((number, mask))
        start += _EVENT.size + length
    return happened
