"""Pushing an image: what the registry has is not moved, what another repository of it has is mounted, the
rest is compressed and sent at once, layer beside layer, without a byte on the disk.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import quote, urljoin

from wherry.errors import Internal, Invalid, NotFound, Unauthorized, Unavailable, WherryError
from wherry.oci import media_types
from wherry.oci.digest import hex_of, sha256_of
from wherry.oci.manifest import Descriptor, Manifest, encode_document
from wherry.oci.reference import DEFAULT_DOMAIN, Reference
from wherry.registry.client.hosts import Hosts
from wherry.registry.client.session import BROKEN, Credentials, Session
from wherry.registry.client.sources import Sources
from wherry.store import Store
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

Event = dict[str, Any]
Say = Callable[[Event], None]


class Pushed(NamedTuple):
    """What the registry has now."""

    tag: str
    digest: str
    size: int


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
        events: asyncio.Queue[Event | None] = asyncio.Queue()

        async def work() -> None:
            try:
                async with Session(hosts.origin(reference.domain), credentials) as session:
                    await self._push(session, image, reference, events.put_nowait)
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

    async def _push(self, session: Session, image: Image, reference: Reference, say: Say) -> None:
        if image.extras:
            raise Invalid(
                f"{reference.familiar} is this machine's own userland and can't be pushed",
                hint="`wherry commit` or `wherry export` what you made of it",
            )
        slots = asyncio.Semaphore(_SIDE_BY_SIDE)
        for diff_id in image.layers:
            say({"status": "Preparing", "progressDetail": {}, "id": hex_of(diff_id)[:12]})
        unique = dict.fromkeys(image.layers)
        sent = await asyncio.gather(*(self._layer(session, reference, one, slots, say) for one in unique))
        by_diff_id = dict(zip(unique, sent, strict=True))
        config = await asyncio.to_thread(self._store.blobs.read, image.id)
        manifest = Manifest(
            schema_version=2,
            media_type=media_types.OCI_MANIFEST,
            config=Descriptor(media_type=media_types.OCI_CONFIG, digest=image.id, size=len(config)),
            layers=[by_diff_id[diff_id] for diff_id in image.layers],
        )
        await self._small_blob(session, reference, image.id, config)
        data = encode_document(manifest)
        await put_manifest(session, reference.path, reference.tag, data, media_types.OCI_MANIFEST)
        digest = sha256_of(data)
        self._store.images.name(image.id, reference._replace(tag="", digest=digest))
        say({"status": f"{reference.tag}: digest: {digest} size: {len(data)}"})
        aux = {"Tag": reference.tag, "Digest": digest, "Size": len(data)}
        say({"progressDetail": {}, "aux": aux})

    async def _layer(
        self, session: Session, reference: Reference, diff_id: str, slots: asyncio.Semaphore, say: Say
    ) -> Descriptor:
        name = hex_of(diff_id)[:12]
        async with slots:
            known = self._sources.known(diff_id)
            candidates = {one.descriptor.digest: one.descriptor for one in known}
            for descriptor in list(candidates.values())[:_CANDIDATES]:
                if await has_blob(session, reference.path, descriptor.digest):
                    say({"status": "Layer already exists", "progressDetail": {}, "id": name})
                    return self._noted(diff_id, descriptor, reference)
            for one in known[:_CANDIDATES]:
                domain, _, path = one.repository.partition("/")
                elsewhere = domain == reference.domain and path != reference.path
                if elsewhere and await mount(session, reference.path, one.descriptor.digest, path):
                    say({"status": f"Mounted from {path}", "progressDetail": {}, "id": name})
                    return self._noted(diff_id, one.descriptor, reference)
            descriptor = await self._send(session, reference, diff_id, name, say)
            say({"status": "Pushed", "progressDetail": {}, "id": name})
            return self._noted(diff_id, descriptor, reference)

    def _noted(self, diff_id: str, descriptor: Descriptor, reference: Reference) -> Descriptor:
        kind = _AS_OCI.get(descriptor.media_type, descriptor.media_type)
        mine = Descriptor(media_type=kind, digest=descriptor.digest, size=descriptor.size)
        self._sources.note(diff_id, mine, reference.repository)
        return mine

    async def _send(
        self, session: Session, reference: Reference, diff_id: str, name: str, say: Say
    ) -> Descriptor:
        total = self._store.layers.get(diff_id).archive
        for attempt in range(_TRIES):
            try:
                return await self._send_once(session, reference, diff_id, total, name, say)
            except (Unavailable, *BROKEN) as error:
                if attempt == _TRIES - 1:
                    if isinstance(error, WherryError):
                        raise
                    raise Unavailable(f"the connection to {session.host.name} broke: {error}") from error
                say({"status": "Retrying", "progressDetail": {}, "id": name})
                await asyncio.sleep(0.5 * 2.0**attempt)
        raise AssertionError("unreachable")

    async def _send_once(
        self, session: Session, reference: Reference, diff_id: str, total: int, name: str, say: Say
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

            async for chunk in _from_thread(compress(counted())):
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
            location = _location(session, response.headers.get("Location", ""))
        digest = f"sha256:{state.hexdigest()}"
        await finish_upload(session, reference.path, location, digest)
        return Descriptor(media_type=media_types.OCI_LAYER_GZIP, digest=digest, size=size)

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


def push_scope(repository: str) -> str:
    return f"repository:{repository}:pull,push"


async def has_blob(session: Session, repository: str, digest: str) -> bool:
    """Whether a repository has a blob."""
    try:
        path = f"/v2/{repository}/blobs/{digest}"
        async with session.request("HEAD", path, scope=push_scope(repository)):
            return True
    except NotFound:
        return False


async def put_manifest(session: Session, repository: str, tag: str, data: bytes, media_type: str) -> None:
    """Store a manifest or index under a tag or digest. Raises Internal when the registry took something else
    for it."""
    path = f"/v2/{repository}/manifests/{tag}"
    async with session.request(
        "PUT",
        path,
        scope=push_scope(repository),
        headers={"Content-Type": media_type},
        data=data,
        accept=frozenset({201}),
    ) as response:
        stated = response.headers.get("Docker-Content-Digest", "")
    if stated.startswith("sha256:") and stated != sha256_of(data):
        raise Internal(f"{session.host.name} stored the manifest as {stated}, not {sha256_of(data)}")


async def start_upload(session: Session, repository: str) -> str:
    """Begin an upload; the address to send to."""
    path = f"/v2/{repository}/blobs/uploads/"
    async with session.request(
        "POST", path, scope=push_scope(repository), data=b"", accept=frozenset({202})
    ) as response:
        return _location(session, response.headers.get("Location", ""))


async def finish_upload(
    session: Session, repository: str, location: str, digest: str, data: bytes = b""
) -> None:
    """End an upload, with its last bytes, if any. Raises Invalid when the registry counts otherwise.

    When the answer is lost, or a second try finds no upload any more, the blob itself tells how it went.
    Raises Unavailable when it is not there: the upload must be begun again.
    """
    separator = "&" if "?" in location else "?"
    try:
        async with session.request(
            "PUT",
            f"{location}{separator}digest={quote(digest)}",
            scope=push_scope(repository),
            headers={"Content-Type": "application/octet-stream"},
            data=data,
            accept=frozenset({201, 204}),
            retry=False,
        ):
            return
    except (NotFound, Unavailable) as error:
        if not await has_blob(session, repository, digest):
            raise Unavailable(f"an upload to {session.host.name} was lost: {error.message}") from error


async def mount(session: Session, repository: str, digest: str, source: str) -> bool:
    """Take a blob over from another repository of the registry; False when it won't."""
    query = f"mount={quote(digest)}&from={quote(source)}"
    scope = f"{push_scope(repository)} repository:{source}:pull"
    try:
        async with session.request(
            "POST",
            f"/v2/{repository}/blobs/uploads/?{query}",
            scope=scope,
            data=b"",
            accept=frozenset({201, 202}),
        ) as response:
            if response.status == 201:
                return True
            location = _location(session, response.headers.get("Location", ""))
        async with session.request(
            "DELETE", location, scope=push_scope(repository), accept=frozenset({200, 202, 204, 404, 405})
        ):
            return False
    except WherryError:
        return False  # then it is sent


def _location(session: Session, given: str) -> str:
    if not given:
        raise Invalid(f"{session.host.name} gave no address to upload to")
    try:
        return urljoin(session.base + "/", given)
    except ValueError:
        raise Invalid(f"{session.host.name} gave an address to upload to that is none") from None


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
