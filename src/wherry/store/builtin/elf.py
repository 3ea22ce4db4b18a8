"""A static executable that prints one text and ends, written byte by byte: no compiler needed.

ELF64, one loadable segment, read and execute (System V ABI, "Object Files"; man elf(5)).
"""

from __future__ import annotations

import struct

from wherry.errors import Unsupported

__all__ = ["printing_program"]

_BASE = 0x400000
_HEADERS = 64 + 56
_X86_64, _AARCH64 = 62, 183


def printing_program(text: bytes, architecture: str) -> bytes:
    """The executable for `amd64` or `arm64`. Its exit status is 0 when all of `text` was written, else 1."""
    if architecture == "amd64":
        machine, code = _X86_64, _amd64(len(text))
    elif architecture == "arm64":
        machine, code = _AARCH64, _arm64(len(text))
    else:
        raise Unsupported(f"no built-in program for the architecture {architecture!r}")
    size = _HEADERS + len(code) + len(text)
    identity = b"\x7fELF" + bytes((2, 1, 1)) + bytes(9)  # 64 bits, little-endian, version 1, System V
    header = identity + struct.pack(
        "<HHIQQQIHHHHHH", 2, machine, 1, _BASE + _HEADERS, 64, 0, 0, 64, 56, 1, 64, 0, 0
    )
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, size, size, 0x10000)
    return header + segment + code + text


def _amd64(length: int) -> bytes:
    before = b"\xb8\x01\0\0\0" + b"\xbf\x01\0\0\0"  # mov eax, 1 (write); mov edi, 1
    after = (
        b"\xba"
        + struct.pack("<I", length)  # mov edx, length
        + b"\x0f\x05"  # syscall
        + b"\x31\xff"  # xor edi, edi
        + b"\x39\xd0"  # cmp eax, edx
        + b"\x40\x0f\x95\xc7"  # setne dil
        + b"\xb8\x3c\0\0\0"  # mov eax, 60 (exit)
        + b"\x0f\x05"  # syscall
    )
    return before + b"\x48\x8d\x35" + struct.pack("<I", len(after)) + after  # lea rsi, [rip + after]


def _arm64(length: int) -> bytes:
    instructions = [
        _movz(8, 64),  # write
        _movz(0, 1),
        0,  # adr x1, text: filled in below
        _movz(2, length & 0xFFFF),
        0xF2A00002 | (length >> 16) << 5,  # movk x2, length >> 16, lsl 16
        0xD4000001,  # svc 0
        0xEB02001F,  # cmp x0, x2
        0x9A9F07E0,  # cset x0, ne
        _movz(8, 93),  # exit
        0xD4000001,  # svc 0
    ]
    distance = 4 * (len(instructions) - 2)
    instructions[2] = 0x10000001 | (distance & 3) << 29 | (distance >> 2) << 5
    return b"".join(struct.pack("<I", instruction) for instruction in instructions)


def _movz(register: int, value: int) -> int:
    return 0xD2800000 | value << 5 | register
