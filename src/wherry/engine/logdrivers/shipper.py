"""One container's log on its way to a destination, from where the last engine had got to."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from wherry.errors import WherryError
from wherry.supervisor.logs.cursor import Cursor
from wherry.supervisor.logs.format import decode
from wherry.supervisor.logs.watch import LogWatcher

from .destination import Destination
from .messages import Lines, Message

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 30.0
"""Seconds between two tries to reach a destination that is away."""
AT_ONCE = 512
"""Messages in one call of a destination."""


class Shipper:
    """Delivers each line at least once, in order. Where it is gets written down after each delivery, so an
    engine that is killed repeats at most what it was sending."""

    def __init__(
        self, log: str, place: str, destination: Destination, watcher: LogWatcher, say: Callable[[str], None]
    ) -> None:
        """`place` is the file that notes how far it is; `say` is told when a destination goes and comes."""
        self._log = log
        self._place = place
        self._destination = destination
        self._watcher = watcher
        self._say = say
        self._ended = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, "log driver")
        self._connected = False
        self._closed = False

    def container_ended(self) -> None:
        """All output is in the log: `run` returns once it is delivered."""
        self._ended.set()

    async def connect(self) -> None:
        """Reach the destination. Raises OSError, WherryError."""
        await self._off_loop(self._destination.connect)
        self._connected = True

    async def run(self) -> None:
        """Deliver what is there and what comes, until the container has ended. May be cancelled."""
        cursor = Cursor(self._log)
        subscription = self._watcher.subscribe(self._log)
        lines = Lines(self._resume(cursor))
        try:
            while True:
                over = self._ended.is_set()
                subscription.changed.clear()
                while block := cursor.read():
                    await self._deliver(lines.feed(decode(block)))
                    self._note(cursor, lines)
                if over:
                    await self._deliver(lines.finish())
                    self._note(cursor, lines)
                    return
                await subscription.wait(self._ended, None)
        finally:
            subscription.close()
            cursor.close()
            self.close()

    def close(self) -> None:
        """Give the destination up. May be repeated."""
        if not self._closed:
            self._closed = True
            self._destination.interrupt()
            self._thread.submit(self._destination.close)
            self._thread.shutdown(wait=False)

    async def _deliver(self, messages: list[Message]) -> None:
        for first in range(0, len(messages), AT_ONCE):
            await self._persist(messages[first : first + AT_ONCE])

    async def _persist(self, messages: list[Message]) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                if not self._connected:
                    await self.connect()
                await self._off_loop(self._destination.send, messages)
            except (OSError, WherryError) as error:
                self._connected = False
                if pause == FIRST_PAUSE:
                    self._say(f"the log destination does not take anything: {error}")
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
                continue
            if pause != FIRST_PAUSE:
                self._say("the log destination is back")
            return

    async def _off_loop(self, call: Callable[..., None], *arguments: Any) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, call, *arguments)

    def _note(self, cursor: Cursor, lines: Lines) -> None:
        position = cursor.position
        if position is None:
            return
        unfinished = {str(stream): text.decode("latin-1") for stream, text in lines.unfinished.items()}
        noted = {"inode": position.inode, "offset": position.offset, "unfinished": unfinished}
        with contextlib.suppress(
            OSError
        ):  # the disk is full, or the container removed: some is sent twice then
            with open(f"{self._place}.new", "w", encoding="ascii") as file:
                json.dump(noted, file)
            os.rename(f"{self._place}.new", self._place)

    def _resume(self, cursor: Cursor) -> dict[int, bytes]:
        try:
            with open(self._place, encoding="ascii") as file:
                noted = json.load(file)
            if not cursor.resume(int(noted["inode"]), int(noted["offset"])):
                self._say("some of the log was rotated away before it could be delivered")
                return {}
            return {int(stream): text.encode("latin-1") for stream, text in noted["unfinished"].items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}
