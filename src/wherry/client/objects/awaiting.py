"""Operations driven by awaiting: HTTP over asyncio's streams, with the same heads as `wherry.client.http`."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from typing import TYPE_CHECKING, Any, TypeVar

from wherry import errors
from wherry.client.address import chosen_address
from wherry.client.api import Client, failure, lost, prefix
from wherry.client.codec import decode, encode
from wherry.client.http import request_head, response_head
from wherry.client.objects import steps as do
from wherry.client.objects.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from wherry.client.address import Address
    from wherry.client.objects.steps import Step, Steps

R = TypeVar("R")
_LIMIT = 1 << 20  # bytes of a head, and of what is read ahead
_PIECE = 1 << 18
_JSON = {"Content-Type": "application/json"}
_TAR = {"Content-Type": "application/x-tar"}


class Line:
    """One connection and, once it is received, the answer on it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.status = 0
        self.headers: dict[str, str] = {}
        self._pieces: AsyncIterator[bytes] | None = None

    async def send(
        self, method: str, path: str, headers: dict[str, str], body: bytes | Iterable[bytes] | None
    ) -> None:
        """Write a request; the pieces of a body are read from their files by a thread."""
        self.writer.write(
            request_head(method, path, headers, body) + (body if isinstance(body, bytes) else b"")
        )
        if body is None or isinstance(body, bytes):
            await self.writer.drain()
            return
        pieces = iter(body)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the answer says why
            while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
                if piece:
                    self.writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                    await self.writer.drain()
            self.writer.write(b"0\r\n\r\n")
            await self.writer.drain()

    async def receive_head(self) -> None:
        """The head of the answer. Raises Unavailable when the engine hangs up."""
        while True:
            try:
                head = await self.reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
                raise errors.Unavailable("the engine closed the connection before it answered") from None
            self.status, self.headers = response_head(head[:-4])
            if self.status >= 200 or self.status == 101:
                self._pieces = self._body()
                return

    async def _body(self) -> AsyncIterator[bytes]:
        try:
            if self.status in (204, 304):
                return
            if self.headers.get("transfer-encoding", "").lower() == "chunked":
                while size := int((await self.reader.readuntil(b"\r\n")).split(b";")[0], 16):
                    async for piece in self._exactly(size):
                        yield piece
                    await self.reader.readexactly(2)
                while await self.reader.readuntil(b"\r\n") != b"\r\n":
                    pass
            elif "content-length" in self.headers and self.status != 101:
                async for piece in self._exactly(int(self.headers["content-length"])):
                    yield piece
            else:
                while piece := await self.reader.read(_PIECE):
                    yield piece
        except (asyncio.IncompleteReadError, ConnectionError):
            if self.status != 101:
                raise errors.Unavailable(
                    "the engine closed the connection in the middle of its answer"
                ) from None

    async def _exactly(self, left: int) -> AsyncIterator[bytes]:
        while left:
            piece = await self.reader.read(min(left, _PIECE))
            if not piece:
                raise asyncio.IncompleteReadError(b"", left)
            left -= len(piece)
            yield piece

    async def receive(self, seconds: float | None = None) -> bytes:
        """The next bytes of the body, none at its end. Raises TimeoutError after so many seconds."""
        assert self._pieces is not None
        async with asyncio.timeout(seconds):
            return await anext(self._pieces, b"")

    async def read(self) -> bytes:
        pieces = []
        while piece := await self.receive():
            pieces.append(piece)
        return b"".join(pieces)

    def close(self) -> None:
        self.writer.close()


class AsyncDriver:
    """Drives operations on the running event loop. Calls share connections; streams have their own."""

    def __init__(self, address: str | None = None) -> None:
        self.address: Address = chosen_address(address or "")
        self._idle: list[Line] = []
        self._prefix = prefix()

    async def drive(self, steps: Steps[R]) -> R:
        """Go through the steps; their result. Raises what they raise."""
        try:
            step = next(steps)
            while True:
                try:
                    value = await self._do(step)
                except BaseException as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(value)
        except StopIteration as stop:
            found: R = stop.value
            return found

    async def close(self) -> None:
        """Close the connections that wait for calls."""
        lines, self._idle = self._idle, []
        for line in lines:
            line.close()
            with contextlib.suppress(OSError):
                await line.writer.wait_closed()

    async def _do(self, step: Step) -> Any:
        match step:
            case do.Call(method, path, body):
                return await self._call(method, path, body)
            case do.Receive(channel, timeout):
                return await channel.receive(timeout)
            case do.Close(channel):
                return channel.close()
            case do.Open(method, path, body, headers, pieces):
                content = encode(body) if body is not None else pieces
                usual = _TAR if pieces is not None else _JSON if body is not None else {}
                return await self._open(method, path, {**usual, **(headers or {})}, content)
            case do.Exchange(path, body, stdin):
                return await self._exchange(path, body, stdin)
            case do.Sleep(seconds):
                return await asyncio.sleep(seconds)
            case do.Knock(address):
                return await _answers(address)
            case do.Aside(work):
                return await asyncio.to_thread(self._aside, work)

    def _aside(self, work: Any) -> Any:
        client = Client(self.address)
        try:
            return work(client)
        finally:
            client.close()

    async def _call(self, method: str, path: str, body: object) -> Any:
        content = encode(body) if body is not None else None
        headers = _JSON if content is not None else {}
        while True:
            reused = bool(self._idle)
            line = self._idle.pop() if reused else await self._connect()
            sent = False
            try:
                await line.send(method, self._prefix + path, headers, content)
                sent = True
                await line.receive_head()
                answer = await line.read()
                break
            except (OSError, errors.Unavailable) as error:
                line.close()
                # As the blocking client: an idle connection may have been closed meanwhile.
                if not reused or (sent and method not in ("GET", "DELETE")):
                    raise lost(self.address, error) from None
            except BaseException:
                line.close()
                raise
        if line.headers.get("connection", "").lower() == "close":
            line.close()
        else:
            self._idle.append(line)
        if line.status >= 400 or line.status == 304:
            raise failure(line.status, answer)
        return decode(answer) if answer.strip() else None

    async def _open(
        self, method: str, path: str, headers: dict[str, str], body: bytes | Iterable[bytes] | None
    ) -> Line:
        line = await self._connect()
        try:
            await line.send(method, self._prefix + path, headers, body)
            await line.receive_head()
            if line.status >= 400 or line.status == 304:
                raise failure(line.status, await line.read())
            return line
        except OSError as error:
            line.close()
            raise lost(self.address, error) from None
        except BaseException:
            line.close()
            raise

    async def _exchange(self, path: str, body: object, stdin: bytes | None) -> bytes:
        line = await self._open("POST", path, {**_JSON, **do.UPGRADE}, encode(body))
        try:
            if stdin is None:
                return await line.read()
            async with asyncio.TaskGroup() as group:
                output = group.create_task(line.read())
                group.create_task(_give(line.writer, stdin))
            return output.result()
        finally:
            line.close()

    async def _connect(self) -> Line:
        address = self.address
        if address.scheme == "unix" and sys.platform != "win32":
            try:
                return Line(*await asyncio.open_unix_connection(address.target, limit=_LIMIT))
            except OSError as error:
                if not address.own:
                    raise address.silent(error) from None
        # All others connect, and our own engine is started, by calls that block.
        plain: Any = await asyncio.to_thread(address.connect)
        sock = socket.socket(fileno=plain.detach())
        return Line(*await asyncio.open_connection(sock=sock, limit=_LIMIT))


async def _give(writer: asyncio.StreamWriter, stdin: bytes) -> None:
    with contextlib.suppress(OSError):  # it may end without reading
        for start in range(0, len(stdin), _PIECE):
            writer.write(stdin[start : start + _PIECE])
            await writer.drain()
        writer.write_eof()


async def _answers(address: tuple[str, int]) -> bool:
    try:
        async with asyncio.timeout(1):
            reader, writer = await asyncio.open_connection(*address)
    except (OSError, TimeoutError):
        return False
    try:
        async with asyncio.timeout(PATIENCE):
            return await reader.read(1) != b""
    except TimeoutError:
        return True
    except OSError:
        return False
    finally:
        writer.close()
