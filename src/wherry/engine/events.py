"""What happened: the last events are kept, and all are streamed to whoever listens."""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections import deque

from .eventjournal import EventJournal
from .filters import Filters, check, matches_labels
from .models import Actor, Event
from .moments import now

KEPT = 256
BACKLOG = 8192
"""Events that a listener may be behind; a slower one is cut off rather than served a gap."""

_FILTERS = frozenset(
    {
        "config",
        "container",
        "daemon",
        "event",
        "image",
        "label",
        "network",
        "node",
        "plugin",
        "scope",
        "secret",
        "service",
        "type",
        "volume",
    }
)
# Filters on one type: its events' ids or names; containers, volumes and networks by prefix of the id as well.
_BY_TYPE = ("container", "volume", "network", "daemon", "plugin", "service", "node", "secret", "config")


class Events:
    """The last `KEPT` events, and those to come. Only to be used from the engine's loop."""

    def __init__(self, journal: EventJournal | None = None) -> None:
        """`journal` keeps them for the next engine, and has those of the last one."""
        self._journal = journal
        self._kept: deque[Event] = deque(journal.read(KEPT) if journal is not None else (), maxlen=KEPT)
        self._listeners: weakref.WeakSet[EventStream] = weakref.WeakSet()

    @property
    def listeners(self) -> int:
        """How many streams are open."""
        return len(self._listeners)

    def publish(
        self, kind: str, action: str, actor: str, attributes: dict[str, str], *, scope: str = "local"
    ) -> None:
        """Say that `action` happened to `actor` (an id or, for volumes, a name)."""
        # Each has a time of its own: a listener that comes back says which was its last.
        moment = max(now(), self._kept[-1].time_nano + 1 if self._kept else 0)
        event = Event(
            type=kind,
            action=action,
            actor=Actor(id=actor, attributes=attributes),
            scope=scope,
            time=moment // 1_000_000_000,
            time_nano=moment,
        )
        if kind in ("container", "image"):
            event.status, event.id = action, actor
            event.from_ = attributes.get("image", "") if kind == "container" else ""
        self._kept.append(event)
        if self._journal is not None:
            self._journal.append(event)  # first of all: what was told is never forgotten
        for listener in tuple(self._listeners):
            listener.offer(event)

    def close(self) -> None:
        """Nothing happens any more."""
        if self._journal is not None:
            self._journal.close()

    def subscribe(self, *, since: int = 0, until: int = 0, filters: Filters | None = None) -> EventStream:
        """Events from `since` on, ending at `until` (nanoseconds since 1970; 0: from now, for ever).

        Subscribed before this returns, so nothing is missed. Raises `Invalid` at once for an unknown filter.
        """
        filters = filters or {}
        check(filters, _FILTERS)
        listener = EventStream(filters, until)
        if since:
            for event in self._kept:
                if event.time_nano >= since and (not until or event.time_nano <= until):
                    listener.offer(event)
        self._listeners.add(listener)
        return listener


class EventStream:
    """One listener's events; iterate it, and `aclose` it (or drop it) when done."""

    def __init__(self, filters: Filters, until: int) -> None:
        self._filters = filters
        self._until = until
        self._queue: deque[Event] = deque()
        self._arrived = asyncio.Event()
        self._ended = False

    def __aiter__(self) -> EventStream:
        return self

    async def __anext__(self) -> Event:
        while not self._queue:
            remaining = (self._until - now()) / 1e9 if self._until else None
            if self._ended or (remaining is not None and remaining <= 0):
                raise StopAsyncIteration
            self._arrived.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._arrived.wait(), remaining)
        event = self._queue.popleft()
        if self._until and event.time_nano > self._until:
            self._ended = True
            self._queue.clear()
            raise StopAsyncIteration
        return event

    async def aclose(self) -> None:
        """End the stream; whoever waits on it gets its end."""
        self._ended = True
        self._arrived.set()

    def offer(self, event: Event) -> None:
        """Take an event if it passes the filters; called by `Events` only."""
        if self._ended or not matches(event, self._filters):
            return
        if len(self._queue) >= BACKLOG:
            self._ended = True
        else:
            self._queue.append(event)
        self._arrived.set()


def matches(event: Event, filters: Filters) -> bool:
    """True when the event passes: names are combined with "and", the values of one name with "or"."""
    for name, values in filters.items():
        if not values:
            continue
        if name == "event":
            if event.action not in values and event.action.partition(":")[0] not in values:
                return False
        elif name == "type":
            if event.type not in values:
                return False
        elif name == "scope":
            if event.scope not in values:
                return False
        elif name == "label":
            if not matches_labels(event.actor.attributes, values):
                return False
        elif name == "image":
            if not _concerns_image(event, values):
                return False
        elif name in _BY_TYPE and not _concerns(event, name, values):
            return False
    return True


def _concerns(event: Event, kind: str, values: list[str]) -> bool:
    if event.type != kind:
        return False
    name = event.actor.attributes.get("name")
    return any(event.actor.id.startswith(value) or value == name for value in values if value)


def _concerns_image(event: Event, values: list[str]) -> bool:
    names = {event.actor.id, event.actor.attributes.get("name" if event.type == "image" else "image", "")}
    names |= {_without_tag(name) for name in names}
    return any(value in names for value in values)


def _without_tag(name: str) -> str:
    head, colon, tail = name.rpartition(":")
    return head if colon and "/" not in tail and head != "sha256" else name
