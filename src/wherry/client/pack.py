"""Local files as a tar stream, made while it is sent."""

from __future__ import annotations

import os
import stat
import tarfile

from wherry.errors import Invalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_PIECE = 1 << 18
_KINDS = {
    stat.S_IFREG: tarfile.REGTYPE,
    stat.S_IFDIR: tarfile.DIRTYPE,
    stat.S_IFLNK: tarfile.SYMTYPE,
    stat.S_IFIFO: tarfile.FIFOTYPE,
    stat.S_IFCHR: tarfile.CHRTYPE,
    stat.S_IFBLK: tarfile.BLKTYPE,
}


def packed(path: str, name: str) -> Iterator[bytes]:
    """A tar archive of `path`, which is called `name` in it (`.` for a folder's content alone).

    Modes, times, numeric owners, symbolic and hard links are kept; sockets are left out. Raises Invalid
    when a file can't be read.
    """
    links: dict[tuple[int, int], str] = {}
    try:
        yield from _entry(path, name, links)
        if stat.S_ISDIR(os.lstat(path).st_mode):
            for folder, folders, files in os.walk(path, onerror=_raise):
                inside = os.path.relpath(folder, path).replace(os.sep, "/")
                prefix = name if inside == "." else f"{name}/{inside}"
                for entry in sorted(folders + files):
                    yield from _entry(os.path.join(folder, entry), f"{prefix}/{entry}", links)
    except OSError as error:
        raise Invalid(f"{error.filename or path}: {(error.strerror or '').lower()}") from None
    yield b"\0" * 1024


def _raise(error: OSError) -> None:
    raise error


def _entry(path: str, name: str, links: dict[tuple[int, int], str]) -> Iterator[bytes]:
    status = os.lstat(path)
    kind = _KINDS.get(stat.S_IFMT(status.st_mode))
    if kind is None:
        return
    info = tarfile.TarInfo(name)
    info.type = kind
    info.mode = stat.S_IMODE(status.st_mode)
    info.uid, info.gid, info.mtime = status.st_uid, status.st_gid, int(status.st_mtime)
    if kind == tarfile.SYMTYPE:
        info.linkname = os.readlink(path)
    elif kind in (tarfile.CHRTYPE, tarfile.BLKTYPE):
        info.devmajor, info.devminor = os.major(status.st_rdev), os.minor(status.st_rdev)
    if kind != tarfile.REGTYPE:
        yield _header(info)
        return
    identity = (status.st_dev, status.st_ino)
    if status.st_nlink > 1 and identity in links:
        info.type, info.linkname = tarfile.LNKTYPE, links[identity]
        yield _header(info)
        return
    links[identity] = name
    with open(path, "rb") as file:
        info.size = os.fstat(file.fileno()).st_size
        yield _header(info)
        left = info.size
        while left:
            piece = file.read(min(left, _PIECE))
            if not piece:
                piece = b"\0" * min(left, _PIECE)  # it shrank meanwhile: the header has promised the rest
            left -= len(piece)
            yield piece
    if info.size % 512:
        yield b"\0" * (512 - info.size % 512)


def _header(info: tarfile.TarInfo) -> bytes:
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
