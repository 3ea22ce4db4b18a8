"""Removing what is not in use: the question before it, and the report after it."""

from __future__ import annotations

from wherry.cli.console import confirm
from wherry.cli.filters import parse_filters
from wherry.cli.format.human import size
from wherry.client.api import query

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from wherry.cli.command import Invocation

PRUNE_FLAGS = (
    ("force", "f", "bool", "Do not ask", ""),
    ("filter", "", "list:NAME=VALUE", "Only some: until=24h, label=, label!=", ""),
)


def agreed(invocation: Invocation, warning: str) -> bool:
    """Whether it may be done: --force, or the answer to the question."""
    if invocation.flags.on("force"):
        return True
    return confirm(f"WARNING! {warning}\nAre you sure you want to continue?")


def prune(invocation: Invocation, kind: str, extra: dict[str, list[str]] | None = None) -> dict[str, Any]:
    """Have the engine remove what is not in use of `kind` (containers, images, …); its report."""
    filters = {**parse_filters(invocation.flags.every("filter")), **(extra or {})}
    report: dict[str, Any] = invocation.client.post(f"/{kind}/prune" + query(filters=filters)) or {}
    return report


def print_removed(title: str, names: list[str]) -> None:
    """A block of what was removed, when something was."""
    if names:
        print(f"{title}:", *names, "", sep="\n")


def removed_images(report: dict[str, Any]) -> list[str]:
    """The lines of an image report."""
    return [
        f"untagged: {entry['Untagged']}" if entry.get("Untagged") else f"deleted: {entry['Deleted']}"
        for entry in report.get("ImagesDeleted") or ()
    ]


def print_reclaimed(count: int) -> None:
    print(f"Total reclaimed space: {size(count, 4)}")
