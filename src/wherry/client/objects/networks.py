"""All networks of an engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from wherry.client.api import escape, query
from wherry.client.objects.network import AsyncNetwork, Network, NetworkCore
from wherry.client.objects.operation import Awaiting, Blocking, Core, operation
from wherry.client.objects.steps import Call, Steps

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

N = TypeVar("N", bound=NetworkCore)


class NetworksCore(Core, Generic[N]):
    """The operations of both."""

    _item: type[N]

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self._driver = engine._driver

    @operation
    def create(
        self,
        name: str,
        *,
        driver: str = "bridge",
        subnet: str = "",
        gateway: str = "",
        internal: bool = False,
        labels: Mapping[str, str] | None = None,
        options: Mapping[str, str] | None = None,
    ) -> Steps[N]:
        """Make a network. Raises Conflict when there is one of this name."""
        body: dict[str, Any] = {"Name": name, "Driver": driver, "Internal": internal}
        body |= {"Labels": dict(labels or {}), "Options": dict(options or {})}
        if subnet or gateway:
            config = {"Subnet": subnet, "Gateway": gateway}
            body["IPAM"] = {"Config": [{key: value for key, value in config.items() if value}]}
        return self._item(self._engine, (yield Call("POST", "/networks/create", body))["Id"])

    @operation
    def get(self, name: str) -> Steps[N]:
        """The network with this name or id. Raises NotFound."""
        return self._item(self._engine, (yield Call("GET", f"/networks/{escape(name)}"))["Id"])

    @operation
    def list(self, *, filters: Mapping[str, Sequence[str]] | None = None) -> Steps[list[N]]:
        """The networks; `filters` as `{"label": ["role=db"]}`."""
        found = yield Call("GET", "/networks" + query(filters=dict(filters or {})))
        return [self._item(self._engine, entry["Id"]) for entry in found]


class Networks(NetworksCore[Network], Blocking):
    """All networks of an engine."""

    _item = Network


class AsyncNetworks(NetworksCore[AsyncNetwork], Awaiting):
    """All networks of an engine, with operations to await."""

    _item = AsyncNetwork
