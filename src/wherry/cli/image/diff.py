"""`wherry image diff`: what differs between two images."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.console import paint, visible
from wherry.cli.format.human import size
from wherry.client.api import query
from wherry.client.codec import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_COLOURS = {"A": "green", "D": "red", "C": "yellow"}


def run(invocation: Invocation) -> int:
    first, second = invocation.arguments
    found = invocation.client.get("/wherry/images/diff" + query(**{"from": first, "to": second}))
    if invocation.flags.text("format") == "json":
        print(encode(found).decode())
        return 0
    for change in found["Config"]:
        before, after = (encode(change[side]).decode() for side in ("Before", "After"))
        print(paint(f"config {change['Field']}: {visible(before)} -> {visible(after)}", "cyan"))
    for change in found["Files"]:
        print(paint(f"{change['Kind']} {visible(change['Path'])}{_how(change)}", _COLOURS[change["Kind"]]))
    if invocation.flags.on("summary"):
        kinds = [change["Kind"] for change in found["Files"]]
        growth = sum(change["After"] - change["Before"] for change in found["Files"])
        sign = "-" if growth < 0 else "+"
        print(
            f"{kinds.count('A')} added, {kinds.count('C')} changed, {kinds.count('D')} deleted: "
            f"{sign}{size(abs(growth))}"
        )
    return 0


def _how(change: dict[str, Any]) -> str:
    """Sizes, and for a change what of it."""
    if change["Kind"] == "A":
        return f"  {size(change['After'])}" if change["After"] else ""
    if change["Kind"] == "D":
        return f"  {size(change['Before'])}" if change["Before"] else ""
    parts = [", ".join(change["What"])]
    if change["Before"] != change["After"]:
        parts.append(f"{size(change['Before'])} -> {size(change['After'])}")
    return f"  ({'; '.join(parts)})"


COMMAND = Command(
    run,
    usage="[OPTIONS] IMAGE IMAGE",
    minimum=2,
    maximum=2,
    details="A: only in the second image, D: only in the first, C: changed. Times of files don't count.",
    flags=(
        ("summary", "s", "bool", "Add a line with counts", ""),
        ("format", "", "text:FORMAT", "json", ""),
    ),
)
