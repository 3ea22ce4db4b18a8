"""The audit log: who did what, one line of JSON each, appended whole: several processes can share it."""

from __future__ import annotations

import datetime
import os
import sys
from typing import NamedTuple

import msgspec

from wherry.errors import Invalid


class Deed(NamedTuple):
    """What a request did, or would have done."""

    action: str
    repository: str = ""
    reference: str = ""
    digest: str = ""


class Audit:
    """Writes to a file, to standard output ("-"), or nowhere ("")."""

    def __init__(self, path: str, *, pulls: bool = False) -> None:
        """Raises Invalid when the file can't be written."""
        self.pulls = pulls
        self._descriptor = -1
        self._path = path
        if path == "-":
            self._descriptor = sys.stdout.fileno()
        elif path:
            self._open()

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        try:
            self._descriptor = os.open(self._path, flags, 0o600)
        except OSError as error:
            raise Invalid(f"can't write the audit log {self._path}: {error.strerror}") from error

    def reopen(self) -> None:
        """Begin a new file under the same name: the old one was rotated away."""
        if self._path not in ("", "-"):
            old = self._descriptor
            self._open()
            os.close(old)

    def write(self, who: str, address: str, deed: Deed, status: int, sent: int = 0, agent: str = "") -> None:
        """One line. Never fails: what can't be written is told on standard error."""
        if self._descriptor < 0:
            return
        line = {
            "at": datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds"),
            "who": who,
            "from": address,
            "action": deed.action,
            "repository": deed.repository,
            "reference": deed.reference,
            "digest": deed.digest,
            "status": status,
            "bytes": sent,
            "agent": agent[:200],
        }
        data = msgspec.json.encode({name: value for name, value in line.items() if value != ""}) + b"\n"
        try:
            os.write(self._descriptor, data)
        except OSError as error:
            sys.stderr.write(f"audit log: {error}\n")
