"""Namespaces and processes in them: clone, unshare, setns (namespaces(7), clone(2))."""

from __future__ import annotations

import ctypes
import os

from wherry.linux.syscalls import INT, LONG, POINTER, ULONG, function, system_call

NEWTIME = 0x00000080
NEWNS = 0x00020000
NEWCGROUP = 0x02000000
NEWUTS = 0x04000000
NEWIPC = 0x08000000
NEWUSER = 0x10000000
NEWPID = 0x20000000
NEWNET = 0x40000000

CLONE_PARENT = 0x00008000
_INTO_CGROUP = 0x200000000
_SIGCHLD = 17

# The specification's name of each kind → its clone flag and its file in /proc/PID/ns.
KINDS: dict[str, tuple[int, str]] = {
    "user": (NEWUSER, "user"),
    "mount": (NEWNS, "mnt"),
    "pid": (NEWPID, "pid"),
    "network": (NEWNET, "net"),
    "ipc": (NEWIPC, "ipc"),
    "uts": (NEWUTS, "uts"),
    "cgroup": (NEWCGROUP, "cgroup"),
    "time": (NEWTIME, "time"),
}

unshare = function("unshare", INT)
"""unshare(flags): move the caller to new namespaces; those of pids and time take effect for children."""

enter = function("setns", INT, INT)
"""setns(descriptor, flags): join an nsfs file's namespace, or of a pidfd several at once (Linux 5.8)."""

_clone = system_call("clone", ULONG, LONG, LONG, LONG, LONG)
_clone3 = system_call("clone3", POINTER, ULONG)


def clone(flags: int, cgroup: int = -1) -> int:
    """A fork with namespace flags: the child's pid to the parent, 0 to the child.

    With `CLONE_PARENT` the child is the caller's sibling. `cgroup` is the descriptor of a version 2 cgroup's
    directory that the child is born in (Linux 5.7). Nothing of the interpreter's own after-fork work is done,
    so the caller must be single-threaded and the child must only make system calls until it executes.
    """
    if cgroup < 0:
        return _clone(flags | _SIGCHLD, 0, 0, 0, 0)
    exit_signal = 0 if flags & CLONE_PARENT else _SIGCHLD  # a sibling's is that of the caller
    arguments = (ctypes.c_uint64 * 11)(flags | _INTO_CGROUP, 0, 0, 0, exit_signal, 0, 0, 0, 0, 0, cgroup)
    return _clone3(ctypes.addressof(arguments), ctypes.sizeof(arguments))


def inode(pid: int | str, kind: str) -> int:
    """The identity of a process's namespace (`kind` as in /proc/PID/ns), for comparing two."""
    return os.stat(f"/proc/{pid}/ns/{kind}").st_ino
