"""gRPC over connections that are there already: HTTP/1.1 ones, upgraded to HTTP/2 without TLS."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from grpclib.client import Channel
from grpclib.const import Cardinality, Handler
from grpclib.encoding.base import CodecBase
from grpclib.protocol import H2Protocol
from grpclib.server import Server, Stream

from wherry.buildkit.wire import Message, decode, encode

__all__ = ["Caller", "Method", "serve"]

Method = tuple[Callable[[Stream[Any, Any]], Awaitable[None]], Cardinality, type[Message], type[Message]]
"""What answers, whether requests and answers are streams, and of what they are."""

logging.getLogger("grpclib").setLevel(logging.ERROR)


class _Codec(CodecBase):
    __content_subtype__ = "proto"

    def encode(self, message: Any, message_type: Any) -> bytes:
        return encode(message)

    def decode(self, data: bytes, message_type: Any) -> Any:
        return decode(data, message_type)


class _Methods:
    def __init__(self, methods: dict[str, Method]) -> None:
        self._methods = methods

    def __mapping__(self) -> dict[str, Handler]:
        return {path: Handler(*method) for path, method in self._methods.items()}


class _Server(Server):
    def protocol(self) -> H2Protocol:
        """For one more connection."""
        return self._protocol_factory()


def _end_of(protocol: H2Protocol) -> asyncio.Future[None]:
    """Done when the connection is lost."""
    over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    lost = protocol.connection_lost

    def connection_lost(exc: BaseException | None) -> None:
        lost(exc)
        if not over.done():
            over.set_result(None)

    protocol.connection_lost = connection_lost  # type: ignore[method-assign]
    return over


async def serve(connection: socket.socket, early: bytes, methods: dict[str, Method]) -> None:
    """Answer calls of `methods` (by path) on a connection, whose first bytes may be read already, until the
    client hangs up. What is still answered then is cancelled."""
    loop = asyncio.get_running_loop()
    protocol = _Server([_Methods(methods)], codec=_Codec()).protocol()
    over = _end_of(protocol)
    transport, _ = await loop.connect_accepted_socket(lambda: protocol, connection)
    try:
        if early:
            protocol.data_received(early)
        await over
    finally:
        transport.abort()


class Caller(Channel):
    """The other way round: calls over a connection that the other side made."""

    def __init__(self, connection: socket.socket, early: bytes) -> None:
        super().__init__(codec=_Codec())
        self._socket = connection
        self._early = early
        self._over: asyncio.Future[None] | None = None

    async def _create_connection(self) -> H2Protocol:
        if self._over is not None:
            raise ConnectionResetError("the client has ended its session")
        _, protocol = await self._loop.connect_accepted_socket(self._protocol_factory, self._socket)
        self._over = _end_of(protocol)
        if self._early:
            protocol.data_received(self._early)
        return protocol

    async def ended(self) -> None:
        """Wait until the other side hangs up."""
        await self.__connect__()
        assert self._over is not None
        await asyncio.shield(self._over)
