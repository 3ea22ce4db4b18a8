"""`wherry image inspect`: everything that is known of images."""

from __future__ import annotations

from wherry.cli.inspecting import inspect_command

COMMAND = inspect_command("/images/{}/json", "IMAGE")
