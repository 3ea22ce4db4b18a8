"""`wherry rmi`: remove images, or one of their names."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.several import send_each
from wherry.client.api import escape, query

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def run(invocation: Invocation) -> int:
    flags = invocation.flags
    options = query(force=flags.on("force"), noprune=flags.on("no-prune"))

    def report(name: str, removed: Any) -> None:
        for entry in removed or ():
            if entry.get("Deleted"):
                print("Deleted:", entry["Deleted"])
            else:
                print("Untagged:", entry["Untagged"])

    return send_each(
        invocation,
        "DELETE",
        lambda name: f"/images/{escape(name)}{options}",
        shrug_missing=flags.on("force"),
        report=report,
    )


COMMAND = Command(
    run,
    usage="[OPTIONS] IMAGE [IMAGE...]",
    minimum=1,
    maximum=None,
    flags=(
        ("force", "f", "bool", "Also when a stopped container uses it, or it has several names", ""),
        ("no-prune", "", "bool", "Keep the unnamed images that it was made from", ""),
    ),
)
