"""A client of BuildKit's protocol: it solves over `POST /grpc` and offers files over `POST /session`."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import stat
from pathlib import Path
from typing import Any

from grpclib.client import UnaryStreamMethod, UnaryUnaryMethod
from grpclib.const import Cardinality, Status
from grpclib.exceptions import GRPCError

from wherry.buildkit import messages as m
from wherry.buildkit.channel import Caller, serve

_STAT, _REQ, _DATA, _FIN, _ERR = range(5)
_KINDS = {stat.S_IFDIR: 1 << 31, stat.S_IFLNK: 1 << 27, stat.S_IFREG: 0}
_CONTROL = "/moby.buildkit.v1.Control"


class BuildKitClient:
    """One build of the directory `folder` on the engine at `path`."""

    def __init__(self, path: str, folder: Path, *, known: dict[str, bytes] | None = None) -> None:
        self.path = path
        self.folder = folder
        self.known = known or {}
        self.uploads: dict[str, bytes] = {}
        """Archives that it offers, by their paths; each can be had once."""
        self.received: dict[str, bytes] = {}
        self.log = ""
        self.vertexes: dict[str, m.Vertex] = {}
        self.asked: list[str] = []
        """The paths of files whose content was asked for."""

    async def build(self, options: dict[str, str], *exporters: m.Entry) -> dict[str, str]:
        """Solve with the Dockerfile frontend; what the exporters answered. Raises GRPCError."""
        session, ref = secrets.token_hex(12), secrets.token_hex(12)
        offering = asyncio.ensure_future(serve(*await self._upgraded("/session", session), self._offers()))
        try:
            caller = Caller(*await self._upgraded("/grpc", ""))
        except BaseException:
            offering.cancel()
            await asyncio.gather(offering, return_exceptions=True)
            raise
        watching = asyncio.ensure_future(self._watch(caller, ref))
        try:
            solve = UnaryUnaryMethod(caller, f"{_CONTROL}/Solve", m.Solve, m.SolveResponse)
            answer = await solve(
                m.Solve(
                    ref, session=session, frontend="dockerfile.v0", attrs=options, exporters=list(exporters)
                )
            )
            await watching
            return dict(answer.response)
        finally:
            watching.cancel()
            caller.close()
            offering.cancel()
            await asyncio.gather(watching, offering, return_exceptions=True)

    async def call(self, method: str, request: Any, answer: type[Any]) -> Any:
        """One unary call of the control service."""
        caller = Caller(*await self._upgraded("/grpc", ""))
        try:
            return await UnaryUnaryMethod(caller, f"{_CONTROL}/{method}", type(request), answer)(request)
        finally:
            caller.close()

    async def stream(self, method: str, request: Any, answer: type[Any]) -> list[Any]:
        """One call of the control service that is answered in pieces."""
        caller = Caller(*await self._upgraded("/grpc", ""))
        try:
            found = await UnaryStreamMethod(caller, f"{_CONTROL}/{method}", type(request), answer)(request)
            return list(found)
        finally:
            caller.close()

    async def _watch(self, caller: Caller, ref: str) -> None:
        method = UnaryStreamMethod(caller, f"{_CONTROL}/Status", m.RefRequest, m.StatusResponse)
        async with method.open() as stream:
            await stream.send_message(m.RefRequest(ref), end=True)
            while (said := await stream.recv_message()) is not None:
                self.log += "".join(log.msg.decode() for log in said.logs)
                self.vertexes |= {vertex.digest: vertex for vertex in said.vertexes}

    async def _upgraded(self, path: str, session: str) -> tuple[socket.socket, bytes]:
        loop = asyncio.get_running_loop()
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        names = f"X-Docker-Expose-Session-Uuid: {session}\r\n" if session else ""
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n{names}\r\n"
        data = b""
        try:
            await loop.sock_connect(connection, self.path)
            await loop.sock_sendall(connection, head.encode())
            while b"\r\n\r\n" not in data:
                piece = await loop.sock_recv(connection, 4096)
                assert piece, data
                data += piece
        except BaseException:  # also a client that goes by now
            connection.close()
            raise
        answer, _, early = data.partition(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 101 "), answer
        return connection, early

    def _offers(self) -> dict[str, Any]:
        one, many = Cardinality.UNARY_UNARY, Cardinality.STREAM_STREAM
        return {
            "/moby.filesync.v1.FileSync/DiffCopy": (self._files, many, m.Packet, m.Packet),
            "/moby.filesync.v1.FileSend/DiffCopy": (self._take, many, m.Bytes, m.Bytes),
            "/moby.upload.v1.Upload/Pull": (self._upload, many, m.Bytes, m.Bytes),
            "/moby.buildkit.secrets.v1.Secrets/GetSecret": (self._secret, one, m.IdRequest, m.Secret),
        }

    async def _secret(self, stream: Any) -> None:
        request = await stream.recv_message()
        if request.id not in self.known:
            raise GRPCError(Status.NOT_FOUND, "no such secret")
        await stream.send_message(m.Secret(self.known[request.id]))

    async def _upload(self, stream: Any) -> None:
        data = self.uploads.pop(str(stream.metadata["urlpath"]), None)
        if data is None:
            raise GRPCError(Status.UNKNOWN, "there is no such upload")
        for at in range(0, len(data), 1 << 20):
            await stream.send_message(m.Bytes(data[at : at + (1 << 20)]))

    async def _take(self, stream: Any) -> None:
        number = stream.metadata["buildkit-attachable-exporter-id"]
        self.received[number] = b""
        while (piece := await stream.recv_message()) is not None:
            self.received[number] += piece.data

    async def _files(self, stream: Any) -> None:
        only = stream.metadata.getall("include-patterns", None)
        paths = sorted(
            path
            for path in self.folder.rglob("*")
            if only is None or str(path.relative_to(self.folder)) in only
        )
        for path in paths:
            await stream.send_message(m.Packet(type=_STAT, stat=self._stat(path)))
        await stream.send_message(m.Packet(type=_STAT))
        while (packet := await stream.recv_message()) is not None:
            if packet.type == _FIN:
                await stream.send_message(m.Packet(type=_FIN))
                return
            path = paths[packet.id]
            self.asked.append(path.name)
            await stream.send_message(m.Packet(type=_DATA, id=packet.id, data=path.read_bytes()))
            await stream.send_message(m.Packet(type=_DATA, id=packet.id))

    def _stat(self, path: Path) -> m.Stat:
        status = path.lstat()
        return m.Stat(
            path=str(path.relative_to(self.folder)),
            mode=stat.S_IMODE(status.st_mode) & 0o777 | _KINDS[stat.S_IFMT(status.st_mode)],
            size=status.st_size,
            mtime=status.st_mtime_ns,
            link=os.readlink(path) if path.is_symlink() else "",
        )
