"""`wherry compose logs`: what the containers of a project have written."""

from __future__ import annotations

import threading

from wherry.cli.command import Command, Invocation
from wherry.cli.compose.following import Screen, copy
from wherry.cli.compose.opened import opened
from wherry.cli.format.times import query_time


def run(invocation: Invocation) -> int:
    flags, project = invocation.flags, opened(invocation)
    present = project.present(invocation.arguments)
    if flags.given("index"):
        present = [one for one in present if one.number == flags.number("index")]
    names = [one.name.removeprefix(f"{project.name}-") for one in present]
    screen = Screen(names, prefix=not flags.on("no-log-prefix"))
    options: dict[str, object] = {
        "follow": flags.on("follow"),
        "timestamps": flags.on("timestamps"),
        "since": query_time(flags.text("since")),
        "until": query_time(flags.text("until")),
        "tail": flags.text("tail", "all"),
    }
    threads = [
        threading.Thread(target=copy, args=(project, one, screen, options), daemon=True) for one in present
    ]
    for thread in threads:
        thread.start()
        if not flags.on("follow"):
            thread.join()
    for thread in threads:
        thread.join()
    return 0


COMMAND = Command(
    run,
    usage="[OPTIONS] [SERVICE...]",
    maximum=None,
    flags=(
        ("follow", "f", "bool", "Go on showing what they write", ""),
        ("tail", "n", "text:LINES", "Only the last lines of each", ""),
        ("timestamps", "t", "bool", "Show when each line was written", ""),
        ("since", "", "text:TIME", "Only what is newer", ""),
        ("until", "", "text:TIME", "Only what is older", ""),
        ("index", "", "int", "Only the container with this number", ""),
        ("no-log-prefix", "", "bool", "Without the container's name before each line", ""),
        ("no-color", "", "bool", "Accepted: NO_COLOR is asked", ""),
    ),
)
