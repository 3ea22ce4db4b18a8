"""Carrying a verb of stacks out as one of `wherry compose`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wherry.cli.command import invoke
from wherry.cli.compose import entry
from wherry.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from wherry.cli.command import Invocation

SERVICE = "com.docker.compose.service"  # the label


def compose(invocation: Invocation, stack: str, verb: str, *words: str, files: Sequence[str] = ()) -> int:
    """Run `wherry compose -p STACK [-f FILE...] VERB WORD...`; its exit code."""
    before = [word for file in files for word in ("-f", file)]
    if not files:
        before = ["--project-directory", "/"]  # a compose file of the present folder is none of the stack's
    return invoke(entry.COMMAND, "compose", ["-p", stack, *before, verb, *words], invocation.host)


def stacks(invocation: Invocation) -> dict[str, list[Any]]:
    """Every stack there is, with its containers as the API lists them."""
    entry.find_packages()
    from wherry.compose.present import projects

    return projects(invocation.client)


def containers(invocation: Invocation, stack: str) -> list[Any]:
    """The containers of a stack. Raises NotFound in Docker's words."""
    found = stacks(invocation).get(stack)
    if not found:
        raise NotFound(
            f"nothing found in stack: {stack}", hint="`wherry stack ls` names those that are there"
        )
    return found
