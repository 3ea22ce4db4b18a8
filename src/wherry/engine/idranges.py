"""Ranges of host ids for user namespaces: each running container of a root engine has one to itself.

A range may differ at every start, since files on disk keep the image's own ids. The pool lies above what
systemd hands to its own containers (up to 0x6FFFFFFF) and below its foreign ids (from 0x7FFE0000).
"""

from __future__ import annotations

from wherry.errors import Unavailable

SIZE = 65536
_FIRST = 0x7000_0000
_LAST = 0x7FFE_0000


class IdRanges:
    """Hands out the lowest free range of `SIZE` ids. In memory: what runs is known at start by `claim`."""

    def __init__(self, first: int = _FIRST, last: int = _LAST) -> None:
        self._first = first
        self._count = (last - first) // SIZE
        self._used: set[int] = set()
        self._next = 0

    def allocate(self) -> int:
        """The first id of a range that nobody else has. Raises `Unavailable` when all are used."""
        for step in range(self._count):
            slot = (self._next + step) % self._count
            if slot not in self._used:
                self._used.add(slot)
                # Not the one just given back: a process that outlives its container for a moment must not
                # find itself in the range of another.
                self._next = slot + 1
                return self._first + slot * SIZE
        raise Unavailable("every id range is in use", hint="remove containers that are not needed")

    def claim(self, first: int) -> None:
        """Note a range that a running container has since an earlier engine."""
        self._used.add((first - self._first) // SIZE)

    def release(self, first: int) -> None:
        """Give a range back; fine for -1 and for one that is free."""
        self._used.discard((first - self._first) // SIZE)
