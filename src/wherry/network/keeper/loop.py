"""A loop over ready descriptors and due times: all that the keeper waits for."""

from __future__ import annotations

import heapq
import select
import time
from collections.abc import Callable

READ, WRITE = select.EPOLLIN, select.EPOLLOUT

Ready = Callable[[int], None]


class Loop:
    """Calls back for descriptors that are ready and for times that have come; single-threaded."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._ready: dict[int, Ready] = {}
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._number = 0

    def watch(self, descriptor: int, events: int, ready: Ready) -> None:
        """Call `ready(events)` whenever `descriptor` is; again with other events to change them."""
        if descriptor in self._ready:
            self._epoll.modify(descriptor, events)
        else:
            self._epoll.register(descriptor, events)
        self._ready[descriptor] = ready

    def forget(self, descriptor: int) -> None:
        """Stop watching, before the descriptor is closed. May be called for one that is not watched."""
        if self._ready.pop(descriptor, None) is not None:
            self._epoll.unregister(descriptor)

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Call once, not before `seconds` from now."""
        self._number += 1
        heapq.heappush(self._due, (time.monotonic() + seconds, self._number, call))

    def turn(self) -> None:
        """Wait for something and deal with it."""
        wait = max(0.0, self._due[0][0] - time.monotonic()) if self._due else None
        for descriptor, events in self._epoll.poll(wait):
            ready = self._ready.get(descriptor)
            if ready is not None:  # an earlier callback of this turn may have closed it
                ready(events)
        while self._due and self._due[0][0] <= time.monotonic():
            heapq.heappop(self._due)[2]()
