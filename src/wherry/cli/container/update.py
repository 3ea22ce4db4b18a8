"""`wherry update`: change the limits and the restart policy of containers, also while they run."""

from __future__ import annotations

import sys

from wherry.cli.command import Command, Invocation
from wherry.cli.container.create_flags import CREATE_FLAGS
from wherry.cli.several import send_each
from wherry.errors import Invalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_NAMES = (
    *("blkio-weight", "cpu-period", "cpu-quota", "cpu-rt-period", "cpu-rt-runtime", "cpu-shares", "cpus"),
    *("cpuset-cpus", "cpuset-mems", "memory", "memory-reservation", "memory-swap", "pids-limit", "restart"),
)
_FLAGS = tuple((*flag[:4], "") for flag in CREATE_FLAGS if flag[0] in _NAMES)


def run(invocation: Invocation) -> int:
    from wherry.cli.options.limits import limits
    from wherry.cli.options.upkeep import restart_policy

    if not invocation.flags.given(*_NAMES):
        raise Invalid("you must provide one or more flags when using this command")
    body: dict[str, Any] = limits(invocation.flags)
    if invocation.flags.given("restart"):
        body["RestartPolicy"] = restart_policy(invocation.flags.text("restart"))

    def report(name: str, answer: Any) -> None:
        print(name, flush=True)
        for warning in (answer or {}).get("Warnings") or ():
            print(f"WARNING: {warning}", file=sys.stderr)

    return send_each(invocation, "POST", lambda name: f"/containers/{name}/update", body, report=report)


COMMAND = Command(
    run,
    usage="[OPTIONS] CONTAINER [CONTAINER...]",
    minimum=1,
    maximum=None,
    flags=_FLAGS,
    examples=(("update -m 1g --memory-swap 2g web", "more memory, at once"),),
)
