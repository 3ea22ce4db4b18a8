"""Files that go to the engine, in pieces."""

from __future__ import annotations

import os

from wherry.errors import Invalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_PIECE = 1 << 18
_EXACT = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)  # Windows has the one, all others the other


def pieces_of(path: str) -> Iterator[bytes]:
    """The content of a file, or of standard input for `-`. Raises Invalid when the file can't be read."""
    if path in ("", "-"):
        return _pieces(0)
    try:
        return _pieces(os.open(path, os.O_RDONLY | _EXACT))
    except OSError as error:
        raise Invalid(f"open {path}: {(error.strerror or '').lower()}") from None


def _pieces(fd: int) -> Iterator[bytes]:
    try:
        while piece := os.read(fd, _PIECE):
            yield piece
    finally:
        if fd:
            os.close(fd)
