"""What `--cache-from` names, asked after the cache here: a step that is found there is fetched, and is in the
cache here from then on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import NamedTuple

from wherry.build.cache import Cache, Cached
from wherry.build.sharing.documents import Record
from wherry.build.state import State
from wherry.errors import WherryError
from wherry.oci.manifest import Descriptor
from wherry.store import Store
from wherry.store.apart import to_its_end
from wherry.store.feed import Feed
from wherry.store.images import Image
from wherry.store.layers import Lease

__all__ = ["Imports", "Shared"]


class Shared(NamedTuple):
    """One cache from elsewhere. `blobs` by diff id; `read` gives a blob's bytes, verified at their end."""

    name: str
    records: Sequence[Record]
    blobs: dict[str, Descriptor]
    read: Callable[[Descriptor], AsyncIterator[bytes] | Iterator[bytes]]


class Imports:
    """All caches of one build, and the images whose history counts as one (the classic `--cache-from`)."""

    def __init__(
        self, store: Store, cache: Cache, lease: Lease, warn: Callable[[str], None], images: Sequence[Image]
    ) -> None:
        self._store = store
        self._cache = cache
        self._lease = lease
        self._warn = warn
        self._images = images
        self._found: dict[str, tuple[Record, list[Shared]]] = {}

    def add(self, shared: Shared) -> None:
        """One more; those added first are asked first."""
        for record in shared.records:
            self._found.setdefault(record.key, (record, []))[1].append(shared)

    async def take(self, key: str) -> Cached | None:
        """What came of a step elsewhere, its layer fetched; None when nobody has it, or can give it."""
        record, places = self._found.get(key, (None, ()))
        if record is None:
            return None
        if record.diff_id and not self._lease.take(record.diff_id):
            for shared in places:
                if record.diff_id in shared.blobs and await self._fetch(shared, record.diff_id):
                    break
            else:
                return None
        result = Cached(record.diff_id, record.created)
        self._cache.put(key, result, step=record.step, kind=record.kind, parent=record.parent)
        return result

    def of_history(self, state: State, created_by: str) -> Cached | None:
        """What the same instruction came to in an image that was made by the same ones until then."""
        before = [step.created_by for step in state.history]
        for image in self._images:
            history = image.config.history
            place = len(before)
            if len(history) <= place or [step.created_by for step in history[:place]] != before:
                continue
            step = history[place]
            made = [one for one in history[:place] if not one.empty_layer]
            if step.created_by != created_by or list(image.layers[: len(made)]) != state.layers:
                continue
            if step.empty_layer:
                return Cached("", step.created)
            diff_id = image.layers[len(made)]
            if self._lease.take(diff_id):
                return Cached(diff_id, step.created)
        return None

    async def _fetch(self, shared: Shared, diff_id: str) -> bool:
        def unpack(chunks: Iterator[bytes]) -> None:
            self._store.layers.unpack(chunks, self._lease, expected=diff_id)

        try:
            source = shared.read(shared.blobs[diff_id])
            if isinstance(source, Iterator):
                await to_its_end(unpack, source)
            else:
                async with Feed(source) as feed:
                    await feed.apart(unpack, feed.chunks)
        except WherryError as error:
            self._warn(f"a layer of the cache {shared.name} can't be used: {error.message}")
            return False
        return True
