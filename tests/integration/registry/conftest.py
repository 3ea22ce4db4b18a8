"""A registry of ours in the test's own loop, a proxy before it that misbehaves, and stores to fill."""

from __future__ import annotations

import asyncio
import io
import tarfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from aiohttp import web

from wherry.registry.server.app import application
from wherry.registry.server.storage import Files
from wherry.store import Store


async def serve(app: web.Application) -> tuple[web.AppRunner, str]:
    """Serve on a free port of loopback; the runner to clean up, and host:port."""
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    return runner, f"{host}:{port}"


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[str]:
    """The host:port of an empty registry."""
    runner, address = await serve(application(Files(str(tmp_path / "registry"))))
    yield address
    await runner.cleanup()


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Callable[[str], Store]]:
    """Makes stores by name."""
    made: dict[str, Store] = {}

    def make(name: str) -> Store:
        if name not in made:
            made[name] = Store(str(tmp_path / name), driver="copy")
        return made[name]

    yield make
    for one in made.values():
        one.close()


def archive(files: dict[str, bytes]) -> bytes:
    """A tar archive of regular files."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue()


class Cutting:
    """A TCP proxy that ends each connection after so many bytes of answers, while `cuts` last."""

    def __init__(self, target: str) -> None:
        host, _, port = target.partition(":")
        self._target = host, int(port)
        self.after = 0
        self.cuts = 0
        self.connections = 0
        self.passed = 0
        self.address = ""
        self._server: asyncio.Server | None = None

    async def start(self) -> str:
        self._server = await asyncio.start_server(self._connection, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()[:2]
        self.address = f"{host}:{port}"
        return self.address

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        upstream_reader, upstream_writer = await asyncio.open_connection(*self._target)

        async def pump(
            source: asyncio.StreamReader, sink: asyncio.StreamWriter, take: Callable[[bytes], Awaitable[bool]]
        ) -> None:
            try:
                while data := await source.read(65536):
                    if not await take(data):
                        break
                    sink.write(data)
                    await sink.drain()
            except ConnectionError:
                pass
            finally:
                sink.close()

        passed = 0

        async def requests(_: bytes) -> bool:
            return True

        async def answers(data: bytes) -> bool:
            nonlocal passed
            passed += len(data)
            self.passed += len(data)
            if self.cuts and passed > self.after:
                self.cuts -= 1
                writer.transport.abort()
                return False
            return True

        await asyncio.gather(pump(reader, upstream_writer, requests), pump(upstream_reader, writer, answers))
