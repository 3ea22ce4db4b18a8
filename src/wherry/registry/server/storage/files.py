"""A directory of files.

objects/KEY        an object: written under a temporary name, synced, renamed
uploads/UPLOAD     bytes that have arrived
temporary/         what a crash may leave; what is older than an hour goes at the next start
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from wherry.registry.server.storage.driver import About, Full, Missing

_CHUNK = 1 << 20


class Files:
    """The default driver. Work on the disk happens in threads."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._objects = os.path.join(root, "objects")
        self._uploads = os.path.join(root, "uploads")
        self._temporary = os.path.join(root, "temporary")
        for directory in (self._objects, self._uploads, self._temporary):
            os.makedirs(directory, mode=0o700, exist_ok=True)
        for name in os.listdir(self._temporary):
            path = os.path.join(self._temporary, name)
            try:  # others may be writing here at this moment
                if os.stat(path).st_mtime < time.time() - 3600:
                    os.unlink(path)
            except FileNotFoundError:
                continue

    def path(self, key: str) -> str:
        """The file of an object, for sending it straight from the disk."""
        return os.path.join(self._objects, key)

    async def read(self, key: str) -> bytes:
        try:
            descriptor = os.open(self.path(key), os.O_RDONLY | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            raise Missing(key) from None
        try:
            size = os.fstat(descriptor).st_size
            buffer = bytearray(size)
            try:  # what is in memory is had at once; a thread costs more than the read
                if os.preadv(descriptor, [buffer], 0, os.RWF_NOWAIT) == size:
                    return bytes(buffer)
            except OSError:
                pass
            return await asyncio.to_thread(os.pread, descriptor, size, 0)
        except IsADirectoryError:
            raise Missing(key) from None
        finally:
            os.close(descriptor)

    async def about(self, key: str) -> About:
        try:
            found = os.stat(self.path(key))
        except (FileNotFoundError, NotADirectoryError):
            raise Missing(key) from None
        return About(found.st_size, found.st_mtime)

    async def stream(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        try:
            file = open(self.path(key), "rb", buffering=0)  # noqa: ASYNC230 (opening does not wait)
        except (FileNotFoundError, NotADirectoryError):
            raise Missing(key) from None
        with file:
            file.seek(start)
            left = end - start
            while left > 0 and (chunk := await asyncio.to_thread(file.read, min(_CHUNK, left))):
                left -= len(chunk)
                yield chunk

    async def write(self, key: str, data: bytes, *, new: bool = False) -> bool:
        return await asyncio.to_thread(self._write, key, data, new)

    def _write(self, key: str, data: bytes, new: bool) -> bool:
        path = self.path(key)
        temporary = os.path.join(self._temporary, secrets.token_hex(16))
        try:
            with open(temporary, "xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            try:
                _into_place(os.link if new else os.rename, temporary, path)
            except FileExistsError:
                return False
            return True
        except OSError as error:
            raise _told(error) from error
        finally:
            _unlink(temporary)

    async def delete(self, key: str) -> bool:
        return await asyncio.to_thread(self._delete, key)

    def _delete(self, key: str) -> bool:
        path = self.path(key)
        if not _unlink(path):
            return False
        parent = os.path.dirname(path)
        try:  # directories that are empty now are of no use
            while parent != self._objects:
                os.rmdir(parent)
                parent = os.path.dirname(parent)
        except OSError:
            pass
        return True

    async def keys(self, prefix: str) -> AsyncIterator[tuple[str, About]]:
        for found in await asyncio.to_thread(lambda: list(self._walk(prefix))):
            yield found

    def _walk(self, prefix: str) -> Iterator[tuple[str, About]]:
        top = os.path.join(self._objects, prefix.rpartition("/")[0])
        for directory, _, names in os.walk(top):
            for name in names:
                path = os.path.join(directory, name)
                key = os.path.relpath(path, self._objects)
                if key.startswith(prefix):
                    try:
                        found = os.stat(path)
                    except FileNotFoundError:
                        continue
                    yield key, About(found.st_size, found.st_mtime)

    async def append(self, upload: str, offset: int, chunks: AsyncIterator[bytes]) -> int:
        path = os.path.join(self._uploads, upload)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _lock(descriptor, upload)
            _expect(descriptor, upload, offset)
            async for chunk in chunks:
                await _in_thread(_write_all, descriptor, chunk)
                offset += len(chunk)
            return offset
        except OSError as error:
            raise _told(error) from error
        finally:
            os.close(descriptor)

    async def uploaded(self, upload: str) -> int:
        try:
            return os.stat(os.path.join(self._uploads, upload)).st_size
        except FileNotFoundError:
            raise Missing(upload) from None

    async def uploads(self) -> AsyncIterator[tuple[str, About]]:
        for name in await asyncio.to_thread(os.listdir, self._uploads):
            try:
                found = os.stat(os.path.join(self._uploads, name))
            except FileNotFoundError:
                continue
            yield name, About(found.st_size, found.st_mtime)

    async def upload_bytes(self, upload: str) -> AsyncIterator[bytes]:
        try:
            file = open(os.path.join(self._uploads, upload), "rb", buffering=0)  # noqa: ASYNC230 (as above)
        except FileNotFoundError:
            raise Missing(upload) from None
        with file:
            while chunk := await asyncio.to_thread(file.read, _CHUNK):
                yield chunk

    async def finish(self, upload: str, key: str, size: int) -> None:
        await _in_thread(self._finish, upload, self.path(key), size)

    def _finish(self, upload: str, path: str, size: int) -> None:
        source = os.path.join(self._uploads, upload)
        try:
            descriptor = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
            try:
                _lock(descriptor, upload)
                _expect(descriptor, upload, size)
                os.fsync(descriptor)
                _into_place(os.rename, source, path)
            finally:
                os.close(descriptor)
        except FileNotFoundError:
            raise Missing(source) from None
        except OSError as error:
            raise _told(error) from error

    async def drop(self, upload: str) -> None:
        _unlink(os.path.join(self._uploads, upload))


async def _in_thread(work: Callable[..., None], *arguments: Any) -> None:
    """Like asyncio.to_thread, but a cancelled caller waits: the thread still uses the descriptor."""
    running = asyncio.get_running_loop().run_in_executor(None, work, *arguments)
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise


def _lock(descriptor: int, upload: str) -> None:
    """Of all processes that work here, let only one touch an upload; until the descriptor is closed."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ValueError(f"someone else is writing to {upload}") from None


def _expect(descriptor: int, upload: str, size: int) -> None:
    if (found := os.fstat(descriptor).st_size) != size:
        raise ValueError(f"{upload} has {found} bytes, not {size}")


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _unlink(path: str) -> bool:
    try:
        os.unlink(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _into_place(move: Callable[[str, str], None], source: str, path: str) -> None:
    """Link or rename a file to where it belongs, and have that survive a power cut.

    The directory may be removed meanwhile, as one that a deletion has emptied: then it is made again.
    """
    directory = os.path.dirname(path)
    while True:
        try:
            os.makedirs(directory, mode=0o700, exist_ok=True)
            move(source, path)
            break
        except FileNotFoundError:
            if not os.path.lexists(source):
                raise
    try:
        _sync(directory)
    except FileNotFoundError:
        pass  # deleted again already


def _sync(directory: str) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _told(error: OSError) -> Exception:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Full("the registry's disk is full", hint="free some space, or run garbage collection")
    return error
