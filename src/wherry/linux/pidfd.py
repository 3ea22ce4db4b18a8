"""What the kernel tells about a process through a descriptor of it (pidfd_open(2))."""

from __future__ import annotations

import fcntl
import struct

_PIDFD_INFO = struct.Struct("=QQ11Ii")  # struct pidfd_info, version 0: 64 bytes
_PIDFD_GET_INFO = 3 << 30 | _PIDFD_INFO.size << 16 | 0xFF << 8 | 11
_PIDFD_INFO_EXIT = 1 << 3


def exit_status(pidfd: int) -> int | None:
    """The wait status of a process that was somebody else's child (Linux 6.15).

    None while it runs or nobody has reaped it yet, and where the kernel can't tell.
    """
    request = bytearray(_PIDFD_INFO.pack(_PIDFD_INFO_EXIT, *[0] * 13))
    try:
        fcntl.ioctl(pidfd, _PIDFD_GET_INFO, request)
    except OSError:
        return None
    fields = _PIDFD_INFO.unpack(request)
    return int(fields[-1]) if fields[0] & _PIDFD_INFO_EXIT else None


def start_time(pid: int) -> int:
    """When a process started, in clock ticks since boot: with the pid it names a process for good.

    0 when there is no such process.
    """
    return int(_stat(pid, 22) or 0)


def zombie_status(pid: int) -> int | None:
    """The wait status of a process that ended and was not reaped yet; None of any other."""
    if _stat(pid, 3) != "Z":
        return None
    status = _stat(pid, 52)
    return None if status is None else int(status)


def _stat(pid: int, field: int) -> str | None:
    """One field of /proc/PID/stat, counted as proc_pid_stat(5) does."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            line = file.read()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name, in parentheses, may contain anything.
    return line[line.rindex(b")") + 2 :].split()[field - 3].decode()
