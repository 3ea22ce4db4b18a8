"""`wherry history`: the layers of an image, newest first, and what made each."""

from __future__ import annotations

import time

from wherry.cli.command import Command, Invocation
from wherry.cli.format.human import duration, ellipsis, short_id, size
from wherry.cli.format.listing import print_listing
from wherry.cli.format.times import iso
from wherry.client.api import escape, query

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_COLUMNS = (
    ("IMAGE", "ID"),
    ("CREATED", "CreatedSince"),
    ("CREATED BY", "CreatedBy"),
    ("SIZE", "Size"),
    ("COMMENT", "Comment"),
)


def run(invocation: Invocation) -> int:
    flags = invocation.flags
    form = flags.text("format")
    truncate, human = not flags.on("no-trunc"), flags.on("human", True)
    path = f"/images/{escape(invocation.arguments[0])}/history" + query(platform=flags.text("platform"))
    rows = [_row(entry, truncate, human) for entry in invocation.client.get(path)]
    if flags.on("quiet") and form in ("", "table"):
        for row in rows:
            print(row["ID"])
        return 0
    columns = (
        _COLUMNS
        if human
        else tuple(
            ("CREATED AT", "CreatedAt") if member == "CreatedSince" else (title, member)
            for title, member in _COLUMNS
        )
    )
    print_listing(rows, columns, form, headings={"CreatedAt": "CREATED AT"})
    return 0


def _row(entry: dict[str, Any], truncate: bool, human: bool) -> dict[str, Any]:
    created = entry.get("Created", 0)
    made_by = entry.get("CreatedBy", "").replace("\t", " ")
    bulk = entry.get("Size", 0)
    return {
        "ID": short_id(entry["Id"]) if truncate and entry["Id"] != "<missing>" else entry["Id"],
        "CreatedAt": iso(created) if created > 0 else "",
        "CreatedSince": f"{duration(time.time() - created)} ago" if created > 0 else "N/A",
        "CreatedBy": ellipsis(made_by, 45) if truncate else made_by,
        "Size": size(bulk) if human else str(bulk),
        "Comment": entry.get("Comment", ""),
    }


COMMAND = Command(
    run,
    usage="[OPTIONS] IMAGE",
    minimum=1,
    maximum=1,
    flags=(
        ("human", "H", "bool", "Sizes and times for people (default true)", ""),
        ("no-trunc", "", "bool", "Nothing cut short", ""),
        ("quiet", "q", "bool", "Only the images' ids", ""),
        ("platform", "", "text:PLATFORM", "The history for this platform", ""),
        ("format", "", "text:FORMAT", "table, json, or a template", ""),
    ),
)
