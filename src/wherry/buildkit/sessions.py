"""Sessions: what a client offers while it builds. We ask: files, secrets, agents, credentials."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from urllib.parse import quote_plus

from grpclib.client import StreamStreamMethod, UnaryUnaryMethod
from grpclib.const import Status
from grpclib.exceptions import GRPCError, StreamTerminatedError

from wherry.buildkit import messages as m
from wherry.buildkit.channel import Caller
from wherry.errors import Invalid

__all__ = ["Session", "Sessions"]

_PATIENCE = 20  # seconds: the session's connection and the build's are made at the same time
_LONGEST = 256 << 10


class Sessions:
    """Those of all clients, by their ids, which are secrets of theirs."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}
        self._arrived = asyncio.Condition()

    async def serve(self, headers: Mapping[str, str], connection: socket.socket, early: bytes) -> None:
        """One connection of `POST /session`, until it ends."""
        name = headers.get("x-docker-expose-session-uuid", "")
        session = Session(Caller(connection, early))
        async with self._arrived:
            self._sessions[name] = session
            self._arrived.notify_all()
        try:
            await session.channel.ended()
        finally:
            if self._sessions.get(name) is session:
                del self._sessions[name]
            session.channel.close()

    async def get(self, name: str) -> Session:
        """A session that is here or on its way. Raises Invalid."""
        try:
            async with asyncio.timeout(_PATIENCE), self._arrived:
                await self._arrived.wait_for(lambda: name in self._sessions)
                return self._sessions[name]
        except TimeoutError:
            raise Invalid(f"no active session for {name}: context deadline exceeded") from None


class Session:
    """One client's offers."""

    def __init__(self, channel: Caller) -> None:
        self.channel = channel

    async def secret(self, name: str) -> bytes | None:
        """A secret, or None when the client has none of this name."""
        method = UnaryUnaryMethod(
            self.channel, "/moby.buildkit.secrets.v1.Secrets/GetSecret", m.IdRequest, m.Secret
        )
        try:
            found: m.Secret = await method(m.IdRequest(name))
        except GRPCError as error:
            if error.status in (Status.NOT_FOUND, Status.UNIMPLEMENTED):
                return None
            raise
        return found.data

    async def credentials(self, host: str) -> m.Credentials | None:
        """What the client knows for a registry."""
        method = UnaryUnaryMethod(
            self.channel, "/moby.filesync.v1.Auth/Credentials", m.CredentialsRequest, m.Credentials
        )
        try:
            found: m.Credentials = await method(m.CredentialsRequest(host))
        except GRPCError:
            return None
        except (
            StreamTerminatedError
        ):  # also what grpclib makes of a cancellation: it must not pass for an answer
            raise Invalid("the client went while it was asked for credentials") from None
        return found if found.secret else None

    async def has_agent(self, name: str) -> bool:
        """Whether an SSH agent is forwarded under this name."""
        method = UnaryUnaryMethod(self.channel, "/moby.sshforward.v1.SSH/CheckAgent", m.IdRequest, m.Empty)
        try:
            await method(m.IdRequest(name))
        except GRPCError:
            return False
        return True

    async def ask_agent(self, name: str, question: bytes) -> bytes:
        """One question to an SSH agent, without its length; the answer likewise. Raises OSError."""
        method = StreamStreamMethod(self.channel, "/moby.sshforward.v1.SSH/ForwardAgent", m.Bytes, m.Bytes)
        try:
            async with method.open(metadata={"buildkit.ssh.id": name}) as stream:
                await stream.send_message(m.Bytes(len(question).to_bytes(4, "big") + question))
                data = b""
                while len(data) < 4 or len(data) < 4 + int.from_bytes(data[:4], "big"):
                    piece = await stream.recv_message()
                    if piece is None or len(data) > _LONGEST:
                        raise ConnectionResetError("the agent has hung up")
                    data += piece.data
                await stream.cancel()
                return data[4:]
        except (GRPCError, StreamTerminatedError) as error:
            raise ConnectionResetError(str(error)) from None


def encoded(options: Mapping[str, list[str]]) -> list[tuple[str, str]]:
    """Metadata as headers: what is not plain ASCII is escaped, and a header says so."""
    found = []
    for name, values in options.items():
        plain = all(value.isascii() and value.isprintable() for value in values)
        found += [(name, value if plain else quote_plus(value)) for value in values]
        if not plain:
            found.append((f"{name}-encoded", "1"))
    return found
