"""`tmpcopyup`: a new tmpfs begins with a copy of what the directory under it holds."""

from __future__ import annotations

import os
import stat


def copy(source: int, destination: int) -> None:
    """Copy the tree open as `source` (O_PATH) into `destination`, with owners, modes, times and links."""
    reading = os.open(f"/proc/self/fd/{source}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _copy_directory(reading, destination)
        _copy_status(os.fstat(reading), f"/proc/self/fd/{destination}")
    finally:
        os.close(reading)


def _copy_directory(source: int, destination: int) -> None:
    for name in os.listdir(source):
        status = os.stat(name, dir_fd=source, follow_symlinks=False)
        kind = stat.S_IFMT(status.st_mode)
        if kind == stat.S_IFDIR:
            os.mkdir(name, 0o700, dir_fd=destination)
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            below, copied = os.open(name, flags, dir_fd=source), os.open(name, flags, dir_fd=destination)
            _copy_directory(below, copied)
            os.close(below)
            os.close(copied)
        elif kind == stat.S_IFLNK:
            os.symlink(os.readlink(name, dir_fd=source), name, dir_fd=destination)
        elif kind == stat.S_IFREG:
            _copy_file(name, source, destination)
        elif kind == stat.S_IFIFO:
            os.mkfifo(name, dir_fd=destination)
        else:
            continue  # sockets are dead without their process; devices can't be made here
        _copy_status(status, name, destination)


def _copy_file(name: str, source: int, destination: int) -> None:
    read = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=source)
    written = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=destination)
    try:
        while os.sendfile(written, read, None, 1 << 20):
            pass
    finally:
        os.close(read)
        os.close(written)


def _copy_status(status: os.stat_result, name: str, directory: int | None = None) -> None:
    link = stat.S_ISLNK(status.st_mode)
    follow = directory is None
    os.chown(name, status.st_uid, status.st_gid, dir_fd=directory, follow_symlinks=follow)
    if not link:
        os.chmod(name, stat.S_IMODE(status.st_mode), dir_fd=directory)
    os.utime(name, ns=(status.st_atime_ns, status.st_mtime_ns), dir_fd=directory, follow_symlinks=follow)
