"""`container inspect`, `image inspect`, …: the same command for each kind of thing."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.format.details import INSPECT_FLAGS, show_details
from wherry.client.api import escape, query

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wherry.cli.flags import Flag


def inspect_command(path: str, placeholder: str, *switches: Flag) -> Command:
    """`path` has `{}` for a name; the switches are also parameters of the request."""

    def run(invocation: Invocation) -> int:
        flags = invocation.flags
        wanted = query(**{switch[0]: flags.on(switch[0]) for switch in switches})
        return show_details(
            invocation.arguments,
            lambda name: invocation.client.get(path.format(escape(name)) + wanted),
            flags.text("format"),
        )

    return Command(
        run,
        usage=f"[OPTIONS] {placeholder} [{placeholder}...]",
        minimum=1,
        maximum=None,
        flags=(*INSPECT_FLAGS, *switches),
    )
