"""The builds of this engine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import TYPE_CHECKING, Any

from wherry.build.build import Build
from wherry.build.cache import Cache, CacheRow, Pruning
from wherry.build.events import Event, Warned
from wherry.build.finish import Built
from wherry.build.request import Finished, Order, Request
from wherry.build.sharing import Imports
from wherry.build.sharing.sources import open_sources
from wherry.build.step import Room as BuildRoom
from wherry.errors import WherryError
from wherry.oci import Reference, parse_reference
from wherry.oci.reference import DEFAULT_DOMAIN
from wherry.registry.client.platforms import parse_platform
from wherry.store import Store
from wherry.store.archive.packing import Compression
from wherry.store.images import Image
from wherry.store.machine import architecture

from ..moments import rfc3339
from . import serving
from .agents import Agents
from .pruning import fitting
from .steps import StepRunner

if TYPE_CHECKING:
    from wherry.registry.client.push import Make
    from wherry.registry.client.remote import Remote

    from ..containers.room import Room
    from ..images import Images
    from .order import BuildOrder

Auths = dict[str, dict[str, str]]
"""Credentials by registry, as the X-Registry-Config header has them."""


class Builds:
    """Loaded when the first build is asked for."""

    def __init__(self, room: Room, images: Images) -> None:
        self._room = room
        self._images = images
        self._root = os.path.join(room.state_dir, "build")
        self.cache = Cache(room.store, os.path.join(self._root, "caches"))
        self.agents = Agents()
        self._steps = StepRunner(room, room.store.database)
        self._places: set[str] = set()
        shutil.rmtree(os.path.join(self._root, "work"), ignore_errors=True)

    async def sweep(self) -> None:
        """Remove what an engine that was killed has left."""
        await self._steps.sweep()
        await asyncio.to_thread(self.cache.mounts.mend)

    @property
    def root(self) -> str:
        """Where builds keep what they have on disk besides layers."""
        return self._root

    def layer_directories(self, layers: list[str]) -> list[str]:
        """The directories of layers (lowest first), topmost first."""
        return [self._room.store.layers.path(layer) for layer in reversed(layers)]

    @contextlib.contextmanager
    def workplace(self) -> Any:
        """A directory of one build, with everything in it removed at the end; so is what a thread of an
        earlier build, which was given up meanwhile, has made since."""
        name, work = os.urandom(8).hex(), os.path.join(self._root, "work")
        place = os.path.join(work, name)
        self._places.add(name)
        os.makedirs(place, mode=0o700)
        try:
            yield place
        finally:
            self._places.discard(name)
            for left in set(os.listdir(work)) - self._places:
                shutil.rmtree(os.path.join(work, left), ignore_errors=True)

    async def build(
        self, request: Request, workplace: str, auths: Auths | None = None
    ) -> AsyncGenerator[Event | Built, None]:
        """Events as they happen, then what came of it. Raises DockerfileError, StepFailed, …; closing the
        iterator ends the build."""
        events: asyncio.Queue[Event | None] = asyncio.Queue()
        store = self._room.store
        try:
            with store.layers.lease() as lease:
                worker = _Worker(self._steps, self._images, store, events, auths or {})
                room = BuildRoom(
                    request,
                    store,
                    self.cache,
                    worker,
                    lease,
                    workplace,
                    events.put_nowait,
                )
                async with AsyncExitStack() as caches:
                    task = asyncio.ensure_future(self._run(room, caches))
                    task.add_done_callback(lambda _: events.put_nowait(None))
                    try:
                        while (event := await events.get()) is not None:
                            yield event
                        built = task.result()
                        yield built
                    finally:
                        task.cancel()
                        await asyncio.gather(task, return_exceptions=True)
        finally:  # also of a build that failed or was given up: it has made layers that nobody holds now
            with contextlib.suppress(WherryError, OSError):  # nor does a full disk undo what is built
                await asyncio.to_thread(self._tidy)

    async def _run(self, room: BuildRoom, caches: AsyncExitStack) -> Built:
        request = room.request

        def warn(text: str) -> None:
            room.emit(Warned(text))

        if request.cache_from or request.cache_images:
            images = [image for name in request.cache_images if (image := self._images.find(name))]
            room.imports = Imports(room.store, self.cache, room.lease, warn, images)
            own = "/".join(part for part in ("linux", *architecture()) if part)
            await open_sources(
                request.cache_from,
                room.imports,
                parse_platform(request.platform or own),
                room.worker.remote,
                caches,
                warn,
            )
        return await Build(room).run()

    @property
    def store(self) -> Store:
        """Where layers and images are."""
        return self._room.store

    def push(
        self, reference: Reference, layers: list[str], make: Make, compression: Compression, auths: Auths
    ) -> AsyncIterator[dict[str, Any]]:
        """Push what was made of layers that the caller holds; Docker's progress objects."""
        return self._images.registries.push_made(
            reference, layers, make, compression=compression, credentials=credentials_for(reference, auths)
        )

    def _tidy(self) -> None:
        self.cache.limit()
        self._room.store.layers.collect()

    def classic(
        self, order: BuildOrder, archive: AsyncIterator[bytes], *, quiet: bool
    ) -> AsyncIterator[dict[str, Any]]:
        """A build as Docker's classic builder reports it. See `serving.classic`."""
        return serving.classic(self, order, archive, quiet=quiet)

    def events(self, order: BuildOrder, archive: AsyncIterator[bytes]) -> AsyncIterator[Any]:
        """A build as our own command line wants it. See `serving.events`."""
        return serving.events(self, order, archive)

    async def usage(self) -> list[CacheRow]:
        """What the cache holds."""
        return await asyncio.to_thread(self.cache.rows)

    async def shown(self) -> list[dict[str, Any]]:
        """The same, as Docker's `system df` has it."""
        return [
            {
                "ID": row.key[:25],
                "Parents": [row.parent[:25]] if row.parent else [],
                "Type": row.kind,
                "Description": row.step,
                "InUse": row.in_use,
                "Shared": row.shared,
                "Size": row.size,
                "CreatedAt": rfc3339(row.added),
                "LastUsedAt": rfc3339(row.used),
                "UsageCount": row.uses,
            }
            for row in await self.usage()
        ]

    async def prune(
        self,
        filters: Mapping[str, Sequence[str]] | None = None,
        *,
        everything: bool,
        reserved: int = 0,
        most: int = 0,
        free: int = 0,
    ) -> tuple[list[str], int]:
        """Remove cache entries; (ids, bytes). See `Pruning`, and `fitting` for the filters."""
        chosen = Pruning(everything, reserved, most, free, fitting(filters or {}))
        gone, freed = await asyncio.to_thread(self.cache.prune, chosen)
        if chosen.whole:
            await asyncio.to_thread(shutil.rmtree, os.path.join(self._root, "hashes"), ignore_errors=True)
        self._room.events.publish("builder", "prune", "", {"reclaimed": str(freed)})
        return gone, freed


class _Worker:
    """What a build needs of the engine; see `wherry.build.request.Worker`."""

    def __init__(
        self,
        steps: StepRunner,
        images: Images,
        store: Store,
        events: asyncio.Queue[Event | None],
        auths: Auths,
    ) -> None:
        self._steps = steps
        self._images = images
        self._store = store
        self._events = events
        self._auths = auths
        self._pulls: dict[str, asyncio.Lock] = {}
        self._pulled: set[str] = set()

    def run(self, order: Order) -> AbstractAsyncContextManager[Finished]:
        return self._steps.run(order)

    async def image(self, reference: str, *, pull: bool, platform: str) -> Image:
        async with self._pulls.setdefault(reference, asyncio.Lock()):
            found = await asyncio.to_thread(self._images.find, reference)
            fits = found is not None and (not platform or _fits(found, platform))
            if found is not None and fits and (not pull or reference in self._pulled):
                return found
            credentials = credentials_for(parse_reference(reference), self._auths)
            async for event in self._images.pull(reference, platform=platform, credentials=credentials):
                self._events.put_nowait(event)
            self._pulled.add(reference)
            pulled = await asyncio.to_thread(self._images.resolve, reference)
            if (
                found is not None and not fits
            ):  # the name stays with what it was before: this is for one build
                name = parse_reference(reference)
                if not name.digest:
                    await asyncio.to_thread(self._store.images.name, found.id, name.tagged)
            return pulled

    def tagged(self, image: Image, name: str) -> None:
        self._images.tagged(image, name)

    def remote(self, reference: str) -> AbstractAsyncContextManager[Remote]:
        name = parse_reference(reference).tagged
        return self._images.registries.remote(name, credentials=credentials_for(name, self._auths))


def _fits(image: Image, platform: str) -> bool:
    """Whether an image that is here is one for this platform."""
    wanted = parse_platform(platform)
    config = image.config
    same = (config.os or "linux", config.architecture) == (wanted.os, wanted.architecture)
    return same and (not wanted.variant or not config.variant or config.variant == wanted.variant)


def credentials_for(reference: Reference, auths: Auths) -> dict[str, str] | None:
    """Those of a registry, under whichever name the client has them."""
    domain = reference.domain
    hub = ("https://index.docker.io/v1/", "index.docker.io") if domain == DEFAULT_DOMAIN else ()
    for name in (domain, f"https://{domain}", *hub):
        if name in auths:
            return auths[name]
    return None
