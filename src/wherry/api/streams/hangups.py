"""Notices that a peer has gone from a socket that nobody reads any more.

After a half-close (`docker run -i < file`) the readable side is at its end for good, so the event loop can't
watch it without spinning. The kernel still reports EPOLLHUP, unasked, when the other half closes too: one
epoll of ours, itself watched by the loop, waits for that on behalf of all.
"""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import Callable


class Hangups:
    """Watches sockets for the peer's full close. One for each event loop."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._callbacks: dict[int, Callable[[], None]] = {}
        self._loop = asyncio.get_running_loop()

    def watch(self, sock: socket.socket, gone: Callable[[], None]) -> None:
        """Call `gone` once when the peer has closed. `forget` before the socket is closed."""
        if not self._callbacks:
            self._loop.add_reader(self._epoll.fileno(), self._ready)
        self._callbacks[sock.fileno()] = gone
        self._epoll.register(sock.fileno(), select.EPOLLONESHOT)

    def forget(self, sock: socket.socket) -> None:
        """Stop watching; harmless for one that isn't watched."""
        fd = sock.fileno()
        if self._callbacks.pop(fd, None) is not None:
            self._epoll.unregister(fd)
            if not self._callbacks:
                self._loop.remove_reader(self._epoll.fileno())

    def _ready(self) -> None:
        for fd, _events in self._epoll.poll(0):
            gone = self._callbacks.get(fd)
            if gone is not None:
                gone()


_watches: dict[asyncio.AbstractEventLoop, Hangups] = {}


def hangups() -> Hangups:
    """The watch of the running loop."""
    loop = asyncio.get_running_loop()
    watch = _watches.get(loop)
    if watch is None:
        for old in [known for known in _watches if known.is_closed()]:
            del _watches[old]
        watch = _watches[loop] = Hangups()
    return watch
