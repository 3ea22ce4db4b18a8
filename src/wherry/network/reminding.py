"""What networks need of the keeper, and how one that is new or has missed something is told all of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple, Protocol

from wherry.network.catalog import Catalog
from wherry.network.model import Endpoint, Network, PublishedPort


class Living(NamedTuple):
    """A container that runs: a descriptor of its network namespace, and its upstream name servers."""

    namespace: int
    upstreams: Collection[str] = ()


class Keeper(Protocol):
    """Who holds host ports so that no other program takes them, and answers for loopback and for names."""

    def hold(self, port: PublishedPort, container_address: str) -> int:
        """Bind the port (0: a free one) and return its number. Raises OSError (EADDRINUSE, EACCES)."""
        ...

    def release(self, key: str) -> None: ...

    def join(
        self,
        network: str,
        label: str,
        container: str,
        addresses: Iterable[str],
        names: Iterable[str],
        links: Mapping[str, str],
    ) -> None: ...

    def leave(self, network: str, container: str) -> None: ...

    def serve(self, container: str, namespace: int, upstreams: Iterable[str]) -> None: ...

    def dismiss(self, container: str) -> None: ...

    def running(self) -> bool:
        """Whether there is one now; `known` and the others start it."""
        ...

    def end(self) -> None:
        """Have it end, if it is there."""
        ...

    def known(self) -> dict[str, Any]:
        """What it does now: `networks`, `served`, `held`."""
        ...


def introduce(keeper: Keeper, network: Network, endpoint: Endpoint) -> None:
    """Let the others in a network find a container by its names."""
    addresses = [one for one in (endpoint.ipv4, endpoint.ipv6) if one]
    keeper.join(network.id, network.name, endpoint.container_id, addresses, endpoint.aliases, endpoint.links)


def remind(keeper: Keeper, catalog: Catalog, endpoints: list[Endpoint], living: Mapping[str, Living]) -> None:
    """Bring what a keeper does in line with the catalog; none is started for nothing."""
    if not endpoints and not keeper.running():
        return
    known = keeper.known()
    named = [(catalog.find(one.network_id), one) for one in endpoints]
    named = [(network, one) for network, one in named if network.has_names]
    members = {(network.id, one.container_id) for network, one in named}
    for network_id, containers in known["networks"].items():
        for container_id in containers:
            if (network_id, container_id) not in members:
                keeper.leave(network_id, container_id)
    for network, endpoint in named:
        introduce(keeper, network, endpoint)
    askers = {one.container_id for one in endpoints if one.asks}
    for container_id in set(known["served"]) - askers:
        keeper.dismiss(container_id)
    for container_id in askers - set(known["served"]):
        one = living[container_id]
        keeper.serve(container_id, one.namespace, one.upstreams)
    ports = {port.key: (port, container_id) for port, container_id in catalog.ports()}
    for key in set(known["held"]) - set(ports):
        keeper.release(key)
    homes = {one.container_id: one for one in reversed(endpoints)}
    for key in set(ports) - set(known["held"]):
        port, container_id = ports[key]
        keeper.hold(port, homes[container_id].ipv4)
