"""The interpreter's own executable, out of reach of the containers that it starts (CVE-2019-5736).

A process that is about to become a container's program still has our interpreter as /proc/self/exe, and a
program `#!/proc/self/exe` even runs it inside the container. Where the container's root owns that file (no
user namespace of its own, or an interpreter that belongs to the rootless user), it could open it for writing.
So a process that starts containers first executes itself once more through a private read-only mount of that
one file, which is part of no mount namespace by the time any container runs, and which therefore nobody can
make writable again.
"""

from __future__ import annotations

import fcntl
import os
import sys

from wherry.linux import mounts, processes

_SELF = "/proc/self/exe"
_SEALS = 0x0F  # F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE
_MFD_EXEC = 0x10

_protected: bool | None = None


def is_protected() -> bool:
    """Whether this process's executable can't be written through /proc, by whomever."""
    global _protected
    if _protected is None:
        _protected = bool(os.statvfs(_SELF).f_flag & os.ST_RDONLY) or _is_sealed()
    return _protected


def owner() -> int:
    """The user that the executable belongs to, as the caller's user namespace numbers it."""
    return os.stat(_SELF).st_uid


def protect() -> None:
    """Execute this very command once more from an executable that can't be written, if need be.

    To be called first thing in a program: everything it did is done again. Returns only when the executable
    is protected already. Raises OSError where neither a mount nor a memory file can be made.
    """
    if is_protected():
        processes.set_name(os.path.basename(os.path.realpath(sys.executable))[:15])
        return
    try:
        copy = mounts.clone_tree(_SELF, recursive=False)
        mounts.set_attributes(copy, on=mounts.RDONLY, propagation=mounts.PRIVATE)
    except OSError:
        copy = _sealed_copy()
    # By name, not by descriptor: then a close-on-exec descriptor does for a dynamically linked program too.
    os.execve(f"/proc/self/fd/{copy}", sys.orig_argv, os.environ)


def _is_sealed() -> bool:
    descriptor = os.open(_SELF, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return fcntl.fcntl(descriptor, fcntl.F_GET_SEALS) & _SEALS == _SEALS
    except OSError:
        return False  # only memory files have seals
    finally:
        os.close(descriptor)


def _sealed_copy() -> int:
    try:
        copy = os.memfd_create("interpreter", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING | _MFD_EXEC)
    except OSError:
        copy = os.memfd_create("interpreter", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)  # before Linux 6.3
    source = os.open(_SELF, os.O_RDONLY | os.O_CLOEXEC)
    while os.sendfile(copy, source, None, 1 << 24):
        pass
    os.close(source)
    fcntl.fcntl(copy, fcntl.F_ADD_SEALS, _SEALS)
    return copy
