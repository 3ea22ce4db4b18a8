"""`--debug-shell`: a terminal in what a failed step has left."""

from __future__ import annotations

import contextlib
import sys

from wherry.cli.console import paint, visible
from wherry.errors import WherryError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wherry.cli.build.build import BuildFailed
    from wherry.cli.command import Invocation


def open_shell(invocation: Invocation, error: BuildFailed) -> None:
    """Until it is left; the image goes then. The error is shown before, and by the caller after it."""
    from wherry.cli.entry import run

    print(paint(visible(error.message), "red", sys.stderr), file=sys.stderr)
    print("This is what the failed step has left; exit ends the build.", file=sys.stderr)
    try:
        run([*(("--host", invocation.host) if invocation.host else ()), "run", "--rm", "-it", error.image])
    finally:
        with contextlib.suppress(WherryError):
            invocation.client.delete(f"/images/{error.image}?force=1")
