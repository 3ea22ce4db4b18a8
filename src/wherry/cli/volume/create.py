"""`wherry volume create`: make a volume."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.flags import UsageError
from wherry.cli.options.environment import pairs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def run(invocation: Invocation) -> int:
    flags, arguments = invocation.flags, invocation.arguments
    name = flags.text("name")
    if arguments:
        if name and name != arguments[0]:
            raise UsageError("conflicting options: either specify --name or provide positional arg, not both")
        name = arguments[0]
    body: dict[str, Any] = {"Driver": flags.text("driver", "local"), "Labels": pairs(flags.every("label"))}
    body["DriverOpts"] = pairs(flags.every("opt"))
    if name:
        body["Name"] = name
    print(invocation.client.post("/volumes/create", body)["Name"])
    return 0


COMMAND = Command(
    run,
    usage="[OPTIONS] [VOLUME]",
    maximum=1,
    flags=(
        ("driver", "d", "text:DRIVER", "The driver that makes it (local)", ""),
        ("opt", "o", "list:NAME=VALUE", "An option of the driver, e.g. type=tmpfs", ""),
        ("label", "", "list:NAME=VALUE", "Attach a label", ""),
        ("name", "", "text:NAME", "Older form of the argument", ""),
    ),
    examples=(("volume create data", "then: wherry run -v data:/var/lib/data …"),),
)
