"""Wakes those who follow logs, with one inotify descriptor for all of them."""

from __future__ import annotations

import asyncio
import contextlib
import os

from wherry.linux import inotify

POLL = 0.2
"""Seconds between looks where the machine has no inotify watch left to give."""


class Subscription:
    """One follower's interest in one log. `changed` is set when there may be something new."""

    def __init__(self, watcher: LogWatcher, number: int | None) -> None:
        self._watcher = watcher
        self.number = number
        self.changed = asyncio.Event()
        self._ending: asyncio.Task[bool] | None = None

    async def wait(self, ended: asyncio.Event, seconds: float | None) -> None:
        """Until something changed, `ended` (always the same) is set, or so many seconds have passed."""
        if self._ending is None:  # once: hundreds of followers wake with every line
            self._ending = asyncio.ensure_future(ended.wait())
            self._ending.add_done_callback(lambda _: self.changed.set())
        if self.number is None:
            seconds = POLL if seconds is None else min(seconds, POLL)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.changed.wait()

    def close(self) -> None:
        if self._ending is not None:
            self._ending.cancel()
        self._watcher.unsubscribe(self)


class LogWatcher:
    """Made once in an event loop. `close` it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._subscriptions: dict[int, set[Subscription]] = {}
        try:
            self._watch = inotify.open_watch()
        except OSError:
            self._watch = -1
        else:
            self._loop.add_reader(self._watch, self._readable)

    def close(self) -> None:
        if self._watch >= 0:
            self._loop.remove_reader(self._watch)
            os.close(self._watch)
            self._watch = -1

    def subscribe(self, path: str) -> Subscription:
        """Watch the log at `path`; its directory must exist, or it is looked at from time to time."""
        number = None
        if self._watch >= 0:
            events = inotify.MODIFIED | inotify.MOVED_TO | inotify.CREATED
            with contextlib.suppress(OSError):
                number = inotify.add(self._watch, os.path.dirname(path), events)
        subscription = Subscription(self, number)
        if number is not None:
            self._subscriptions.setdefault(number, set()).add(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """May be repeated."""
        number = subscription.number
        if number is None or self._watch < 0:
            return
        others = self._subscriptions.get(number, set())
        others.discard(subscription)
        if not others and self._subscriptions.pop(number, None) is not None:
            inotify.remove(self._watch, number)

    def _readable(self) -> None:
        for number, mask in inotify.read(self._watch):
            subscriptions = self._subscriptions.get(number, ())
            for subscription in subscriptions:
                subscription.changed.set()
            if mask & inotify.IGNORED:
                for subscription in self._subscriptions.pop(number, ()):
                    subscription.number = None
