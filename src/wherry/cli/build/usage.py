"""`wherry builder du`: what the cache of builds holds."""

from __future__ import annotations

import time

from wherry.cli.command import Command, Invocation
from wherry.cli.format.human import duration, ellipsis, size
from wherry.cli.format.listing import print_listing

COLUMNS = (("ID", "ID"), ("STEP", "Step"), ("SIZE", "Size"), ("SHARED", "Shared"), ("LAST USED", "LastUsed"))


def run(invocation: Invocation) -> int:
    entries = invocation.client.get("/build/usage")["Entries"]
    now = time.time()
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
        own = sum(entry["size"] for entry in entries if not entry["shared"])
        print(f"\nReclaimable: {size(own)}\nTotal: {size(sum(entry['size'] for entry in entries))}")
    return 0


COMMAND = Command(
    run, usage="[OPTIONS]", flags=(("format", "", "text:TEMPLATE", "table, json, or a Go template", ""),)
)
