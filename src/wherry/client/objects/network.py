"""One network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wherry.client.objects.operation import Awaiting, Blocking, Core, operation, reading
from wherry.client.objects.steps import Call, Steps
from wherry.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wherry.client.objects.async_engine import AsyncEngine
    from wherry.client.objects.container import AsyncContainer, Container
    from wherry.client.objects.engine import Engine


class NetworkCore(Core):
    """Holds only its id: every property asks the engine."""

    def __init__(self, engine: Any, identity: str) -> None:
        self.engine = engine
        self.id = identity
        self._driver = engine._driver

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id[:12]}>"

    @operation
    def inspect(self) -> Steps[dict[str, Any]]:
        """Everything that is known of it, as `GET /networks/{id}` says it."""
        return (yield from self._details())

    @reading
    def name(self) -> Steps[str]:
        """Its name."""
        return str((yield from self._details())["Name"])

    @reading
    def subnet(self) -> Steps[str]:
        """Its first range of addresses, e.g. `172.18.0.0/16`; empty where it has none."""
        ranges = ((yield from self._details()).get("IPAM") or {}).get("Config") or [{}]
        return str(ranges[0].get("Subnet", ""))

    @operation
    def connect(
        self, container: Container | AsyncContainer, *, ip: str = "", aliases: Sequence[str] = ()
    ) -> Steps[None]:
        """Join a container to it, running or not."""
        endpoint: dict[str, Any] = {"Aliases": list(aliases)}
        if ip:
            endpoint["IPAMConfig"] = {"IPv4Address": ip}
        body = {"Container": container.id, "EndpointConfig": endpoint}
        yield Call("POST", f"/networks/{self.id}/connect", body)

    @operation
    def disconnect(self, container: Container | AsyncContainer, *, force: bool = False) -> Steps[None]:
        """Take a container out of it."""
        body = {"Container": container.id, "Force": force}
        yield Call("POST", f"/networks/{self.id}/disconnect", body)

    @operation
    def remove(self) -> Steps[None]:
        """Remove it; nothing when it is gone. Raises Forbidden while a container uses it."""
        yield from self._leave()

    def _details(self) -> Steps[dict[str, Any]]:
        found: dict[str, Any] = yield Call("GET", f"/networks/{self.id}")
        return found

    def _leave(self) -> Steps[None]:
        try:
            yield Call("DELETE", f"/networks/{self.id}")
        except NotFound:
            pass


class Network(NetworkCore, Blocking):
    """A network. As a context manager it is removed at the end."""

    engine: Engine


class AsyncNetwork(NetworkCore, Awaiting):
    """A network, with operations and properties to await; as a context manager it is removed at the end."""

    engine: AsyncEngine
