"""One request for each of several things: all under way at once, reported in the order they were named."""

from __future__ import annotations

import sys

from wherry.cli.failure import complain
from wherry.errors import NotFound, NotModified, WherryError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from wherry.cli.command import Invocation

_AT_ONCE = 50  # connections to the engine


def send_each(
    invocation: Invocation,
    method: str,
    path: Callable[[str], str],
    body: Any = None,
    *,
    shrug_missing: bool = False,
    report: Callable[[str, Any], None] | None = None,
) -> int:
    """Send one request for each argument of the command; print its name, or its error on standard error.

    Returns 1 when one of them failed. `shrug_missing`: something that is not there is reported but does not
    count (--force). `report` gets name and answer in place of the name being printed.
    """
    code = 0
    names = invocation.arguments
    for start in range(0, len(names), _AT_ONCE):
        batch = names[start : start + _AT_ONCE]
        pending = [invocation.client.begin(method, path(name), body) for name in batch]
        for name, request in zip(batch, pending, strict=True):
            try:
                try:
                    answer = request.response().json()
                except NotModified:
                    answer = None
                if report is not None:
                    report(name, answer)
                else:
                    print(name)
                    sys.stdout.flush()
            except WherryError as error:
                complain(error, invocation.client)
                if not (shrug_missing and isinstance(error, NotFound)):
                    code = 1
            finally:
                request.close()
    return code
