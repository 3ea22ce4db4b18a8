"""Go's os.FileMode, by which files are described on the wire, and ours."""

from __future__ import annotations

from wherry.build.sources import File
from wherry.store.tar import Kind

__all__ = ["go_mode", "kind_of", "mode_of"]

_DIRECTORY, _LINK, _DEVICE, _PIPE, _SOCKET, _CHARACTER = 1 << 31, 1 << 27, 1 << 26, 1 << 25, 1 << 24, 1 << 21
_SPECIAL = {1 << 23: 0o4000, 1 << 22: 0o2000, 1 << 20: 0o1000}
_BITS = {
    Kind.DIRECTORY: _DIRECTORY,
    Kind.SYMLINK: _LINK,
    Kind.FIFO: _PIPE,
    Kind.BLOCK: _DEVICE,
    Kind.CHAR: _DEVICE | _CHARACTER,
}


def kind_of(mode: int) -> int | None:
    """What a file is; None for what is of no use in an image."""
    if mode & _DIRECTORY:
        return Kind.DIRECTORY
    if mode & _LINK:
        return Kind.SYMLINK
    if mode & _PIPE:
        return Kind.FIFO
    return None if mode & (_DEVICE | _SOCKET | _CHARACTER) else Kind.FILE


def mode_of(mode: int) -> int:
    """The permissions, with the set-id and sticky bits."""
    return mode & 0o777 | sum(value for bit, value in _SPECIAL.items() if mode & bit)


def go_mode(file: File) -> int:
    """The other way round."""
    special = sum(bit for bit, value in _SPECIAL.items() if file.mode & value)
    return file.mode & 0o777 | special | _BITS.get(Kind(file.kind), 0)
