"""Classic BPF as seccomp takes it (include/uapi/linux/filter.h and seccomp.h).

A filter is a list of instructions that reads `struct seccomp_data` and returns a verdict. The pieces made
here each end in a return, so they can be put one after the other and be jumped over: a decision is a
condition, the piece for "no", then the piece for "yes". No labels, no second pass.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

MAX_INSTRUCTIONS = 4096  # BPF_MAXINSNS

# where things stand in struct seccomp_data, little endian
NUMBER = 0
ARCH = 4
ARGS = 16

LOAD = 0x20  # BPF_LD | BPF_W | BPF_ABS
AND = 0x54  # BPF_ALU | BPF_AND | BPF_K
JUMP = 0x05  # BPF_JMP | BPF_JA
JUMP_EQUAL = 0x15
JUMP_GREATER = 0x25
JUMP_GREATER_EQUAL = 0x35
RETURN = 0x06  # BPF_RET | BPF_K

KILL_PROCESS = 0x80000000
KILL_THREAD = 0x00000000
TRAP = 0x00030000
ERRNO = 0x00050000
TRACE = 0x7FF00000
LOG = 0x7FFC0000
ALLOW = 0x7FFF0000

_INSTRUCTION = struct.Struct("<HBBI")  # struct sock_filter: code, jt, jf, k


class Instruction(NamedTuple):
    code: int
    jump_true: int
    jump_false: int
    operand: int


Piece = list[Instruction]


def load(offset: int) -> Instruction:
    return Instruction(LOAD, 0, 0, offset)


def verdict(value: int) -> Piece:
    return [Instruction(RETURN, 0, 0, value)]


def decide(code: int, operand: int, no: Piece, yes: Piece) -> Piece:
    """Compare the accumulator by the jump `code` with `operand`; each side must end in a return."""
    if len(no) <= 255:
        return [Instruction(code, len(no), 0, operand), *no, *yes]
    # a conditional jump reaches 255 instructions, an unconditional one any number
    return [Instruction(code, 0, 1, operand), Instruction(JUMP, 0, 0, len(no)), *no, *yes]


def search(ranges: list[tuple[int, Piece]]) -> Piece:
    """A binary search over the accumulator.

    `ranges` are (first number, piece), ascending, the first starting at 0; each reaches to the next. The
    depth is the logarithm of how many ranges there are, so the everyday call costs a few comparisons.
    """
    if len(ranges) == 1:
        return ranges[0][1]
    middle = len(ranges) // 2
    return decide(JUMP_GREATER_EQUAL, ranges[middle][0], search(ranges[:middle]), search(ranges[middle:]))


def assemble(program: Piece) -> bytes:
    """The array of `struct sock_filter`. Raises ValueError when the kernel would find it too long."""
    if len(program) > MAX_INSTRUCTIONS:
        raise ValueError(f"{len(program)} instructions where the kernel takes {MAX_INSTRUCTIONS}")
    pack = _INSTRUCTION.pack
    return b"".join([pack(*instruction) for instruction in program])
