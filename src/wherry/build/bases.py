"""What a stage can begin with besides another stage: images, named contexts, nothing."""

from __future__ import annotations

from wherry.build.cache import Cached, make_key
from wherry.build.copying import Copying, pick
from wherry.build.request import Context
from wherry.build.sharing.layouts import Layout, LayoutBase
from wherry.build.sources import Files
from wherry.build.state import State
from wherry.build.step import EMPTY, Room
from wherry.errors import Invalid
from wherry.oci import RunConfig, parse_reference
from wherry.registry.client.platforms import parse_platform
from wherry.store.apart import to_its_end
from wherry.store.images import Image
from wherry.store.machine import architecture

__all__ = ["Bases"]


class Bases:
    """Of one build. Layers of what it gives out are held by the build's lease."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def context(self, name: str) -> Context | None:
        """The named context that `name` means; an image's name means the one that is named alike."""
        contexts = self._room.request.contexts
        if name in contexts or not contexts:
            return contexts.get(name)
        wanted = _canonical(name)
        return next((value for key, value in contexts.items() if wanted and _canonical(key) == wanted), None)

    async def state(self, name: str, platform: str) -> State:
        """What FROM `name` begins with. Raises NotFound, Invalid."""
        found = self.context(name)
        if isinstance(found, Files):
            return await self._of_files(found, platform)
        if name == "scratch" and found is None:
            return _empty(platform)
        return self.of_image(await self._image(found or name, platform))

    async def files(self, name: str) -> Files | State:
        """What `--from=name` copies from: a context's files, or the state of an image."""
        found = self.context(name)
        if isinstance(found, Files):
            return found
        return self.of_image(await self._image(found or name, self._room.request.platform))

    def of_image(self, image: Image) -> State:
        """Where a stage of an image begins. Raises Invalid when it has just been removed."""
        for diff_id in image.layers:
            if not self._room.lease.take(diff_id):
                raise Invalid(f"image {image.id[7:19]} was removed while it was used")
        config = image.config
        return State(
            layers=list(image.layers),
            config=config.config,
            history=list(config.history),
            architecture=config.architecture,
            variant=config.variant,
            os=config.os,
            author=config.author,
            created=config.created,
            base=image.id if image.added else "",
            below=len(image.layers),
            extras=image.extras,
        ).copy()

    async def _image(self, place: str | LayoutBase, platform: str) -> Image:
        if isinstance(place, str):
            image = await self._room.worker.image(place, pull=self._room.request.pull, platform=platform)
            self._room.materials[place] = image.digests[0].rpartition("@")[2] if image.digests else image.id
            return image
        return await to_its_end(self._of_layout, place, platform)

    def _of_layout(self, place: LayoutBase, platform: str) -> Image:
        layout = Layout(place.path)
        try:
            wanted = parse_platform(platform or _own())
            manifest = layout.find(tag=place.tag, digest=place.digest, platform=wanted)
            return layout.load(self._room.store, self._room.lease, manifest)
        finally:
            layout.close()

    async def _of_files(self, files: Files, platform: str) -> State:
        room = self._room
        state = _empty(platform)

        def look() -> tuple[Copying, str]:
            copying = Copying(pick(files, ".", instruction="FROM"), "/", True, "", "", True, False)
            return copying, copying.key()[0]

        copying, digest = await to_its_end(look)
        key = make_key("directory as a base", digest, room.request.epoch)
        async with room.cache.once(key):
            found = await room.recall(key)
            if found is None:
                items = copying.items(None, None, room.now_ns())
                found = Cached(await room.layer(lambda: room.compose(items)), room.created())
                room.cache.put(key, found, step="FROM a directory", kind="source.local")
        if found.diff_id and found.diff_id != EMPTY:
            state.add_layer(found.diff_id, found.created, "FROM a directory")
        state.below = len(state.layers)
        return state


def _own() -> str:
    return "/".join(part for part in ("linux", *architecture()) if part)


def _empty(platform: str) -> State:
    parts = (platform or _own()).split("/")
    state = State(architecture=parts[1], variant=parts[2] if len(parts) > 2 else "", os=parts[0])
    state.config = RunConfig()
    return state


def _canonical(name: str) -> str:
    try:
        return str(parse_reference(name).tagged)
    except Invalid:
        return ""
