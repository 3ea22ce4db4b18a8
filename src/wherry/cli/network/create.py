"""`wherry network create`: make a network."""

from __future__ import annotations

import sys

from wherry.cli.command import Command, Invocation
from wherry.cli.options.environment import pairs
from wherry.cli.options.subnets import address_pools

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def run(invocation: Invocation) -> int:
    flags = invocation.flags
    body: dict[str, Any] = {
        "Name": invocation.arguments[0],
        "Driver": flags.text("driver", "bridge"),
        "Options": pairs(flags.every("opt")),
        "Labels": pairs(flags.every("label")),
        "IPAM": {
            "Driver": flags.text("ipam-driver", "default"),
            "Options": pairs(flags.every("ipam-opt")),
            "Config": address_pools(flags),
        },
    }
    for flag, field in (
        ("internal", "Internal"),
        ("attachable", "Attachable"),
        ("ingress", "Ingress"),
        ("config-only", "ConfigOnly"),
    ):
        if flags.on(flag):
            body[field] = True
    if flags.given("scope"):
        body["Scope"] = flags.text("scope")
    if flags.given("config-from"):
        body["ConfigFrom"] = {"Network": flags.text("config-from")}
    for flag, field in (("ipv6", "EnableIPv6"), ("ipv4", "EnableIPv4")):
        if flags.given(flag):
            body[field] = flags.on(flag)
    answer = invocation.client.post("/networks/create", body)
    if answer.get("Warning"):
        print(f"WARNING: {answer['Warning']}", file=sys.stderr)
    print(answer["Id"])
    return 0


COMMAND = Command(
    run,
    usage="[OPTIONS] NAME",
    minimum=1,
    maximum=1,
    flags=(
        ("driver", "d", "text:DRIVER", "bridge (default), macvlan, …", ""),
        ("subnet", "", "strings:CIDR", "Its addresses, e.g. 10.5.0.0/16", "Addresses"),
        ("gateway", "", "strings:ADDRESS", "The address of the way out of each subnet", "Addresses"),
        ("ip-range", "", "strings:CIDR", "Give containers addresses of this part only", "Addresses"),
        ("aux-address", "", "list:NAME=ADDRESS", "An address that is taken", "Addresses"),
        ("ipv6", "", "bool", "Give containers IPv6 addresses too", "Addresses"),
        ("ipv4", "", "bool", "Give containers IPv4 addresses (default true)", "Addresses"),
        ("ipam-driver", "", "text:DRIVER", "What hands out addresses (default)", "Addresses"),
        ("ipam-opt", "", "list:NAME=VALUE", "An option of it", "Addresses"),
        ("internal", "", "bool", "No way out of it", ""),
        ("attachable", "", "bool", "Let containers be connected by hand", ""),
        ("label", "", "list:NAME=VALUE", "Attach a label", ""),
        ("opt", "o", "list:NAME=VALUE", "An option of the driver", ""),
        ("scope", "", "text:SCOPE", "local", ""),
        ("ingress", "", "bool", "Swarm only", ""),
        ("config-from", "", "text:NETWORK", "Take the configuration of another network", ""),
        ("config-only", "", "bool", "Make a configuration for others to take", ""),
    ),
    examples=(
        ("network create shop", "containers on it find each other by name"),
        ("network create --subnet 10.5.0.0/24 --internal back", "own addresses, no way out"),
    ),
)
