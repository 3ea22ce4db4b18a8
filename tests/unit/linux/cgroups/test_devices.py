"""Device rules, and the eBPF program for version 2 run by an interpreter of our own."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherry.errors import Invalid
from wherry.linux.cgroups import device_program, devices


def run(code: bytes, kind: str, major: int, minor: int, access: str) -> int:
    """What the program answers; it has to end, and to use no register before writing it."""
    asked = sum({"m": 1, "r": 2, "w": 4}[letter] for letter in access)
    context = (asked << 16 | {"b": 1, "c": 2}[kind], major, minor)
    instructions = list(struct.iter_unpack("<BBhi", code))
    registers: dict[int, int] = {1: 0}
    position = 0
    while True:
        opcode, pair, offset, value = instructions[position]
        position += 1
        target, source = pair & 15, pair >> 4
        if opcode == 0x61:
            registers[target] = context[offset // 4]
        elif opcode == 0xB4:
            registers[target] = value & 0xFFFFFFFF
        elif opcode == 0xBC:
            registers[target] = registers[source]
        elif opcode == 0x54:
            registers[target] &= value & 0xFFFFFFFF
        elif opcode == 0x74:
            registers[target] >>= value
        elif opcode in (0x16, 0x56):
            if (registers[target] == value & 0xFFFFFFFF) == (opcode == 0x16):
                position += offset
        elif opcode == 0x95:
            return registers[0]
        else:
            raise ValueError(hex(opcode))


def plain(rules: list[devices.Rule], kind: str, major: int, minor: int, access: str) -> bool:
    for rule in reversed(rules):
        if (
            rule.kind not in ("a", kind)
            or (rule.major not in (None, major))
            or rule.minor not in (None, minor)
        ):
            continue
        if rule.allow and set(access) <= set(rule.access):
            return True
        if not rule.allow and set(access) & set(rule.access):
            return False
    return False


numbers = st.none() | st.integers(0, 3) | st.just(0xFFFFFFFF)
accesses = st.sets(st.sampled_from("rwm"), min_size=1).map("".join)
one_rule = st.builds(devices.Rule, st.booleans(), st.sampled_from("abc"), numbers, numbers, accesses).map(
    lambda rule: rule._replace(major=None, minor=None) if rule.kind == "a" else rule
)


@given(st.lists(one_rule, max_size=8), st.sampled_from("bc"), st.integers(0, 3), st.integers(0, 3), accesses)
def test_the_program_decides_as_the_rules_say(
    rules: list[devices.Rule], kind: str, major: int, minor: int, access: str
) -> None:
    code = device_program.compile(rules)
    assert run(code, kind, major, minor, access) == plain(rules, kind, major, minor, access)


def test_reading_rules() -> None:
    listed: list[dict[str, Any]] = [
        {"allow": False, "access": "rwm"},
        {"allow": True, "type": "c", "major": 1, "minor": -1, "access": "r"},
        {"allow": True, "type": "p", "access": "rwm"},
        {"allow": True, "type": "u", "major": 4},
    ]
    rules = devices.rules(listed)
    assert rules == [
        devices.Rule(False, "a", None, None, "rwm"),
        devices.Rule(True, "c", 1, None, "r"),
        devices.Rule(True, "c", 4, None, "rwm"),
    ]
    assert devices.version_1(rules) == [
        ("devices.deny", "a"),
        ("devices.allow", "c 1:* r"),
        ("devices.allow", "c 4:* rwm"),
    ]
    assert not devices.unrestricted(rules)
    assert devices.unrestricted([])
    assert devices.unrestricted(devices.rules([{"allow": True}]))


@pytest.mark.parametrize("rule", [{"type": "x"}, {"access": "rx"}])
def test_rules_that_are_none(rule: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        devices.rules([{"allow": True, **rule}])


def test_too_many_rules() -> None:
    with pytest.raises(Invalid, match="device rules"):
        device_program.compile([devices.Rule(True, "c", 1, 1, "r")] * 401)
