"""What a process says about itself before it executes another program: prctl(2), close_range(2), …"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

from wherry.linux.syscalls import (
    INT,
    POINTER,
    STRING,
    UINT,
    ULONG,
    function,
    system_call,
)

_PR_SET_DUMPABLE = 4
_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38

_CLOSE_RANGE_CLOEXEC = 4
_KEYCTL_JOIN_SESSION_KEYRING = 1
_AT_EMPTY_PATH = 0x1000

_prctl = function("prctl", INT, ULONG, ULONG, ULONG, ULONG)
_close_range = system_call("close_range", UINT, UINT, UINT)
_keyctl = system_call("keyctl", INT, POINTER)
_ioprio_set = system_call("ioprio_set", INT, INT, INT)
_execve = function("execve", STRING, POINTER, POINTER)
_execveat = system_call("execveat", INT, STRING, POINTER, POINTER, INT)
set_host_name = function("sethostname", STRING, ULONG)
set_domain_name = function("setdomainname", STRING, ULONG)


def set_dumpable(value: bool) -> None:
    """Whether processes of the same user may trace this one and read its /proc files."""
    _prctl(_PR_SET_DUMPABLE, int(value), 0, 0, 0)


def set_no_new_privileges() -> None:
    """From now on no execve gives more privileges (set-user-id bits, file capabilities)."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def set_name(name: str) -> None:
    """Set the caller's name as `ps` shows it, at most 15 bytes."""
    buffer = ctypes.create_string_buffer(name.encode()[:15])
    _prctl(_PR_SET_NAME, ctypes.addressof(buffer), 0, 0, 0)


def set_child_subreaper() -> None:
    """Become the parent of every orphaned descendant."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def close_on_exec_from(first: int) -> None:
    """Mark every descriptor from `first` on close-on-exec (Linux 5.11)."""
    _close_range(first, 0xFFFFFFFF, _CLOSE_RANGE_CLOEXEC)


def close_all_but(kept: set[int]) -> None:
    """Close every descriptor that is not in `kept`."""
    first = 0
    for descriptor in sorted(kept):
        if descriptor > first:
            _close_range(first, descriptor - 1, 0)
        first = descriptor + 1
    _close_range(first, 0xFFFFFFFF, 0)


def new_session_keyring() -> None:
    """Leave the session keyring of the caller's login behind (keyctl(2))."""
    _keyctl(_KEYCTL_JOIN_SESSION_KEYRING, None)


def set_io_priority(value: int) -> None:
    """Set the I/O class and level of the caller (ioprio_set(2)); `value` is class << 13 | level."""
    _ioprio_set(1, 0, value)  # IOPRIO_WHO_PROCESS, the caller


def execute(path: bytes, arguments: Sequence[bytes], environment: Sequence[bytes]) -> None:
    """execve(2), with the environment as it is, repeated names and all; returns only by raising OSError."""
    argv = (STRING * (len(arguments) + 1))(*arguments, None)
    envp = (STRING * (len(environment) + 1))(*environment, None)
    _execve(path, argv, envp)


def execute_descriptor(descriptor: int, arguments: Sequence[bytes], environment: Sequence[bytes]) -> None:
    """Execute the program open as `descriptor`, by descriptor; returns only by raising OSError."""
    argv = (STRING * (len(arguments) + 1))(*arguments, None)
    envp = (STRING * (len(environment) + 1))(*environment, None)
    _execveat(descriptor, b"", argv, envp, _AT_EMPTY_PATH)
