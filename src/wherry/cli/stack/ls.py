"""`wherry stack ls`: the stacks, and how many services each has."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.format.listing import print_listing
from wherry.cli.stack.project import SERVICE, stacks


def run(invocation: Invocation) -> int:
    rows = [
        {"Name": name, "Services": str(len({entry["Labels"].get(SERVICE) for entry in entries}))}
        for name, entries in stacks(invocation).items()
    ]
    print_listing(rows, (("NAME", "Name"), ("SERVICES", "Services")), invocation.flags.text("format"))
    return 0


COMMAND = Command(
    run, usage="[OPTIONS]", flags=(("format", "", "text:FORMAT", "table, json, or a template", ""),)
)
