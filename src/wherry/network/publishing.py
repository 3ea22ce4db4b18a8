"""Published ports: held by the keeper, led by the firewall, noted in the catalog."""

from __future__ import annotations

import errno
from collections.abc import Iterable
from typing import NamedTuple

from wherry.errors import Conflict, Invalid
from wherry.network.catalog import Catalog
from wherry.network.firewall import Firewall
from wherry.network.model import PublishedPort
from wherry.network.reminding import Keeper

_ANYWHERE = "0.0.0.0"  # noqa: S104 (for messages, as Docker words them)


class PortRequest(NamedTuple):
    """What `-p` asks for: `host_port` 0 takes a free one, `last` > `host_port` any free one up to it."""

    protocol: str
    container_port: int
    host_ip: str = ""
    host_port: int = 0
    last: int = 0


class Publishing:
    """For one thread at a time."""

    def __init__(self, catalog: Catalog, keeper: Keeper, firewall: Firewall) -> None:
        self._catalog = catalog
        self._keeper = keeper
        self._firewall = firewall

    def publish(
        self, container_id: str, requests: Iterable[PortRequest], *, ipv4: str, ipv6: str = ""
    ) -> list[PublishedPort]:
        """Open ports of the host to a container, all or none. Raises Conflict with Docker's words."""
        done: list[PublishedPort] = []
        try:
            for request in requests:
                done.append(self._publish_one(container_id, request, ipv4))
            for address in filter(None, (ipv4, ipv6)):
                version = 6 if ":" in address else 4
                self._firewall.publish([p for p in done if p.speaks(version)], address)
        except BaseException:
            for port in done:
                self._keeper.release(port.key)
            self._catalog.remove_ports(container_id)
            raise
        return done

    def unpublish(self, container_id: str, addresses: Iterable[str]) -> None:
        """Close all ports of a container."""
        ports = [port for port, _ in self._catalog.ports(container_id)]
        for address in filter(None, addresses):
            version = 6 if ":" in address else 4
            self._firewall.unpublish([p for p in ports if p.speaks(version)], address)
        for port in ports:
            self._keeper.release(port.key)
        self._catalog.remove_ports(container_id)

    def ports(self, container_id: str) -> list[PublishedPort]:
        return [port for port, _ in self._catalog.ports(container_id)]

    def _publish_one(self, container_id: str, request: PortRequest, address: str) -> PublishedPort:
        candidates = range(request.host_port, max(request.last, request.host_port) + 1)
        for number in candidates:
            port = PublishedPort(request.protocol, request.host_ip, number, request.container_port)
            try:
                port = port._replace(host_port=self._keeper.hold(port, address))
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    continue
                where = f"{request.host_ip or _ANYWHERE}:{number}"
                raise Invalid(
                    f"failed to bind host port {where}/{request.protocol}: {error.strerror}"
                ) from error
            if self._catalog.add_port(port, container_id):
                return port
            self._keeper.release(port.key)
        where = f"{request.host_ip or _ANYWHERE}:{request.host_port}"
        asked = (request.protocol, request.host_port)
        if any((port.protocol, port.host_port) == asked for port, _ in self._catalog.ports()):
            raise Conflict(  # clients match on it to choose another port
                f"Bind for {where} failed: port is already allocated",
                hint="another container has it; choose another with -p",
            )
        raise Conflict(
            f"failed to bind host port for {where}:{address}:{request.container_port}/{request.protocol}: "
            "address already in use",
            hint="another program or container has it; choose another with -p",
        )
