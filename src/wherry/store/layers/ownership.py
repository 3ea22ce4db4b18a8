"""Owners, modes and attributes of what is unpacked, also where this process may not set them.

Real root and a user with subordinate ids can give files the owners that an image wants. With a single id (or
for ids beyond the range) a file belongs to whoever unpacks, and what it should have been is kept in the
attribute `user.wherry.owner` (`uid:gid`), which overlayfs carries along on copy-up, so `commit` and `export`
give it back. Links, FIFOs and devices can't have such attributes; for those the recipe remembers.
"""

from __future__ import annotations

import errno
import os
import struct

__all__ = ["Owners", "portable_capability", "read_owner"]

_ATTRIBUTE = "user.wherry.owner"
_CAPABILITY = b"security.capability"
_REVISION_2 = 0x02000000
_REVISION_3 = 0x03000000
_IGNORED = (errno.ENOTSUP, errno.EPERM, errno.EACCES, errno.EINVAL, errno.ENODATA)


class Owners:
    """What this process may do with ids; one for a store, read once."""

    def __init__(self) -> None:
        self._uids = _ranges("/proc/self/uid_map")
        self._gids = _ranges("/proc/self/gid_map")
        self._self = (os.geteuid(), os.getegid())
        self.umask = _umask()

    def settable(self, uid: int, gid: int) -> bool:
        """Whether files can be given to these ids here."""
        if self._self[0] != 0:
            return (uid, gid) == self._self
        return any(start <= uid < start + size for start, size in self._uids) and any(
            start <= gid < start + size for start, size in self._gids
        )

    def give(self, fd: int, uid: int, gid: int) -> None:
        """Give an open file or directory to (uid, gid), or remember that it should be theirs."""
        if (uid, gid) == self._self:
            return
        if self.settable(uid, gid):
            os.chown(fd, uid, gid)
        else:
            set_attribute(fd, _ATTRIBUTE, b"%d:%d" % (uid, gid))

    def give_at(self, parent: int, name: bytes, uid: int, gid: int) -> None:
        """The same for something that can't be opened: a link, a FIFO, a device."""
        if (uid, gid) != self._self and self.settable(uid, gid):
            os.chown(name, uid, gid, dir_fd=parent, follow_symlinks=False)


def read_owner(fd: int, status: os.stat_result) -> tuple[int, int]:
    """The (uid, gid) that the open file should have; what is remembered goes before what `status` says, but
    only for files of whoever unpacks: in a container, anybody can give his own files such an attribute."""
    if status.st_uid != os.geteuid():
        return status.st_uid, status.st_gid
    try:
        uid, _, gid = os.getxattr(fd, _ATTRIBUTE).partition(b":")
        return int(uid), int(gid)
    except (OSError, ValueError):
        return status.st_uid, status.st_gid


def set_attributes(fd: int, xattrs: dict[bytes, bytes], private: tuple[str, ...]) -> None:
    """Set an archive member's attributes on an open file. Those that steer overlayfs, and those that this
    process or filesystem can't have, are left out; the recipe still has them."""
    for key, value in xattrs.items():
        name = os.fsdecode(key)
        if name.startswith(private):
            continue
        if key == _CAPABILITY:
            value = portable_capability(value)
        set_attribute(fd, name, value)


def set_attribute(fd: int, name: str, value: bytes) -> None:
    """Set one attribute, quietly leaving it out where that is not allowed or not possible."""
    try:
        os.setxattr(fd, name, value)
    except OSError as error:
        if error.errno not in _IGNORED:
            raise


def portable_capability(value: bytes) -> bytes:
    """File capabilities without the id of the namespace they were set in (capabilities(7), "File capability
    versioning"): version 2, which the kernel turns into version 3 by itself where a namespace needs it."""
    if len(value) == 24 and struct.unpack_from("<I", value)[0] & 0xFF000000 == _REVISION_3:
        (magic,) = struct.unpack_from("<I", value)
        return struct.pack("<I", magic & 0x00FFFFFF | _REVISION_2) + value[4:20]
    return value


def _ranges(path: str) -> list[tuple[int, int]]:
    with open(path, encoding="ascii") as file:
        rows = [line.split() for line in file]
    return [(int(inside), int(size)) for inside, _, size in rows]


def _umask() -> int:
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith("Umask:"):
                return int(line.split()[1], 8)
    return 0o777  # unknown: set every mode explicitly
