"""Images as the API asks for them: a translation over the store."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING, Any

from wherry.errors import Conflict, Invalid, NotFound
from wherry.oci import Reference, parse_reference
from wherry.store.feed import Feed
from wherry.store.images import Image, ImageUser

from . import image_view
from .bridges import drain, steps
from .containers import image_mounts
from .filters import Filters, check, flag, matches_labels
from .identity import short
from .image_insight import Insight
from .image_registries import AtRegistries
from .models import ImageDeleted, ImageHistoryItem, ImageInspect, ImagesPruned, ImageSummary
from .moments import parse_moment

if TYPE_CHECKING:
    from wherry.store import Store
    from wherry.store.images import Image

    from .containers.registry import Registry
    from .events import Events
    from .registries import Registries

_FILTERS = frozenset({"before", "dangling", "label", "reference", "since", "until"})


class Images(AtRegistries, Insight):
    """`ref` is a name with tag or digest, an id or a unique prefix. `NotFound` ("No such image: x")."""

    def __init__(self, store: Store, registry: Registry, events: Events) -> None:
        self._store = store
        self._registry = registry
        self._events = events
        self._made: Registries | None = None
        self.sockets: Callable[[Any], socket.socket] | None = None
        """See `Registries`."""
        store.images.users = self._users

    async def list(
        self, *, show_all: bool = False, filters: Filters | None = None, shared_size: bool = False
    ) -> Sequence[ImageSummary]:
        """Newest first. Filters: before, since, reference, dangling, label, until.

        With `shared_size` sizes are those on disk, as du counts them, and what other images have too is told
        apart.
        """
        filters = filters or {}
        check(filters, _FILTERS)
        images = await asyncio.to_thread(self._store.images.list)
        before = [self._store.images.resolve(ref) for ref in filters.get("before", [])]
        since = [self._store.images.resolve(ref) for ref in filters.get("since", [])]
        until = min((parse_moment(text) for text in filters.get("until", [])), default=None)
        dangling = flag(filters, "dangling")
        disk = await asyncio.to_thread(self._store.layers.disk_usages) if shared_size else None
        used: dict[str, int] = {}
        for container in self._registry:
            used[container.plan.image_id] = used.get(container.plan.image_id, 0) + 1
        found = []
        for image in images:
            named = bool(image.tags or image.digests)
            if dangling is not None and dangling == bool(image.tags):
                continue
            if not named and not show_all and dangling is None and self._store.images.children(image.id):
                continue  # a step of a build, kept for its children
            created = image_view.seconds(image)
            if before and not all(created < image_view.seconds(other) for other in before):
                continue
            if since and not all(created > image_view.seconds(other) for other in since):
                continue
            if until is not None and created > until:
                continue
            if not matches_labels(image.config.config.labels, filters.get("label", [])):
                continue
            references = filters.get("reference")
            if references and not image_view.matches_any(image, references):
                continue
            found.append(image_view.summary(image, used.get(image.id, 0), references))
            if disk is not None:
                shares = shared(image, images)
                found[-1].size = found[-1].virtual_size = sum(disk.get(one, 0) for one in image.layers)
                found[-1].shared_size = sum(disk.get(one, 0) for one in shares)
        return found

    async def inspect(self, ref: str) -> ImageInspect:
        """All about one image."""
        return image_view.inspect(self._store.images.resolve(ref))

    async def history(self, ref: str) -> Sequence[ImageHistoryItem]:
        """Its steps, newest first."""
        return [
            ImageHistoryItem(
                id=item.id,
                created=item.created,
                created_by=item.created_by,
                tags=[*item.tags] or None,
                size=item.size,
                comment=item.comment,
            )
            for item in self._store.images.history(ref)
        ]

    async def tag(self, ref: str, repo: str, tag: str = "") -> None:
        """Give a further name. Raises `Invalid` for a malformed one."""
        if not repo:
            raise Invalid("repository name must have at least one component")
        name = f"{repo}:{tag}" if tag else repo
        image = self._store.images.tag(ref, name)
        self._event("tag", image.id, name)

    async def remove(self, ref: str, *, force: bool = False, prune: bool = True) -> Sequence[ImageDeleted]:
        """Untag, and delete what nothing names any more. Raises `Conflict` when a container uses it."""
        image = self._store.images.resolve(ref)
        removals = await asyncio.to_thread(self._store.images.remove, ref, force=force, prune=prune)
        for removal in removals:
            if removal.untagged:
                self._event("untag", image.id, removal.untagged)
            elif removal.deleted.startswith("sha256:") and removal.deleted == image.id:
                self._event("delete", image.id, image.id)
        return [ImageDeleted(untagged=one.untagged, deleted=one.deleted) for one in removals]

    async def prune(self, filters: Filters | None = None) -> ImagesPruned:
        """Remove dangling images, or (`dangling=false`) all that no container uses."""
        filters = filters or {}
        check(filters, frozenset({"dangling", "label", "label!", "until"}))
        only_dangling = flag(filters, "dangling") is not False
        until = min((parse_moment(text) for text in filters.get("until", [])), default=None)
        removed: list[ImageDeleted] = []
        disk = await asyncio.to_thread(self._store.layers.disk_usages)
        for image in await asyncio.to_thread(self._store.images.list):
            if self._users(image.id) or (only_dangling and image.tags) or image.extras:
                continue
            if until is not None and image_view.seconds(image) > until:
                continue
            labels = image.config.config.labels
            if not matches_labels(labels, filters.get("label", [])):
                continue
            if (without := filters.get("label!")) and matches_labels(labels, without):
                continue
            try:
                removed += await self.remove(image.id, force=True)
            except NotFound:
                continue  # went with its child
            except Conflict:
                continue  # somebody has begun to use it
        reclaimed = sum(disk.get(one.deleted, 0) for one in removed)
        if not filters.keys() - {"dangling"}:
            reclaimed += await asyncio.to_thread(self._store.blobs.arrivals.clear)
        self._events.publish("image", "prune", "", {"reclaimed": str(reclaimed)})
        return ImagesPruned(images_deleted=removed or None, space_reclaimed=reclaimed)

    async def load(
        self, archive: AsyncIterator[bytes], *, quiet: bool = False
    ) -> AsyncIterator[dict[str, Any]]:
        """Read a Docker archive or OCI layout; yields Docker's progress objects
        (`{"stream": "Loaded image: …"}`)."""
        async with Feed(archive) as feed:
            async for loaded in steps(lambda: self._store.load(feed.chunks)):
                for name in loaded.names:
                    yield {"stream": f"Loaded image: {name}\n"}
                if not loaded.names:
                    yield {"stream": f"Loaded image ID: {loaded.image.id}\n"}
                self._event("load", loaded.image.id, loaded.image.id)

    async def save(self, refs: Sequence[str]) -> AsyncIterator[bytes]:
        """Write images as one archive. Raises `NotFound` before the first byte."""
        if not refs:
            raise Invalid("no images were named")
        images = [self._store.images.resolve(ref) for ref in refs]
        pieces = self._store.save(refs)
        for image, ref in zip(images, refs, strict=True):
            self._event("save", image.id, ref)
        return drain(pieces)

    async def import_(
        self,
        archive: AsyncIterator[bytes],
        *,
        repo: str = "",
        tag: str = "",
        message: str = "",
        changes: Sequence[str] | None = None,
        platform: str = "",
    ) -> AsyncIterator[dict[str, Any]]:
        """Make an image of a root filesystem's tar archive; yields progress, last
        `{"status": "sha256:…"}`."""
        name = f"{repo}:{tag}" if repo and tag else repo
        async with Feed(archive) as feed:
            image = await feed.apart(
                self._store.import_image,
                feed.chunks,
                name,
                changes=list(changes or ()),
                message=message,
                platform=platform,
            )
        self._event("import", image.id, name or image.id)
        yield {"status": image.id}

    async def pull(
        self,
        repo: str,
        *,
        tag: str = "",
        platform: str = "",
        credentials: dict[str, str] | None = None,
    ) -> AsyncIterator[dict[str, Any]]:
        """Fetch from a registry; yields Docker's progress objects. `credentials` is the decoded
        X-Registry-Auth. Without a tag or digest: every tag. Built-in images are here already."""
        reference = _named(repo, tag)
        built_in = await asyncio.to_thread(self._store.images.find, str(reference.tagged))
        if built_in is not None and self._store.builtins.is_builtin(built_in.id):
            yield {"status": f"Image {reference.tagged.familiar} is built in ({short(built_in.id)})"}
            return
        wanted = [reference]
        if not (reference.tag or reference.digest):
            tags = await self.registries.tags(reference, credentials=credentials)
            wanted = [reference._replace(tag=one) for one in tags]
        for one in wanted:
            async for event in self.registries.pull(one, platform=platform, credentials=credentials):
                if isinstance(event, dict):
                    yield event
                else:
                    self._event("pull", event.id, one.familiar)

    async def push(
        self, name: str, *, tag: str = "", credentials: dict[str, str] | None = None
    ) -> AsyncIterator[dict[str, Any]]:
        """Send a name's image to its registry (without a tag: all its tags there); yields Docker's progress
        objects. Raises `NotFound` before the first."""
        reference = parse_reference(name)
        if reference.digest:
            raise Invalid("cannot push a digest reference")
        if tag:
            reference = parse_reference(f"{reference.repository}:{tag}")
        wanted = [reference] if reference.tag else self._tags_of(reference)
        if not wanted:
            raise NotFound(
                f"An image does not exist locally with the tag: {reference.familiar_name}",
                hint=f"`wherry tag IMAGE {reference.familiar_name}` gives one that name",
            )
        images = [(one, self._store.images.find(str(one))) for one in wanted]
        for one, image in images:
            if image is None:
                raise NotFound(f"An image does not exist locally with the tag: {one.familiar_name}")
            async for event in self.registries.push(image, one, credentials=credentials):
                yield event
            self._event("push", image.id, one.familiar)

    def find(self, ref: str) -> Image | None:
        """An image that is here, or None. Blocks."""
        return self._store.images.find(ref)

    def resolve(self, ref: str) -> Image:
        """An image that is here. Blocks. Raises NotFound."""
        return self._store.images.resolve(ref)

    def tagged(self, image: Image, name: str) -> None:
        """Tell listeners that a build has given an image a name."""
        self._event("tag", image.id, name)

    def _tags_of(self, repository: Reference) -> Sequence[Reference]:
        names = (parse_reference(tag) for image in self._store.images.list() for tag in image.tags)
        return sorted(name for name in names if name.repository == repository.repository)

    @property
    def registries(self) -> Registries:
        """What speaks to registries, loaded with its first use."""
        if self._made is None:
            from .registries import Registries

            self._made = Registries(self._store, self.sockets)
        return self._made

    def _users(self, image_id: str) -> Sequence[ImageUser]:
        return [
            ImageUser(container.id, container.condition.alive)
            for container in self._registry
            if container.plan.image_id == image_id or image_mounts.uses(container, image_id)
        ]

    def _event(self, action: str, identifier: str, name: str) -> None:
        try:
            labels = self._store.images.get(identifier).config.config.labels or {}
        except NotFound:
            labels = {}
        self._events.publish("image", action, identifier, {**labels, "name": name})


def _named(repo: str, tag: str) -> Reference:
    """What `repo` and `tag` (which may be a digest) name together. Raises Invalid."""
    reference = parse_reference(repo)
    if tag:
        reference = reference._replace(**{"digest" if ":" in tag else "tag": tag})
    return parse_reference(str(reference))


def shared(image: Image, images: Sequence[Image]) -> set[str]:
    """The layers of an image that another one has too."""
    others = {layer for other in images if other.id != image.id for layer in other.layers}
    return others & set(image.layers)
