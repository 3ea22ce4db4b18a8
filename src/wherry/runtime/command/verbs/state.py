"""`state`: print a container's state."""

from __future__ import annotations

import json

from wherry.runtime.command.arguments import Arguments
from wherry.runtime.command.container import Container
from wherry.runtime.command.entry import Context


def run(context: Context, arguments: Arguments) -> int:
    """Print the OCI state as JSON."""
    container = Container.find(context.root, arguments.positional[0])
    print(json.dumps(container.state(), indent=2))  # noqa: T201
    return 0
