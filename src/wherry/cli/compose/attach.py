"""`wherry compose attach`: join the input and output of a service's container."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation, invoke
from wherry.cli.compose.opened import opened


def run(invocation: Invocation) -> int:
    from wherry.cli.container.attach import COMMAND as ATTACH

    flags = invocation.flags
    one = opened(invocation).one(invocation.arguments[0], flags.number("index"))
    words = ["--no-stdin"] if flags.on("no-stdin") else []
    words += [f"--sig-proxy={str(flags.on('sig-proxy', True)).lower()}"]
    words += [f"--detach-keys={flags.text('detach-keys')}"] if flags.given("detach-keys") else []
    return invoke(ATTACH, "attach", [*words, one.id], invocation.host)


COMMAND = Command(
    run,
    usage="[OPTIONS] SERVICE",
    minimum=1,
    maximum=1,
    flags=(
        ("index", "", "int", "The container with this number", ""),
        ("no-stdin", "", "bool", "Do not pass standard input on", ""),
        ("detach-keys", "", "text:KEYS", "Keys that leave the container running (ctrl-p,ctrl-q)", ""),
        ("sig-proxy", "", "bool", "Pass signals on to the process (default true)", ""),
    ),
)
