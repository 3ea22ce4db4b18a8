"""`wherry compose cp`: copy files into and out of a service's container."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation, invoke
from wherry.cli.compose.opened import opened
from wherry.errors import Invalid


def run(invocation: Invocation) -> int:
    from wherry.cli.container.cp import COMMAND as CP

    project, flags = opened(invocation), invocation.flags
    words = []
    services = 0
    for text in invocation.arguments:
        name, colon, path = text.partition(":")
        if colon and "/" not in name:
            services += 1
            one = project.one(name, flags.number("index"), running=False, one_off=flags.on("all"))
            words.append(f"{one.id}:{path}")
        else:
            words.append(text)
    if services != 1:
        raise Invalid("copy between a service and this machine: one of both as SERVICE:PATH")
    if project.rehearsed:
        project.say(" to ".join(invocation.arguments), "Copied")
        return 0
    for name in ("archive", "follow-link"):
        words[:0] = [f"--{name}"] if flags.on(name) else []
    return invoke(CP, "cp", words, invocation.host)


COMMAND = Command(
    run,
    usage="[OPTIONS] SERVICE:PATH PATH | PATH SERVICE:PATH",
    minimum=2,
    maximum=2,
    flags=(
        ("archive", "a", "bool", "Keep owners", ""),
        ("follow-link", "L", "bool", "Follow a symbolic link at the source", ""),
        ("index", "", "int", "The container with this number", ""),
        ("all", "", "bool", "Also containers of `run`", ""),
    ),
)
