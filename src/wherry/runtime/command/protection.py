"""Before a command starts something in a container: is our own executable out of that one's reach?

Asked before anything that takes time is imported, for the answer may be to start all over again.
"""

from __future__ import annotations

import json
import os

from wherry.linux import idmaps, interpreter
from wherry.runtime.command.arguments import Arguments


def ensure(verb: str, root: str, arguments: Arguments) -> None:
    """Execute this command once more from a protected executable if `verb` needs it; returns otherwise."""
    if interpreter.is_protected():
        return
    try:
        if verb in ("create", "run"):
            bundle = arguments.get("bundle", "b") or "."
            with open(os.path.join(bundle, "config.json"), "rb") as file:
                linux = json.load(file).get("linux") or {}
            uids = idmaps.from_specification(linux.get("uidMappings"))
        else:
            with open(os.path.join(root, arguments.positional[0], "state.json"), "rb") as file:
                uids = idmaps.read(f"/proc/{int(json.load(file)['pid'])}/uid_map")
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return  # the command itself says what is wrong with it
    if idmaps.holds(uids, interpreter.owner()):
        interpreter.protect()
