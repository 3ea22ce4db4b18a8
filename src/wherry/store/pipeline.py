"""Threads beside the one that unpacks: reading (and decompressing) ahead, and hashing behind.

Both spend their time in C with the interpreter lock released, so on two cores an archive is read, hashed
and unpacked in about the time of the slowest of the three.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Generator, Iterable, Iterator
from queue import Empty, Full, Queue
from types import TracebackType

__all__ = ["Hashing", "read_ahead"]

Chunk = bytes | memoryview
_END = object()
_POLL = 0.25  # seconds; only noticed when a consumer has gone away


def read_ahead(chunks: Iterable[Chunk], depth: int = 8) -> Generator[Chunk, None, None]:
    """The same chunks, taken from `chunks` by a thread that stays up to `depth` of them ahead.

    What `chunks` raises is raised here. Closing the iterator stops the thread after its current chunk.
    """
    queue: Queue[object] = Queue(depth)
    stopped = threading.Event()

    def put(item: object) -> bool:
        while not stopped.is_set():
            try:
                queue.put(item, timeout=_POLL)
                return True
            except Full:
                continue
        return False

    def work() -> None:
        try:
            for chunk in chunks:
                if not put(chunk):
                    return
            put(_END)
        except BaseException as error:
            put(error)

    thread = threading.Thread(target=work, name="read-ahead", daemon=True)
    thread.start()
    try:
        while True:
            item = queue.get()
            if item is _END:
                return
            if isinstance(item, BaseException):
                raise item
            yield item  # type: ignore[misc]
    finally:
        stopped.set()
        _drain(queue)
        thread.join()


class Hashing:
    """A sha256 computed by a thread of its own. A context manager; `digest` after the last `through`."""

    def __init__(self) -> None:
        self._queue: Queue[Chunk | None] = Queue(8)
        self._hash = hashlib.sha256()
        self._thread = threading.Thread(target=self._work, name="hashing", daemon=True)
        self._thread.start()

    def through(self, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
        """The same chunks, each also hashed."""
        put = self._queue.put
        for chunk in chunks:
            put(chunk)
            yield chunk

    def digest(self) -> str:
        """The digest of all that has passed; waits for the thread, and ends it."""
        self._stop()
        return "sha256:" + self._hash.hexdigest()

    def __enter__(self) -> Hashing:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()

    def _work(self) -> None:
        while (chunk := self._queue.get()) is not None:
            self._hash.update(chunk)


def _drain(queue: Queue[object]) -> None:
    try:
        while True:
            queue.get_nowait()
    except Empty:
        pass
