"""Sockets of those who block: whether something answers, and a conversation over a connection taken over."""

from __future__ import annotations

import contextlib
import selectors
import socket
from typing import TYPE_CHECKING

from wherry.client.objects.frames import received

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wherry.client.http import Stream

PATIENCE = 0.1  # seconds in which what published a port gives a connection up that no service takes


def answers(address: tuple[str, int]) -> bool:
    """Whether a connection is taken and kept: what publishes a port may take it before the service does."""
    try:
        with socket.create_connection(address, timeout=1) as connection:
            connection.settimeout(PATIENCE)
            try:
                return connection.recv(1) != b""
            except TimeoutError:
                return True
    except OSError:
        return False


def exchange(stream: Stream, left: bytes, stdin: bytes | None) -> bytes:
    """Send input and read output at once, so that neither side waits for the other; closes the stream."""
    if stdin is None:
        return b"".join(received(stream, left))
    try:
        return b"".join(_exchanged(stream, left, stdin))
    finally:
        stream.close()


def _exchanged(stream: Stream, left: bytes, stdin: bytes) -> Iterator[bytes]:
    if left:
        yield left
    waiting = memoryview(stdin)
    stream.settimeout(0.0)
    with selectors.DefaultSelector() as selector:
        selector.register(stream.fileno(), selectors.EVENT_READ | selectors.EVENT_WRITE)
        while True:
            if not waiting and selector.get_key(stream.fileno()).events != selectors.EVENT_READ:
                selector.modify(stream.fileno(), selectors.EVENT_READ)
                with contextlib.suppress(OSError):  # it was quicker
                    stream.shutdown(socket.SHUT_WR)
            event = selector.select()[0][1]
            if event & selectors.EVENT_READ:
                try:
                    piece = stream.recv(1 << 18)
                except BlockingIOError:
                    continue
                except ConnectionResetError:
                    return
                if not piece:
                    return
                yield piece
            if waiting and event & selectors.EVENT_WRITE:
                try:
                    waiting = waiting[stream.send(waiting[: 1 << 18]) :]
                except BlockingIOError:
                    continue
                except (BrokenPipeError, ConnectionResetError):
                    waiting = waiting[:0]
