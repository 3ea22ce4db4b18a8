"""Capabilities: their names, and giving a process exactly the sets that it should have (capabilities(7)).

A container's process gets its sets in two steps, around the change of user: the bounding set can only be
lowered while CAP_SETPCAP is effective, and changing from root to another user clears the other sets unless
PR_SET_KEEPCAPS stands. So: `drop_bounding`, `keep_over_setuid`, setgroups/setgid/setuid, `apply`. All of it
is system calls only, fit for between fork and exec.
"""

from __future__ import annotations

import ctypes
import errno
import struct
from collections.abc import Iterable
from typing import NamedTuple

from wherry.linux.syscalls import INT, POINTER, ULONG, failure, function, libc

# by number (include/uapi/linux/capability.h)
_BY_NUMBER = """
CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE
NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT
SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP
MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE
"""
NAMES = tuple(f"CAP_{name}" for name in _BY_NUMBER.split())
_BIT = {name: 1 << number for number, name in enumerate(NAMES)}

_PR_CAPBSET_READ = 23
_PR_CAPBSET_DROP = 24
_PR_SET_KEEPCAPS = 8
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_PR_CAP_AMBIENT_CLEAR_ALL = 4

_HEADER = struct.pack("=II", 0x20080522, 0)  # version 3, the calling thread
_DATA = struct.Struct("=6I")  # two of struct __user_cap_data: effective, permitted, inheritable
_ALL = 2**64 - 1

_prctl = function("prctl", INT, ULONG, ULONG, ULONG, ULONG)
# some forty calls for every container, and a check in Python costs more than the call
_prctl_unchecked = libc["prctl"]
_prctl_unchecked.argtypes = (INT, ULONG, ULONG, ULONG, ULONG)
_capget = function("capget", POINTER, POINTER)
_capset = function("capset", POINTER, POINTER)


class Sets(NamedTuple):
    """The five sets of a process, each a mask with bit N for capability number N."""

    bounding: int
    effective: int
    permitted: int
    inheritable: int
    ambient: int


NONE = Sets(0, 0, 0, 0, 0)


def mask(names: Iterable[str]) -> int:
    """The set of `names` ("CAP_CHOWN"); a name that this list doesn't know is passed over, as runtimes do."""
    bits = 0
    for name in names:
        bits |= _BIT.get(name, 0)
    return bits


def names(bits: int) -> list[str]:
    """The names of a set, by number."""
    return [name for number, name in enumerate(NAMES) if bits >> number & 1]


def known() -> int:
    """The set of all capabilities that the running kernel has."""
    with open("/proc/sys/kernel/cap_last_cap", "rb") as file:
        return (2 << int(file.read())) - 1


def from_specification(section: dict[str, list[str]] | None) -> Sets:
    """`process.capabilities` of an OCI runtime specification; without it, no capability at all."""
    if not section:
        return NONE
    return Sets(
        mask(section.get("bounding") or ()),
        mask(section.get("effective") or ()),
        mask(section.get("permitted") or ()),
        mask(section.get("inheritable") or ()),
        mask(section.get("ambient") or ()),
    )


def current() -> Sets:
    """What the calling thread has; its ambient set, which takes a call a capability, is given as empty."""
    effective, permitted, inheritable = _read()
    return Sets(bounding(), effective, permitted, inheritable, 0)


def bounding() -> int:
    """The calling thread's bounding set."""
    bits = 0
    for number in range(64):
        try:
            bits |= _prctl(_PR_CAPBSET_READ, number, 0, 0, 0) << number
        except OSError:  # EINVAL: past the kernel's last
            break
    return bits


def drop_bounding(keep: int) -> None:
    """Leave only `keep` in the bounding set, for good. Raises OSError EPERM without CAP_SETPCAP."""
    for number in range(64):
        if keep >> number & 1 or _prctl_unchecked(_PR_CAPBSET_DROP, number, 0, 0, 0) == 0:
            continue
        if ctypes.get_errno() == errno.EINVAL:  # past the kernel's last
            return
        raise failure()


def keep_over_setuid(keep: bool) -> None:
    """Whether the permitted set survives a change from root to another user; exec resets it."""
    _prctl(_PR_SET_KEEPCAPS, keep, 0, 0, 0)


def apply(sets: Sets) -> None:
    """Give the calling thread `sets`, the bounding set apart. What it may not have itself is left out.

    Leaving out is what makes a container of all capabilities possible where the engine lacks one of them;
    whoever writes the specification compares it with `current` and says so.
    """
    permitted, inheritable = sets.permitted, sets.inheritable
    try:
        _write(sets.effective & permitted, permitted, inheritable)
    except PermissionError:
        _, permitted_now, inheritable_now = _read()
        permitted &= permitted_now
        # beyond the inheritable set only what is permitted can be added, short of CAP_SETPCAP
        inheritable &= permitted_now | inheritable_now
        _write(sets.effective & permitted, permitted, inheritable)
    # the ambient set never exceeds the inheritable one, so an empty one has emptied it
    if not inheritable:
        return
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    ambient = sets.ambient & permitted & inheritable
    number = 0
    while ambient >> number:
        if ambient >> number & 1:
            _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, number, 0, 0)
        number += 1


def _read() -> tuple[int, int, int]:
    """Effective, permitted, inheritable."""
    data = ctypes.create_string_buffer(24)
    _capget(_HEADER, ctypes.addressof(data))
    low_e, low_p, low_i, high_e, high_p, high_i = _DATA.unpack(data.raw)
    return low_e | high_e << 32, low_p | high_p << 32, low_i | high_i << 32


def _write(effective: int, permitted: int, inheritable: int) -> None:
    low = 0xFFFFFFFF
    effective, permitted, inheritable = effective & _ALL, permitted & _ALL, inheritable & _ALL
    data = _DATA.pack(
        effective & low,
        permitted & low,
        inheritable & low,
        effective >> 32,
        permitted >> 32,
        inheritable >> 32,
    )
    _capset(_HEADER, data)
