"""Events as `GET /events` streams them."""

from __future__ import annotations

from typing import ClassVar

from msgspec import field

from .wire import Wire


class Actor(Wire):
    id: str = field(name="ID", default="")
    attributes: dict[str, str] = field(default_factory=dict)


class Event(Wire):
    """`time` in seconds, `time_nano` in nanoseconds since 1970. The lower-case fields are the old API's."""

    omit_empty: ClassVar[frozenset[str]] = frozenset({"status", "id", "from"})

    status: str = field(name="status", default="")
    id: str = field(name="id", default="")
    from_: str = field(name="from", default="")
    type: str = "container"
    action: str = ""
    actor: Actor = field(default_factory=Actor)
    scope: str = field(name="scope", default="local")
    time: int = field(name="time", default=0)
    time_nano: int = field(name="timeNano", default=0)
