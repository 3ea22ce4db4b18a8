"""The end of a build: an image of what the target stage came to."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from wherry.build.cache import Cached, make_key
from wherry.build.request import Request
from wherry.build.sharing.choice import of_image
from wherry.build.sharing.documents import Record, inlined
from wherry.build.state import State
from wherry.build.step import Room
from wherry.oci import History, encode_image_config, parse_image_config, parse_reference, sha256_of
from wherry.store.apart import to_its_end
from wherry.store.images import Image
from wherry.store.snapshots.merged import Merged
from wherry.store.snapshots.pack import items_of_delta
from wherry.store.snapshots.squashed import squashed

__all__ = ["Built", "finish"]


class Built(NamedTuple):
    """What came of a build. `image` is None when only files were wanted, and `config` its configuration;
    `results` are what came of its steps, for caches elsewhere; `materials` the images that it used, by name
    with their digests; `started` and `finished` in seconds since 1970."""

    state: State
    image: Image | None
    results: list[Record]
    request: Request
    config: bytes = b""
    materials: Mapping[str, str] = MappingProxyType({})
    started: float = 0
    finished: float = 0


async def finish(room: Room, state: State) -> Built:
    """Make the image, with the names that were asked for."""
    state = state.copy()
    request = room.request
    if request.labels:
        state.config.labels = {**(state.config.labels or {}), **request.labels}
        pairs = " ".join(f"{name}={value}" for name, value in sorted(request.labels.items()))
        state.note(f"LABEL {pairs}")
    if request.export:
        return _built(room, state, None, b"")
    if request.squash:
        await _squash(room, state)
    created = await _created(room, "image", state.image_config(""))
    config = encode_image_config(state.image_config(created))
    if request.inline_cache:
        config = inlined(config, of_image(room.results, state))
    if request.loose:
        return _built(room, state, _loose(state, config), config)
    tags = [parse_reference(tag).tagged for tag in request.tags]
    image = await to_its_end(
        room.store.images.add,
        config,
        lease=room.lease,
        tags=tags,
        parent=state.base if state.base.startswith("sha256:") else "",
        host=bool(state.extras),
    )
    for tag in tags:
        room.worker.tagged(image, tag.familiar)
    return _built(room, state, image, config)


def _built(room: Room, state: State, image: Image | None, config: bytes) -> Built:
    return Built(
        state, image, room.results, room.request, config, dict(room.materials), room.started, time.time()
    )


def _loose(state: State, config: bytes) -> Image:
    """An image that the store does not list: it only goes elsewhere."""
    return Image(
        id=sha256_of(config),
        config=parse_image_config(config),
        tags=(),
        digests=(),
        layers=tuple(state.layers),
        size=0,
        parent="",
        added=0,
        extras=state.extras,
    )


async def _created(room: Room, *parts: object) -> str:
    """When the same was made for the first time: an image of cached steps is the image that it was."""
    key = make_key(*parts, room.request.epoch)
    found = await room.recall(key)
    if found is None:
        found = Cached("", room.created())
        room.cache.put(key, found, step="image", kind="internal")
    room.results.append(Record(key, "", found.created, "image", "internal", ""))
    return found.created


async def _squash(room: Room, state: State) -> None:
    """One layer instead of those that this build added."""
    layers = room.store.layers
    base = state.layers[: state.below]
    if len(state.layers) <= len(base) + 1:
        return
    upper = [layers.path(diff_id) for diff_id in reversed(state.layers[len(base) :])]
    lower = [layers.path(diff_id) for diff_id in reversed(base)]

    def work() -> str:
        with Merged(upper) as merged, Merged(lower) as below:
            return room.compose(items_of_delta(squashed(merged, below))).diff_id

    key = make_key("squash", state.layers, len(base), room.request.epoch)
    async with room.cache.once(key):
        found = await room.recall(key)
        if found is None:
            found = Cached(await to_its_end(work), room.created())
            room.cache.put(key, found, step="squash", kind="internal", parent=state.chain)
    room.results.append(Record(key, found.diff_id, found.created, "squash", "internal", state.chain))
    seen = 0
    steps: list[History] = []
    for step in state.history:
        seen += not step.empty_layer
        made = step.empty_layer or seen > len(base)
        steps.append(msgspec.structs.replace(step, empty_layer=made))
    count = len(state.layers) - len(base)
    steps.append(History(created=found.created, created_by="", comment=f"squashed {count} layers"))
    state.layers = [*base, found.diff_id]
    state.history = steps
