"""`wherry context inspect`: everything that is known of contexts."""

from __future__ import annotations

import os

from wherry.cli.command import Command, Invocation
from wherry.cli.context.show import in_use
from wherry.cli.format.details import INSPECT_FLAGS, show_details
from wherry.client import contexts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def run(invocation: Invocation) -> int:
    names = invocation.arguments or [in_use()]
    return show_details(names, _details, invocation.flags.text("format"))


def _details(name: str) -> dict[str, Any]:
    found = contexts.read(name)
    folder = contexts.pem_folder(name)
    kept = name != contexts.DEFAULT
    return {
        **found.document(),
        "TLSMaterial": {"docker": sorted(found.pem)} if found.pem else {},
        "Storage": {
            "MetadataPath": contexts.folder(name) if kept else "<IN MEMORY>",
            "TLSPath": os.path.dirname(folder) if kept else "<IN MEMORY>",
        },
    }


COMMAND = Command(run, usage="[OPTIONS] [NAME...]", maximum=None, flags=INSPECT_FLAGS)
