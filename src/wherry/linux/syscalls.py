"""The one door to the kernel for what the standard library lacks.

`function` wraps a C library function, `system_call` a bare system call by number; both give back a callable
that returns the kernel's result and raises `OSError(errno, strerror, path)` on failure. They hold the
interpreter lock across the call (`PyDLL`): wherry's callers are single-threaded processes between fork and
exec, and a bare `clone` must come back with the lock held in both processes. So nothing that may block for
long goes through here.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Sequence
from typing import Any

libc = ctypes.PyDLL(None, use_errno=True)

INT = ctypes.c_int
UINT = ctypes.c_uint
LONG = ctypes.c_long
ULONG = ctypes.c_ulong
STRING = ctypes.c_char_p
POINTER = ctypes.c_void_p

MACHINE = os.uname().machine

# Numbers from 424 on are the same everywhere; the older ones are listed per machine (asm/unistd.h).
_OLD_NUMBERS: dict[str, dict[str, int]] = {
    "x86_64": {
        "clone": 56,
        "execveat": 322,
        "keyctl": 250,
        "mount": 165,
        "pivot_root": 155,
        "personality": 135,
        "ioprio_set": 251,
        "sched_setattr": 314,
        "seccomp": 317,
        "bpf": 321,
    },
    "aarch64": {
        "clone": 220,
        "execveat": 281,
        "keyctl": 219,
        "mount": 40,
        "pivot_root": 41,
        "personality": 92,
        "ioprio_set": 30,
        "sched_setattr": 274,
        "seccomp": 277,
        "bpf": 280,
    },
}
_OLD_NUMBERS["riscv64"] = _OLD_NUMBERS["aarch64"]

NUMBERS: dict[str, int] = {
    **_OLD_NUMBERS.get(MACHINE, {}),
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "fsconfig": 431,
    "fsmount": 432,
    "fspick": 433,
    "clone3": 435,
    "close_range": 436,
    "openat2": 437,
    "mount_setattr": 442,
}


def failure(path: str = "") -> OSError:
    """The error of the call that has just failed, as an `OSError` of its subclass (FileNotFoundError, …)."""
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number), path or None)


def _checked(result: int, _function: Any, _arguments: Any) -> int:
    if result < 0:
        raise failure()
    return result


def function(name: str, *argument_types: Any) -> Callable[..., int]:
    """The C library's function `name`, returning an int and raising OSError on a negative result."""
    prototype: Any = libc[
        name
    ]  # by item, not attribute: an object of our own, whose types no one else changes
    prototype.argtypes = argument_types
    prototype.restype = INT
    prototype.errcheck = _checked
    return prototype  # type: ignore[no-any-return]


def system_call(name: str, *argument_types: Any) -> Callable[..., int]:
    """The system call `name`; on a machine whose number is not known here, calling it raises ENOSYS."""
    number = NUMBERS.get(name)
    if number is None:
        return _missing
    prototype: Any = libc["syscall"]
    prototype.argtypes = (LONG, *argument_types)
    prototype.restype = LONG
    prototype.errcheck = _checked

    def call(*arguments: Any) -> int:
        return prototype(number, *arguments)  # type: ignore[no-any-return]

    return call


def _missing(*_arguments: Sequence[Any]) -> int:
    raise OSError(38, os.strerror(38))
