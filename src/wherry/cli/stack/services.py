"""`wherry stack services`: the services of a stack, and how many containers of each run."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.format.listing import print_listing
from wherry.cli.stack.project import SERVICE, containers

_COLUMNS = (("NAME", "Name"), ("MODE", "Mode"), ("REPLICAS", "Replicas"), ("IMAGE", "Image"))


def run(invocation: Invocation) -> int:
    (stack,) = invocation.arguments
    services: dict[str, list[dict[str, str]]] = {}
    for entry in containers(invocation, stack):
        services.setdefault(entry["Labels"].get(SERVICE, ""), []).append(entry)
    rows = [
        {
            "Name": f"{stack}_{name}",
            "Mode": "replicated",
            "Replicas": f"{sum(entry['State'] == 'running' for entry in entries)}/{len(entries)}",
            "Image": entries[0]["Image"],
        }
        for name, entries in sorted(services.items())
    ]
    print_listing(rows, _COLUMNS, invocation.flags.text("format"))
    return 0


COMMAND = Command(
    run,
    usage="[OPTIONS] STACK",
    minimum=1,
    maximum=1,
    flags=(("format", "", "text:FORMAT", "table, json, or a template", ""),),
)
