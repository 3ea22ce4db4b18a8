"""`wherry compose ls`: the projects that have containers."""

from __future__ import annotations

from collections import Counter

from wherry.cli.command import Command, Invocation
from wherry.cli.compose.opened import opened
from wherry.cli.format.listing import print_listing
from wherry.compose import labels
from wherry.compose.present import projects

_COLUMNS = (("NAME", "Name"), ("STATUS", "Status"), ("CONFIG FILES", "ConfigFiles"))


def run(invocation: Invocation) -> int:
    flags = invocation.flags
    rows = []
    for name, entries in projects(opened(invocation).connections.client).items():
        if not all(text.removeprefix("name=") in name for text in flags.every("filter")):
            continue
        states = Counter(entry["State"] for entry in entries)
        if not flags.on("all") and not states.keys() - {"exited", "created", "dead"}:
            continue
        status = ", ".join(f"{state}({count})" for state, count in sorted(states.items()))
        rows.append(
            {"Name": name, "Status": status, "ConfigFiles": entries[0]["Labels"].get(labels.FILES, "")}
        )
    if flags.on("quiet"):
        for row in rows:
            print(row["Name"])
        return 0
    print_listing(rows, _COLUMNS, flags.text("format"))
    return 0


COMMAND = Command(
    run,
    usage="[OPTIONS]",
    flags=(
        ("all", "a", "bool", "Also those whose containers have all stopped", ""),
        ("quiet", "q", "bool", "Only names", ""),
        ("filter", "", "list:name=TEXT", "Only those whose names have this", ""),
        ("format", "", "text:FORMAT", "table, json, or a template", ""),
    ),
)
