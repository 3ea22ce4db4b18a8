"""`wherry create`: make a container without starting it."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.container.create_flags import CREATE_FLAGS
from wherry.cli.container.making import make_container

_FLAGS = (*CREATE_FLAGS, ("rm", "", "bool", "Remove the container when it ends", "Common"))


def run(invocation: Invocation) -> int:
    container, _ = make_container(invocation)
    print(container)
    return 0


COMMAND = Command(
    run,
    usage="[OPTIONS] IMAGE [COMMAND] [ARG...]",
    flags=_FLAGS,
    minimum=1,
    maximum=None,
    interspersed=False,
    details="The container's id is printed; `wherry start` starts it.",
    examples=(("create --name web -p 8080:80 nginx", "made now, started later with `wherry start web`"),),
)
