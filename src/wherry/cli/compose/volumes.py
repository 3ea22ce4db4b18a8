"""`wherry compose volumes`: the volumes of a project, or those that services use."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.compose.opened import opened
from wherry.cli.format.listing import print_listing
from wherry.cli.volume.ls import volume_row
from wherry.client.api import query
from wherry.compose import labels


def run(invocation: Invocation) -> int:
    flags, project = invocation.flags, opened(invocation)
    filters = {"label": [f"{labels.PROJECT}={project.name}"]}
    volumes = project.connections.client.get("/volumes" + query(filters=filters)).get("Volumes") or []
    if invocation.arguments:
        used = {
            mount.get("Name")
            for one in project.present(invocation.arguments)
            for mount in one.entry.get("Mounts") or ()
        }
        volumes = [volume for volume in volumes if volume["Name"] in used]
    rows = sorted(map(volume_row, volumes), key=lambda row: str(row["Name"]))
    if flags.on("quiet"):
        for row in rows:
            print(row["Name"])
        return 0
    print_listing(rows, (("DRIVER", "Driver"), ("VOLUME NAME", "Name")), flags.text("format"))
    return 0


COMMAND = Command(
    run,
    usage="[OPTIONS] [SERVICE...]",
    maximum=None,
    flags=(
        ("quiet", "q", "bool", "Only names", ""),
        ("format", "", "text:FORMAT", "table, json, or a template", ""),
    ),
)
