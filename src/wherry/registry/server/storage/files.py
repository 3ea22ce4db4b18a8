"""A directory of files.

objects/KEY        an object: written under a temporary name, synced, renamed
uploads/UPLOAD     bytes that have arrived
temporary/         what a crash may leave; emptied at start
"""

from __future__ import annotations

import asyncio
import errno
import os
import secrets
from collections.abc import AsyncIterator, Iterator

from wherry.errors import Unavailable
from wherry.registry.server.storage.driver import Missing

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
            os.unlink(os.path.join(self._temporary, name))

    def path(self, key: str) -> str:
        """The file of an object, for sending it straight from the disk."""
        return os.path.join(self._objects, key)

    async def read(self, key: str) -> bytes:
        return await asyncio.to_thread(self._read, key)

    def _read(self, key: str) -> bytes:
        try:
            with open(self.path(key), "rb") as file:
                return file.read()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise Missing(key) from None

    async def size(self, key: str) -> int:
        try:
            return os.stat(self.path(key)).st_size
        except (FileNotFoundError, NotADirectoryError):
            raise Missing(key) from None

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
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            if new:
                try:
                    os.link(temporary, path)
                except FileExistsError:
                    return False
            else:
                os.rename(temporary, path)
            _sync(os.path.dirname(path))
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

    async def keys(self, prefix: str) -> AsyncIterator[tuple[str, float]]:
        for batch in await asyncio.to_thread(lambda: list(self._walk(prefix))):
            yield batch

    def _walk(self, prefix: str) -> Iterator[tuple[str, float]]:
        top = os.path.join(self._objects, prefix.rpartition("/")[0])
        for directory, _, names in os.walk(top):
            for name in names:
                path = os.path.join(directory, name)
                key = os.path.relpath(path, self._objects)
                if key.startswith(prefix):
                    try:
                        yield key, os.stat(path).st_mtime
                    except FileNotFoundError:
                        continue

    async def append(self, upload: str, offset: int, chunks: AsyncIterator[bytes]) -> int:
        path = os.path.join(self._uploads, upload)
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            if size != offset:
                raise ValueError(f"{upload} has {size} bytes, not {offset}")
            os.lseek(descriptor, 0, os.SEEK_END)
            async for chunk in chunks:
                await asyncio.to_thread(_write_all, descriptor, chunk)
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

    async def upload_bytes(self, upload: str) -> AsyncIterator[bytes]:
        try:
            file = open(os.path.join(self._uploads, upload), "rb", buffering=0)  # noqa: ASYNC230 (as above)
        except FileNotFoundError:
            raise Missing(upload) from None
        with file:
            while chunk := await asyncio.to_thread(file.read, _CHUNK):
                yield chunk

    async def finish(self, upload: str, key: str) -> None:
        await asyncio.to_thread(self._finish, os.path.join(self._uploads, upload), self.path(key))

    def _finish(self, source: str, path: str) -> None:
        try:
            descriptor = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            os.rename(source, path)
            _sync(os.path.dirname(path))
        except FileNotFoundError:
            raise Missing(source) from None
        except OSError as error:
            raise _told(error) from error

    async def drop(self, upload: str) -> None:
        _unlink(os.path.join(self._uploads, upload))


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


def _sync(directory: str) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _told(error: OSError) -> Exception:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Unavailable("the registry's disk is full", hint="free some space, or run garbage collection")
    return error
