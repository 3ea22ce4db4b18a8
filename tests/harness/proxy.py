"""An HTTP proxy on loopback that takes every name for one server: CONNECT and plain requests."""

from __future__ import annotations

import asyncio
import base64
from urllib.parse import urlsplit


class Proxy:
    """Use as an asynchronous context manager. `seen` are the request lines that came."""

    def __init__(self, target: str, *, credentials: str = "") -> None:
        """`target` is the host:port that it leads to, `credentials` are `name:password`."""
        host, _, port = target.partition(":")
        self._target = host, int(port)
        self._wanted = base64.b64encode(credentials.encode()).decode() if credentials else ""
        self.seen: list[str] = []

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._connection, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()[:2]
        self.address = f"{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            await self._answer(head.decode("latin-1"), reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line, _, rest = head.partition("\r\n")
        self.seen.append(line)
        if self._wanted and f"proxy-authorization: basic {self._wanted}".lower() not in rest.lower():
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        source, sink = await asyncio.open_connection(*self._target)
        try:
            method, target, version = line.split(" ")
            if method == "CONNECT":
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                parts = urlsplit(target)
                path = f"{parts.path}?{parts.query}" if parts.query else parts.path
                # one request a connection, so that none goes past here unseen
                sink.write(f"{method} {path} {version}\r\nConnection: close\r\n{rest}".encode("latin-1"))
            await asyncio.gather(_pump(reader, sink), _pump(source, writer))
        finally:
            sink.close()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    except ConnectionError:
        pass
    finally:
        sink.close()
