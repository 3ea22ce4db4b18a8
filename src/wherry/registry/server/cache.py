"""A pull-through cache: repositories that are another registry's, fetched when somebody asks.

A tag is asked for again when the answer is older than `fresh`; when the other registry does not answer, what
is here is served. A blob goes to the client that asked first while it is stored; others wait for that.
"""

from __future__ import annotations

import asyncio
import fnmatch
import logging
import math
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

from wherry.errors import Forbidden, Invalid, NotFound, Unauthorized, WherryError
from wherry.oci.reference import Reference
from wherry.registry.client.hosts import Host
from wherry.registry.client.manifests import ACCEPT
from wherry.registry.client.session import Credentials, Session
from wherry.registry.client.tags import list_tags
from wherry.registry.server import quantities
from wherry.registry.server.content import MAX_MANIFEST, Content
from wherry.registry.server.failures import Refusal
from wherry.registry.server.metrics import Metrics
from wherry.registry.server.names import is_digest
from wherry.registry.server.settings import Cache as Told

_LOG = logging.getLogger("registry")
_MOST_LISTS = 1000
_AHEAD = 8  # chunks that storing may be ahead of the client
_NO = (NotFound, Forbidden, Unauthorized)


class Cache:
    """The repositories that one pattern fits, as another registry's."""

    def __init__(self, told: Told, content: Content, metrics: Metrics) -> None:
        """Raises Invalid."""
        scheme, slashes, host = told.remote.rstrip("/").partition("://")
        if scheme not in ("http", "https") or not slashes or not host:
            raise Invalid(f"invalid remote {told.remote!r}", hint="write it like https://registry.example")
        self.pattern = told.repositories
        self.remote = told.remote
        self._prefix = told.repositories.partition("*")[0]
        self._fresh = quantities.seconds(told.fresh)
        self._content = content
        self._metrics = metrics
        self._host = Host(f"{scheme}://{host}", plain=scheme == "http", verify=True)
        self._credentials = Credentials(told.username, _password(told.password_file))
        self._session: Session | None = None
        self._fetching: dict[str, asyncio.Task[None]] = {}
        self._listed: dict[str, tuple[list[str], float]] = {}  # repository → its tags, when they were listed

    async def close(self) -> None:
        """Fetching ends."""
        for task in self._fetching.values():
            task.cancel()
        await asyncio.gather(*self._fetching.values(), return_exceptions=True)
        if self._session is not None:
            await self._session.__aexit__()

    async def manifest(self, name: str, reference: str) -> None:
        """See to it that a manifest is here, if the other registry has it and answers."""
        try:
            if is_digest(reference):
                await self._content.manifest(name, reference)
            elif (await self._content.tag(name, reference)).at < time.time() - self._fresh:
                raise Refusal("MANIFEST_UNKNOWN")
            else:
                await self._content.manifest(name, reference)
            self._metrics.add("cache_hits_total")
            return
        except Refusal as refusal:
            if refusal.code != "MANIFEST_UNKNOWN":
                raise
        self._metrics.add("cache_misses_total")
        session = await self._asking()
        remote = self._remote_name(name)
        try:
            async with session.request(
                "GET",
                f"/v2/{remote}/manifests/{reference}",
                scope=f"repository:{remote}:pull",
                headers={"Accept": ACCEPT},
            ) as response:
                data = b""
                async for chunk in response.content.iter_any():
                    data += chunk
                    if len(data) > MAX_MANIFEST:
                        raise Refusal("SIZE_INVALID", f"manifest is larger than {MAX_MANIFEST} bytes")
                kind = response.headers.get("Content-Type", "").partition(";")[0].strip()
        except _NO:
            if is_digest(reference):
                return
            if await self._content.has_tag(name, reference):
                await self._content.delete_tag(name, reference)  # it is gone there, so it is here
            return
        except WherryError as error:
            if await self._content.has_tag(name, reference):
                return  # better an old one than none
            raise Refusal("UNAVAILABLE", f"{self._host.name} does not answer") from error
        await self._content.put_manifest(name, reference, data, kind, by=self._host.name, whole=False)

    async def tags(self, name: str) -> list[str] | None:
        """Sorted, as the other registry lists them; None when it does not answer.

        Raises Refusal for a repository that it has not.
        """
        listed, when = self._listed.get(name, ([], -math.inf))
        if time.monotonic() - when < self._fresh:
            self._metrics.add("cache_hits_total")
            return listed
        self._metrics.add("cache_misses_total")
        remote = Reference(self._host.name, self._remote_name(name))
        try:
            listed = sorted(await list_tags(await self._asking(), remote))
        except _NO:
            raise Refusal("NAME_UNKNOWN", detail={"name": name}) from None
        except WherryError:
            return None
        if len(self._listed) >= _MOST_LISTS:
            self._listed.clear()
        self._listed[name] = listed, time.monotonic()
        return listed

    async def blob(self, name: str, digest: str) -> tuple[int, Arriving] | None:
        """A blob that is not here: its size, and its bytes while they are stored; the caller leaves them.

        None when it is here after all. Raises Refusal when the other registry has it not.
        """
        known = self._fetching.get(digest)
        if known is not None:
            await asyncio.wait([known])
            return None
        self._metrics.add("cache_misses_total")
        chunks: asyncio.Queue[bytes | None] = asyncio.Queue(_AHEAD)
        size: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        reader = Arriving(chunks)
        task = asyncio.create_task(self._fetch(name, digest, size, reader))
        self._fetching[digest] = task
        task.add_done_callback(lambda done: self._ended(digest, done))
        either: list[asyncio.Future[Any]] = [task, size]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not size.done():
            await task  # raises why
            raise Refusal("BLOB_UNKNOWN", detail={"digest": digest})
        return size.result(), reader

    def _ended(self, digest: str, task: asyncio.Task[None]) -> None:
        self._fetching.pop(digest, None)
        if not task.cancelled() and (error := task.exception()):
            _LOG.warning("fetching %s from %s: %s", digest, self._host.name, error)

    async def _fetch(self, name: str, digest: str, size: asyncio.Future[int], reader: Arriving) -> None:
        session = await self._asking()
        remote = self._remote_name(name)
        upload = self._content.new_upload()
        try:
            async with session.request(
                "GET", f"/v2/{remote}/blobs/{digest}", scope=f"repository:{remote}:pull"
            ) as response:
                if response.content_length is None:
                    raise Refusal("UNAVAILABLE", f"{self._host.name} does not say how large the blob is")
                size.set_result(response.content_length)
                await self._content.append(upload, 0, reader.passing(response.content.iter_chunked(1 << 18)))
            await self._content.finish(name, upload, digest)
        except _NO:
            raise Refusal("BLOB_UNKNOWN", detail={"digest": digest}) from None
        except WherryError as error:
            raise Refusal("UNAVAILABLE", f"{self._host.name} does not answer") from error
        finally:
            await reader.end()
            await self._content.driver.drop(upload)

    async def _asking(self) -> Session:
        if self._session is None:
            session = Session(self._host, self._credentials)
            self._session = await session.__aenter__()
        return self._session

    def _remote_name(self, name: str) -> str:
        return name.removeprefix(self._prefix)


class Arriving:
    """Between the task that stores a blob and the client that asked for it, who may leave at any time."""

    def __init__(self, queue: asyncio.Queue[bytes | None]) -> None:
        self._queue = queue
        self._left = False

    def leave(self) -> None:
        """Nobody reads any more; storing goes on."""
        self._left = True
        while not self._queue.empty():
            self._queue.get_nowait()

    async def passing(self, source: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The source's chunks, each handed to the client as well."""
        async for chunk in source:
            if not self._left:
                await self._queue.put(chunk)
            yield chunk

    async def end(self) -> None:
        if not self._left:
            await self._queue.put(None)

    async def chunks(self) -> AsyncIterator[bytes]:
        """For the client; too few when something went wrong."""
        while (chunk := await self._queue.get()) is not None:
            yield chunk


def find(caches: Sequence[Cache], name: str) -> Cache | None:
    """The cache that a repository belongs to."""
    return next((one for one in caches if fnmatch.fnmatchcase(name, one.pattern)), None)


def _password(path: str) -> str:
    if not path:
        return ""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"can't read the password in {path}: {error}") from error
