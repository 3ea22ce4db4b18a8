"""`wherry network inspect`: everything that is known of networks."""

from __future__ import annotations

from wherry.cli.inspecting import inspect_command

COMMAND = inspect_command(
    "/networks/{}", "NETWORK", ("verbose", "v", "bool", "Also what helps to find faults", "")
)
