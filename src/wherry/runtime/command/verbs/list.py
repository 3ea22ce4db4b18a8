"""`list`: the containers of this root."""

from __future__ import annotations

import json

from wherry.errors import Invalid
from wherry.runtime.command.arguments import Arguments
from wherry.runtime.command.container import Container
from wherry.runtime.command.entry import Context


def run(context: Context, arguments: Arguments) -> int:
    """Print a table of them, their names, or JSON."""
    states = [container.state() for container in Container.every(context.root)]
    form = arguments.get("format", "f") or "table"
    if arguments.has("quiet", "q"):
        for state in states:
            print(state["id"])  # noqa: T201
    elif form == "json":
        print(json.dumps(states))  # noqa: T201
    elif form == "table":
        print(f"{'ID':<24} {'PID':<8} {'STATUS':<10} {'BUNDLE':<32} CREATED")  # noqa: T201
        for state in states:
            print(  # noqa: T201
                f"{state['id']:<24} {state['pid']:<8} {state['status']:<10} {state['bundle']:<32} "
                f"{state['created']}"
            )
    else:
        raise Invalid(f"unknown format {form!r}")
    return 0
