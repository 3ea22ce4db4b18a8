"""A machine for the classic BPF of seccomp filters: what a filter decides, asked without a kernel."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from wherry.linux.seccomp.bpf import (
    AND,
    JUMP,
    JUMP_EQUAL,
    JUMP_GREATER,
    JUMP_GREATER_EQUAL,
    LOAD,
    RETURN,
    Instruction,
)

X86_64, X86, AARCH64, ARM = 0xC000003E, 0x40000003, 0xC00000B7, 0x40000028


def decode(code: bytes) -> list[Instruction]:
    return [Instruction(*fields) for fields in struct.iter_unpack("<HBBI", code)]


def verdict(code: bytes, number: int, arguments: Sequence[int] = (), arch: int = X86_64) -> int:
    """What the filter returns for a call."""
    return run(decode(code), number, arguments, arch)[0]


def run(
    program: Sequence[Instruction], number: int, arguments: Sequence[int] = (), arch: int = X86_64
) -> tuple[int, int]:
    """What the filter returns, and after how many instructions. IndexError when it runs off its end."""
    padded = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("<IIQ6Q", number, arch, 0, *padded)
    accumulator = position = steps = 0
    while True:
        code, jump_true, jump_false, operand = program[position]
        position += 1
        steps += 1
        if code == LOAD:
            accumulator = struct.unpack_from("<I", data, operand)[0]
        elif code == AND:
            accumulator &= operand
        elif code == JUMP:
            position += operand
        elif code == JUMP_EQUAL:
            position += jump_true if accumulator == operand else jump_false
        elif code == JUMP_GREATER:
            position += jump_true if accumulator > operand else jump_false
        elif code == JUMP_GREATER_EQUAL:
            position += jump_true if accumulator >= operand else jump_false
        elif code == RETURN:
            return operand, steps
        else:
            raise ValueError(f"instruction {code:#x} is not of seccomp's")
