"""`pump._both_ways` for machines that can wait for sockets alone (Windows): a thread reads the input."""

from __future__ import annotations

import os
import threading

from wherry.client.demux import BUFFER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wherry.cli.container.detach import KeyWatch
    from wherry.cli.container.pump import OutputCopy
    from wherry.client.http import Stream

_INPUT = 1 << 16  # bytes read from standard input at once


def both_ways(stream: Stream, output: OutputCopy, keys: KeyWatch | None) -> bool:
    """Copy until the engine ends the stream; True when the detach keys were typed instead.

    The thread is left behind where it waits for input that nobody wants any more: it ends with the process.
    """
    detached = threading.Event()
    threading.Thread(target=_send_input, args=(stream, keys, detached), daemon=True).start()
    view = memoryview(bytearray(BUFFER))
    while True:
        try:
            count = stream.recv_into(view)
        except OSError:
            count = 0
        if not count:
            return detached.is_set()
        output.feed(view[:count])


def _send_input(stream: Stream, keys: KeyWatch | None, detached: threading.Event) -> None:
    try:
        while data := os.read(0, _INPUT):
            gone = False
            if keys is not None:
                data, gone = keys.pass_on(data)
            stream.sendall(data)
            if gone:
                detached.set()
                stream.shutdown(2)  # both ways, which wakes the reader
                return
        stream.shutdown(1)  # SHUT_WR: the output goes on
    except OSError:
        pass  # the container was quicker, or the terminal is gone
