"""`wherry top`: the processes of a container."""

from __future__ import annotations

import sys

from wherry.cli.command import Command, Invocation
from wherry.cli.format.table import aligned
from wherry.client.api import query


def run(invocation: Invocation) -> int:
    name, *options = invocation.arguments
    answer = invocation.client.get(f"/containers/{name}/top" + query(ps_args=" ".join(options)))
    lines = ["\t".join(row) for row in (answer["Titles"], *(answer["Processes"] or ()))]
    sys.stdout.write(aligned("\n".join(lines), minimum=20, padding=3) + "\n")
    return 0


COMMAND = Command(
    run,
    usage="CONTAINER [ps OPTIONS]",
    minimum=1,
    maximum=None,
    interspersed=False,
    examples=(("top web", "all of them"), ("top web -o pid,rss,args", "with the columns of your choice")),
)
