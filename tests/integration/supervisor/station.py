"""A supervisor of a test's own, and containers of busybox to give it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wherry.supervisor.client import Supervisor
from wherry.supervisor.logs.options import LogConfig
from wherry.supervisor.logs.reader import read
from wherry.supervisor.logs.selection import Selection
from wherry.supervisor.records import Detached, Exit, OutOfMemory

NAMESPACES = ("pid", "mount", "ipc", "uts", "network", "user", "cgroup")


def process(script: str, *, terminal: bool = False) -> dict[str, Any]:
    return {
        "terminal": terminal,
        "user": {"uid": 0, "gid": 0},
        "args": ["/bin/sh", "-c", script],
        "env": ["PATH=/bin:/usr/bin:/sbin"],
        "cwd": "/",
    }


class Station:
    """`connect` first; `stop` at the end leaves nothing running."""

    def __init__(self, home: Path, root: Path) -> None:
        self.home = home
        self.root = root
        self.state, self.run = str(home / "state"), str(home / "run")
        self.exits: asyncio.Queue[Exit] = asyncio.Queue()
        self._heard: list[Exit] = []
        self.oom: asyncio.Queue[OutOfMemory] = asyncio.Queue()
        self.detached: asyncio.Queue[Detached] = asyncio.Queue()
        self.reconnected = asyncio.Event()
        self.supervisor: Supervisor

    async def connect(self) -> Supervisor:
        self.supervisor = await Supervisor.connect(self.state, self.run, on_exit=self._hear)
        self.supervisor.on_oom = self.oom.put_nowait
        self.supervisor.on_detach = self.detached.put_nowait
        self.supervisor.on_reconnect = self.reconnected.set
        return self.supervisor

    def cgroup(self, name: str) -> str:
        return f"wherry-test-{self.home.name}/{name}"

    async def create(
        self,
        name: str,
        script: str,
        *,
        arguments: list[str] | None = None,
        terminal: bool = False,
        log: LogConfig | None = None,
        open_stdin: bool = False,
        stdin_once: bool = False,
        linux: dict[str, Any] | None = None,
        namespaces: tuple[str, ...] = NAMESPACES,
        runtime: str = "wherry",
    ) -> int:
        for part in ("upper", "work"):
            (self.home / "layers" / name / part).mkdir(parents=True, exist_ok=True)
        layers = {
            "type": "overlay",
            "target": "/",
            "lower": [str(self.root)],
            "upper": str(self.home / "layers" / name / "upper"),
            "work": str(self.home / "layers" / name / "work"),
        }
        program = process(script, terminal=terminal)
        if arguments is not None:
            program["args"] = arguments
        ids = [{"containerID": 0, "hostID": 300_000, "size": 65536}]
        spec = {
            "ociVersion": "1.2.0",
            "root": {"path": "rootfs"},
            "process": program,
            "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc"},
                {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["mode=755"]},
                {
                    "destination": "/dev/pts",
                    "type": "devpts",
                    "source": "devpts",
                    "options": ["newinstance", "ptmxmode=0666"],
                },
            ],
            "linux": {
                "namespaces": [{"type": kind} for kind in namespaces],
                "uidMappings": ids,
                "gidMappings": ids,
                "cgroupsPath": self.cgroup(name),
                **(linux or {}),
            },
        }
        created = await self.supervisor.create(
            name,
            spec=spec,
            rootfs={"mounts": [layers], "readonly": False},
            log=log,
            open_stdin=open_stdin,
            stdin_once=stdin_once,
            runtime=runtime,
        )
        return created.pid

    async def start(self, name: str, script: str, **options: Any) -> int:
        pid = await self.create(name, script, **options)
        await self.supervisor.start(name)
        return pid

    async def ended(self, seconds: float = 60) -> Exit:
        return await asyncio.wait_for(self.exits.get(), seconds)

    def log(self, name: str, selection: Selection | None = None) -> bytes:
        path = os.path.join(self.state, "containers", name, "container.log")
        return b"".join(run.content for runs in read(path, selection or Selection()) for run in runs)

    async def kill_supervisor(self) -> None:
        """kill -9, and wait until a successor has taken over. As an engine does, ask then for the ends that
        nobody could be told of, or was told of twice."""
        self.reconnected.clear()
        os.kill(self.supervisor.pid, signal.SIGKILL)
        await asyncio.wait_for(self.reconnected.wait(), 60)
        for one in await self.supervisor.processes():
            if one.exit is not None:
                self._hear(one.exit)

    def _hear(self, ended: Exit) -> None:
        if ended not in self._heard:
            self._heard.append(ended)
            self.exits.put_nowait(ended)

    async def stop(self) -> None:
        for one in await self.supervisor.processes():
            if one.status != "exited" and not one.exec_id:
                await self.supervisor.kill(one.container)
        for _ in range(3000):
            if all(one.status == "exited" for one in await self.supervisor.processes()):
                break
            await asyncio.sleep(0.02)
        for one in await self.supervisor.processes():
            await self.supervisor.forget(one.container)
        await self.supervisor.shutdown()


async def read_all(connection: socket.socket, seconds: float = 60) -> bytes:
    """Everything until the supervisor closes; closes our end too."""
    loop = asyncio.get_running_loop()
    parts = []
    async with asyncio.timeout(seconds):
        while data := await loop.sock_recv(connection, 1 << 20):
            parts.append(data)
    connection.close()
    return b"".join(parts)


def streams(framed: bytes) -> tuple[bytes, bytes]:
    """Standard output and error of Docker's frames."""
    split = {1: b"", 2: b""}
    while framed:
        stream, length = framed[0], int.from_bytes(framed[4:8], "big")
        split[stream] += framed[8 : 8 + length]
        framed = framed[8 + length :]
    return split[1], split[2]


async def until(connection: socket.socket, marker: bytes, seconds: float = 60) -> bytes:
    """What arrives up to and including `marker`."""
    loop = asyncio.get_running_loop()
    got = b""
    async with asyncio.timeout(seconds):
        while marker not in got:
            data = await loop.sock_recv(connection, 65536)
            assert data, got
            got += data
    return got


def exists(path: str) -> bool:
    return os.path.lexists(path)


def content_of(path: str) -> str:
    """A file's text; empty when there is none."""
    file = Path(path)
    return file.read_text() if file.exists() else ""


def groups_of(station: Station) -> list[str]:
    """The control groups of the station's containers."""
    top = f"wherry-test-{station.home.name}"
    mounts = Path("/sys/fs/cgroup")
    found = [*mounts.glob(f"*/{top}/*"), *mounts.glob(f"{top}/*")]
    return [str(path) for path in found if path.is_dir()]


async def gone(path: str, seconds: float = 60) -> bool:
    """Whether `path` goes away in time."""
    with contextlib.suppress(AssertionError):
        await come(lambda: not exists(path), seconds)
    return not exists(path)


async def come(condition: Callable[[], object], seconds: float = 60) -> None:
    """Return as soon as `condition` is true. Raises AssertionError when it never is."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not condition():
        assert loop.time() < deadline, "what was waited for did not happen"
        await asyncio.sleep(0.02)
