"""Drives a launch (see `wherry.runtime`) to its next milestone, from the event loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from wherry.errors import Internal, WherryError
from wherry.supervisor.loop import READABLE, Loop, report


class Launch(Protocol):
    """A process being made. Non-blocking; `advance` is called when `fileno` is readable."""

    pid: int
    pidfd: int
    console: int | None
    warnings: list[str]

    def fileno(self) -> int: ...
    def advance(self) -> bool: ...
    def start(self) -> None: ...
    def abort(self) -> None: ...
    def close(self) -> None: ...


def drive(
    loop: Loop, launch: Launch, reached: Callable[[], None], failed: Callable[[WherryError], None]
) -> None:
    """Call `reached` once `launch.advance` says so, or `failed`."""
    descriptor = launch.fileno()

    def ready(events: int) -> None:
        # Unwatched before `advance` may close it: forked processes share it, so epoll would not notice.
        loop.unwatch(descriptor)
        try:
            done = launch.advance()
        except WherryError as error:
            failed(error)
            return
        except Exception as error:
            launch.abort()
            failed(internal(error))
            return
        if done:
            reached()
        else:
            loop.watch(descriptor, READABLE, ready)

    loop.watch(descriptor, READABLE, ready)


def internal(error: BaseException) -> WherryError:
    """An error that nobody foresaw, reported and as one that can be sent."""
    report(error)
    return Internal(f"launching failed: {type(error).__name__}: {error}")
