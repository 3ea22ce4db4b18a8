"""Work in a thread of its own, which is told when nobody waits for it any more."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

__all__ = ["Abandoned", "apart", "begin", "check_wanted", "ended", "stopped_by", "to_its_end"]

P = ParamSpec("P")
T = TypeVar("T")


class Abandoned(Exception):
    """Nobody wants what this thread works at any more. Nobody but its end is told so."""


class _Work:
    """What a thread knows of its caller."""

    def __init__(self) -> None:
        self.abandoned = False
        self._lock = threading.Lock()
        self._stops: list[Callable[[], None]] = []

    def abandon(self) -> None:
        with self._lock:
            self.abandoned = True
            for stop in self._stops:
                stop()

    @contextmanager
    def stopped_by(self, stop: Callable[[], None]) -> Iterator[None]:
        with self._lock:
            self._stops.append(stop)
            if self.abandoned:
                stop()
        try:
            yield
        finally:
            with self._lock:
                self._stops.remove(stop)


class _Here(threading.local):
    work: _Work | None = None


_here = _Here()


async def apart(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Like asyncio.to_thread, but in a thread made for it: for work that waits for a client or a registry.

    The threads that a loop shares are few (six on two processors); a handful of slow downloads would have
    them all, and every other request would wait with them.
    """
    return await asyncio.wrap_future(begin(work, *args, **kwargs)[0])


async def to_its_end(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Like `apart`, but back only when the work is, however often this is cancelled: for work with files,
    directories and leases that go afterwards. Once cancelled, the work is told so: it ends where it looks
    (`check_wanted`), or what it waits for is ended (`stopped_by`)."""
    begun, caller = begin(work, *args, **kwargs)
    try:
        return await asyncio.shield(asyncio.wrap_future(begun))
    except asyncio.CancelledError:
        caller.abandon()
        await ended([begun])
        raise


def check_wanted() -> None:
    """In such work, now and then. Raises Abandoned."""
    if _here.work is not None and _here.work.abandoned:
        raise Abandoned


@contextmanager
def stopped_by(stop: Callable[[], None]) -> Iterator[None]:
    """Around a wait in such work: `stop` ends it, called in another thread, at once if it is late already.
    It must not raise or block. Raises Abandoned at the end when that has happened."""
    if _here.work is None:
        yield
        return
    with _here.work.stopped_by(stop):
        try:
            yield
        finally:
            check_wanted()


def begin(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> tuple[Future[T], _Work]:
    """Start a thread for it: its result, and who can tell it that nobody wants that."""
    done: Future[T] = Future()
    done.set_running_or_notify_cancel()  # the work can't be cancelled, only waiting for it
    caller = _Work()

    def run() -> None:
        _here.work = caller
        try:
            result = work(*args, **kwargs)
        except BaseException as error:
            done.set_exception(error)
        else:
            done.set_result(result)

    threading.Thread(target=run, name="apart", daemon=True).start()
    return done, caller


async def ended(works: Iterable[Future[Any]]) -> None:
    """Wait until they have, well or not, however often this is cancelled; then that is raised."""
    waiting = [asyncio.wrap_future(one) for one in works]
    cancelled: asyncio.CancelledError | None = None
    while not all(one.done() for one in waiting):
        try:
            await asyncio.wait(waiting)
        except asyncio.CancelledError as error:
            cancelled = error
    for one in waiting:
        if not one.cancelled():
            one.exception()  # or it would be said that nobody has looked
    if cancelled is not None:
        raise cancelled
