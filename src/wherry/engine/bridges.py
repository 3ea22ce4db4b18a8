"""Between the loop's asynchronous streams and the store's blocking ones, which run in threads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from typing import TypeVar

from wherry.store.apart import apart

T = TypeVar("T")

_PIECE = 256 << 10


async def drain(pieces: Iterable[bytes | memoryview]) -> AsyncIterator[bytes]:
    """A blocking iterable of bytes, read in threads about a quarter of a mebibyte at a time.

    Closes a generator when the consumer stops early.
    """
    iterator = iter(pieces)

    def more() -> bytes:
        collected: list[bytes | memoryview] = []
        size = 0
        for piece in iterator:
            collected.append(bytes(piece) if isinstance(piece, memoryview) else piece)
            size += len(piece)
            if size >= _PIECE:
                break
        return b"".join(collected)

    reading: asyncio.Future[bytes] | None = None
    try:
        while True:
            reading = asyncio.ensure_future(asyncio.to_thread(more))
            if not (data := await asyncio.shield(reading)):
                return
            yield data
    finally:
        if reading is not None and not reading.done():
            await asyncio.wait([reading])  # the consumer has gone; its thread has not
        close = getattr(iterator, "close", None)
        if close is not None:
            await asyncio.to_thread(close)


async def steps(work: Callable[[], Iterable[T]]) -> AsyncIterator[T]:
    """What a blocking generator yields, each as soon as it is there; the generator runs in one thread."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[T | _End] = asyncio.Queue()

    def run() -> None:
        failure: BaseException | None = None
        try:
            for item in work():
                loop.call_soon_threadsafe(queue.put_nowait, item)
        except BaseException as error:
            failure = error
        loop.call_soon_threadsafe(queue.put_nowait, _End(failure))

    running = asyncio.ensure_future(apart(run))
    try:
        while True:
            item = await queue.get()
            if isinstance(item, _End):
                if item.failure is not None:
                    raise item.failure
                return
            yield item
    finally:
        await asyncio.gather(running, return_exceptions=True)


class _End:
    def __init__(self, failure: BaseException | None) -> None:
        self.failure = failure
