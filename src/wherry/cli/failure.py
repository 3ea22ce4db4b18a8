"""Errors as a person reads them: one line that says what happened, one that says what to do."""

from __future__ import annotations

import os
import sys

from wherry.cli.console import paint, visible
from wherry.cli.flags import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wherry.client.api import Client
    from wherry.errors import WherryError


def complain(error: WherryError, client: Client | None = None) -> None:
    """Print an error and its hint on standard error; with a client, also the name that was probably meant."""
    hint = error.hint
    if not hint and error.status == 404 and client is not None:
        from wherry.cli.guess import hint_for

        hint = hint_for(error, client)
    say(error.message, hint)


def say(message: str, hint: str = "") -> None:
    """Print a message in the form of an error on standard error, with a hint where there is one."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        pass
    print(paint("wherry:", "red", sys.stderr), visible(message), file=sys.stderr)
    if hint:
        print(paint("hint:", "cyan", sys.stderr), visible(hint), file=sys.stderr)


def report(error: WherryError, name: str, host: str = "", *, code: int = 1) -> int:
    """Print an error that ends the command `name`; return the exit code: `code`, or a `UsageError`'s own.

    `host`: the engine that was asked, as -H named it.
    """
    if os.environ.get("WHERRY_DEBUG"):
        _traceback()
    client = None
    if error.status == 404:
        from wherry.client.api import Client

        client = Client(host)
    complain(error, client)
    if isinstance(error, UsageError):
        from wherry.cli.help import usage_line

        print(f"\n{usage_line(name)}", file=sys.stderr)
        return error.exit_code
    return code


def report_fault(error: Exception, name: str) -> int:
    """Print an error that nobody expected. Returns 125 for commands that hand on a container's exit code."""
    if os.environ.get("WHERRY_DEBUG"):
        _traceback()
    what = f"{type(error).__name__}: {error}"
    if isinstance(error, OSError) and error.strerror:
        what = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
        say(what)
    else:
        say(what, "this is a fault of wherry's: WHERRY_DEBUG=1 shows where")
    return 125 if name.rpartition(" ")[2] in ("run", "exec") else 1


def _traceback() -> None:
    import traceback

    traceback.print_exc()
