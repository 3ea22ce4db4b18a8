"""Comparisons of a system call's arguments, as filter pieces.

Arguments are 64-bit numbers and the filter's machine has 32 bits, so each comparison looks at the high half
first. On 32-bit architectures there is only a low half, and so only that of the value to compare with.
Comparisons are unsigned, as in every seccomp profile.
"""

from __future__ import annotations

from typing import NamedTuple

from wherry.linux.seccomp.bpf import (
    AND,
    ARGS,
    JUMP_EQUAL,
    JUMP_GREATER,
    JUMP_GREATER_EQUAL,
    Instruction,
    Piece,
    load,
)

_MISS = 0xFF  # stands for "to the end of this rule" until the rule's length is known
_HIT = 0xFE  # "to the next condition", likewise

OPERATORS = frozenset(
    f"SCMP_CMP_{name}" for name in ("EQ", "NE", "LT", "LE", "GT", "GE", "MASKED_EQ")
)  # fmt: skip


class Condition(NamedTuple):
    """An argument, 0 to 5, compared; for MASKED_EQ `value` is the mask, `second` what it must leave."""

    argument: int
    operator: str
    value: int
    second: int

    def holds(self, passed: int) -> bool:
        """The plain reading of it; what the compiled piece has to agree with."""
        match self.operator:
            case "SCMP_CMP_EQ":
                return passed == self.value
            case "SCMP_CMP_NE":
                return passed != self.value
            case "SCMP_CMP_LT":
                return passed < self.value
            case "SCMP_CMP_LE":
                return passed <= self.value
            case "SCMP_CMP_GT":
                return passed > self.value
            case "SCMP_CMP_GE":
                return passed >= self.value
            case _:
                return passed & self.value == self.second


def guarded(conditions: list[Condition], bits: int, then: Piece) -> Piece:
    """`then` (which returns) if all conditions hold; otherwise control runs past the end of the piece."""
    piece: Piece = []
    for condition in conditions:
        block = _compare(condition, bits)
        for position, instruction in enumerate(block):
            ahead = len(block) - position - 1
            piece.append(
                instruction._replace(
                    jump_true=ahead if instruction.jump_true == _HIT else instruction.jump_true,
                    jump_false=ahead if instruction.jump_false == _HIT else instruction.jump_false,
                )
            )
    piece += then
    end = len(piece)
    return [
        instruction._replace(
            jump_true=end - position - 1 if instruction.jump_true == _MISS else instruction.jump_true,
            jump_false=end - position - 1 if instruction.jump_false == _MISS else instruction.jump_false,
        )
        for position, instruction in enumerate(piece)
    ]


def _compare(condition: Condition, bits: int) -> Piece:
    low_word = ARGS + 8 * condition.argument
    high, low = condition.value >> 32, condition.value & 0xFFFFFFFF
    operator = condition.operator
    piece: Piece = []
    if operator == "SCMP_CMP_MASKED_EQ":
        wanted_high, wanted_low = condition.second >> 32, condition.second & 0xFFFFFFFF
        if bits == 64 and (high or wanted_high):
            piece += [
                load(low_word + 4),
                Instruction(AND, 0, 0, high),
                Instruction(JUMP_EQUAL, 0, _MISS, wanted_high),
            ]
        return [
            *piece,
            load(low_word),
            Instruction(AND, 0, 0, low),
            Instruction(JUMP_EQUAL, 0, _MISS, wanted_low),
        ]
    if bits == 64:
        piece.append(load(low_word + 4))
        if operator == "SCMP_CMP_EQ":
            piece.append(Instruction(JUMP_EQUAL, 0, _MISS, high))
        elif operator == "SCMP_CMP_NE":
            piece.append(Instruction(JUMP_EQUAL, 0, _HIT, high))
        elif operator in ("SCMP_CMP_GT", "SCMP_CMP_GE"):
            piece.append(Instruction(JUMP_GREATER, _HIT, 0, high))
            piece.append(Instruction(JUMP_EQUAL, 0, _MISS, high))
        else:
            piece.append(Instruction(JUMP_GREATER, _MISS, 0, high))
            piece.append(Instruction(JUMP_EQUAL, 0, _HIT, high))
    code, if_true, if_false = _LOW_WORD[operator]
    return [*piece, load(low_word), Instruction(code, if_true, if_false, low)]


_LOW_WORD = {
    "SCMP_CMP_EQ": (JUMP_EQUAL, 0, _MISS),
    "SCMP_CMP_NE": (JUMP_EQUAL, _MISS, 0),
    "SCMP_CMP_GT": (JUMP_GREATER, 0, _MISS),
    "SCMP_CMP_GE": (JUMP_GREATER_EQUAL, 0, _MISS),
    "SCMP_CMP_LT": (JUMP_GREATER_EQUAL, _MISS, 0),
    "SCMP_CMP_LE": (JUMP_GREATER, _MISS, 0),
}
