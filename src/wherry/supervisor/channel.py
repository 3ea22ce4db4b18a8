"""The engine's end of one control connection, on an asyncio loop: requests out, replies and events in."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable

from wherry import errors
from wherry.supervisor.protocol import Message, ProtocolError, Reader, Writer, close_all
from wherry.supervisor.records import LaunchFailed

Reply = tuple[Message, list[int]]


class Channel:
    """One connection. `request` may be called from any task of the loop that made it.

    `on_event` is called for each event, in order; `on_closed` once, when the peer is gone or broke the
    protocol. Replies come with descriptors that the caller of `request` owns.
    """

    def __init__(
        self, connection: socket.socket, on_event: Callable[[Message], None], on_closed: Callable[[], None]
    ) -> None:
        connection.setblocking(False)
        self._socket = connection
        self._loop = asyncio.get_running_loop()
        self._reader = Reader()
        self._writer = Writer()
        self._pending: dict[int, asyncio.Future[Reply]] = {}
        self._number = 0
        self._on_event = on_event
        self._on_closed = on_closed
        self.closed = False
        self._loop.add_reader(connection, self._readable)

    async def request(self, message: Message, descriptors: tuple[int, ...] = ()) -> Reply:
        """Send `message` and wait for its reply. `descriptors` are duplicated: the caller keeps its own.

        Raises the error the supervisor replied with, or Unavailable when the connection ends first (whether
        the request was carried out is then unknown).
        """
        if self.closed:
            raise errors.Unavailable("the supervisor is not connected")
        self._number += 1
        number = self._number
        future: asyncio.Future[Reply] = self._loop.create_future()
        self._writer.add({**message, "n": number}, [os.dup(one) for one in descriptors])
        self._pending[number] = future
        self._flush()
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None:
                close_all(future.result()[1])
            raise
        finally:
            self._pending.pop(number, None)

    def close(self) -> None:
        """Close the connection and fail what is pending. May be called again."""
        if self.closed:
            return
        self.closed = True
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._socket.close()
        self._reader.close()
        self._writer.close()
        for future in self._pending.values():
            if not future.done():
                future.set_exception(errors.Unavailable("the supervisor went away"))
        self._on_closed()

    def _flush(self) -> None:
        try:
            done = self._writer.send(self._socket)
        except OSError:
            self.close()
            return
        if done:
            self._loop.remove_writer(self._socket)
        else:
            self._loop.add_writer(self._socket, self._flush)

    def _readable(self) -> None:
        try:
            if not self._reader.receive(self._socket):
                self.close()
                return
            while not self.closed and (received := self._reader.next()):
                self._deliver(*received)
        except (BlockingIOError, InterruptedError):
            return
        except (OSError, ProtocolError):
            self.close()

    def _deliver(self, message: Message, descriptors: list[int]) -> None:
        if "event" in message:
            close_all(descriptors)
            self._on_event(message)
            return
        future = self._pending.get(message.get("n", 0))
        if future is None or future.done():
            close_all(descriptors)
        elif "error" in message:
            close_all(descriptors)
            future.set_exception(_error(message["error"]))
        else:
            future.set_result((message.get("ok", {}), descriptors))


def _error(wire: Message) -> errors.WherryError:
    kind, message, hint = str(wire.get("kind", "")), str(wire.get("message", "")), str(wire.get("hint", ""))
    if kind == "LaunchFailed":
        return LaunchFailed(message, hint=hint, exit_code=int(wire.get("exit_code", 125)))
    known = getattr(errors, kind, errors.Internal)
    if isinstance(known, type) and issubclass(known, errors.WherryError):
        return known(message, hint=hint)
    return errors.Internal(message, hint=hint)
