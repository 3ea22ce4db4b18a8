"""The SSH agents that clients lend to their builds, each over a connection of its own."""

from __future__ import annotations

import asyncio

from wherry.build.agents import Agent, read_message
from wherry.errors import Conflict, Invalid

from ..attachment import Client

__all__ = ["Agents"]

_PATIENCE = 60  # seconds from the loan to the build
_TOKEN = 16  # characters at least: it is a secret of the client's


class Agents:
    """By token, which a client makes up and names in its build's order."""

    def __init__(self) -> None:
        self._channels: dict[str, _Channel] = {}

    def check(self, token: str) -> None:
        """Raises Invalid or Conflict for a token that can't be taken."""
        if len(token) < _TOKEN:
            raise Invalid("the token of an SSH agent is too short")
        if token in self._channels:
            raise Conflict("this token is taken")

    async def lend(self, token: str, client: Client) -> None:
        """A client's connection. It is the agent until it ends."""
        reader, writer = await asyncio.open_connection(sock=client.socket)
        channel = self._channels[token] = _Channel(reader, writer)
        channel.untaken = asyncio.get_running_loop().call_later(_PATIENCE, self.give_back, token)

    def take(self, token: str) -> Agent:
        """The agent that was lent. Raises Invalid."""
        channel = self._channels.get(token)
        if channel is None:
            raise Invalid("the SSH agent of this build is not connected")
        channel.untaken.cancel()
        return channel.ask

    def give_back(self, token: str) -> None:
        """The build has ended. Repeatable."""
        channel = self._channels.pop(token, None)
        if channel is not None:
            channel.untaken.cancel()
            channel.writer.close()


class _Channel:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.untaken: asyncio.TimerHandle
        self._turn = asyncio.Lock()

    async def ask(self, question: bytes) -> bytes:
        async with self._turn:
            try:
                self.writer.write(len(question).to_bytes(4, "big") + question)
                await self.writer.drain()
                return await read_message(self.reader)
            except EOFError:
                raise ConnectionResetError("the client has gone") from None
            except BaseException:
                self.writer.close()  # half a question or answer: the next one would be misunderstood
                raise
