"""`wherry volume ls`: the volumes."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.filters import parse_filters
from wherry.cli.format.human import size
from wherry.cli.format.listing import print_listing
from wherry.cli.format.natural import natural
from wherry.cli.format.pairs import shown
from wherry.client.api import query

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_HEADINGS = {
    "Scope": "SCOPE",
    "Mountpoint": "MOUNTPOINT",
    "Labels": "LABELS",
    "Links": "LINKS",
    "Size": "SIZE",
    "Status": "STATUS",
    "Group": "GROUP",
    "Availability": "AVAILABILITY",
}


def run(invocation: Invocation) -> int:
    flags = invocation.flags
    answer = invocation.client.get("/volumes" + query(filters=parse_filters(flags.every("filter"))))
    rows = [volume_row(volume) for volume in answer.get("Volumes") or ()]
    rows.sort(key=lambda row: natural(row["Name"]))
    form = flags.text("format")
    if flags.on("quiet") and form in ("", "table"):
        for row in rows:
            print(row["Name"])
        return 0
    print_listing(rows, (("DRIVER", "Driver"), ("VOLUME NAME", "Name")), form, headings=_HEADINGS)
    return 0


def volume_row(volume: dict[str, Any]) -> dict[str, Any]:
    """The members of a volume that columns and templates may name."""
    usage = volume.get("UsageData") or {}
    labels = volume.get("Labels") or {}
    return {
        "Name": volume["Name"],
        "Driver": volume.get("Driver", ""),
        "Scope": volume.get("Scope", ""),
        "Mountpoint": volume.get("Mountpoint", ""),
        "Labels": shown(labels),
        "Label": lambda name: labels.get(name, ""),
        "Links": str(usage["RefCount"]) if usage else "N/A",
        "Size": size(usage["Size"], 4) if usage else "N/A",
        "Status": "N/A",
        "Group": "N/A",
        "Availability": "N/A",
    }


COMMAND = Command(
    run,
    usage="[OPTIONS]",
    flags=(
        ("filter", "f", "list:NAME=VALUE", "Only some: name=, label=, dangling=, driver=", ""),
        ("quiet", "q", "bool", "Only their names", ""),
        ("format", "", "text:FORMAT", "table, json, or a template: '{{.Name}}'", ""),
        ("cluster", "", "bool", "Accepted for Docker's sake; there are no clusters", ""),
    ),
)
