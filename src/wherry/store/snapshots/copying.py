"""Copying the merged view of layers into one directory: what the copy driver starts from."""

from __future__ import annotations

import fcntl
import os
import stat

from wherry.store.layers.overlayform import PRIVATE_XATTRS
from wherry.store.snapshots.merged import Member, Merged

__all__ = ["copy_merged"]

_FICLONE = 0x40049409
_CHUNK = 16 << 20
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def copy_merged(source: Merged, target: str) -> None:
    """Copy everything that is visible in `source` below the empty directory `target`, with owners, modes,
    times, attributes and hard links; contents are shared where the filesystem can (reflinks).

    Raises OSError of the disk.
    """
    links: dict[tuple[int, int], str] = {}
    times: list[tuple[str, int]] = []
    for member in source.walk():
        place = f"{target}/{member.path}"
        status = member.status
        kind = stat.S_IFMT(status.st_mode)
        if kind == stat.S_IFDIR:
            os.mkdir(place, 0o700)
            times.append((place, status.st_mtime_ns))
            _dress(member, place, _DIRECTORY)
            continue
        inode = (status.st_dev, status.st_ino)
        if status.st_nlink > 1:
            if inode in links:
                os.link(links[inode], place, follow_symlinks=False)
                continue
            links[inode] = place
        if kind == stat.S_IFREG:
            _copy_file(member, place)
        elif kind == stat.S_IFLNK:
            os.symlink(member.root.link(member.path) or b"?", os.fsencode(place))
            os.chown(place, status.st_uid, status.st_gid, follow_symlinks=False)
        else:
            os.mknod(place, status.st_mode, status.st_rdev)
            os.chown(place, status.st_uid, status.st_gid, follow_symlinks=False)
            os.chmod(place, status.st_mode & 0o7777)
        os.utime(place, ns=(status.st_mtime_ns, status.st_mtime_ns), follow_symlinks=False)
    for place, mtime in times:
        os.utime(place, ns=(mtime, mtime))


def _copy_file(member: Member, place: str) -> None:
    source = member.root.open(member.path, os.O_RDONLY)
    if source is None:
        raise FileNotFoundError(f"{member.root.path}/{member.path}")
    try:
        fd = os.open(place, _NEW, 0o600)
        try:
            try:
                fcntl.ioctl(fd, _FICLONE, source)
            except OSError:
                while os.copy_file_range(source, fd, _CHUNK):
                    pass
            _copy_attributes(source, fd)
            os.chown(fd, member.status.st_uid, member.status.st_gid)
            os.fchmod(fd, member.status.st_mode & 0o7777)
            _copy_capability(source, fd)
        finally:
            os.close(fd)
    finally:
        os.close(source)


def _dress(member: Member, place: str, flags: int) -> None:
    source = member.root.open(member.path, os.O_RDONLY | os.O_DIRECTORY)
    fd = os.open(place, flags)
    try:
        if source is not None:
            _copy_attributes(source, fd)
            os.close(source)
        os.chown(fd, member.status.st_uid, member.status.st_gid)
        os.fchmod(fd, member.status.st_mode & 0o7777)
    finally:
        os.close(fd)


def _copy_attributes(source: int, target: int) -> None:
    for name in os.listxattr(source):
        if (name.startswith(PRIVATE_XATTRS) and name != "user.wherry.owner") or name == "security.capability":
            continue
        try:
            os.setxattr(target, name, os.getxattr(source, name))
        except PermissionError:
            continue


def _copy_capability(source: int, target: int) -> None:
    # After the change of owner, which takes capabilities away.
    try:
        os.setxattr(target, "security.capability", os.getxattr(source, "security.capability"))
    except OSError:
        pass
