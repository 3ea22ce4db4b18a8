"""SSH agents of the one who builds, lent to steps: a socket in the step, whose questions go to the client.

The agent's protocol is one answer to one question, each with its length (4 bytes, big endian) before it. So a
question is all that crosses over to the client, and no key ever does.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Awaitable, Callable

__all__ = ["Agent", "AgentSocket", "read_message"]

Agent = Callable[[bytes], Awaitable[bytes]]
"""Asks the agent one question, without its length. Raises OSError when it is gone."""

_LONGEST = 256 << 10  # bytes of one message, as OpenSSH has it
_FAILURE = b"\x05"


class AgentSocket:
    """One listening socket, of one step."""

    def __init__(self, path: str, agent: Agent, *, uid: int, gid: int, mode: int) -> None:
        """Listen at `path`, which must not exist. Raises OSError."""
        self._agent = agent
        self._talks: set[asyncio.Task[None]] = set()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        parent = os.open(os.path.dirname(path), os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            name = (
                f"/proc/self/fd/{parent}/{os.path.basename(path)}"  # a socket's address is 107 bytes at most
            )
            self._listener.bind(name)
            os.chown(name, uid, gid)
            os.chmod(name, mode)
        finally:
            os.close(parent)
        self._listener.listen()
        self._accepting = asyncio.ensure_future(self._accept())

    async def close(self) -> None:
        """End it with all that talk through it."""
        tasks = [self._accepting, *self._talks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._listener.close()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            connection, _ = await loop.sock_accept(self._listener)
            reader, writer = await asyncio.open_connection(sock=connection)
            talk = asyncio.ensure_future(self._talk(reader, writer))
            self._talks.add(talk)
            talk.add_done_callback(self._talks.discard)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                question = await read_message(reader)
                try:
                    answer = await self._agent(question)
                except OSError:
                    answer = _FAILURE
                writer.write(len(answer).to_bytes(4, "big") + answer)
                await writer.drain()
        except (OSError, EOFError):
            pass  # the step's program has hung up, or what it says is not the protocol
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def read_message(reader: asyncio.StreamReader) -> bytes:
    """One message without its length. Raises EOFError at the end, OSError for one that is too long."""
    size = int.from_bytes(await reader.readexactly(4), "big")
    if size > _LONGEST:
        raise OSError("a message that no SSH agent understands")
    return await reader.readexactly(size)
