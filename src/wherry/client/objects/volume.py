"""One volume."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wherry.client.api import escape, query
from wherry.client.objects.operation import Awaiting, Blocking, Core, operation, reading
from wherry.client.objects.steps import Call, Steps
from wherry.errors import NotFound

if TYPE_CHECKING:
    from wherry.client.objects.async_engine import AsyncEngine
    from wherry.client.objects.engine import Engine


class VolumeCore(Core):
    """Holds only its name: every property asks the engine."""

    def __init__(self, engine: Any, name: str) -> None:
        self.engine = engine
        self.name = name
        self._driver = engine._driver

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    @operation
    def inspect(self) -> Steps[dict[str, Any]]:
        """Everything that is known of it, as `GET /volumes/{name}` says it."""
        return (yield from self._details())

    @reading
    def labels(self) -> Steps[dict[str, str]]:
        """Its labels."""
        return dict((yield from self._details()).get("Labels") or {})

    @operation
    def remove(self, *, force: bool = False) -> Steps[None]:
        """Remove it with its content; nothing when it is gone. Raises Conflict while a container uses it."""
        yield from self._remove(force)

    def _details(self) -> Steps[dict[str, Any]]:
        found: dict[str, Any] = yield Call("GET", f"/volumes/{escape(self.name)}")
        return found

    def _remove(self, force: bool) -> Steps[None]:
        try:
            yield Call("DELETE", f"/volumes/{escape(self.name)}" + query(force=force))
        except NotFound:
            pass

    def _leave(self) -> Steps[None]:
        yield from self._remove(False)


class Volume(VolumeCore, Blocking):
    """A volume. As a context manager it is removed at the end."""

    engine: Engine


class AsyncVolume(VolumeCore, Awaiting):
    """A volume, with operations and properties to await; as a context manager it is removed at the end."""

    engine: AsyncEngine
