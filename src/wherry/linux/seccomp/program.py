"""A compiled filter, ready to be installed between fork and exec (seccomp(2))."""

from __future__ import annotations

import ctypes

from wherry.linux.syscalls import POINTER, UINT, system_call

FLAGS = {
    "SECCOMP_FILTER_FLAG_TSYNC": 1,
    "SECCOMP_FILTER_FLAG_LOG": 2,
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW": 4,
}

_SET_MODE_FILTER = 1

_seccomp = system_call("seccomp", UINT, UINT, POINTER)


class _Fprog(ctypes.Structure):
    _fields_ = (("len", ctypes.c_ushort), ("filter", ctypes.c_char_p))


class Program:
    """`code` is an array of `struct sock_filter`, `flags` what seccomp(2) takes beside it."""

    __slots__ = ("_argument", "code", "flags")

    def __init__(self, code: bytes, flags: int) -> None:
        self.code = code
        self.flags = flags
        self._argument = _Fprog(len(code) // 8, code)


def install(program: Program) -> None:
    """Confine the calling thread and what it starts, for good. One system call, no allocation of note.

    Needs no_new_privs or CAP_SYS_ADMIN in the caller's user namespace, else OSError EACCES.
    """
    _seccomp(_SET_MODE_FILTER, program.flags, ctypes.addressof(program._argument))
