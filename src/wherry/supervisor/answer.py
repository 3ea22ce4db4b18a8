"""The reply to one request, given once, now or later."""

from __future__ import annotations

import os
from collections.abc import Callable

from wherry.errors import WherryError
from wherry.supervisor.protocol import Message

Send = Callable[[Message, list[int]], None]


class Answer:
    """Replies to request `number`. `done` tells whether somebody has."""

    def __init__(self, number: int, send: Send) -> None:
        self._number = number
        self._send = send
        self.done = False

    def ok(self, result: Message | None = None, descriptors: list[int] | None = None) -> None:
        """Success. `descriptors` are duplicated; the caller keeps its own."""
        self._reply({"n": self._number, "ok": result or {}}, [os.dup(one) for one in descriptors or []])

    def error(self, error: BaseException) -> None:
        """Failure, with its kind, so that the engine can raise the same."""
        wire: Message = {"kind": type(error).__name__, "message": str(error), "hint": ""}
        if isinstance(error, WherryError):
            wire["message"], wire["hint"] = error.message, error.hint
        elif isinstance(error, OSError):
            wire["message"] = f"{error.filename or 'the supervisor'}: {(error.strerror or '').lower()}"
        else:
            wire["message"] = f"{type(error).__name__}: {error}"
        exit_code = getattr(error, "exit_code", None)
        if exit_code is not None:
            wire["kind"], wire["exit_code"] = "LaunchFailed", exit_code
        self._reply({"n": self._number, "error": wire}, [])

    def _reply(self, message: Message, descriptors: list[int]) -> None:
        self.done = True
        self._send(message, descriptors)
