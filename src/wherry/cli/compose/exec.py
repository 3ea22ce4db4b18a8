"""`wherry compose exec`: run a command in a container of a service."""

from __future__ import annotations

import os

from wherry.cli.command import Command, Invocation, invoke
from wherry.cli.compose.opened import opened


def run(invocation: Invocation) -> int:
    from wherry.cli.container.exec import COMMAND as EXEC

    flags = invocation.flags
    service, *command = invocation.arguments
    one = opened(invocation).one(service, flags.number("index"))
    words: list[str] = []
    if not flags.on("detach"):
        words.append("-i")
        if not flags.on("no-tty") and os.isatty(0) and os.isatty(1):
            words.append("-t")
    for name in ("detach", "privileged"):
        words += [f"--{name}"] if flags.on(name) else []
    for name in ("user", "workdir"):
        words += [f"--{name}={flags.text(name)}"] if flags.given(name) else []
    words += [f"--env={text}" for text in flags.every("env")]
    return invoke(EXEC, "exec", [*words, one.id, *command], invocation.host)


COMMAND = Command(
    run,
    usage="[OPTIONS] SERVICE COMMAND [ARG...]",
    minimum=2,
    maximum=None,
    interspersed=False,
    flags=(
        ("detach", "d", "bool", "Run it in the background", ""),
        ("env", "e", "list:NAME=VALUE", "Set a variable", ""),
        ("index", "", "int", "The container with this number", ""),
        ("no-tty", "T", "bool", "No terminal", ""),
        ("privileged", "", "bool", "Give up most of the confinement", ""),
        ("user", "u", "text:USER", "Run as this user", ""),
        ("workdir", "w", "text:DIR", "Start in this folder", ""),
    ),
)
