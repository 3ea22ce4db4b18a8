"""Reading a container's log: what `logs` shows.

    for runs in read(path, Selection(tail=100)): ...
    async for runs in follow(path, Selection(), watcher, ended): ...

A run is some lines of one stream and one timestamp (see `format.Run`). Both work while the supervisor
writes and rotates, whichever process is restarted meanwhile.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

from wherry.supervisor.logs.cursor import Cursor, seek_tail
from wherry.supervisor.logs.format import NAMES, Run, decode
from wherry.supervisor.logs.selection import Filter, Selection
from wherry.supervisor.logs.watch import LogWatcher
from wherry.supervisor.records import LogPosition


def read(path: str, selection: Selection, stop: LogPosition | None = None) -> Iterator[list[Run]]:
    """What is in the log now, about a mebibyte at a time; up to `stop`, if given. Blocks on the disk only.

    A log that does not exist is empty.
    """
    cursor = Cursor(path)
    try:
        _seek(cursor, selection, stop)
        filtered = Filter(selection)
        while not filtered.over and (block := cursor.read(stop)):
            runs = filtered.apply(decode(block))
            if runs:
                yield runs
    finally:
        cursor.close()


async def follow(
    path: str, selection: Selection, watcher: LogWatcher, ended: asyncio.Event
) -> AsyncIterator[list[Run]]:
    """What is in the log, then what comes, until `ended` is set and all of it was given.

    Set `ended` after the container's exit event: its output is in the log by then. Nothing is polled. With
    `until` it ends by itself at that time.
    """
    cursor = Cursor(path)
    subscription = watcher.subscribe(path)
    try:
        _seek(cursor, selection, None)
        filtered = Filter(selection)
        while True:
            over = ended.is_set()
            subscription.changed.clear()
            while not filtered.over and (block := cursor.read()):
                runs = filtered.apply(decode(block))
                if runs:
                    yield runs
                await asyncio.sleep(0)  # others have their turn between two blocks
            if over or filtered.over:
                return
            timeout = None
            if selection.until:
                timeout = selection.until / 1e9 - time.time()
                if timeout <= 0:
                    return
            await subscription.wait(ended, timeout)
    finally:
        subscription.close()
        cursor.close()


def _seek(cursor: Cursor, selection: Selection, stop: LogPosition | None) -> None:
    if selection.tail >= 0:
        wanted = tuple(name for stream, name in NAMES.items() if selection.wants(stream))
        seek_tail(cursor, selection.tail, wanted, stop)
