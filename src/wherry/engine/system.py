"""The engine and its machine, described."""

from __future__ import annotations

from wherry.errors import Unsupported

from .models import DiskUsage, Info, Version


class System:
    """Answers of `info`, `version` and `system df`."""

    async def info(self) -> Info:
        """Counts, limits that this machine honours, and warnings."""
        raise Unsupported("info is not wired yet")

    async def version(self) -> Version:
        """Versions; `api_version` and `min_api_version` are filled in by the API."""
        raise Unsupported("version is not wired yet")

    async def disk_usage(self, *, types: frozenset[str] = frozenset()) -> DiskUsage:
        """Sizes of what is kept; `types` of "container", "image", "volume", "build-cache" (empty: all)."""
        raise Unsupported("disk usage is not wired yet")
