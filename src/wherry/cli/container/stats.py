"""`wherry stats`: what containers use, once or as it changes."""

from __future__ import annotations

import sys

from wherry.cli.command import Command, Invocation
from wherry.cli.container.usage import COLUMNS, usage_row
from wherry.cli.format.listing import print_listing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_HEADINGS = {"Container": "CONTAINER"}


def run(invocation: Invocation) -> int:
    flags = invocation.flags
    truncate = not flags.on("no-trunc")
    form = flags.text("format")
    names = invocation.arguments or _running(invocation, flags.on("all"))
    if flags.on("no-stream"):
        pending = [invocation.client.begin("GET", f"/containers/{name}/stats?stream=0") for name in names]
        rows = []
        for name, request in zip(names, pending, strict=True):
            sample = request.response().json()
            request.close()
            rows.append(usage_row(name, sample.get("id") or name, sample, truncate=truncate))
        print_listing(rows, COLUMNS, form, headings=_HEADINGS)
        return 0
    return _watch(invocation, names, form, truncate)


def _running(invocation: Invocation, every: bool) -> list[str]:
    entries = invocation.client.get(f"/containers/json?all={int(every)}")
    return [entry["Id"] for entry in entries]


def _watch(invocation: Invocation, names: list[str], form: str, truncate: bool) -> int:
    from wherry.cli.container.watching import Watch

    watch = Watch(invocation.client, names, follow=not invocation.arguments)
    live = sys.stdout.isatty()
    try:
        for samples in watch.rounds():
            if live:
                sys.stdout.write("\x1b[H\x1b[J" if watch.drawn else "\x1b[2J\x1b[H")
            watch.drawn = True
            _draw(samples, form, truncate)
    except KeyboardInterrupt:
        pass  # how one leaves
    finally:
        watch.close()
    return 0


def _draw(samples: dict[str, Any], form: str, truncate: bool) -> None:
    rows = [
        usage_row(name, (sample or {}).get("id") or name, sample, truncate=truncate)
        for name, sample in samples.items()
    ]
    print_listing(rows, COLUMNS, form, headings=_HEADINGS)
    sys.stdout.flush()


COMMAND = Command(
    run,
    usage="[OPTIONS] [CONTAINER...]",
    maximum=None,
    flags=(
        ("all", "a", "bool", "Also containers that do not run", ""),
        ("no-stream", "", "bool", "Once, not as it changes", ""),
        ("no-trunc", "", "bool", "Nothing cut short", ""),
        ("format", "", "text:FORMAT", "table, json, or a template: '{{.Name}} {{.MemUsage}}'", ""),
    ),
    details="Ctrl-C ends it. A container that is started meanwhile appears, unless some were named.",
)
