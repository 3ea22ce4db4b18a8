"""`wherry compose images`: the images of a project's containers."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.compose.opened import opened
from wherry.cli.format.human import short_id, size
from wherry.cli.format.listing import print_listing
from wherry.client.reference import split_reference

_COLUMNS = (
    *(("CONTAINER", "Container"), ("REPOSITORY", "Repository"), ("TAG", "Tag")),
    *(("IMAGE ID", "ID"), ("SIZE", "Size")),
)


def run(invocation: Invocation) -> int:
    project = opened(invocation)
    rows = []
    for one in project.present(invocation.arguments):
        details = project.connections.client.get(f"/images/{one.image}/json")
        name, tag, _ = split_reference(one.entry.get("Image", ""))
        rows.append(
            {
                "Container": one.name,
                "Repository": name,
                "Tag": tag or "latest",
                "ID": short_id(one.image),
                "Size": size(details.get("Size", 0)),
            }
        )
    if invocation.flags.on("quiet"):
        for found in dict.fromkeys(row["ID"] for row in rows):
            print(found)
        return 0
    print_listing(rows, _COLUMNS, invocation.flags.text("format"))
    return 0


COMMAND = Command(
    run,
    usage="[OPTIONS] [SERVICE...]",
    maximum=None,
    flags=(
        ("quiet", "q", "bool", "Only ids", ""),
        ("format", "", "text:FORMAT", "table, json, or a template", ""),
    ),
)
