"""System call numbers by name, for the architectures that wherry filters.

A table is one text: names in the order of their numbers, each one more than the last, and `=N` where the
count jumps. Calls of the last years share one number everywhere, so the tables end alike. A table is parsed
when a filter for its architecture is compiled, which happens once for each profile; nothing here is on the
path of a start that finds its filter compiled.
"""

from __future__ import annotations

from importlib import import_module
from typing import NamedTuple

X32_BIT = 0x40000000

# the names that profiles use beside the kernel's own
_ALIASES = {
    "arm": {"sync_file_range2": "arm_sync_file_range", "fadvise64_64": "arm_fadvise64_64"},
}


class Architecture(NamedTuple):
    """One calling convention: what it is called, and what the kernel's seccomp data says of it."""

    name: str
    audit: int  # AUDIT_ARCH_* of include/uapi/linux/audit.h
    bits: int


ARCHITECTURES = {
    "SCMP_ARCH_X86_64": Architecture("x86_64", 0xC000003E, 64),
    "SCMP_ARCH_X86": Architecture("x86", 0x40000003, 32),
    # shares x86-64's audit number and is told apart by a bit in the call's number; pointers are 32 bits
    # wide, arguments are not
    "SCMP_ARCH_X32": Architecture("x32", 0xC000003E, 64),
    "SCMP_ARCH_AARCH64": Architecture("aarch64", 0xC00000B7, 64),
    "SCMP_ARCH_ARM": Architecture("arm", 0x40000028, 32),
}

# `uname -m` → the calling convention of this interpreter's kernel
NATIVE = {
    "x86_64": "SCMP_ARCH_X86_64",
    "i386": "SCMP_ARCH_X86",
    "i686": "SCMP_ARCH_X86",
    "aarch64": "SCMP_ARCH_AARCH64",
    "armv6l": "SCMP_ARCH_ARM",
    "armv7l": "SCMP_ARCH_ARM",
    "armv8l": "SCMP_ARCH_ARM",
}


def numbers(name: str) -> dict[str, int]:
    """The numbers of a convention's calls by name, in a new dictionary; `name` is an `Architecture`'s."""
    if name == "x32":
        return _x32()
    module = import_module(f"wherry.linux.seccomp.numbers_{name}")
    table = _parse(module.NAMES)
    for alias, known in _ALIASES.get(name, {}).items():
        table[alias] = table[known]
    return table


def _x32() -> dict[str, int]:
    from wherry.linux.seccomp.numbers_x86_64 import NAMES, X32_LACKS, X32_NAMES

    table = _parse(NAMES)
    for name in X32_LACKS.split():
        del table[name]
    table.update(_parse(X32_NAMES))
    return {name: number | X32_BIT for name, number in table.items()}


def _parse(text: str) -> dict[str, int]:
    table: dict[str, int] = {}
    number = 0
    for word in text.split():
        if word[0] == "=":
            number = int(word[1:])
        else:
            table[word] = number
            number += 1
    return table
