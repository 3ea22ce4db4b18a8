"""`wherry ps`: the containers."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.container.row import HEADINGS, container_row
from wherry.cli.filters import parse_filters
from wherry.cli.format.listing import print_listing
from wherry.client.api import query

_MEMBERS = ("ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names")


def run(invocation: Invocation) -> int:
    flags = invocation.flags
    form = flags.text("format")
    last = flags.number("last", -1)
    if flags.on("latest") and last < 0:
        last = 1
    sizes = flags.on("size") or ".Size" in form
    options = query(
        all=flags.on("all") or last > 0,
        limit=last if last > 0 else None,
        size=sizes,
        filters=parse_filters(flags.every("filter")),
    )
    entries = invocation.client.get(f"/containers/json{options}")
    truncate = not flags.on("no-trunc")
    if flags.on("quiet") and form in ("", "table"):
        for entry in entries:
            print(entry["Id"][:12] if truncate else entry["Id"])
        return 0
    members = (*_MEMBERS, "Size") if flags.on("size") else _MEMBERS
    print_listing(
        (container_row(entry, truncate=truncate) for entry in entries),
        tuple((HEADINGS[member], member) for member in members),
        form,
        headings=HEADINGS,
    )
    return 0


COMMAND = Command(
    run,
    usage="[OPTIONS]",
    flags=(
        ("all", "a", "bool", "Also those that do not run", ""),
        ("filter", "f", "list:NAME=VALUE", "Only some: name=, status=, label=, ancestor=, exited=, …", ""),
        ("quiet", "q", "bool", "Only their ids", ""),
        ("last", "n", "int", "The last N made, running or not", ""),
        ("latest", "l", "bool", "The last one made, running or not", ""),
        ("size", "s", "bool", "How much disk space each takes", ""),
        ("no-trunc", "", "bool", "Nothing cut short", ""),
        ("format", "", "text:FORMAT", "table, json, or a template: '{{.Names}} {{.Status}}'", ""),
    ),
    examples=(
        ("ps -a", "all of them"),
        ("ps --format 'table {{.Names}}\\t{{.Status}}'", "a table of one's own"),
        ("ps --format 'table {{.Names}}\\t{{.GivenUp}}'", "which walls their switches took away"),
        ("ps -q -f status=exited", "ids, for another command"),
    ),
)
