"""One network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wherry.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

    from wherry.client.objects.container import Container
    from wherry.client.objects.engine import Engine


class Network:
    """A network. As a context manager it is removed at the end."""

    def __init__(self, engine: Engine, identity: str) -> None:
        self.engine = engine
        self.id = identity

    def __repr__(self) -> str:
        return f"<Network {self.id[:12]}>"

    def inspect(self) -> dict[str, Any]:
        found: dict[str, Any] = self.engine.client.get(f"/networks/{self.id}")
        return found

    @property
    def name(self) -> str:
        return str(self.inspect()["Name"])

    @property
    def subnet(self) -> str:
        """Its first range of addresses, e.g. `172.18.0.0/16`; empty where it has none."""
        ranges = (self.inspect().get("IPAM") or {}).get("Config") or [{}]
        return str(ranges[0].get("Subnet", ""))

    def connect(self, container: Container, *, ip: str = "", aliases: Sequence[str] = ()) -> None:
        """Join a container to it, running or not."""
        endpoint: dict[str, Any] = {"Aliases": list(aliases)}
        if ip:
            endpoint["IPAMConfig"] = {"IPv4Address": ip}
        body = {"Container": container.id, "EndpointConfig": endpoint}
        self.engine.client.post(f"/networks/{self.id}/connect", body)

    def disconnect(self, container: Container, *, force: bool = False) -> None:
        body = {"Container": container.id, "Force": force}
        self.engine.client.post(f"/networks/{self.id}/disconnect", body)

    def remove(self) -> None:
        """Remove it; nothing when it is gone. Raises Forbidden while a container uses it."""
        try:
            self.engine.client.delete(f"/networks/{self.id}")
        except NotFound:
            pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.remove()
