"""`wherry events`: what happens, as it happens."""

from __future__ import annotations

import time

from wherry.cli.command import Command, Invocation
from wherry.cli.filters import parse_filters
from wherry.cli.format.times import query_time
from wherry.client.again import events

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def run(invocation: Invocation) -> int:
    flags = invocation.flags
    form = flags.text("format")
    show = _plain
    if form:
        from wherry.cli.format.listing import renderer

        render = renderer(form)
        show = _as_sent if form == "json" else render
    happened = events(
        invocation.client,
        since=query_time(flags.text("since")),
        until=query_time(flags.text("until")),
        filters=parse_filters(flags.every("filter")),
    )
    for event in happened:
        print(show(event), flush=True)
    return 0


def _as_sent(event: dict[str, Any]) -> str:
    import json

    return json.dumps(event, separators=(",", ":"), ensure_ascii=False)


def _plain(event: dict[str, Any]) -> str:
    """`TIME container start ID (image=…, name=…)`, in local time with nanoseconds."""
    nanoseconds = event.get("timeNano") or event.get("time", 0) * 1_000_000_000
    seconds, fraction = divmod(nanoseconds, 1_000_000_000)
    parts = time.localtime(seconds)
    zone = time.strftime("%z", parts)
    zone = "Z" if zone == "+0000" else f"{zone[:3]}:{zone[3:]}"
    moment = f"{time.strftime('%Y-%m-%dT%H:%M:%S', parts)}.{fraction:09d}{zone}"
    actor = event.get("Actor") or {}
    attributes = actor.get("Attributes") or {}
    line = f"{moment} {event.get('Type', '')} {event.get('Action', '')} {actor.get('ID', '')}"
    if attributes:
        line += f" ({', '.join(f'{name}={attributes[name]}' for name in sorted(attributes))})"
    return line


COMMAND = Command(
    run,
    usage="[OPTIONS]",
    flags=(
        ("filter", "f", "list:NAME=VALUE", "Only some: type=, event=, container=, image=, label=, …", ""),
        ("since", "", "text:TIME", "Also what happened since: 10m for ten minutes, or a date", ""),
        ("until", "", "text:TIME", "Stop there", ""),
        ("format", "", "text:FORMAT", "json, or a template: '{{.Type}} {{.Action}}'", ""),
    ),
    examples=(
        ("events -f container=web", "of one container"),
        ("events --since 1h --until 0s", "the last hour"),
    ),
)
