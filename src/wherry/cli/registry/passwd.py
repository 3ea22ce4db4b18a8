"""`wherry registry passwd`: make an account, or change its password."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.registry.process import become


def run(invocation: Invocation) -> int:
    path, name = invocation.arguments
    told = {"path": path, "name": name, "stdin": invocation.flags.on("password-stdin")}
    become("passwd", invocation.flags, told)


COMMAND = Command(
    run,
    usage="[OPTIONS] FILE NAME",
    minimum=2,
    maximum=2,
    flags=(("password-stdin", "", "bool", "Read the password from standard input", ""),),
    details="The file has one account a line, hashed with bcrypt. A running registry sees changes.",
    examples=(("registry passwd users alice", "asks for the password of alice"),),
)
