"""All volumes of an engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wherry.client.api import escape, query
from wherry.client.objects.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wherry.client.objects.engine import Engine


class Volumes:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create(self, name: str = "", *, labels: Mapping[str, str] | None = None) -> Volume:
        """Make a volume, or find the one that has this name; without a name it gets one."""
        body = {"Name": name, "Labels": dict(labels or {})}
        return Volume(self._engine, self._engine.client.post("/volumes/create", body)["Name"])

    def get(self, name: str) -> Volume:
        """The volume with this name. Raises NotFound."""
        return Volume(self._engine, self._engine.client.get(f"/volumes/{escape(name)}")["Name"])

    def list(self, *, filters: Mapping[str, Sequence[str]] | None = None) -> list[Volume]:
        found = self._engine.client.get("/volumes" + query(filters=dict(filters or {})))
        return [Volume(self._engine, entry["Name"]) for entry in found.get("Volumes") or ()]

    def prune(self) -> Sequence[str]:
        """Remove anonymous volumes that no container uses; their names."""
        return list(self._engine.client.post("/volumes/prune").get("VolumesDeleted") or ())
