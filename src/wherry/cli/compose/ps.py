"""`wherry compose ps`: the containers of a project."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.compose.opened import opened
from wherry.cli.container.row import HEADINGS, container_row
from wherry.cli.format.listing import print_listing

_COLUMNS = (
    *(("NAME", "Name"), ("IMAGE", "Image"), ("COMMAND", "Command"), ("SERVICE", "Service")),
    *(("CREATED", "RunningFor"), ("STATUS", "Status"), ("PORTS", "Ports")),
)


def run(invocation: Invocation) -> int:
    flags, project = invocation.flags, opened(invocation)
    present = project.present(invocation.arguments, one_off=None if flags.on("all") else False)
    states = [*flags.every("status")]
    for text in flags.every("filter"):
        name, _, value = text.partition("=")
        states += [value] if name == "status" else []
    if states:
        present = [one for one in present if one.state in states]
    elif not flags.on("all"):
        present = [one for one in present if one.state not in ("exited", "created", "dead")]
    if flags.on("services"):
        for name in dict.fromkeys(one.service for one in present):
            print(name)
        return 0
    if flags.on("quiet"):
        for one in present:
            print(one.id)
        return 0
    rows = [
        {
            **container_row(one.entry, truncate=not flags.on("no-trunc")),
            "Name": one.name,
            "Service": one.service,
            "Project": project.name,
        }
        for one in present
    ]
    print_listing(rows, _COLUMNS, flags.text("format"), headings={**HEADINGS, "Project": "PROJECT"})
    return 0


COMMAND = Command(
    run,
    usage="[OPTIONS] [SERVICE...]",
    maximum=None,
    flags=(
        ("all", "a", "bool", "Also those that do not run, and those of `run`", ""),
        ("quiet", "q", "bool", "Only ids", ""),
        ("services", "", "bool", "Only the names of the services", ""),
        ("status", "", "list:STATUS", "Only those in this state: running, exited, paused, …", ""),
        ("filter", "", "list:NAME=VALUE", "status=STATUS", ""),
        ("format", "", "text:FORMAT", "table, json, or a template", ""),
        ("no-trunc", "", "bool", "Nothing cut short", ""),
    ),
)
