"""The registry's own process, which takes the place of the command line."""

from __future__ import annotations

import json
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from wherry.cli.flags import Flags

STORAGE_FLAGS = (
    ("config", "c", "text:FILE", "Read settings from a TOML file; flags count more", ""),
    ("storage", "", "text:WHERE", "A directory, or s3://bucket/prefix, gs://…, az://…", ""),
)


def become(verb: str, flags: Flags, told: dict[str, Any] | None = None, laid: Any = None) -> NoReturn:
    """Run a verb of `python -m wherry.registry.server` with `laid` over the configuration file."""
    said = {"config": flags.text("config"), "flags": dict(laid or {}), **(told or {})}
    if flags.given("storage"):
        said["flags"]["storage"] = flags.text("storage")
    sys.stdout.flush()
    command = [sys.executable, "-m", "wherry.registry.server", verb, json.dumps(said)]
    os.execv(sys.executable, command)
