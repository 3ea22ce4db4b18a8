"""Published ports between Docker's JSON and `wherry.network`'s values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from wherry.errors import Invalid

from .models import ContainerConfig, HostConfig, Port, PortBinding

if TYPE_CHECKING:
    from wherry.network.model import PublishedPort
    from wherry.network.publishing import PortRequest


def requests(config: ContainerConfig, host: HostConfig) -> list[PortRequest]:
    """What `-p` and `-P` ask for. Raises `Invalid` for what is no port."""
    wanted = {
        port: [binding or PortBinding() for binding in bindings or [PortBinding()]]
        for port, bindings in (host.port_bindings or {}).items()
    }
    if host.publish_all_ports:
        for port in config.exposed_ports or ():
            wanted.setdefault(port, [PortBinding()])
    if not wanted:
        return []
    from wherry.network.publishing import PortRequest

    found = []
    for port, bindings in wanted.items():
        number, protocol = parse(port)
        for binding in bindings:
            first, _, last = binding.host_port.partition("-")
            found.append(
                PortRequest(
                    protocol,
                    number,
                    "" if binding.host_ip in ("0.0.0.0", "::") else binding.host_ip,  # noqa: S104
                    _number(first or "0", port),
                    _number(last or "0", port),
                )
            )
    return found


def parse(port: str) -> tuple[int, str]:
    """`80/tcp` as number and protocol. Raises `Invalid`."""
    number, _, protocol = port.partition("/")
    protocol = protocol or "tcp"
    if protocol not in ("tcp", "udp", "sctp"):
        raise Invalid(f"invalid proto: {protocol}")
    value = _number(number, port)
    if not value:
        raise Invalid(f"invalid port: {port}")
    return value, protocol


def bindings(published: Iterable[PublishedPort]) -> dict[str, list[PortBinding] | None]:
    """Open ports as `inspect` shows them."""
    found: dict[str, list[PortBinding] | None] = {}
    for one in published:
        listed = found.setdefault(f"{one.container_port}/{one.protocol}", [])
        assert listed is not None
        everywhere = ("0.0.0.0", "::") if not one.host_ip else (one.host_ip,)  # noqa: S104
        listed += [PortBinding(host_ip=address, host_port=str(one.host_port)) for address in everywhere]
    return found


def summary(exposed: Iterable[str], open_: dict[str, list[PortBinding] | None]) -> list[Port]:
    """Ports as `ps` shows them."""
    listed = []
    for port in sorted({*exposed, *open_}, key=lambda text: (text.rpartition("/")[2], parse(text))):
        number, protocol = parse(port)
        found = open_.get(port)
        if not found:
            listed.append(Port(private_port=number, type=protocol))
        for binding in found or ():
            listed.append(
                Port(
                    ip=binding.host_ip,
                    private_port=number,
                    public_port=int(binding.host_port),
                    type=protocol,
                )
            )
    return listed


def _number(text: str, port: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise Invalid(f"invalid port specification: {port!r}: {text!r} is not between 0 and 65535")
    return int(text)
