"""Object storage (S3 and what speaks like it, Google, Azure), through the library obstore.

KEY                          an object
uploads/UPLOAD/OFFSET-RANDOM bytes that have arrived, one object each time something was appended

An upload in one piece becomes its object by a copy inside the storage; several pieces are read and written
once more. Nothing is kept here: any number of registries may use one bucket.
"""

from __future__ import annotations

import datetime
import secrets
from collections.abc import AsyncIterator, Mapping
from typing import Any

import obstore
from obstore import exceptions
from obstore.store import from_url

from wherry.errors import Invalid, Unavailable
from wherry.registry.server.storage.driver import About, Missing

_PART = 8 << 20  # bytes of one part of a multipart upload
_PARTS_AT_ONCE = 3
_PATIENCE = datetime.timedelta(seconds=30)  # with a storage that fails, before it is said so
_GONE = (FileNotFoundError, exceptions.NotFoundError)


def connect(url: str, options: Mapping[str, str]) -> Objects:
    """The storage at s3://bucket/prefix, gs://…, az://…; credentials from `options` or the environment.

    Raises Invalid.
    """
    settings: dict[str, Any] = dict(options)
    # S3 and Azure call it `endpoint`, Google `base_url`; plain HTTP only where it is written so
    plain = any(settings.get(name, "").startswith("http://") for name in ("endpoint", "base_url"))
    try:
        making: Any = from_url
        store = making(
            url,
            config=settings,
            client_options={"allow_http": plain, "timeout": "300s"},
            retry_config={"max_retries": 6, "retry_timeout": _PATIENCE},
        )
    except (exceptions.BaseError, ValueError, TypeError) as error:
        raise Invalid(f"can't use the storage {url}: {error}") from error
    return Objects(store)


class Objects:
    """A driver over any store of obstore's."""

    def __init__(self, store: Any) -> None:
        self._store = store

    async def read(self, key: str) -> bytes:
        try:
            result = await obstore.get_async(self._store, key)
            return bytes(await result.bytes_async())
        except _GONE:
            raise Missing(key) from None
        except exceptions.BaseError as error:
            raise _told(error) from error

    async def about(self, key: str) -> About:
        try:
            found = await obstore.head_async(self._store, key)
        except _GONE:
            raise Missing(key) from None
        except exceptions.BaseError as error:
            raise _told(error) from error
        return About(found["size"], found["last_modified"].timestamp())

    async def stream(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        if start >= end:
            await self.about(key)
            return
        try:
            result = await obstore.get_async(self._store, key, options={"range": (start, end)})
            async for chunk in result.stream(min_chunk_size=1 << 18):
                yield bytes(chunk)
        except _GONE:
            raise Missing(key) from None
        except exceptions.BaseError as error:
            raise _told(error) from error

    async def write(self, key: str, data: bytes, *, new: bool = False) -> bool:
        try:
            mode: Any = "create" if new else "overwrite"
            await obstore.put_async(self._store, key, data, mode=mode, use_multipart=False)
        except exceptions.AlreadyExistsError:
            return False
        except exceptions.BaseError as error:
            raise _told(error) from error
        return True

    async def delete(self, key: str) -> bool:
        try:
            await self.about(key)
            await obstore.delete_async(self._store, key)
        except (Missing, *_GONE):
            return False
        except exceptions.BaseError as error:
            raise _told(error) from error
        return True

    async def keys(self, prefix: str) -> AsyncIterator[tuple[str, About]]:
        # a store lists whole components: "a/b" would not find "a/bc"
        folder = prefix.rpartition("/")[0]
        try:
            async for batch in obstore.list(self._store, folder or None, chunk_size=1000):
                for one in batch:
                    if one["path"].startswith(prefix):
                        yield one["path"], About(one["size"], one["last_modified"].timestamp())
        except _GONE:
            return
        except exceptions.BaseError as error:
            raise _told(error) from error

    async def append(self, upload: str, offset: int, chunks: AsyncIterator[bytes]) -> int:
        if sum(size for _, size in await self._pieces(upload)) != offset:
            raise ValueError(f"{upload} is not at {offset}")
        source = _Remembering(chunks)
        if offset and not await source.begins():
            if source.broken is not None:
                raise source.broken
            return offset
        key = f"uploads/{upload}/{offset:020d}-{secrets.token_hex(8)}"
        try:
            await obstore.put_async(
                self._store, key, source, chunk_size=_PART, max_concurrency=_PARTS_AT_ONCE, use_multipart=True
            )
        except exceptions.BaseError as error:
            raise source.broken or _told(error) from error
        if source.broken is not None:
            raise source.broken
        return offset + source.size

    async def uploaded(self, upload: str) -> int:
        pieces = await self._pieces(upload)
        if not pieces:
            raise Missing(upload)
        return sum(size for _, size in pieces)

    async def uploads(self) -> AsyncIterator[tuple[str, About]]:
        found: dict[str, About] = {}
        async for key, about in self.keys("uploads/"):
            name = key.split("/")[1]
            size, changed = found.get(name, About(0, 0.0))
            found[name] = About(size + about.size, max(changed, about.changed))
        for name, about in found.items():
            yield name, about

    async def upload_bytes(self, upload: str) -> AsyncIterator[bytes]:
        pieces = await self._pieces(upload)
        if not pieces:
            raise Missing(upload)
        for key, size in pieces:
            async for chunk in self.stream(key, 0, size):
                yield chunk

    async def finish(self, upload: str, key: str, size: int) -> None:
        pieces = await self._pieces(upload)
        if not pieces:
            raise Missing(upload)
        if sum(length for _, length in pieces) != size:
            raise ValueError(f"{upload} has not {size} bytes")
        full = [piece for piece in pieces if piece[1]]
        try:
            if len(full) <= 1:
                await obstore.copy_async(self._store, (full or pieces)[0][0], key, overwrite=True)
            else:
                source = _Remembering(self.upload_bytes(upload))
                await obstore.put_async(
                    self._store,
                    key,
                    source,
                    chunk_size=_PART,
                    max_concurrency=_PARTS_AT_ONCE,
                    use_multipart=True,
                )
                if source.broken is not None or source.size != size:
                    await obstore.delete_async(self._store, key)
                    raise source.broken or ValueError(f"{upload} has changed")
        except _GONE:
            raise Missing(upload) from None
        except exceptions.BaseError as error:
            raise _told(error) from error
        await self.drop(upload)

    async def drop(self, upload: str) -> None:
        try:
            for key, _ in await self._pieces(upload):
                await obstore.delete_async(self._store, key)
        except exceptions.BaseError as error:
            raise _told(error) from error

    async def _pieces(self, upload: str) -> list[tuple[str, int]]:
        """Keys and sizes in the order of their offsets. Raises ValueError when two were written at once."""
        listed = [(key, about.size) async for key, about in self.keys(f"uploads/{upload}/")]
        found = sorted(listed, key=lambda piece: (_offset(piece[0]), piece[1]))
        expected = 0
        for key, size in found:
            if _offset(key) != expected:
                raise ValueError(f"{upload} was written to from two sides")
            expected += size
        return found


def _offset(key: str) -> int:
    return int(key.rpartition("/")[2].partition("-")[0])


class _Remembering:
    """Hands bytes on; a source that breaks off ends, so that what has arrived is kept, and is remembered."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self.size = 0
        self.broken: Exception | None = None
        self._first: bytes | None = None

    async def begins(self) -> bool:
        """Whether there is anything at all."""
        async for chunk in self:
            self._first = chunk
            break
        self.size = 0
        return self._first is not None

    def __aiter__(self) -> _Remembering:
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk = await anext(self._chunks) if self._first is None else self._first
            self._first = None
        except StopAsyncIteration:
            raise
        except Exception as error:
            self.broken = error
            raise StopAsyncIteration from error
        self.size += len(chunk)
        return chunk


def _told(error: Exception) -> Unavailable:
    """What an operator needs: the library's own words. Clients are told only that the storage failed."""
    return Unavailable(f"the object storage failed: {str(error).partition('Debug source')[0].strip()}")
