"""Pushing an image: what the registry has is not moved, what another repository of it has is mounted, the
rest is compressed and sent at once, layer beside layer, without a byte on the disk.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from wherry.errors import Invalid, Unauthorized, Unavailable, WherryError
from wherry.oci import media_types
from wherry.oci.digest import hex_of, sha256_of
from wherry.oci.manifest import Descriptor
from wherry.oci.reference import DEFAULT_DOMAIN, Reference
from wherry.registry.client.hosts import Hosts
from wherry.registry.client.session import BROKEN, Credentials, Session
from wherry.registry.client.sources import Sources
from wherry.registry.client.uploads import (
    finish_upload,
    has_blob,
    location_of,
    mount,
    push_scope,
    put_manifest,
    start_upload,
)
from wherry.store import Store
from wherry.store.archive.packing import Compression, manifest_of
from wherry.store.compression import compress
from wherry.store.images import Image

_SIDE_BY_SIDE = 3
_TRIES = 4
_CANDIDATES = 4  # blobs known for a layer that are asked for, newest first

# the same bytes under the name of the one family that we write
_AS_OCI = {
    media_types.DOCKER_LAYER: media_types.OCI_LAYER,
    media_types.DOCKER_LAYER_GZIP: media_types.OCI_LAYER_GZIP,
    media_types.DOCKER_LAYER_ZSTD: media_types.OCI_LAYER_ZSTD,
}

_AS_DOCKER = {oci: docker for docker, oci in _AS_OCI.items()}

Event = dict[str, Any]
Say = Callable[[Event], None]


class Made(NamedTuple):
    """What goes into a registry besides layers: blobs by digest, and the manifest over all."""

    blobs: Mapping[str, bytes]
    manifest: bytes
    media_type: str


Make = Callable[[Mapping[str, Descriptor]], Made]
"""Given the layers' blobs by diff id."""


class Pusher:
    """All pushes from one store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._sources = Sources(store.database)

    async def push(
        self, image: Image, reference: Reference, *, hosts: Hosts, credentials: Credentials | None = None
    ) -> AsyncIterator[Event]:
        """Push an image under a tag; yields Docker's progress objects, the last with `aux`.

        Raises Unauthorized, Unavailable, Invalid.
        """
        if image.extras:
            raise Invalid(
                f"{reference.familiar} is this machine's own userland and can't be pushed",
                hint="`wherry commit` or `wherry export` what you made of it",
            )
        config = await asyncio.to_thread(self._store.blobs.read, image.id)

        def make(blobs: Mapping[str, Descriptor]) -> Made:
            manifest = manifest_of(config, image.layers, blobs, Compression())
            return Made({image.id: config}, manifest, media_types.OCI_MANIFEST)

        def pushed(digest: str) -> None:
            self._store.images.name(image.id, reference._replace(tag="", digest=digest))

        made = self.push_made(
            reference, image.layers, make, hosts=hosts, credentials=credentials, done=pushed
        )
        async for event in made:
            yield event

    async def push_made(
        self,
        reference: Reference,
        layers: Sequence[str],
        make: Make,
        *,
        hosts: Hosts,
        credentials: Credentials | None = None,
        compression: Compression | None = None,
        done: Callable[[str], None] = lambda _: None,
    ) -> AsyncIterator[Event]:
        """Push `layers` (diff ids, which the caller holds) and what `make` says belongs over them, by its
        digest alone when `reference` has no tag. `done` is
        told the manifest's digest. Yields and raises as `push`."""
        events: asyncio.Queue[Event | None] = asyncio.Queue()
        wanted = compression or Compression()

        async def work() -> None:
            try:
                async with Session(hosts.origin(reference.domain), credentials) as session:
                    say = events.put_nowait
                    done(await self._push(session, reference, layers, make, wanted, say))
            finally:
                events.put_nowait(None)

        yield {"status": f"The push refers to repository [{reference.repository}]"}
        task = asyncio.ensure_future(work())
        try:
            while (event := await events.get()) is not None:
                yield event
            await task
        except Unauthorized as error:
            raise Unauthorized(
                f"push access denied for {reference.familiar_name}: {error.message}",
                hint=error.hint
                or f"`wherry login {'' if reference.domain == DEFAULT_DOMAIN else reference.domain}`",
            ) from error
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _push(
        self,
        session: Session,
        reference: Reference,
        layers: Sequence[str],
        make: Make,
        compression: Compression,
        say: Say,
    ) -> str:
        slots = asyncio.Semaphore(_SIDE_BY_SIDE)
        for diff_id in layers:
            say({"status": "Preparing", "progressDetail": {}, "id": hex_of(diff_id)[:12]})
        unique = dict.fromkeys(layers)
        sent = await asyncio.gather(
            *(self._layer(session, reference, one, compression, slots, say) for one in unique)
        )
        made = await asyncio.to_thread(make, dict(zip(unique, sent, strict=True)))
        for digest, data in made.blobs.items():
            await self._small_blob(session, reference, digest, data)
        digest = sha256_of(made.manifest)
        tag = reference.tag or digest
        await put_manifest(session, reference.path, tag, made.manifest, made.media_type)
        say({"status": f"{tag}: digest: {digest} size: {len(made.manifest)}"})
        aux = {"Tag": tag, "Digest": digest, "Size": len(made.manifest)}
        say({"progressDetail": {}, "aux": aux})
        return digest

    async def _layer(
        self,
        session: Session,
        reference: Reference,
        diff_id: str,
        compression: Compression,
        slots: asyncio.Semaphore,
        say: Say,
    ) -> Descriptor:
        name = hex_of(diff_id)[:12]
        async with slots:
            known = [one for one in self._sources.known(diff_id) if _fits(one.descriptor, compression)]
            candidates = {one.descriptor.digest: one.descriptor for one in known}
            for descriptor in list(candidates.values())[:_CANDIDATES]:
                if await has_blob(session, reference.path, descriptor.digest):
                    say({"status": "Layer already exists", "progressDetail": {}, "id": name})
                    return self._noted(diff_id, descriptor, reference, compression)
            for one in known[:_CANDIDATES]:
                domain, _, path = one.repository.partition("/")
                elsewhere = domain == reference.domain and path != reference.path
                if elsewhere and await mount(session, reference.path, one.descriptor.digest, path):
                    say({"status": f"Mounted from {path}", "progressDetail": {}, "id": name})
                    return self._noted(diff_id, one.descriptor, reference, compression)
            descriptor = await self._send(session, reference, diff_id, compression, name, say)
            say({"status": "Pushed", "progressDetail": {}, "id": name})
            return self._noted(diff_id, descriptor, reference, compression)

    def _noted(
        self, diff_id: str, descriptor: Descriptor, reference: Reference, compression: Compression
    ) -> Descriptor:
        kind = _AS_OCI.get(descriptor.media_type, descriptor.media_type)
        mine = Descriptor(media_type=kind, digest=descriptor.digest, size=descriptor.size)
        self._sources.note(diff_id, mine, reference.repository)
        return mine if not compression.docker else msgspec.structs.replace(mine, media_type=_AS_DOCKER[kind])

    async def _send(
        self,
        session: Session,
        reference: Reference,
        diff_id: str,
        compression: Compression,
        name: str,
        say: Say,
    ) -> Descriptor:
        total = self._store.layers.get(diff_id).archive
        for attempt in range(_TRIES):
            try:
                return await self._send_once(session, reference, diff_id, compression, total, name, say)
            except (Unavailable, *BROKEN) as error:
                if attempt == _TRIES - 1:
                    if isinstance(error, WherryError):
                        raise
                    raise Unavailable(f"the connection to {session.host.name} broke: {error}") from error
                say({"status": "Retrying", "progressDetail": {}, "id": name})
                await asyncio.sleep(0.5 * 2.0**attempt)
        raise AssertionError("unreachable")

    async def _send_once(
        self,
        session: Session,
        reference: Reference,
        diff_id: str,
        compression: Compression,
        total: int,
        name: str,
        say: Say,
    ) -> Descriptor:
        location = await start_upload(session, reference.path)
        state, size, told = hashlib.sha256(), 0, 0

        async def body() -> AsyncIterator[bytes]:
            nonlocal size, told
            read = 0

            def counted() -> Iterator[bytes]:
                nonlocal read
                for chunk in self._store.layers.archive(diff_id):
                    read += len(chunk)
                    yield chunk

            async for chunk in _from_thread(compress(counted(), compression.kind, compression.level)):
                state.update(chunk)
                size += len(chunk)
                if read - told > total // 50:
                    told = read
                    detail = {"current": read, "total": total}
                    say({"status": "Pushing", "progressDetail": detail, "id": name})
                yield chunk

        scope = push_scope(reference.path)
        headers = {"Content-Type": "application/octet-stream"}
        async with session.request(
            "PATCH", location, scope=scope, headers=headers, data=body(), accept=frozenset({202}), retry=False
        ) as response:
            location = location_of(session, response.headers.get("Location", ""))
        digest = f"sha256:{state.hexdigest()}"
        await finish_upload(session, reference.path, location, digest)
        return Descriptor(media_type=compression.layer_type, digest=digest, size=size)

    async def _small_blob(self, session: Session, reference: Reference, digest: str, data: bytes) -> None:
        for attempt in range(_TRIES):
            if await has_blob(session, reference.path, digest):
                return None
            location = await start_upload(session, reference.path)
            try:
                return await finish_upload(session, reference.path, location, digest, data)
            except Unavailable:
                if attempt == _TRIES - 1:
                    raise
        return None


def _fits(descriptor: Descriptor, compression: Compression) -> bool:
    """Whether a blob that exists will do, or the layer must be compressed as asked for."""
    if not compression.force:
        return True
    return (
        _AS_OCI.get(descriptor.media_type, descriptor.media_type)
        == compression._replace(docker=False).layer_type
    )


async def _from_thread(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """What a blocking iterator yields, each item computed in a thread while the one before is sent."""
    pending = asyncio.ensure_future(asyncio.to_thread(next, chunks, None))
    try:
        while (chunk := await pending) is not None:
            pending = asyncio.ensure_future(asyncio.to_thread(next, chunks, None))
            yield chunk
    finally:
        await asyncio.gather(pending, return_exceptions=True)
        close = getattr(chunks, "close", None)
        if close is not None:
            await asyncio.to_thread(close)
