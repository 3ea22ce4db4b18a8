"""Mounts by descriptor: the mount API of Linux 5.2 and later, and `mount_setattr` of 5.12.

A mount is made or cloned detached, shaped while nobody can see it, and attached to a directory that is named
by a descriptor. So nothing a container does with symbolic links can move a mount elsewhere. Every function
raises `OSError` with the kernel's error; none blocks, save for what a network file system makes of a path.
Sources: open_tree(2), move_mount(2), fsopen(2), fsconfig(2), fsmount(2), mount_setattr(2), pivot_root(2).
"""

from __future__ import annotations

import ctypes
import os
import struct

from wherry.linux.syscalls import (
    INT,
    LONG,
    POINTER,
    STRING,
    UINT,
    ULONG,
    function,
    system_call,
)

AT_FDCWD = -100
AT_EMPTY_PATH = 0x1000
AT_SYMLINK_NOFOLLOW = 0x100
AT_RECURSIVE = 0x8000

OPEN_TREE_CLONE = 1
OPEN_TREE_CLOEXEC = os.O_CLOEXEC

_MOVE_FROM_EMPTY_PATH = 0x04
_MOVE_EMPTY_PATHS = 0x04 | 0x40  # from and to

_FSCONFIG_SET_FLAG = 0
_FSCONFIG_SET_STRING = 1
_FSCONFIG_SET_FD = 5
_FSCONFIG_CREATE = 6

RDONLY = 0x01
NOSUID = 0x02
NODEV = 0x04
NOEXEC = 0x08
ATIME_MASK = 0x70
RELATIME = 0x00
NOATIME = 0x10
STRICTATIME = 0x20
NODIRATIME = 0x80
IDMAP = 0x100000
NOSYMFOLLOW = 0x200000

MS_RDONLY = 0x01
MS_REMOUNT = 0x20
MS_BIND = 0x1000
MS_REC = 0x4000

UNBINDABLE = 1 << 17
PRIVATE = 1 << 18
SLAVE = 1 << 19
SHARED = 1 << 20

MNT_DETACH = 2

_open_tree = system_call("open_tree", INT, STRING, UINT)
_move_mount = system_call("move_mount", INT, STRING, INT, STRING, UINT)
_mount_setattr = system_call("mount_setattr", INT, STRING, UINT, STRING, ULONG)
_fsopen = system_call("fsopen", STRING, UINT)
_fsconfig = system_call("fsconfig", INT, UINT, STRING, POINTER, INT)
_fsmount = system_call("fsmount", INT, UINT, UINT)
_pivot_root = system_call("pivot_root", STRING, STRING)
_mount = function("mount", STRING, STRING, STRING, ULONG, STRING)
_umount2 = function("umount2", STRING, INT)
_fstatfs = function("fstatfs", INT, POINTER)


def clone_tree(path: str, *, recursive: bool = True, directory: int = AT_FDCWD, follow: bool = True) -> int:
    """A detached copy of the mount(s) at `path` (bind); an empty `path` means `directory` itself."""
    flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC
    if recursive:
        flags |= AT_RECURSIVE
    if not path:
        flags |= AT_EMPTY_PATH
    elif not follow:
        flags |= AT_SYMLINK_NOFOLLOW
    try:
        return _open_tree(directory, os.fsencode(path), flags)
    except OSError as error:
        raise _at(error, path) from None


def attach(mount: int, target: int, name: str = "") -> None:
    """Put the detached (or attached: then it moves) `mount` on the directory or file open as `target`.

    With `name`, on that entry of the directory `target`; for directories that only the caller can change.
    """
    if name:
        _move_mount(mount, b"", target, os.fsencode(name), _MOVE_FROM_EMPTY_PATH)
    else:
        _move_mount(mount, b"", target, b"", _MOVE_EMPTY_PATHS)


def set_attributes(
    mount: int, *, on: int = 0, off: int = 0, propagation: int = 0, userns: int = 0, recursive: bool = False
) -> None:
    """Change a mount's attributes (`RDONLY`, `NOSUID`, …), propagation, or, given `userns`, its id map."""
    if on & ATIME_MASK:
        off |= ATIME_MASK  # the kernel wants the whole field cleared when one of its values is set
    if userns:
        on |= IDMAP
    flags = AT_EMPTY_PATH | (AT_RECURSIVE if recursive else 0)
    _mount_setattr(mount, b"", flags, struct.pack("=QQQQ", on, off, propagation, userns), 32)


def set_propagation(path: str, propagation: int, *, recursive: bool = True) -> None:
    """Set the propagation of the mount(s) at `path` in the caller's mount namespace."""
    _mount(None, os.fsencode(path), None, propagation | (MS_REC if recursive else 0), None)


class FileSystem:
    """A file system being configured (`fsopen`), until `mount` gives back its detached mount."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.context = _fsopen(kind.encode(), 1)  # FSOPEN_CLOEXEC

    def set(self, key: str, value: str) -> None:
        """Set a `key=value` parameter."""
        _keep = ctypes.c_char_p(os.fsencode(value))
        self._configure(_FSCONFIG_SET_STRING, key, ctypes.cast(_keep, POINTER), 0, f"{key}={value}")

    def set_fd(self, key: str, descriptor: int) -> None:
        """Set a parameter whose value is a descriptor (overlayfs layers: Linux 6.13)."""
        self._configure(_FSCONFIG_SET_FD, key, None, descriptor, key)

    def flag(self, key: str) -> None:
        """Set a parameter that has no value."""
        self._configure(_FSCONFIG_SET_FLAG, key, None, 0, key)

    def mount(self, attributes: int = 0) -> int:
        """Create the file system and return its detached mount with `attributes`; closes the context."""
        try:
            self._configure(_FSCONFIG_CREATE, "", None, 0, self.kind)
            return _fsmount(self.context, 1, attributes)  # FSMOUNT_CLOEXEC
        finally:
            self.close()

    def close(self) -> None:
        """Give the context up; repeatable."""
        if self.context >= 0:
            os.close(self.context)
            self.context = -1

    def _configure(
        self, command: int, key: str, value: ctypes.c_void_p | None, number: int, what: str
    ) -> None:
        try:
            _fsconfig(self.context, command, key.encode() if key else None, value, number)
        except OSError as error:
            said = self._messages()
            self.close()
            detail = f"{error.strerror}: {said}" if said else error.strerror
            raise OSError(error.errno, detail, what) from None

    def _messages(self) -> str:
        """What the file system had to say about the failure (it queues lines `e text` on the context)."""
        lines = []
        try:
            while True:
                lines.append(os.read(self.context, 1024).decode(errors="replace")[2:].strip())
        except OSError:
            return "; ".join(lines)


def new(kind: str, options: dict[str, str | None] | None = None, attributes: int = 0) -> int:
    """A detached mount of a new file system of `kind`, e.g. `new("tmpfs", {"mode": "755"}, NOSUID)`."""
    filesystem = FileSystem(kind)
    for key, value in (options or {}).items():
        if value is None:
            filesystem.flag(key)
        else:
            filesystem.set(key, value)
    return filesystem.mount(attributes)


def legacy_mount(source: str, target: str, kind: str, flags: int, data: str) -> None:
    """mount(2), for what the newer calls can't express; `data` is limited to a page."""
    try:
        _mount(os.fsencode(source), os.fsencode(target), kind.encode(), flags, os.fsencode(data))
    except OSError as error:
        raise _at(error, target) from None


def unmount(path: str, flags: int = MNT_DETACH) -> None:
    """Detach the mount at `path`, lazily unless told otherwise."""
    try:
        _umount2(os.fsencode(path), flags)
    except OSError as error:
        raise _at(error, path) from None


def pivot_to(root: int) -> None:
    """Make the mount open as `root` the caller's root and current directory, and let go of the old root.

    pivot_root(".", ".") stacks the old root on the new one, so no directory to put it in is needed
    (pivot_root(2), NOTES). The old root's mounts must not be shared, or their unmounting spreads.
    """
    os.fchdir(root)
    _pivot_root(b".", b".")
    _umount2(b".", MNT_DETACH)
    os.chdir("/")


def peer_group(descriptor: int) -> tuple[str, str]:
    """Where the mount of an open file is mounted, and whether it is "shared", "slave" or "" (private)."""
    with open(f"/proc/self/fdinfo/{descriptor}") as file:
        number = next(line.split()[1] for line in file if line.startswith("mnt_id:"))
    with open("/proc/self/mountinfo") as file:
        for line in file:
            fields = line.partition(" - ")[0].split()
            if fields[0] == number:
                kinds = {field.partition(":")[0] for field in fields[6:]}
                group = "shared" if "shared" in kinds else "slave" if "master" in kinds else ""
                return fields[4], group
    return "", ""


def magic(descriptor: int) -> int:
    """The file system type's magic number (`struct statfs.f_type`) of an open file."""
    buffer = ctypes.create_string_buffer(256)
    _fstatfs(descriptor, buffer)
    return LONG.from_buffer(buffer).value & 0xFFFFFFFF


PROC_MAGIC = 0x9FA0
DEVPTS_MAGIC = 0x1CD1
SYSFS_MAGIC = 0x62656572
CGROUP2_MAGIC = 0x63677270


def _at(error: OSError, path: str) -> OSError:
    return OSError(error.errno, error.strerror, path)
