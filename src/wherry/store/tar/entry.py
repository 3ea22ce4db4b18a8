"""One member of a tar archive. Names are bytes, as the kernel has them."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["Kind", "TarEntry"]


class Kind(IntEnum):
    """What a member is; the values are the type flags of the ustar header."""

    FILE = ord("0")
    HARDLINK = ord("1")
    SYMLINK = ord("2")
    CHAR = ord("3")
    BLOCK = ord("4")
    DIRECTORY = ord("5")
    FIFO = ord("6")


class TarEntry:
    """`stored` bytes of content follow in the archive; a sparse file's `size` is larger than that, and
    `segments` says where each stored run belongs: (offset, length)."""

    __slots__ = (
        "gid",
        "kind",
        "linkname",
        "major",
        "minor",
        "mode",
        "mtime_ns",
        "name",
        "segments",
        "size",
        "stored",
        "uid",
        "xattrs",
    )

    def __init__(
        self,
        name: bytes,
        kind: int,
        *,
        mode: int = 0o644,
        uid: int = 0,
        gid: int = 0,
        size: int = 0,
        mtime_ns: int = 0,
        linkname: bytes = b"",
        major: int = 0,
        minor: int = 0,
        xattrs: dict[bytes, bytes] | None = None,
    ) -> None:
        self.name = name
        self.kind = kind
        self.mode = mode
        self.uid = uid
        self.gid = gid
        self.size = size
        self.stored = size
        self.mtime_ns = mtime_ns
        self.linkname = linkname
        self.major = major
        self.minor = minor
        self.xattrs = xattrs
        self.segments: list[tuple[int, int]] | None = None

    def __repr__(self) -> str:
        return f"TarEntry({self.name!r}, {chr(self.kind)!r}, size={self.size})"
