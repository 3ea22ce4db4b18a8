"""How overlayfs writes down that something is gone, and how layer archives do.

In an archive `.wh.NAME` hides NAME of the layers below, and `.wh..wh..opq` everything in its directory (OCI
image-spec 1.1, layer.md, "Whiteouts"). On disk a whiteout is a character device 0/0, and an opaque directory
has the attribute `user.overlay.opaque` = `y`: `user`, because overlays are mounted with `userxattr` inside
the container's user namespace (Linux, Documentation/filesystems/overlayfs.rst).
"""

from __future__ import annotations

import os
import stat

__all__ = [
    "OPAQUE_MARK",
    "PREFIX",
    "PRIVATE_XATTRS",
    "is_opaque",
    "is_whiteout",
    "make_opaque",
    "make_whiteout",
]

PREFIX = b".wh."
META_PREFIX = b".wh..wh."
OPAQUE_MARK = b".wh..wh..opq"
PRIVATE_XATTRS = ("user.overlay.", "trusted.overlay.", "user.wherry.")  # never from nor into an archive
_OPAQUE = "user.overlay.opaque"


def is_whiteout(status: os.stat_result) -> bool:
    """Whether this is what hides a name of the layers below."""
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == 0


def make_whiteout(parent: int, name: bytes) -> None:
    """Make a whiteout; allowed in a user namespace too (Linux 5.8)."""
    os.mknod(name, stat.S_IFCHR, 0, dir_fd=parent)


def is_opaque(directory: int) -> bool:
    """Whether the open `directory` hides all that is below it."""
    try:
        return os.getxattr(directory, _OPAQUE) in (b"y", b"x")
    except OSError:
        return False


def make_opaque(directory: int) -> None:
    """Let the open `directory` hide all that is below it."""
    os.setxattr(directory, _OPAQUE, b"y")
