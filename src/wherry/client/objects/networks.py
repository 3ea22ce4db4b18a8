"""All networks of an engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wherry.client.api import escape, query
from wherry.client.objects.network import Network

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wherry.client.objects.engine import Engine


class Networks:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

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
    ) -> Network:
        """Make a network. Raises Conflict when there is one of this name."""
        body: dict[str, Any] = {"Name": name, "Driver": driver, "Internal": internal}
        body |= {"Labels": dict(labels or {}), "Options": dict(options or {})}
        if subnet or gateway:
            config = {"Subnet": subnet, "Gateway": gateway}
            body["IPAM"] = {"Config": [{key: value for key, value in config.items() if value}]}
        return Network(self._engine, self._engine.client.post("/networks/create", body)["Id"])

    def get(self, name: str) -> Network:
        """The network with this name or id. Raises NotFound."""
        return Network(self._engine, self._engine.client.get(f"/networks/{escape(name)}")["Id"])

    def list(self, *, filters: Mapping[str, Sequence[str]] | None = None) -> list[Network]:
        found = self._engine.client.get("/networks" + query(filters=dict(filters or {})))
        return [Network(self._engine, entry["Id"]) for entry in found]
