"""A tar stream from a container, unpacked into a local folder, trusting nothing that is in it.

Whoever owns the container has written the archive's names and links. So each name is walked component by
component with descriptors that follow no link; nothing outside the folder is made, changed or removed.
Set-user-ID bits and devices are taken over only when owners are (`-a`).
"""

from __future__ import annotations

import os
import stat
import sys
import tarfile

from wherry.errors import Invalid, Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Windows opens no directories: `unpack` says so.
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
_PIECE = 1 << 18


class _Reader:
    """The pieces of a response as a file that can be read from."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def read(self, count: int) -> bytes:
        found = [self._rest]
        held = len(self._rest)
        while held < count:
            piece = next(self._pieces, b"")
            if not piece:
                break
            found.append(piece)
            held += len(piece)
        whole = b"".join(found)
        self._rest = whole[count:]
        return whole[:count]


def unpack(
    pieces: Iterator[bytes], folder: str, rename: Callable[[list[str]], list[str]], *, owners: bool
) -> int:
    """Unpack into `folder`; returns the bytes of file content written.

    `rename` gives the place of an entry below `folder` from the components of its name. `owners`: keep the
    archive's numeric owners (needs root). Raises Invalid for an archive that reaches outside.
    """
    if not hasattr(os, "O_DIRECTORY"):
        raise Unsupported(
            "files can't be unpacked safely on this machine",
            hint="have the archive instead: wherry cp CONTAINER:PATH - > files.tar",
        )
    base = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    work = _Unpacking(base, rename, owners)
    try:
        with tarfile.open(fileobj=_Reader(pieces), mode="r|") as archive:  # type: ignore[call-overload]
            for member in archive:
                work.entry(archive, member)
        work.finish()
        return work.written
    except tarfile.TarError as error:
        raise Invalid(f"the engine's archive is damaged: {error}") from None
    finally:
        os.close(base)


class _Unpacking:
    def __init__(self, base: int, rename: Callable[[list[str]], list[str]], owners: bool) -> None:
        self.written = 0
        self._base = base
        self._rename = rename
        self._owners = owners
        self._folders: list[tuple[list[str], tarfile.TarInfo]] = []

    def entry(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        place = self._place(member.name)
        if not place:
            if member.isdir():
                return  # the folder itself, which is there
            raise Invalid(f"the archive has no place for {member.name!r}")
        parent, name = self._parent(place), place[-1]
        try:
            if member.isdir():
                self._folder(parent, name)
                self._folders.append((place, member))
            elif member.isreg():
                self._file(archive, member, parent, name)
            elif member.issym():
                self._clear(parent, name)
                os.symlink(member.linkname, name, dir_fd=parent)
                os.utime(name, (member.mtime, member.mtime), dir_fd=parent, follow_symlinks=False)
                self._own(member, parent, name)
            elif member.islnk():
                self._link(member, parent, name)
            elif member.isfifo() or self._owners:
                self._clear(parent, name)
                kind = {tarfile.CHRTYPE: stat.S_IFCHR, tarfile.BLKTYPE: stat.S_IFBLK}
                mode = kind.get(member.type, stat.S_IFIFO) | (member.mode & 0o777)
                os.mknod(name, mode, os.makedev(member.devmajor, member.devminor), dir_fd=parent)
                self._own(member, parent, name)
            else:
                sys.stderr.write(f"WARNING: the device {member.name} is left out; -a takes it over\n")
        finally:
            if parent != self._base:
                os.close(parent)

    def finish(self) -> None:
        """Give folders their modes and times, which files in them would have changed or needed."""
        for place, member in reversed(self._folders):
            parent = self._parent(place)
            try:
                self._own(member, parent, place[-1])
                fd = os.open(place[-1], _FOLDER, dir_fd=parent)
                os.fchmod(fd, self._mode(member))
                os.utime(fd, (member.mtime, member.mtime))
                os.close(fd)
            finally:
                if parent != self._base:
                    os.close(parent)

    def _place(self, name: str) -> list[str]:
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if ".." in parts:
            raise Invalid(f"the archive reaches outside: {name!r}")
        return self._rename(parts)

    def _parent(self, place: list[str]) -> int:
        """A descriptor of the folder that an entry goes into. Missing ones are made, links never followed."""
        fd = self._base
        for part in place[:-1]:
            try:
                inner = os.open(part, _FOLDER, dir_fd=fd)
            except FileNotFoundError:
                os.mkdir(part, 0o755, dir_fd=fd)
                inner = os.open(part, _FOLDER, dir_fd=fd)
            except OSError:
                raise Invalid(f"{'/'.join(place)}: {part!r} is not a folder here") from None
            if fd != self._base:
                os.close(fd)
            fd = inner
        return fd

    def _folder(self, parent: int, name: str) -> None:
        try:
            os.mkdir(name, 0o700, dir_fd=parent)
        except FileExistsError:
            if not stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
                raise Invalid(f"cannot overwrite {name!r}, which is no folder, with a folder") from None

    def _clear(self, parent: int, name: str) -> None:
        try:
            os.unlink(name, dir_fd=parent)
        except FileNotFoundError:
            pass
        except IsADirectoryError:
            raise Invalid(f"cannot overwrite the folder {name!r} with a file") from None

    def _file(self, archive: tarfile.TarFile, member: tarfile.TarInfo, parent: int, name: str) -> None:
        self._clear(parent, name)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        fd = os.open(name, flags, 0o600, dir_fd=parent)
        try:
            source = archive.extractfile(member)
            while source is not None and (piece := source.read(_PIECE)):
                self.written += len(piece)
                while piece:
                    piece = piece[os.write(fd, piece) :]
            if self._owners:
                os.fchown(fd, member.uid, member.gid)
            os.fchmod(fd, self._mode(member))
            os.utime(fd, (member.mtime, member.mtime))
        finally:
            os.close(fd)

    def _link(self, member: tarfile.TarInfo, parent: int, name: str) -> None:
        target = self._place(member.linkname)
        if not target:
            raise Invalid(f"the archive links {member.name!r} to a folder")
        self._clear(parent, name)
        source = self._parent(target)
        try:
            os.link(target[-1], name, src_dir_fd=source, dst_dir_fd=parent, follow_symlinks=False)
        finally:
            if source != self._base:
                os.close(source)

    def _own(self, member: tarfile.TarInfo, parent: int, name: str) -> None:
        if self._owners:
            os.chown(name, member.uid, member.gid, dir_fd=parent, follow_symlinks=False)

    def _mode(self, member: tarfile.TarInfo) -> int:
        return member.mode & (0o7777 if self._owners else 0o1777)
