"""Pulling an image: manifest, configuration, and all layers at once, each unpacked while it arrives.

A layer that is here already by its diff id is not moved. Two pulls that need the same layer share its way:
the second waits for the first and then finds it here. Of a pull that fails nothing stays: the lease lets go
of its layers. Of one that is cut off, the compressed bytes of large layers stay for a day, and the next pull
goes on from them, also after a restart.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator, Callable
from typing import Any

from wherry.errors import Invalid, NotFound, Unavailable, WherryError
from wherry.oci import media_types
from wherry.oci.digest import hex_of
from wherry.oci.image_config import parse_image_config
from wherry.oci.manifest import Descriptor, Platform
from wherry.oci.reference import Reference
from wherry.registry.client import blobs, manifests
from wherry.registry.client.hosts import Host, Hosts
from wherry.registry.client.session import Credentials, Session
from wherry.registry.client.sources import Sources
from wherry.store import Store
from wherry.store.arrivals import Arrival
from wherry.store.feed import Feed
from wherry.store.images import Image
from wherry.store.layers import Lease

_SIDE_BY_SIDE = 6  # layers of one pull
_MAX_CONFIG = 16 << 20
_MAX_LAYERS = 1000
_KEPT = 16 << 20  # bytes of a layer from which on it is worth keeping what has come of it

Event = dict[str, Any]
Say = Callable[[Event], None]


class Puller:
    """All pulls into one store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._sources = Sources(store.database)
        self._under_way: dict[str, asyncio.Lock] = {}

    async def pull(
        self,
        reference: Reference,
        *,
        hosts: Hosts,
        platform: Platform,
        credentials: Credentials | None = None,
    ) -> AsyncIterator[Event | Image]:
        """Yields Docker's progress objects and, last, the image.

        Raises NotFound (no such image, or none for the platform), Unauthorized, Invalid (what came is not
        what was announced), Unavailable (registry, disk).
        """
        events: asyncio.Queue[Event | Image | None] = asyncio.Queue()

        async def work() -> None:
            try:
                events.put_nowait(
                    await self._pull(reference, hosts, platform, credentials, events.put_nowait)
                )
            finally:
                events.put_nowait(None)

        task = asyncio.ensure_future(work())
        try:
            while (event := await events.get()) is not None:
                yield event
            await task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _pull(
        self,
        reference: Reference,
        hosts: Hosts,
        platform: Platform,
        credentials: Credentials | None,
        say: Say,
    ) -> Image:
        places = hosts.places(reference.domain)
        for place in places:
            try:
                mine = None if place.mirror else credentials
                async with Session(place, mine) as session:
                    return await self._pull_from(session, reference, platform, say)
            except (NotFound, Unavailable) as error:
                if place is places[-1]:
                    raise
                say({"status": f"{_called(place)}: {error.message}; trying the next"})
        raise AssertionError("a registry has at least one place")

    async def _pull_from(self, session: Session, reference: Reference, platform: Platform, say: Say) -> Image:
        found = await manifests.find(session, reference, platform)
        manifest = found.manifest
        if manifest.config.media_type not in media_types.CONFIGS:
            raise Invalid(
                f"{reference.familiar} is no image: its configuration is {manifest.config.media_type[:100]!r}"
            )
        say({"status": f"Pulling from {reference.path}", "id": reference.tag or reference.digest})
        by_digest = reference._replace(tag="", digest=found.named.digest)
        names = [by_digest] if reference.digest else [reference, by_digest]
        before = await asyncio.to_thread(self._store.images.find, str(reference))
        if before is not None and before.id == manifest.config.digest and str(by_digest) in before.digests:
            for descriptor in manifest.layers:
                say(_already(descriptor))
            self._done(reference, found.named.digest, say, fresh=False)
            return before
        config = await self._config(session, reference, manifest.config)
        diff_ids = parse_image_config(config).rootfs.diff_ids
        if len(diff_ids) != len(manifest.layers) or len(diff_ids) > _MAX_LAYERS:
            raise Invalid(
                f"{reference.familiar}: {len(manifest.layers)} layers, but {len(diff_ids)} diff ids"
            )
        with self._store.layers.lease() as lease:
            slots = asyncio.Semaphore(_SIDE_BY_SIDE)
            pairs = list(zip(manifest.layers, diff_ids, strict=True))
            work = [self._layer(session, reference, *pair, lease, slots, say) for pair in pairs]
            await _all_or_none(work)
            for descriptor, diff_id in pairs:
                self._sources.note(diff_id, descriptor, reference.repository)
            image = await asyncio.to_thread(self._store.images.add, config, lease=lease, tags=names)
        self._done(reference, found.named.digest, say, fresh=before is None or before.id != image.id)
        return image

    def _done(self, reference: Reference, digest: str, say: Say, *, fresh: bool) -> None:
        say({"status": f"Digest: {digest}"})
        state = "Downloaded newer image for" if fresh else "Image is up to date for"
        say({"status": f"Status: {state} {reference.familiar}"})

    async def _config(self, session: Session, reference: Reference, descriptor: Descriptor) -> bytes:
        try:
            return await asyncio.to_thread(
                self._store.blobs.read, self._store.images.get(descriptor.digest).id
            )
        except NotFound:
            return await blobs.read_small(session, reference.path, descriptor, limit=_MAX_CONFIG)

    async def _layer(
        self,
        session: Session,
        reference: Reference,
        descriptor: Descriptor,
        diff_id: str,
        lease: Lease,
        slots: asyncio.Semaphore,
        say: Say,
    ) -> None:
        name = hex_of(descriptor.digest)[:12]
        if descriptor.media_type not in media_types.LAYERS:
            raise Invalid(f"layer {name} is of the type {descriptor.media_type[:100]!r}, which is unknown")
        if self._have(diff_id, lease):
            say(_already(descriptor))
            return
        say({"status": "Pulling fs layer", "progressDetail": {}, "id": name})
        lock = self._under_way.setdefault(diff_id, asyncio.Lock())
        try:
            async with lock, slots:
                if self._have(diff_id, lease):  # another pull brought it
                    say({"status": "Pull complete", "progressDetail": {}, "id": name})
                    return
                await self._download(session, reference, descriptor, diff_id, lease, _Teller(say, name))
        finally:
            if not lock.locked():
                self._under_way.pop(diff_id, None)
        say({"status": "Pull complete", "progressDetail": {}, "id": name})

    def _have(self, diff_id: str, lease: Lease) -> bool:
        lease.hold(diff_id)  # first, so that it can't be collected after the look
        return self._store.layers.has(diff_id)

    async def _download(
        self,
        session: Session,
        reference: Reference,
        descriptor: Descriptor,
        diff_id: str,
        lease: Lease,
        teller: _Teller,
    ) -> None:
        def progress(current: int) -> None:
            teller.downloading(current, descriptor.size)

        async def once(here: Arrival | None) -> None:
            source = blobs.read(session, reference.path, descriptor, here=here, progress=progress)
            async with Feed(source) as feed:
                chunks = here.copying(feed.chunks) if here is not None else feed.chunks
                await feed.apart(self._store.layers.unpack, chunks, lease, expected=diff_id)
                # what the archive did not need may not have been read: the blob's own end must be seen
                await feed.apart(_exhaust, chunks)

        if descriptor.size < _KEPT:
            return await once(None)
        here = self._store.blobs.arrivals.open(descriptor.digest)
        try:
            await once(here)
        except Invalid:
            if here is None or not here.offset:
                raise
            here.close(keep=False)  # a power cut may have damaged it
            await once(None)
        except BaseException as error:
            if here is not None:
                here.close(keep=_only_cut(error))
            raise
        finally:
            if here is not None:
                here.close(keep=False)


def _only_cut(error: BaseException) -> bool:
    """Whether what came of a blob may be good: the way was at fault, or who asked for it has gone."""
    if isinstance(error, Unavailable):
        return getattr(error.__cause__, "errno", None) not in (errno.ENOSPC, errno.EDQUOT)
    return isinstance(error, (asyncio.CancelledError, ConnectionError))


class _Teller:
    """Progress of one layer, a few times a second."""

    def __init__(self, say: Say, name: str) -> None:
        self._say = say
        self._name = name
        self._next = 0.0

    def downloading(self, current: int, total: int) -> None:
        now = asyncio.get_running_loop().time()
        if now >= self._next:
            self._next = now + 0.1
            detail = {"current": current, "total": total}
            self._say({"status": "Downloading", "progressDetail": detail, "id": self._name})
        if current == total:
            self._say({"status": "Download complete", "progressDetail": {}, "id": self._name})


def _already(descriptor: Descriptor) -> Event:
    return {"status": "Already exists", "progressDetail": {}, "id": hex_of(descriptor.digest)[:12]}


def _exhaust(chunks: Any) -> None:
    for _ in chunks:
        pass


def _called(place: Host) -> str:
    return f"{'mirror ' if place.mirror else ''}{place.name}"


async def _all_or_none(work: list[Any]) -> None:
    """Run everything at once; the first failure ends the rest and is raised."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        await asyncio.gather(*tasks)
    except BaseException as error:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        if isinstance(error, asyncio.CancelledError):
            raise
        # prefer what explains over what follows from it
        told = [one for one in results if isinstance(one, WherryError)]
        raise (told[0] if told and not isinstance(error, WherryError) else error) from None
