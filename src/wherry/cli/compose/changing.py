"""The verbs that do one thing to each container: start, stop, restart, kill, pause, unpause, rm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wherry.cli.compose.opened import opened
from wherry.client.api import query
from wherry.compose.removing import each
from wherry.errors import Conflict, NotModified

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wherry.cli.command import Invocation
    from wherry.compose.present import Present

TIMEOUT = ("timeout", "t", "int", "Seconds before a container that stops is killed", "")


def change(
    invocation: Invocation,
    verb: str,
    done: str,
    *,
    states: Sequence[str] = (),
    ordered: bool = True,
    **values: object,
) -> int:
    """Send `POST /containers/{id}/<verb>` for the containers of the named services that are in `states`."""
    project = opened(invocation)
    present = [one for one in project.present(invocation.arguments) if not states or one.state in states]

    def send(one: Present) -> None:
        try:
            project.connections.client.post(f"/containers/{one.id}/{verb}" + query(**values))
        except NotModified:
            return
        except Conflict as error:
            if "not running" not in error.message:
                raise
            return
        project.say(f"Container {one.name}", done)

    each(present, send, ordered=ordered)
    return 0


def remover(invocation: Invocation, *, volumes: bool) -> Callable[[Present], None]:
    """A function that removes one container, also while it runs."""
    project = opened(invocation)

    def remove(one: Present) -> None:
        project.connections.client.delete(f"/containers/{one.id}" + query(force=True, v=volumes))
        project.say(f"Container {one.name}", "Removed")

    return remove


def timeout(invocation: Invocation) -> str | None:
    """The seconds of --timeout, where it was given."""
    return invocation.flags.text("timeout") if invocation.flags.given("timeout") else None
