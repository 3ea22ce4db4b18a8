"""A hijacked connection: a client's socket and a container's, joined until one of them ends."""

from __future__ import annotations

import socket

from wherry.api.streams.detach import DetachKeys
from wherry.api.streams.flow import End, Flow
from wherry.api.streams.hangups import hangups


class Pump:
    """Joins the two sockets and owns both. Ends by itself, leaving neither open.

    The client's half-close is standard input's end; the container's end of output ends the connection. A
    client that is gone altogether is noticed even when nobody has anything to say.
    """

    def __init__(
        self,
        client: socket.socket,
        container: socket.socket,
        *,
        early: bytes = b"",
        stdin: bool = True,
        detach: DetachKeys | None = None,
    ) -> None:
        """`early` came from the client with its request. Without `stdin` what it sends is thrown away."""
        client.setblocking(False)
        container.setblocking(False)
        self._client = client
        self._container = container
        self._closed = False
        self._gone = False
        self._input: Flow | None = None
        pumps.add(self)
        self._output = Flow(container, client, self._output_ended)
        if stdin:
            self._input = Flow(client, container, self._input_ended, early=early, detach=detach)
        hangups().watch(client, self._client_gone)
        self._output.start()
        if self._input is not None:
            self._input.start()

    def close(self) -> None:
        """Cut both sides off. May be called again."""
        if self._closed:
            return
        self._closed = True
        pumps.discard(self)
        hangups().forget(self._client)
        self._output.close()
        if self._input is not None:
            self._input.close()
        end(self._client)
        self._container.close()

    def _client_gone(self) -> None:
        self._gone = True
        if self._input is None:
            self.close()
        # else what it had sent before is still delivered; the input's end closes

    def _input_ended(self, why: End) -> None:
        self._input = None
        if why is End.SOURCE:
            try:
                self._container.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # it has just ended by itself
        if self._gone or why in (End.DETACHED, End.BROKEN):
            self.close()
        # with End.SINK the program reads no more, but may go on writing

    def _output_ended(self, _why: End) -> None:
        self.close()


def end(client: socket.socket) -> None:
    """Close without a reset: unread input at close(2) reaches the peer as ECONNRESET after our last bytes."""
    try:
        client.shutdown(socket.SHUT_RDWR)
        while client.recv(65536):
            pass
    except OSError:
        pass
    client.close()


pumps: set[Pump] = set()
"""Those that run now."""
