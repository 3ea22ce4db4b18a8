"""One output stream of a process: from its FIFO or terminal into the log and to attached clients."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

from wherry.supervisor import streams
from wherry.supervisor.logs.recorder import Recorder
from wherry.supervisor.loop import HANGUP, READABLE, Loop

BATCH = 1 << 20
BUSY = 1 << 16
"""A batch that fills the pipe's default size shows a stream worth a larger one."""
DRAIN = 16
"""Most batches taken of a stream whose process has ended: others may still write to it."""


class Output:
    """Owns `source`, which doesn't block. Reads nothing before `flow(True)`."""

    def __init__(
        self,
        loop: Loop,
        number: int,
        source: int,
        *,
        recorder: Recorder | None,
        relay: int | None,
        deliver: Callable[[int, bytes], None],
        ended: Callable[[], None],
    ) -> None:
        """`relay` is a pipe (owned) between a terminal and the recorder, which needs one to splice from."""
        self._loop = loop
        self.number = number
        self.source = source
        self._recorder = recorder
        self.relay = relay
        self._deliver = deliver
        self._on_end = ended
        self._flowing = False
        self._enlarged = relay is not None
        self.ended = False

    def flow(self, on: bool) -> None:
        """Read, or leave what comes in the pipe."""
        if self.ended or on == self._flowing:
            return
        self._flowing = on
        if on:
            self._loop.watch(self.source, READABLE, self._ready, stream=True)
        else:
            self._loop.unwatch(self.source)

    def drain(self) -> None:
        """Take everything that is there, whatever waits: the process has ended."""
        try:
            for _ in range(DRAIN):
                if self.ended or not self._take():
                    return
        except BlockingIOError:
            return

    def close(self) -> None:
        """Read no more. May be repeated."""
        if self.ended:
            return
        self.ended = True
        self._loop.unwatch(self.source)
        os.close(self.source)
        if self.relay is not None:
            os.close(self.relay)
        self._on_end()

    def _ready(self, events: int) -> None:
        try:
            self._take()
        except BlockingIOError:
            if events & HANGUP and not events & READABLE:
                self.close()

    def _take(self) -> bool:
        """Take one batch; False at the end of the stream. BlockingIOError when nothing is there."""
        try:
            data = self._read()
        except InterruptedError:
            return True
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            data = b""  # a terminal whose last user is gone
        if not data:
            self.close()
            return False
        if not self._enlarged and len(data) >= BUSY:
            self._enlarged = True
            streams.enlarge(self.source)
        self._deliver(self.number, data)
        return True

    def _read(self) -> bytes:
        if self._recorder is None:
            return os.read(self.source, BATCH)
        if self.relay is None:
            return self._recorder.record(self.number, self.source)
        hung_up = False
        try:
            # In the kernel, so that a kill leaves each byte in the terminal or in the relay.
            os.splice(self.source, self.relay, BUSY, flags=os.SPLICE_F_NONBLOCK)
        except BlockingIOError:
            pass  # there may be something in the relay from before
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            hung_up = True
        try:
            return self._recorder.record(self.number, self.relay)
        except BlockingIOError:
            if hung_up:
                return b""
            raise
