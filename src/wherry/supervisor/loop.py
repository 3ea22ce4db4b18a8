"""The supervisor's event loop: epoll in two lanes, and timers.

Control sockets, process ends and timers are in the first lane, output streams in the second. Every turn
serves the whole first lane and then at most two streams, so a flood of output delays a request by two batches
(a few milliseconds) whatever the number of flooding containers, and epoll's own rotation is fair to them.
"""

from __future__ import annotations

import heapq
import select
import sys
import time
from collections.abc import Callable

READABLE = select.EPOLLIN
WRITABLE = select.EPOLLOUT
HANGUP = select.EPOLLHUP | select.EPOLLERR

STREAMS_PER_TURN = 2

Callback = Callable[[int], None]


class Timer:
    """A pending call; `cancel` forgets it."""

    __slots__ = ("callback", "when")

    def __init__(self, when: float, callback: Callable[[], object]) -> None:
        self.when = when
        self.callback: Callable[[], object] | None = callback

    def cancel(self) -> None:
        self.callback = None

    def __lt__(self, other: Timer) -> bool:
        return self.when < other.when


class Loop:
    """Calls back when descriptors are ready. Callbacks must not block, and tolerate being called for nothing.

    A callback that raises is reported on standard error and its descriptor is watched no more: one broken
    stream must never end the process that owns every container.
    """

    def __init__(self) -> None:
        self._lanes = (select.epoll(), select.epoll())
        self._callbacks: dict[int, tuple[Callback, int]] = {}
        self._timers: list[Timer] = []
        self._running = False
        self._lanes[0].register(self._lanes[1].fileno(), READABLE)

    def watch(self, descriptor: int, events: int, callback: Callback, *, stream: bool = False) -> None:
        """Call `callback(events)` whenever `descriptor` is ready; replaces what was set for it before."""
        lane = int(stream)
        before = self._callbacks.get(descriptor)
        if before is not None and before[1] != lane:
            self.unwatch(descriptor)
            before = None
        if before is None:
            self._lanes[lane].register(descriptor, events)
        else:
            self._lanes[lane].modify(descriptor, events)
        self._callbacks[descriptor] = (callback, lane)

    def unwatch(self, descriptor: int) -> None:
        """Stop watching; must come before the descriptor is closed. May be repeated."""
        before = self._callbacks.pop(descriptor, None)
        if before is not None:
            self._lanes[before[1]].unregister(descriptor)

    def later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        """Call once, `seconds` from now."""
        timer = Timer(time.monotonic() + seconds, callback)
        heapq.heappush(self._timers, timer)
        return timer

    def run(self) -> None:
        """Serve until `stop`."""
        self._running = True
        streams = self._lanes[1].fileno()
        while self._running:
            flowing = False
            for descriptor, events in self._lanes[0].poll(self._timeout()):
                if descriptor == streams:
                    flowing = True
                else:
                    self._call(descriptor, events)
            if flowing:
                for descriptor, events in self._lanes[1].poll(0, STREAMS_PER_TURN):
                    self._call(descriptor, events)
            self._fire()

    def stop(self) -> None:
        self._running = False

    def _timeout(self) -> float:
        while self._timers and self._timers[0].callback is None:
            heapq.heappop(self._timers)
        if not self._timers:
            return -1
        return max(0.0, self._timers[0].when - time.monotonic())

    def _fire(self) -> None:
        if not self._timers:
            return
        now = time.monotonic()
        while self._timers and self._timers[0].when <= now:
            callback = heapq.heappop(self._timers).callback
            if callback is not None:
                try:
                    callback()
                except Exception as error:
                    report(error)

    def _call(self, descriptor: int, events: int) -> None:
        entry = self._callbacks.get(descriptor)
        if entry is None:
            return  # unwatched earlier in this turn
        try:
            entry[0](events)
        except Exception as error:
            report(error)
            self.unwatch(descriptor)


def report(error: BaseException) -> None:
    """Write a traceback to standard error (the supervisor's own log)."""
    import traceback  # not loaded while all goes well

    try:
        sys.stderr.write("".join(traceback.format_exception(error)))
        sys.stderr.flush()
    except OSError:
        pass  # nowhere to complain to
