"""`wherry inspect`: everything that is known of containers, images, networks, volumes."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.format.details import INSPECT_FLAGS, show_details
from wherry.client.api import escape, query
from wherry.errors import Invalid, NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_PATHS = {
    "container": "/containers/{}/json",
    "image": "/images/{}/json",
    "network": "/networks/{}",
    "volume": "/volumes/{}",
}


def run(invocation: Invocation) -> int:
    flags = invocation.flags
    wanted = flags.text("type")
    if wanted and wanted not in _PATHS:
        raise Invalid(f'unknown type: "{wanted}": must be one of "container", "image", "network", "volume"')
    kinds = [wanted] if wanted else list(_PATHS)
    sizes = query(size=flags.on("size"))

    def find(name: str) -> Any:
        for kind in kinds:
            try:
                path = _PATHS[kind].format(escape(name))
                return invocation.client.get(path + (sizes if kind == "container" else ""))
            except NotFound:
                continue
        what = f"No such {wanted}: {name}" if wanted else f"No such object: {name}"
        raise NotFound(what)

    return show_details(invocation.arguments, find, flags.text("format"))


COMMAND = Command(
    run,
    usage="[OPTIONS] NAME|ID [NAME|ID...]",
    minimum=1,
    maximum=None,
    flags=(
        *INSPECT_FLAGS,
        ("size", "s", "bool", "Of containers, also how much disk space they take", ""),
        ("type", "", "text:KIND", "Only container, image, network or volume", ""),
    ),
    examples=(("inspect -f '{{.State.ExitCode}}' web", "one member"),),
)
