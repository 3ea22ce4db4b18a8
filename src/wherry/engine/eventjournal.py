"""The last events in a file, so that the next engine knows them: who listens comes back without a gap.

In the run directory: a reboot forgets them, a kill does not. One JSON object a line.
"""

from __future__ import annotations

import contextlib
import os

import msgspec

from .models import Event, encode

LIMIT = 512 * 1024
"""Bytes that the file may grow to; then its second half is kept."""


class EventJournal:
    """Written by one engine at a time. Errors of the disk are no reason for an event to fail."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file = -1
        self._size = 0

    def read(self, count: int) -> list[Event]:
        """The last `count` events. What a kill has left half written is left out."""
        try:
            with open(self._path, "rb") as file:
                lines = file.read().split(b"\n")[:-1][-count:]
        except OSError:
            return []
        found = []
        for line in lines:
            with contextlib.suppress(msgspec.MsgspecError):
                found.append(msgspec.json.decode(line, type=Event))
        return found

    def append(self, event: Event) -> None:
        """One system call: a killed engine has written all of it or none."""
        line = encode(event) + b"\n"
        try:
            if self._file < 0 or self._size > LIMIT:
                self._open()
            self._size += os.write(self._file, line)
        except OSError:
            pass  # a full disk: the next engine will know less

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _open(self) -> None:
        self.close()
        with contextlib.suppress(FileNotFoundError):
            if os.stat(self._path).st_size > LIMIT:
                self._halve()
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._file = os.open(self._path, flags, 0o600)
        self._size = os.fstat(self._file).st_size

    def _halve(self) -> None:
        with open(self._path, "rb") as file:
            kept = file.read()[-LIMIT // 2 :]
        draft = f"{self._path}.new"
        with open(draft, "wb") as file:
            file.write(kept[kept.find(b"\n") + 1 :])
        os.rename(draft, self._path)
