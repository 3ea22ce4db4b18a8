"""The null device for processes that are not to touch the machine's own node of it."""

from __future__ import annotations

import os
import stat

from wherry.linux import mounts

_NULL = os.makedev(1, 3)
_folder: int | None = None


def open_null(flags: int) -> int:
    """A descriptor of the null device, closed on exec. Raises OSError.

    Where this process may make device nodes it is one that nobody else has: through a descriptor of the
    machine's, root without a user namespace of its own could change that node's owner and mode
    (/proc/self/fd/0), and some runtimes give whatever they find as standard input to the container's user.
    Anywhere else the machine's node belongs to an id that the container does not have.
    """
    folder = _private_folder()
    if folder < 0:
        return os.open("/dev/null", flags | os.O_CLOEXEC)
    os.mknod("null", stat.S_IFCHR | 0o666, _NULL, dir_fd=folder)
    try:
        descriptor = os.open("null", flags | os.O_CLOEXEC, dir_fd=folder)
    finally:
        os.unlink("null", dir_fd=folder)
    os.fchmod(descriptor, 0o666)  # whatever the umask is
    return descriptor


def _private_folder() -> int:
    """A directory that is mounted nowhere, in which device nodes can be made and work; -1: not here."""
    global _folder
    if _folder is None:
        _folder = -1
        try:
            tree = mounts.new("tmpfs", {"mode": "700", "size": "64k"})
        except OSError:
            return -1
        try:
            os.mknod("probe", stat.S_IFCHR, _NULL, dir_fd=tree)
            os.close(os.open("probe", os.O_RDWR, dir_fd=tree))
            os.unlink("probe", dir_fd=tree)
        except OSError:
            os.close(tree)
        else:
            _folder = tree
    return _folder
