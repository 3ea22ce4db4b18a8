"""The init program as an ELF file, and as a descriptor to execute (elf(5))."""

from __future__ import annotations

import fcntl
import os
import struct

from wherry.errors import Unsupported
from wherry.runtime.tiny_init import aarch64, x86_64

_BASE = 0x400000
_HEADERS = 64 + 56
NAME = b"wherry-init"
_MESSAGE = b"init: the program can't be executed\n"
_MFD_EXEC = 0x10
_SEALS = 0x0F  # F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE

_descriptor = -1


def executable(machine: str = "") -> bytes:
    """The program for `machine` (as uname names it; this one by default). Raises Unsupported."""
    machine = machine or os.uname().machine
    if machine == "x86_64":
        number, code = x86_64.MACHINE, x86_64.code(NAME, _MESSAGE)
    elif machine == "aarch64":
        number, code = aarch64.MACHINE, aarch64.code(NAME, _MESSAGE)
    else:
        raise Unsupported(f"no init program for {machine}")
    size = _HEADERS + len(code)
    identity = b"\x7fELF" + bytes((2, 1, 1)) + bytes(9)  # 64 bits, little-endian
    header = identity + struct.pack(
        "<HHIQQQIHHHHHH", 2, number, 1, _BASE + _HEADERS, 64, 0, 0, 64, 56, 1, 64, 0, 0
    )
    loaded = struct.pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, size, size, 0x10000)  # read and execute
    return header + loaded + code


def descriptor() -> int:
    """A sealed file in memory that holds the program, made once per process; nobody can change it."""
    global _descriptor
    if _descriptor < 0:
        flags = os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING
        try:
            made = os.memfd_create("init", flags | _MFD_EXEC)
        except OSError:
            made = os.memfd_create("init", flags)  # before Linux 6.3
        os.write(made, executable())
        fcntl.fcntl(made, fcntl.F_ADD_SEALS, _SEALS)
        _descriptor = made
    return _descriptor
