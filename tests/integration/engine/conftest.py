"""An engine inside the test's own process, for a module at a time."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.harness.leaks import left_behind
from wherry.engine.engine import Engine
from wherry.engine.models import ContainerConfig, HostConfig, NetworkingConfig


class Inside:
    """The engine and short ways to say what most tests say."""

    def __init__(self, engine: Engine, image: str) -> None:
        self.engine = engine
        self.image = image
        self.seen: list[str] = []

    async def create(
        self, *command: str, name: str = "", host: dict[str, Any] | None = None, **config: Any
    ) -> str:
        """A container without network; its id."""
        made = await self.engine.containers.create(
            ContainerConfig(image=self.image, cmd=list(command), **config),
            HostConfig(**{"network_mode": "none", **(host or {})}),
            NetworkingConfig(),
            name=name,
        )
        self.seen.append(made.id)
        return made.id

    async def run(self, *command: str, **more: Any) -> str:
        """A started container; its id."""
        identifier = await self.create(*command, **more)
        await self.engine.containers.start(identifier)
        return identifier

    async def output(self, *command: str, **more: Any) -> tuple[int, str]:
        """Run to the end, remove: the exit code and what it wrote on standard output."""
        identifier = await self.create(*command, **more)
        waiter = self.engine.containers.wait(identifier, "next-exit")
        await self.engine.containers.start(identifier)
        code = (await waiter).status_code
        raw = b"".join([piece async for piece in await self.engine.containers.logs(identifier, stderr=False)])
        await self.engine.containers.remove(identifier, volumes=True)
        return code, unframed(raw).decode()

    async def clear(self) -> None:
        """Remove every container."""
        for item in await self.engine.containers.list(show_all=True):
            await self.engine.containers.remove(item.id, force=True, volumes=True)


def unframed(raw: bytes) -> bytes:
    """The payload of Docker's frames."""
    out = b""
    while raw:
        size = int.from_bytes(raw[4:8], "big")
        out, raw = out + raw[8 : 8 + size], raw[8 + size :]
    return out


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A home of the module's own."""
    directory = Path(tempfile.mkdtemp(prefix="wherry-test-", dir="/tmp"))
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def inside(place: Path, image: str, busybox_tar: Path | None) -> AsyncIterator[Inside]:
    """The engine; at the end nothing of it may be left."""
    state, run = place / "state", place / "run"
    state.mkdir(mode=0o700)
    run.mkdir(mode=0o700)
    engine = await Engine.open(str(state), str(run))
    found = Inside(engine, image)
    if busybox_tar is not None:
        engine.store.import_image(iter([await asyncio.to_thread(busybox_tar.read_bytes)]), "busybox:latest")
    yield found
    await found.clear()
    await engine.close()
    leaks = left_behind(place, found.seen)
    assert not leaks, "\n".join(leaks)
