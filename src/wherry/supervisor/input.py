"""Standard input of a process: from attached clients into its FIFO or terminal."""

from __future__ import annotations

import os
from collections.abc import Callable

from wherry.supervisor.loop import WRITABLE, Loop

LIMIT = 1 << 16
"""Bytes waiting for the process from which on clients are not read."""


class Input:
    """Owns `sink`, a descriptor that doesn't block. Bytes wait here while the process does not read."""

    def __init__(self, loop: Loop, sink: int, accept: Callable[[], None], closed: Callable[[], None]) -> None:
        """`accept` is called when there is room again after `write` said no; `closed` when the sink is."""
        self._loop = loop
        self.sink = sink
        self._accept = accept
        self._closed_callback = closed
        self._waiting = bytearray()
        self._refused = False
        self._ending = False
        self.closed = False

    def write(self, data: bytes) -> bool:
        """Pass `data` on. False: enough waits, send no more until `accept` is called."""
        if self.closed or self._ending:
            return True  # nobody will read it
        self._waiting += data
        self._flush()
        self._refused = len(self._waiting) > LIMIT
        return not self._refused

    def end(self) -> None:
        """Close once everything that waits has been passed on."""
        self._ending = True
        if not self._waiting:
            self.close()

    def close(self) -> None:
        """Close now. May be repeated."""
        if self.closed:
            return
        self.closed = True
        self._loop.unwatch(self.sink)
        os.close(self.sink)
        self._waiting.clear()
        self._closed_callback()
        if self._refused:
            self._refused = False
            self._accept()

    def _flush(self, events: int = 0) -> None:
        try:
            while self._waiting:
                written = os.write(self.sink, self._waiting[:LIMIT])
                del self._waiting[:written]
        except (BlockingIOError, InterruptedError):
            self._loop.watch(self.sink, WRITABLE, self._flush)
        except OSError:
            self.close()  # the process closed its end
            return
        else:
            self._loop.unwatch(self.sink)
            if self._ending:
                self.close()
                return
        if self._refused and len(self._waiting) <= LIMIT // 2:
            self._refused = False
            self._accept()
