"""`wherry volume inspect`: everything that is known of volumes."""

from __future__ import annotations

from wherry.cli.inspecting import inspect_command

COMMAND = inspect_command("/volumes/{}", "VOLUME")
