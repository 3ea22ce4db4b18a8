"""`wherry network connect`: connect a container to a network."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.options.environment import pairs
from wherry.client.api import escape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def run(invocation: Invocation) -> int:
    flags = invocation.flags
    network, container = invocation.arguments
    endpoint: dict[str, Any] = {}
    addresses: dict[str, Any] = {}
    for flag, field in (("ip", "IPv4Address"), ("ip6", "IPv6Address")):
        if flags.given(flag):
            addresses[field] = flags.text(flag)
    if flags.given("link-local-ip"):
        addresses["LinkLocalIPs"] = flags.every("link-local-ip")
    if addresses:
        endpoint["IPAMConfig"] = addresses
    for flag, field in (("alias", "Aliases"), ("link", "Links")):
        if flags.given(flag):
            endpoint[field] = flags.every(flag)
    if flags.given("driver-opt"):
        endpoint["DriverOpts"] = pairs(flags.every("driver-opt"))
    if flags.given("gw-priority"):
        endpoint["GwPriority"] = flags.number("gw-priority")
    body = {"Container": container, "EndpointConfig": endpoint}
    invocation.client.post(f"/networks/{escape(network)}/connect", body)
    return 0


COMMAND = Command(
    run,
    usage="[OPTIONS] NETWORK CONTAINER",
    minimum=2,
    maximum=2,
    flags=(
        ("alias", "", "strings:NAME", "Another name for it on that network", ""),
        ("ip", "", "text:ADDRESS", "Its IPv4 address there", ""),
        ("ip6", "", "text:ADDRESS", "Its IPv6 address there", ""),
        ("link-local-ip", "", "strings:ADDRESS", "A link-local address", ""),
        ("link", "", "list:CONTAINER[:ALIAS]", "Reach another container by a name", ""),
        ("driver-opt", "", "strings:NAME=VALUE", "An option of the network's driver", ""),
        ("gw-priority", "", "int", "The network of the highest one is the way out", ""),
    ),
)
