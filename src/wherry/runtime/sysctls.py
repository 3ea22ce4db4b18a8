"""Kernel parameters of the container's own namespaces."""

from __future__ import annotations

import os

from wherry.errors import Invalid
from wherry.linux import mounts, resolve

# Below /proc/sys only these belong to a namespace; everything else is the machine's.
_IPC = frozenset(
    {
        "kernel.msgmax",
        "kernel.msgmnb",
        "kernel.msgmni",
        "kernel.sem",
        "kernel.shmall",
        "kernel.shmmax",
        "kernel.shmmni",
        "kernel.shm_rmid_forced",
    }
)


def apply(settings: dict[str, str], proc: int) -> None:
    """Write `settings` ("net.core.somaxconn": "128") below the procfs open as `proc`.

    Each file is opened below that very mount, across no link and no mount, and verified to be procfs
    (CVE-2025-52881). Raises Invalid for a name or value the kernel refuses.
    """
    if not settings:
        return
    if proc < 0:
        raise Invalid("sysctls need a procfs mounted at /proc")
    how = resolve.BENEATH | resolve.NO_SYMLINKS | resolve.NO_XDEV
    for name, value in settings.items():
        try:
            file = resolve.open_in(proc, path_of(name), os.O_WRONLY, how=how)
        except OSError as error:
            raise Invalid(f"sysctl {name} can't be set: {(error.strerror or '').lower()}") from None
        try:
            if mounts.magic(file) != mounts.PROC_MAGIC:
                raise Invalid(f"sysctl {name} is not a file of procfs")
            os.write(file, str(value).encode())
        except OSError as error:
            raise Invalid(f"sysctl {name}={value}: {(error.strerror or '').lower()}") from None
        finally:
            os.close(file)


def path_of(name: str) -> str:
    """The file of a sysctl relative to /proc; "/" separates where a part itself has dots (sysctl(8))."""
    first = min((name.find(mark) for mark in "./" if mark in name), default=-1)
    if first >= 0 and name[first] == "/":
        return f"sys/{name}"
    return "sys/" + name.translate({ord("."): "/", ord("/"): "."})


def namespace_of(name: str) -> str | None:
    """The namespace that `name` belongs to ("ipc", "network", "uts"), None for one of the whole machine."""
    dotted = name.replace("/", ".")
    if dotted in _IPC or dotted.startswith("fs.mqueue."):
        return "ipc"
    if dotted.startswith("net."):
        return "network"
    if dotted in ("kernel.hostname", "kernel.domainname"):
        return "uts"
    return None
