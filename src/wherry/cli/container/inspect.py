"""`wherry container inspect`: everything that is known of containers."""

from __future__ import annotations

from wherry.cli.inspecting import inspect_command

COMMAND = inspect_command(
    "/containers/{}/json", "CONTAINER", ("size", "s", "bool", "Also how much disk space it takes", "")
)
