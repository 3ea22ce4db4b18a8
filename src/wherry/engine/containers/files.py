"""Files in and out of a container, through the small process of `wherry.engine.files`."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING, Any

import wherry
from wherry.errors import Forbidden, Internal, Invalid, NotFound, WherryError
from wherry.store.compression import decompress
from wherry.store.feed import Feed

from ..models import PathStat
from ..moments import rfc3339
from . import specification
from .hostfiles import FILES

if TYPE_CHECKING:
    from .registry import Container
    from .room import Room

_CHUNK = 256 << 10


async def stat_path(room: Room, container: Container, path: str) -> PathStat:
    """See `Containers.stat_path`."""
    async with _Helper(room, container, "stat", path) as helper:
        return helper.stat()


async def copy_out(room: Room, container: Container, path: str) -> tuple[PathStat, AsyncIterator[bytes]]:
    """See `Containers.copy_out`."""
    helper = _Helper(room, container, "out", path)
    await helper.__aenter__()
    try:
        found = helper.stat()
    except BaseException:
        await helper.__aexit__()
        raise
    room.event(container, "archive-path", path=path)
    return found, helper.archive()


async def copy_in(
    room: Room,
    container: Container,
    path: str,
    archive: AsyncIterator[bytes],
    *,
    no_overwrite_dir_non_dir: bool,
    copy_uid_gid: bool,
) -> None:
    """See `Containers.copy_in`."""
    _check_writable(container, path)
    owner = None
    if copy_uid_gid and container.plan.config.user:
        who = specification.identity(room, container, container.plan.config.user)
        owner = [who.uid, who.gid]
    more = {"keep_kinds": no_overwrite_dir_non_dir, "owner": owner}
    async with _Helper(room, container, "in", path, more) as helper, Feed(archive) as feed:
        try:
            await feed.apart(lambda: helper.feed(decompress(feed.chunks)))
        except asyncio.CancelledError:
            helper.kill()  # the thread may wait for it
            raise
        helper.stat(only_check=True)
    room.event(container, "extract-to-dir", path=path)


def _check_writable(container: Container, path: str) -> None:
    clean = os.path.normpath("/" + path)
    for mount in sorted(container.plan.mounts, key=lambda item: -len(item.target)):
        if clean == mount.target or clean.startswith(mount.target.rstrip("/") + "/"):
            if mount.read_only:
                raise Forbidden("mounted volume is marked read-only")
            return
    if container.plan.host.readonly_rootfs:
        raise Forbidden("container rootfs is marked read-only")


class _Helper:
    """One run of the process. A stopped container can't be started meanwhile: its layers are mounted twice
    otherwise."""

    def __init__(
        self,
        room: Room,
        container: Container,
        operation: str,
        path: str,
        more: dict[str, Any] | None = None,
    ) -> None:
        self._room = room
        self._container = container
        self._path = path
        self._request = {"op": operation, "path": path, **(more or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._first: bytes = b""
        self._locked = False

    async def __aenter__(self) -> _Helper:
        condition = self._container.condition
        if not condition.alive:
            await self._container.lock.acquire()
            self._locked = True
        try:
            self._request |= self._view()
            await asyncio.to_thread(self._begin)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        process, self._process = self._process, None
        try:
            if process is not None:
                await asyncio.to_thread(_finish, process)
        finally:
            if self._locked:
                self._locked = False
                self._container.lock.release()

    def stat(self, *, only_check: bool = False) -> PathStat:
        """What the answer says. Raises what the process met, in Docker's words."""
        try:
            said = json.loads(self._first)
        except ValueError:
            raise Internal(f"copying {self._path}: the helper process died") from None
        if "error" in said:
            raise self._failure(said)
        if only_check:
            return PathStat()
        found = said["stat"]
        return PathStat(
            name=found["name"],
            size=found["size"],
            mode=found["mode"],
            mtime=rfc3339(found["mtime_ns"]),
            link_target=found["linkTarget"],
        )

    async def archive(self) -> AsyncIterator[bytes]:
        """The bytes after the first line, to the end. Raises `Internal` when it breaks off."""
        process = self._process
        assert process is not None and process.stdout is not None
        try:
            while data := await asyncio.to_thread(os.read, process.stdout.fileno(), _CHUNK):
                yield data
            if await asyncio.to_thread(process.wait):
                raise Internal(f"copying {self._path} broke off", hint="the container changed meanwhile")
        finally:
            await self.__aexit__()

    def feed(self, chunks: Iterable[bytes | memoryview]) -> None:
        """Give the process its archive, then read its answer. Blocks."""
        process = self._process
        assert process is not None and process.stdin is not None and process.stdout is not None
        try:
            for chunk in chunks:
                process.stdin.write(chunk)
            process.stdin.close()
        except BrokenPipeError:
            pass  # it says why
        self._first = process.stdout.readline()

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()

    def _view(self) -> dict[str, Any]:
        condition, room = self._container.condition, self._room
        if condition.alive:
            return {"pid": condition.pid, "started": condition.pid_started}
        directory = room.directory(self._container)
        snapshot = room.store.snapshots.get(self._container.id)
        binds = [
            {
                "target": mount.target,
                "source": mount.source,
                "subpath": mount.subpath,
                "read_only": mount.read_only,
            }
            for mount in sorted(self._container.plan.mounts, key=lambda item: item.target)
            if mount.kind in ("bind", "volume")
        ]
        binds += [{"target": f"/etc/{name}", "source": os.path.join(directory, name)} for name in FILES]
        return {"pid": 0, "plan": snapshot.mounts(), "binds": binds, "place": directory}

    def _begin(self) -> None:
        source = os.path.dirname(os.path.dirname(os.path.abspath(wherry.__file__)))
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-P", "-m", "wherry.engine.files", json.dumps(self._request)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"PYTHONPATH": source, "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C.UTF-8"},
            cwd="/",
            bufsize=0,  # what follows the first line is read from the pipe itself
        )
        if self._request["op"] != "in":
            assert self._process.stdout is not None
            self._first = self._process.stdout.readline()

    def _failure(self, said: dict[str, Any]) -> WherryError:
        number, text = said["errno"], said["error"]
        if number in (errno.ENOENT, errno.ESRCH):
            return NotFound(f"Could not find the file {self._path} in container {self._container.name}")
        if number == errno.EROFS:
            return Forbidden(text)
        if number == errno.ENOSPC:
            return Internal(f"no space left on device while copying to {self._path}")
        if number == errno.ENOTDIR or said["kind"] == "Invalid":
            return Invalid(text)
        return Internal(f"copying {self._path}: {text}")


def _finish(process: subprocess.Popen[bytes]) -> None:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            try:
                stream.close()
            except BrokenPipeError:
                pass
    try:
        process.wait(2)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
