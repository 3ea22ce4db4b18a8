"""`wherry port`: where the published ports of a container are reachable."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.errors import NotFound


def run(invocation: Invocation) -> int:
    name, *wanted = invocation.arguments
    ports = invocation.client.get(f"/containers/{name}/json")["NetworkSettings"].get("Ports") or {}
    if not wanted:
        for port in sorted(ports, key=_order):
            for binding in _bindings(ports[port]):
                print(f"{port} -> {binding}")
        return 0
    number, _, protocol = wanted[0].partition("/")
    found = _bindings(ports.get(f"{number}/{protocol or 'tcp'}"))
    if not found:
        raise NotFound(f"no public port '{wanted[0]}' published for {name}")
    for binding in found:
        print(binding)
    return 0


def _order(port: str) -> tuple[int, str]:
    number, _, protocol = port.partition("/")
    return int(number), protocol


def _bindings(found: list[dict[str, str]] | None) -> list[str]:
    lines = []
    for binding in found or ():
        address = binding.get("HostIp") or "0.0.0.0"  # noqa: S104 — shown, not bound
        lines.append(
            f"[{address}]:{binding['HostPort']}" if ":" in address else f"{address}:{binding['HostPort']}"
        )
    return sorted(lines)


COMMAND = Command(
    run,
    usage="CONTAINER [PRIVATE_PORT[/PROTO]]",
    minimum=1,
    maximum=2,
    examples=(("port web 80", "where port 80 of it is reachable"),),
)
