"""`wherry network ls`: the networks."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.filters import parse_filters
from wherry.cli.format.listing import print_listing
from wherry.cli.format.natural import natural
from wherry.cli.format.pairs import shown
from wherry.client.api import query

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_COLUMNS = (("NETWORK ID", "ID"), ("NAME", "Name"), ("DRIVER", "Driver"), ("SCOPE", "Scope"))
_HEADINGS = {
    "IPv4": "IPV4",
    "IPv6": "IPV6",
    "Internal": "INTERNAL",
    "Labels": "LABELS",
    "CreatedAt": "CREATED AT",
}


def run(invocation: Invocation) -> int:
    flags = invocation.flags
    networks = invocation.client.get("/networks" + query(filters=parse_filters(flags.every("filter"))))
    truncate = not flags.on("no-trunc")
    rows = [_row(network, truncate) for network in sorted(networks, key=lambda n: natural(str(n["Name"])))]
    form = flags.text("format")
    if flags.on("quiet") and form in ("", "table"):
        for row in rows:
            print(row["ID"])
        return 0
    print_listing(rows, _COLUMNS, form, headings=_HEADINGS)
    return 0


def _row(network: dict[str, Any], truncate: bool) -> dict[str, Any]:
    labels = network.get("Labels") or {}
    return {
        "ID": network["Id"][:12] if truncate else network["Id"],
        "Name": network["Name"],
        "Driver": network.get("Driver", ""),
        "Scope": network.get("Scope", ""),
        "IPv4": str(bool(network.get("EnableIPv4"))).lower(),
        "IPv6": str(bool(network.get("EnableIPv6"))).lower(),
        "Internal": str(bool(network.get("Internal"))).lower(),
        "Labels": shown(labels),
        "Label": lambda name: labels.get(name, ""),
        "CreatedAt": lambda: _created(network.get("Created", "")),
    }


def _created(text: str) -> str:
    """As Go prints a time with its fraction: `2026-11-24 10:57:55.036346437 +0000 UTC`."""
    if not text:
        return ""
    day, _, rest = text.partition("T")
    if rest.endswith("Z"):
        return f"{day} {rest[:-1]} +0000 UTC"
    return f"{day} {rest[:-6]} {rest[-6:].replace(':', '')} {rest[-6:].replace(':', '')}"


COMMAND = Command(
    run,
    usage="[OPTIONS]",
    flags=(
        ("filter", "f", "list:NAME=VALUE", "Only some: name=, driver=, label=, type=, dangling=", ""),
        ("quiet", "q", "bool", "Only their ids", ""),
        ("no-trunc", "", "bool", "Nothing cut short", ""),
        ("format", "", "text:FORMAT", "table, json, or a template: '{{.Name}}'", ""),
    ),
)
