"""`wherry logs`: what a container has written."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.client.api import query


def run(invocation: Invocation) -> int:
    from wherry.cli.container.pump import OutputCopy
    from wherry.cli.format.times import query_time
    from wherry.client.demux import write_all

    flags = invocation.flags
    name = invocation.arguments[0]
    details = invocation.client.get(f"/containers/{name}/json")
    tty, timestamps = bool(details["Config"].get("Tty")), flags.on("timestamps")
    options: dict[str, object] = {
        "stdout": True,
        "stderr": True,
        "details": flags.on("details"),
        "since": query_time(flags.text("since")),
        "until": query_time(flags.text("until")),
        "tail": flags.text("tail", "all"),
    }
    if flags.on("follow"):
        from wherry.client.again import FollowedLog

        log = FollowedLog(invocation.client, details["Id"], framed=not tty, timestamps=timestamps, **options)
        for stream, data in log.pieces():
            write_all(stream, [memoryview(data)])
        return 0
    whole = query(**options, timestamps=timestamps)
    response = invocation.client.stream("GET", f"/containers/{details['Id']}/logs{whole}")
    output = OutputCopy(raw=tty)
    for piece in response.chunks():
        output.feed(memoryview(piece))
    return 0


COMMAND = Command(
    run,
    usage="[OPTIONS] CONTAINER",
    minimum=1,
    maximum=1,
    flags=(
        ("follow", "f", "bool", "Go on showing what it writes", ""),
        ("tail", "n", "text:LINES", "Only the last lines; `all` shows every one", ""),
        ("timestamps", "t", "bool", "Show when each line was written", ""),
        ("since", "", "text:TIME", "Only what is newer: 10m for ten minutes, or a date", ""),
        ("until", "", "text:TIME", "Only what is older", ""),
        ("details", "", "bool", "Show the attributes that --log-opt added", ""),
    ),
    examples=(("logs -f --tail 20 web", "the last twenty lines, and what follows"),),
)
