"""The engine, composed: each manager with its own table, the neighbours it needs passed in."""

from __future__ import annotations

from .containers import Containers
from .events import Events
from .execs import Execs
from .images import Images
from .networks import Networks
from .system import System
from .volumes import Volumes


class Engine:
    """One engine over one state directory. `await Engine.open(...)` in a running loop, `await close()`
    at the end."""

    containers: Containers
    execs: Execs
    images: Images
    volumes: Volumes
    networks: Networks
    events: Events
    system: System

    def touch(self) -> None:
        """A client is there: put off the end that comes after a quiet period."""

    @property
    def root_dir(self) -> str:
        """The state directory."""
        raise NotImplementedError
