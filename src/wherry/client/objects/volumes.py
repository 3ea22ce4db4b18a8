"""All volumes of an engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from wherry.client.api import escape, query
from wherry.client.objects.operation import Awaiting, Blocking, Core, operation
from wherry.client.objects.steps import Call, Steps
from wherry.client.objects.volume import AsyncVolume, Volume, VolumeCore

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

V = TypeVar("V", bound=VolumeCore)


class VolumesCore(Core, Generic[V]):
    """The operations of both."""

    _item: type[V]

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self._driver = engine._driver

    @operation
    def create(self, name: str = "", *, labels: Mapping[str, str] | None = None) -> Steps[V]:
        """Make a volume, or find the one that has this name; without a name it gets one."""
        body = {"Name": name, "Labels": dict(labels or {})}
        return self._item(self._engine, (yield Call("POST", "/volumes/create", body))["Name"])

    @operation
    def get(self, name: str) -> Steps[V]:
        """The volume with this name. Raises NotFound."""
        return self._item(self._engine, (yield Call("GET", f"/volumes/{escape(name)}"))["Name"])

    @operation
    def list(self, *, filters: Mapping[str, Sequence[str]] | None = None) -> Steps[list[V]]:
        """The volumes; `filters` as `{"label": ["role=db"]}`."""
        found = yield Call("GET", "/volumes" + query(filters=dict(filters or {})))
        return [self._item(self._engine, entry["Name"]) for entry in found.get("Volumes") or ()]

    @operation
    def prune(self) -> Steps[Sequence[str]]:
        """Remove anonymous volumes that no container uses; their names."""
        return tuple((yield Call("POST", "/volumes/prune")).get("VolumesDeleted") or ())


class Volumes(VolumesCore[Volume], Blocking):
    """All volumes of an engine."""

    _item = Volume


class AsyncVolumes(VolumesCore[AsyncVolume], Awaiting):
    """All volumes of an engine, with operations to await."""

    _item = AsyncVolume
