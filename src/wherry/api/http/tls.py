"""TLS in front of a connection: the encrypted stream of a client carried to and from a plain socket.

The rest of the server wants real sockets, which it can hand to the supervisor and close by halves, so what is
behind is one end of a socket pair. A client that ends its input with `close_notify` has closed one half, as
Docker's does after standard input; one that just goes is gone.
"""

from __future__ import annotations

import asyncio
import socket
import ssl

_PIECE = 64 * 1024
HANDSHAKE = 10.0
"""Seconds that a client may take to prove who it is."""


class Refused(Exception):
    """The client did not prove who it is."""


class Carrier:
    """One client. `handshake`, then `carry`; both raise nothing but cancellation, `Refused` and OSError."""

    def __init__(self, outer: socket.socket, context: ssl.SSLContext) -> None:
        """`outer` is the client's socket, not blocking; closed by `carry`, or by whoever drops this."""
        self._outer = outer
        self._loop = asyncio.get_running_loop()
        self._arriving, self._leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._arriving, self._leaving, server_side=True)
        self._sending = asyncio.Lock()

    async def handshake(self) -> None:
        try:
            async with asyncio.timeout(HANDSHAKE):
                while True:
                    try:
                        self._tls.do_handshake()
                        break
                    except ssl.SSLWantReadError:
                        await self._flush()
                        if not await self._receive():
                            raise Refused("it went away") from None
                await self._flush()
        except ssl.SSLError as error:
            await self._flush()  # the alert that says why
            raise Refused(str(error)) from None
        except TimeoutError:
            raise Refused("it took too long") from None

    async def carry(self, inner: socket.socket) -> None:
        """Both ways until one side is gone; closes both sockets."""
        inward = self._loop.create_task(self._inward(inner))
        outward = self._loop.create_task(self._outward(inner))
        try:
            await asyncio.wait((inward, outward), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (inward, outward):
                task.cancel()
            await asyncio.gather(inward, outward, return_exceptions=True)
            inner.close()
            self._outer.close()

    async def _inward(self, inner: socket.socket) -> None:
        """Returns when the client is gone."""
        open_ = True
        while True:
            try:
                data = self._tls.read(_PIECE) if open_ else b""
            except ssl.SSLWantReadError:
                await self._flush()  # a new key, an alert
                if not await self._receive():
                    return
                continue
            except ssl.SSLZeroReturnError:
                data = b""
            if data:
                await self._loop.sock_sendall(inner, data)
            elif open_:
                open_ = False
                inner.shutdown(socket.SHUT_WR)
            elif not await self._loop.sock_recv(self._outer, _PIECE):
                return

    async def _outward(self, inner: socket.socket) -> None:
        """Returns when all that the engine has said is sent."""
        while data := await self._loop.sock_recv(inner, _PIECE):
            self._tls.write(data)
            await self._flush()
        try:
            self._tls.unwrap()
        except ssl.SSLError:
            pass  # it wants the other side's answer, which nobody needs
        await self._flush()

    async def _receive(self) -> bool:
        data = await self._loop.sock_recv(self._outer, _PIECE)
        self._arriving.write(data)
        return bool(data)

    async def _flush(self) -> None:
        async with self._sending:
            while data := self._leaving.read():
                await self._loop.sock_sendall(self._outer, data)
