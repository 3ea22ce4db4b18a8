"""What the steps of a build share, and the one way a step takes: key, cache, or doing it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from wherry.build.cache import Cache, Cached, make_key
from wherry.build.events import Event
from wherry.build.explain import facts_of, reasons
from wherry.build.request import Request, Worker
from wherry.build.sharing import Imports, Record
from wherry.build.state import State
from wherry.store import Store
from wherry.store.apart import check_wanted, to_its_end
from wherry.store.layers import Layer, Lease
from wherry.store.snapshots.pack import no_later
from wherry.store.tar import Item

__all__ = ["EMPTY", "Room", "Spot"]

EMPTY = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"  # an archive of nothing


class Room:
    """One build's: where things are, what is held until its end."""

    def __init__(
        self,
        request: Request,
        store: Store,
        cache: Cache,
        worker: Worker,
        lease: Lease,
        temporary: str,
        emit: Callable[[Event], None],
    ) -> None:
        """`temporary` is a directory of this build, removed at its end."""
        self.request = request
        self.store = store
        self.cache = cache
        self.worker = worker
        self.lease = lease
        self.temporary = temporary
        self.emit = emit
        self.imports: Imports | None = None
        self.results: list[Record] = []
        """What came of each step, from the cache or not: what can be exported."""
        self.materials: dict[str, str] = {}
        """The images that the build uses, by name, with their digests."""
        self.started = time.time()
        self.steps = 0

    def next_step(self) -> int:
        """A number for a step."""
        self.steps += 1
        return self.steps

    def now_ns(self) -> int:
        """The time to write into files: the build's fixed one, if it has one."""
        epoch = self.request.epoch
        return epoch * 1_000_000_000 if epoch is not None else time.time_ns()

    def created(self) -> str:
        """The same for configurations, as RFC 3339."""
        seconds, fraction = divmod(self.now_ns(), 1_000_000_000)
        moment = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return f"{moment}.{fraction:09d}Z" if fraction else f"{moment}Z"

    @property
    def latest_ns(self) -> int | None:
        """The time that no file's is later than (ns since 1970), if the build has a fixed one."""
        epoch = self.request.epoch
        return epoch * 1_000_000_000 if epoch is not None else None

    async def layer(self, make: Callable[[], Layer]) -> str:
        """Make a layer, held by this build, in a thread; its diff id, empty when nothing is in it."""
        diff_id = (await to_its_end(make)).diff_id
        return "" if diff_id == EMPTY else diff_id

    def compose(self, items: Iterable[Item]) -> Layer:
        """The layer of these members, held by this build. Blocks."""
        return self.store.layers.compose(no_later(_wanted(items), self.latest_ns), self.lease)

    async def recall(self, key: str) -> Cached | None:
        """What came of a step, from the cache here or from one that the build imports."""
        found = self.cache.get(key, self.lease)
        if found is None and self.imports is not None:
            found = await self.imports.take(key)
        return found


class Spot:
    """One step, at its place in a Dockerfile."""

    def __init__(self, room: Room, number: int, slot: str, text: str, *, use_cache: bool) -> None:
        self.room = room
        self.number = number
        self.slot = slot
        self.text = text
        self.use_cache = use_cache
        self.cached = False
        self.why: list[str] = []
        self.container = ""

    async def layer(
        self,
        state: State,
        what: str,
        *,
        make: Callable[[], Awaitable[str]],
        files: tuple[str, Mapping[str, str]] = ("", {}),
        variables: Mapping[str, str] | None = None,
        settings: Mapping[str, str] | None = None,
        parent: str | None = None,
        kind: str = "regular",
        created_by: str,
        by_history: bool = True,
    ) -> None:
        """Take the layer of this step from the cache, or `make` it; either is added to `state`.

        `what` is the instruction as it is carried out; `files` a digest of all contents it uses, and single
        ones to explain with. `by_history`: `created_by` says all that the step uses besides what is below.
        """
        room = self.room
        parent = state.chain if parent is None else parent
        epoch = room.request.epoch
        key = make_key(parent, what, files[0], variables or {}, settings or {}, epoch)
        facts = facts_of(what, parent, files=files[1], variables=variables, settings=settings)
        async with room.cache.once(key):
            found = await room.recall(key) if self.use_cache else None
            if found is None and self.use_cache and by_history and room.imports is not None:
                found = room.imports.of_history(state, created_by)
                if found is not None:
                    room.cache.put(key, found, step=self.text, kind=kind, parent=parent)
            if found is None:
                self.why = self._why(facts)
                diff_id = await make()
                found = Cached(diff_id, room.created())
                room.cache.put(key, found, step=self.text, kind=kind, parent=parent)
                await asyncio.to_thread(room.cache.keep_facts, self.slot, key, facts)
            else:
                self.cached = True
                if room.cache.last_facts_key(self.slot) != key:
                    await asyncio.to_thread(room.cache.keep_facts, self.slot, key, facts)
        room.results.append(Record(key, found.diff_id, found.created, self.text[:500], kind, parent))
        state.add_layer(found.diff_id, found.created, created_by)

    def _why(self, facts: dict[str, Any]) -> list[str]:
        if not self.use_cache:
            return ["the cache was not to be used (--no-cache)"]
        return reasons(self.room.cache.last_facts(self.slot), facts)


def _wanted(items: Iterable[Item]) -> Iterator[Item]:
    for item in items:
        check_wanted()
        yield item
