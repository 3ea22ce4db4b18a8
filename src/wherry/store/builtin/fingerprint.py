"""Noticing that something on the machine has changed, for the price of some hundred lstat calls."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterable

__all__ = ["Fingerprint"]

Facts = tuple[tuple[int, int, int, int] | None, ...]


class Fingerprint:
    """Of what `paths` names. Thread-safe.

    Which paths there are is asked again only when one of the known ones has changed: a directory among them
    tells of whatever came or went in it.
    """

    def __init__(self, salt: str, paths: Callable[[], Iterable[str]]) -> None:
        self._salt = salt
        self._paths = paths
        self._lock = threading.Lock()
        self._known: list[str] = []
        self._facts: Facts = ()
        self._value = ""

    def value(self) -> str:
        """The same as long as nothing changes."""
        with self._lock:
            if not self._value or self._look() != self._facts:
                self._known = list(self._paths())
                self._facts = self._look()
                state = hashlib.sha256(self._salt.encode())
                for path, facts in zip(self._known, self._facts, strict=True):
                    state.update(repr((path, facts)).encode())
                self._value = state.hexdigest()
            return self._value

    def _look(self) -> Facts:
        return tuple(map(_facts, self._known))


def _facts(path: str) -> tuple[int, int, int, int] | None:
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_mode, found.st_size, found.st_mtime_ns, found.st_ino
