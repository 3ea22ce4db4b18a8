"""Volumes: directories that outlive their containers."""

from __future__ import annotations

from wherry.errors import Unsupported

from .filters import Filters
from .models import Volume, VolumeCreate, VolumeList, VolumesPruned


class Volumes:
    """Named and anonymous volumes of the `local` driver."""

    async def create(self, request: VolumeCreate) -> Volume:
        """Make one, or return the one that has this name already. Raises `Invalid`, `Conflict`, `NotFound`
        (no such driver)."""
        raise Unsupported("volumes are not wired yet")

    async def list(self, filters: Filters | None = None) -> VolumeList:
        """Filters: name, driver, label, dangling."""
        raise Unsupported("volumes are not wired yet")

    async def inspect(self, name: str) -> Volume:
        """Raises `NotFound` ("get x: no such volume")."""
        raise Unsupported("volumes are not wired yet")

    async def remove(self, name: str, *, force: bool = False) -> None:
        """Raises `Conflict` while a container refers to it, `NotFound` (not with `force`)."""
        raise Unsupported("volumes are not wired yet")

    async def prune(self, filters: Filters | None = None) -> VolumesPruned:
        """Remove unused anonymous volumes; with the filter `all=true` named ones too."""
        raise Unsupported("volumes are not wired yet")
