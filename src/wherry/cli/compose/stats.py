"""`wherry compose stats`: what the containers of a project use."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation, invoke
from wherry.cli.compose.opened import opened


def run(invocation: Invocation) -> int:
    from wherry.cli.container.stats import COMMAND as STATS

    flags = invocation.flags
    present = opened(invocation).present(invocation.arguments)
    chosen = [one for one in present if one.state == "running" or flags.on("all")]
    if not chosen:
        return 0
    words = [f"--{name}" for name in ("no-stream", "no-trunc") if flags.on(name)]
    words += [f"--format={flags.text('format')}"] if flags.given("format") else []
    return invoke(STATS, "stats", [*words, *[one.id for one in chosen]], invocation.host)


COMMAND = Command(
    run,
    usage="[OPTIONS] [SERVICE]",
    maximum=1,
    flags=(
        ("all", "a", "bool", "Also those that do not run", ""),
        ("no-stream", "", "bool", "Once, and end", ""),
        ("no-trunc", "", "bool", "Nothing cut short", ""),
        ("format", "", "text:FORMAT", "table, json, or a template", ""),
    ),
)
