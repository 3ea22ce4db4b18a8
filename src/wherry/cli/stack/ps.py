"""`wherry stack ps`: the containers of a stack."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.stack.project import compose, containers


def run(invocation: Invocation) -> int:
    flags, (stack,) = invocation.flags, invocation.arguments
    containers(invocation, stack)
    words = ["--all"]
    for name in ("quiet", "no-trunc"):
        words += [f"--{name}"] if flags.on(name) else []
    if flags.text("format"):
        words += ["--format", flags.text("format")]
    return compose(invocation, stack, "ps", *words)


COMMAND = Command(
    run,
    usage="[OPTIONS] STACK",
    minimum=1,
    maximum=1,
    flags=(
        ("quiet", "q", "bool", "Only ids", ""),
        ("no-trunc", "", "bool", "Nothing cut short", ""),
        ("format", "", "text:FORMAT", "table, json, or a template", ""),
    ),
)
