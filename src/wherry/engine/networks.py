"""Networks: what the engine asks of `wherry.network`, and what it says without it."""

from __future__ import annotations

from collections.abc import Sequence

from wherry.errors import Unsupported

from .filters import Filters
from .models import EndpointSettings, Network, NetworkCreate, NetworkCreated, NetworksPruned


class Networks:
    """`bridge`, `host` and `none` are always there."""

    async def create(self, request: NetworkCreate) -> NetworkCreated:
        """Raises `Conflict` (the name is taken), `Forbidden` (a reserved name), `Invalid`, `NotFound`
        (driver)."""
        raise Unsupported("networks are not wired yet")

    async def list(self, filters: Filters | None = None) -> Sequence[Network]:
        """Filters: driver, id, label, name, scope, type, dangling."""
        raise Unsupported("networks are not wired yet")

    async def inspect(self, ref: str) -> Network:
        """Raises `NotFound` ("network x not found")."""
        raise Unsupported("networks are not wired yet")

    async def remove(self, ref: str) -> None:
        """Raises `Forbidden` for a predefined one and while containers are attached."""
        raise Unsupported("networks are not wired yet")

    async def connect(self, ref: str, container: str, endpoint: EndpointSettings | None = None) -> None:
        """Attach a container, also a running one."""
        raise Unsupported("networks are not wired yet")

    async def disconnect(self, ref: str, container: str, *, force: bool = False) -> None:
        """Detach a container."""
        raise Unsupported("networks are not wired yet")

    async def prune(self, filters: Filters | None = None) -> NetworksPruned:
        """Remove the user-defined networks that no container refers to; filters `until`, `label`."""
        raise Unsupported("networks are not wired yet")
