"""Reading a blob of a registry: verified as it streams, gone on with after a cut, in ranges when large."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor

from wherry.errors import Invalid, Unavailable
from wherry.oci.digest import check_digest
from wherry.oci.manifest import Descriptor
from wherry.registry.client.session import BROKEN, Session
from wherry.store.arrivals import Arrival

_CHUNK = 256 << 10
_CUTS = 8  # broken connections in a row, without a byte between them, until a blob is given up
_LARGE = 64 << 20  # from here on a blob is read in ranges side by side
_RANGE = 8 << 20
_SIDE_BY_SIDE = 4

_READING = ThreadPoolExecutor(1, "kept-blobs")
"""Of its own: the loop's threads may all be unpacking, and wait for what is read here."""

Progress = Callable[[int], None]


async def read_small(session: Session, repository: str, descriptor: Descriptor, *, limit: int) -> bytes:
    """The whole of a small blob, verified. Raises Invalid."""
    if descriptor.size > limit:
        raise Invalid(f"blob {descriptor.digest} of {descriptor.size} bytes is larger than {limit}")
    return b"".join([chunk async for chunk in read(session, repository, descriptor)])


async def read(
    session: Session,
    repository: str,
    descriptor: Descriptor,
    *,
    here: Arrival | None = None,
    progress: Progress = lambda _: None,
) -> AsyncIterator[bytes]:
    """The blob's bytes in order. At the end they have been verified, or Invalid is raised.

    Those that are `here` already are not asked for, but verified with the rest. `progress` is told how many
    bytes have come so far.
    """
    check_digest(descriptor.digest)
    if not descriptor.digest.startswith(("sha256:", "sha512:")):
        raise Invalid(f"unsupported digest algorithm: {descriptor.digest.partition(':')[0]}")
    state = hashlib.new(descriptor.digest.partition(":")[0])
    offset = 0
    async for chunk in _all(session, repository, descriptor, here):
        offset += len(chunk)
        if offset > descriptor.size:
            raise Invalid(f"blob {descriptor.digest} is longer than the {descriptor.size} bytes announced")
        state.update(chunk)
        progress(offset)
        yield chunk
    if offset != descriptor.size:
        raise Invalid(f"blob {descriptor.digest} has {offset} bytes, not the {descriptor.size} announced")
    if state.hexdigest() != descriptor.digest.partition(":")[2]:
        raise Invalid(
            f"blob {descriptor.digest} arrived with other contents",
            hint="the registry, or something on the way, serves damaged data",
        )


async def _all(
    session: Session, repository: str, blob: Descriptor, here: Arrival | None
) -> AsyncIterator[bytes]:
    """From the disk what is there, the rest from the registry."""
    start = here.offset if here is not None else 0
    if here is not None:
        kept = here.chunks()
        loop = asyncio.get_running_loop()
        while chunk := await loop.run_in_executor(_READING, next, kept, b""):
            yield chunk
    if start and start >= blob.size:
        return
    source = _ranges if blob.size - start >= _LARGE else _stream
    async for chunk in source(session, repository, blob, start):
        yield chunk


async def _stream(
    session: Session, repository: str, blob: Descriptor, start: int = 0, end: int = 0
) -> AsyncIterator[bytes]:
    """Bytes from `start` to `end` (exclusive; 0: to the end), over as many connections as it takes."""
    stop = end or blob.size
    offset, cuts = start, 0
    while offset < stop or (offset == stop == 0 and not cuts):
        try:
            async for chunk in _once(session, repository, blob, offset, end):
                offset += len(chunk)
                cuts = 0
                yield chunk
            # an answer that ended properly is the registry's whole answer, however long it is
            return
        except BROKEN as error:
            cuts += 1
            if cuts >= _CUTS:
                raise Unavailable(
                    f"the connection to {session.host.name} broke {cuts} times in a row: {error}",
                    hint="try again later",
                ) from error
            await asyncio.sleep(min(0.1 * 2.0**cuts, 5.0))


async def _once(
    session: Session, repository: str, blob: Descriptor, offset: int, end: int
) -> AsyncIterator[bytes]:
    """One connection's worth of `_stream`."""
    headers = {}
    if offset or end:
        headers["Range"] = f"bytes={offset}-{end - 1 if end else ''}"
    path = f"/v2/{repository}/blobs/{blob.digest}"
    scope = f"repository:{repository}:pull"
    async with session.request(
        "GET", path, scope=scope, headers=headers, accept=frozenset({200, 206})
    ) as response:
        skip = 0
        if headers:
            given = response.headers.get("Content-Range", "")
            if response.status == 200:
                skip = offset  # it does not know ranges
            elif not given.startswith(f"bytes {offset}-"):
                raise Invalid(f"{session.host.name} answered with another range than was asked for")
        async for chunk in response.content.iter_chunked(_CHUNK):
            if skip:
                cut = min(skip, len(chunk))
                skip -= cut
                chunk = chunk[cut:]
            if chunk:
                yield chunk


async def _ranges(session: Session, repository: str, blob: Descriptor, start: int) -> AsyncIterator[bytes]:
    """The blob from `start` on, by a few ranges side by side: one connection's speed is often not the line's.

    When the first answer shows that the registry knows no ranges, it is read whole.
    """
    probe = session.request(
        "GET",
        f"/v2/{repository}/blobs/{blob.digest}",
        scope=f"repository:{repository}:pull",
        headers={"Range": "bytes=0-0"},
        accept=frozenset({200, 206}),
    )
    async with probe as response:
        knows_ranges = response.status == 206
    if not knows_ranges:
        async for chunk in _stream(session, repository, blob, start):
            yield chunk
        return

    async def part(first: int) -> list[bytes]:
        end = min(first + _RANGE, blob.size)
        return [chunk async for chunk in _stream(session, repository, blob, first, end)]

    starts = iter(range(start, blob.size, _RANGE))
    running: list[asyncio.Task[list[bytes]]] = []
    try:
        for first in starts:
            running.append(asyncio.ensure_future(part(first)))
            if len(running) == _SIDE_BY_SIDE:
                for chunk in await running.pop(0):
                    yield chunk
        while running:
            for chunk in await running.pop(0):
                yield chunk
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
