"""Paths in a root that is not ours, resolved by the kernel, used by descriptor (openat2(2), Linux 5.6)."""

from __future__ import annotations

import errno
import os
import struct

from wherry.linux.syscalls import INT, STRING, ULONG, system_call

NO_XDEV = 0x01
NO_MAGICLINKS = 0x02
NO_SYMLINKS = 0x04
BENEATH = 0x08
IN_ROOT = 0x10

_openat2 = system_call("openat2", INT, STRING, STRING, ULONG)


def open_in(directory: int, path: str, flags: int = os.O_PATH, *, mode: int = 0, how: int = IN_ROOT) -> int:
    """Open `path` below `directory`; `how` are RESOLVE_* bits. Close-on-exec. Raises OSError."""
    request = struct.pack("=QQQ", flags | os.O_CLOEXEC, mode, how | NO_MAGICLINKS)
    encoded = os.fsencode(path) or b"."
    for _attempt in range(64):
        try:
            return _openat2(directory, encoded, request, 24)
        except OSError as error:
            # A rename raced with the walk and the kernel could not prove that it stayed inside: once more.
            if error.errno != errno.EAGAIN:
                raise OSError(error.errno, error.strerror, path) from None
    raise OSError(errno.EAGAIN, "the path keeps changing while it is resolved", path)


def make_directory(root: int, path: str, mode: int = 0o755) -> int:
    """Open the directory `path` in `root`, making what is missing of it; links never lead outside."""
    try:
        return open_in(root, path, os.O_PATH | os.O_DIRECTORY)
    except FileNotFoundError:
        pass
    parent_path, name = _split(path)
    if not name:
        return open_in(root, "/", os.O_PATH | os.O_DIRECTORY)
    parent = make_directory(root, parent_path, mode)
    try:
        try:
            os.mkdir(name, mode, dir_fd=parent)
        except FileExistsError:
            # A dangling link, or someone was quicker. Ask again, in the whole root, so the link is followed.
            return _through_link(root, parent, path, name, mode)
        return open_in(parent, name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, how=BENEATH)
    finally:
        os.close(parent)


def make_file(root: int, path: str, mode: int = 0o644) -> int:
    """Open the file `path` in `root` as a mount point (O_PATH), making it and its directories if missing."""
    try:
        return open_in(root, path)
    except FileNotFoundError:
        pass
    parent_path, name = _split(path)
    parent = make_directory(root, parent_path)
    try:
        try:
            made = os.open(name, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_WRONLY, mode, dir_fd=parent)
        except FileExistsError:
            return open_in(root, path)
        os.close(made)
        return open_in(parent, name, os.O_PATH | os.O_NOFOLLOW, how=BENEATH)
    finally:
        os.close(parent)


def _through_link(root: int, parent: int, path: str, name: str, mode: int) -> int:
    try:
        target = os.readlink(name, dir_fd=parent)
    except OSError:
        return open_in(root, path, os.O_PATH | os.O_DIRECTORY)
    if not target.startswith("/"):
        target = f"{path.rstrip('/').rpartition('/')[0]}/{target}"
    return make_directory(root, target, mode)


def _split(path: str) -> tuple[str, str]:
    head, _slash, name = path.rstrip("/").rpartition("/")
    if name in (".", ".."):
        raise OSError(errno.EINVAL, "a mount point can't end in '.' or '..'", path)
    return head or "/", name
