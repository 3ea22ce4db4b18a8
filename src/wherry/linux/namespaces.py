"""Namespaces and processes in them: clone, unshare, setns (namespaces(7), clone(2))."""

from __future__ import annotations

import os

from wherry.linux.syscalls import INT, LONG, ULONG, function, system_call

NEWTIME = 0x00000080
NEWNS = 0x00020000
NEWCGROUP = 0x02000000
NEWUTS = 0x04000000
NEWIPC = 0x08000000
NEWUSER = 0x10000000
NEWPID = 0x20000000
NEWNET = 0x40000000

CLONE_PARENT = 0x00008000
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


def clone(flags: int) -> int:
    """A fork with namespace flags: the child's pid to the parent, 0 to the child.

    With `CLONE_PARENT` the child is the caller's sibling. Nothing of the interpreter's own after-fork work is
    done, so the caller must be single-threaded and the child must only make system calls until it executes.
    """
    return _clone(flags | _SIGCHLD, 0, 0, 0, 0)


def inode(pid: int | str, kind: str) -> int:
    """The identity of a process's namespace (`kind` as in /proc/PID/ns), for comparing two."""
    return os.stat(f"/proc/{pid}/ns/{kind}").st_ino
