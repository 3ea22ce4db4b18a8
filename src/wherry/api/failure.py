"""Exceptions become Docker's error answers: a status code and `{"message": …}`, with ours a `hint` besides.

Nothing of the inside reaches a client: an exception without a kind is a fault of ours, answered with 500 and
its type, and reported with its traceback to the engine's own standard error.
"""

from __future__ import annotations

import sys

import msgspec

from wherry.api.http import BadRequest, Response
from wherry.errors import WherryError


def to_response(error: Exception) -> Response:
    """The answer to a request that failed."""
    if isinstance(error, WherryError):
        if error.status == 304:
            return Response(304)
        return message(error.status, error.message, error.hint)
    if isinstance(error, BadRequest):
        return message(error.status, error.message)
    report(error)
    if isinstance(error, OSError):
        return message(500, f"{error.strerror or error}" + (f": {error.filename}" if error.filename else ""))
    return message(500, f"internal error: {type(error).__name__}: {error}")


def message(status: int, text: str, hint: str = "") -> Response:
    """An error answer in Docker's shape; the hint is a member of its own, which Docker's clients ignore."""
    body = {"message": _sendable(text)}
    if hint:
        body["hint"] = _sendable(hint)
    return Response(status, msgspec.json.encode(body) + b"\n")


def _sendable(text: str) -> str:
    """File names may hold bytes that are no UTF-8."""
    return text.encode("utf-8", "replace").decode()


def text_of(error: Exception) -> str:
    """What to say of an error inside a stream that has begun."""
    if isinstance(error, WherryError | BadRequest):
        return error.message
    report(error)
    return f"{type(error).__name__}: {error}"


def report(error: Exception) -> None:
    """A fault of ours, to whoever reads the engine's log."""
    import traceback  # 2 ms of start-up that only a fault needs

    traceback.print_exception(error, file=sys.stderr)


def report_unless_known(error: Exception) -> None:
    """The same for an error that comes too late to be answered."""
    if not isinstance(error, WherryError | BadRequest):
        report(error)
