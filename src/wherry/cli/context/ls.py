"""`wherry context ls`: the engines that have a name."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.context.show import in_use
from wherry.cli.format.listing import print_listing
from wherry.cli.format.natural import natural
from wherry.client import contexts
from wherry.errors import Invalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def run(invocation: Invocation) -> int:
    flags, current = invocation.flags, in_use()
    names = sorted([contexts.DEFAULT, *contexts.names()], key=natural)
    if flags.on("quiet"):
        print("\n".join(names))
        return 0
    rows = [_row(name, current) for name in names]
    columns = (
        ("NAME", "Shown"),
        ("DESCRIPTION", "Description"),
        ("DOCKER ENDPOINT", "DockerEndpoint"),
        ("ERROR", "Error"),
    )
    form = flags.text("format")
    if form not in ("", "table"):
        rows = [{name: value for name, value in row.items() if name != "Shown"} for row in rows]
    print_listing(rows, columns, form, headings={"Name": "NAME", "Current": "CURRENT"})
    return 0


def _row(name: str, current: str) -> dict[str, Any]:
    here = name == current
    row = {"Name": name, "Shown": f"{name} *" if here else name, "Current": here, "Error": ""}
    try:
        found = contexts.read(name)
    except Invalid as error:
        return {**row, "Description": "", "DockerEndpoint": "", "Error": error.message}
    return {**row, "Description": found.description, "DockerEndpoint": found.host}


COMMAND = Command(
    run,
    usage="[OPTIONS]",
    flags=(
        ("quiet", "q", "bool", "Only their names", ""),
        ("format", "", "text:FORMAT", "table, json, or a template: '{{.Name}}'", ""),
    ),
)
