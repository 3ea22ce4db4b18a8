"""`wherry builder du`: what the cache of builds holds."""

from __future__ import annotations

import time

from wherry.cli.command import Command, Invocation
from wherry.cli.format.human import duration, ellipsis, size
from wherry.cli.format.listing import print_listing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

COLUMNS = (("ID", "ID"), ("STEP", "Step"), ("SIZE", "Size"), ("SHARED", "Shared"), ("LAST USED", "LastUsed"))


def run(invocation: Invocation) -> int:
    entries = invocation.client.get("/build/usage")["Entries"]
    now = time.time()
    if invocation.flags.on("verbose"):
        for entry in entries:
            _print_all(entry)
        _print_sums(entries)
        return 0
    rows = [
        {
            "ID": entry["key"][:12],
            "Step": ellipsis(entry["step"], 60),
            "Size": size(entry["size"]),
            "Shared": "yes" if entry["shared"] else "no",
            "LastUsed": duration(now - entry["used"] / 1e9) + " ago",
        }
        for entry in entries
    ]
    print_listing(rows, COLUMNS, invocation.flags.text("format"))
    if not invocation.flags.text("format"):
        print()
        _print_sums(entries)
    return 0


def _print_all(entry: dict[str, Any]) -> None:
    """Everything of one entry, line by line, as Docker's `buildx du --verbose`."""
    rows = (
        ("ID", entry["key"]),
        ("Parent", entry["parent"]),
        ("Created at", _moment(entry["added"])),
        ("Mutable", "true" if entry["kind"] == "exec.cachemount" else "false"),
        ("Reclaimable", "false" if entry["in_use"] else "true"),
        ("Shared", "true" if entry["shared"] else "false"),
        ("Size", size(entry["size"])),
        ("Description", entry["step"]),
        ("Usage count", str(entry["uses"])),
        ("Last used", _moment(entry["used"])),
        ("Type", entry["kind"]),
    )
    for name, value in rows:
        if value:
            print(f"{name + ':':<14}{value}")
    print()


def _print_sums(entries: list[dict[str, Any]]) -> None:
    shared = sum(entry["size"] for entry in entries if entry["shared"])
    total = sum(entry["size"] for entry in entries)
    kept = sum(entry["size"] for entry in entries if entry["in_use"])
    print(f"Shared:\t\t{size(shared)}\nReclaimable:\t{size(total - shared - kept)}\nTotal:\t\t{size(total)}")


def _moment(ns: int) -> str:
    """A time for people, in their zone."""
    return time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(ns / 1e9))


COMMAND = Command(
    run,
    usage="[OPTIONS]",
    flags=(
        ("format", "", "text:TEMPLATE", "table, json, or a Go template", ""),
        ("verbose", "", "bool", "All that is known of each entry", ""),
    ),
)
