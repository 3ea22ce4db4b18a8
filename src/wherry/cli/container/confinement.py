"""`wherry container confinement`: how a container is shut in, in plain words."""

from __future__ import annotations

import json

from wherry.cli.command import Command, Invocation
from wherry.cli.format.table import aligned
from wherry.client.api import escape
from wherry.errors import Invalid


def run(invocation: Invocation) -> int:
    form = invocation.flags.text("format")
    if form not in ("", "json"):
        raise Invalid("--format: json, or nothing", hint="inspect -f '{{.Wherry.GivenUp}}' takes templates")
    for number, name in enumerate(invocation.arguments):
        lines = invocation.client.get(f"/wherry/containers/{escape(name)}/confinement")
        if form == "json":
            print(json.dumps(lines, separators=(",", ":"), ensure_ascii=False))
            continue
        if len(invocation.arguments) > 1:
            print(f"{chr(10) if number else ''}{name}:")
        print(aligned("\n".join(f"{line['Wall']}\t{line['Words']}" for line in lines)))
    return 0


COMMAND = Command(
    run,
    usage="[OPTIONS] CONTAINER [CONTAINER...]",
    minimum=1,
    maximum=None,
    flags=(("format", "f", "text:FORMAT", "json, for programs", ""),),
    details="One line a wall: ids, capabilities, system calls, namespaces, files, limits. The last ones, "
    '"given up", say what a switch such as --privileged or --pid host has taken away.',
    examples=(
        ("container confinement web", "how web is shut in"),
        ("ps --format 'table {{.Names}}\\t{{.GivenUp}}'", "which containers gave something up"),
    ),
)
