"""From a loop's asynchronous stream to the store's blocking iterators, which run in threads of their own."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from typing import Any, ParamSpec, Self, TypeVar

from wherry.store.apart import begin, ended

P = ParamSpec("P")
T = TypeVar("T")
_AHEAD = 4 << 20


class Feed:
    """An asynchronous stream of bytes for a thread to iterate, a few mebibytes read ahead.

    async with Feed(source) as feed:
        await feed.apart(work, feed.chunks)

    A failure of the source is raised in the thread; leaving early stops the reading and waits for the work.
    """

    def __init__(self, source: AsyncIterator[bytes]) -> None:
        self._source = source
        self._chunks: deque[bytes] = deque()
        self._waiting = 0
        self._changed = threading.Condition()
        self._room = asyncio.Event()
        self._done = False
        self._failure: BaseException | None = None
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[None] | None = None
        self._works: list[Future[Any]] = []
        self.chunks = self._iterate()

    async def __aenter__(self) -> Self:
        self._task = asyncio.ensure_future(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        try:
            await asyncio.gather(self._task, return_exceptions=True)
        finally:
            await ended(self._works)

    async def apart(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The function of that name, for work that reads the chunks."""
        begun, _ = begin(work, *args, **kwargs)
        self._works.append(begun)
        return await asyncio.wrap_future(begun)

    async def _read(self) -> None:
        try:
            async for chunk in self._source:
                if not chunk:
                    continue
                with self._changed:
                    self._chunks.append(chunk)
                    self._waiting += len(chunk)
                    full = self._waiting >= _AHEAD
                    self._changed.notify()
                if full:
                    self._room.clear()
                    if self._waiting >= _AHEAD:
                        await self._room.wait()
        except BaseException as error:
            self._failure = error
        finally:
            with self._changed:
                self._done = True
                self._changed.notify()

    def _iterate(self) -> Iterator[bytes]:
        while True:
            with self._changed:
                while not self._chunks and not self._done:
                    self._changed.wait()
                chunks, self._chunks = self._chunks, deque()
                self._waiting = 0
            if not chunks:
                if self._failure is not None and not isinstance(self._failure, asyncio.CancelledError):
                    raise self._failure
                if self._failure is not None:
                    raise ConnectionAbortedError("the client went away")
                return
            self._loop.call_soon_threadsafe(self._room.set)
            yield b"".join(chunks) if len(chunks) > 1 else chunks[0]
