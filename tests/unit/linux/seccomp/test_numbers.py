"""The tables of system call numbers."""

from __future__ import annotations

import pytest

from wherry.linux.seccomp.numbers import X32_BIT, numbers

TABLES = ("x86_64", "x86", "x32", "aarch64", "arm")


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("x86_64", {"read": 0, "clone": 56, "ptrace": 101, "seccomp": 317, "bpf": 321, "rseq": 334}),
        ("x86", {"exit": 1, "socketcall": 102, "clone": 120, "socket": 359, "io_pgetevents": 385}),
        ("aarch64", {"io_setup": 0, "openat": 56, "clone": 220, "seccomp": 277, "rseq": 293}),
        ("arm", {"clone": 120, "socket": 281, "seccomp": 383, "set_tls": 0xF0005, "sync_file_range2": 341}),
        ("x32", {"read": X32_BIT, "ioctl": X32_BIT + 514, "execve": X32_BIT + 520}),
    ],
)
def test_numbers_of_a_few_that_everyone_knows(table: str, expected: dict[str, int]) -> None:
    found = numbers(table)
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize("table", TABLES)
def test_late_calls_are_numbered_alike_everywhere(table: str) -> None:
    found = {name: number & ~X32_BIT for name, number in numbers(table).items()}
    for name, number in {"pidfd_send_signal": 424, "clone3": 435, "openat2": 437, "mseal": 462}.items():
        assert found[name] == number


@pytest.mark.parametrize("table", TABLES)
def test_a_number_has_one_name(table: str) -> None:
    found = numbers(table)
    aliases = {"arm": 2}.get(table, 0)
    assert len(set(found.values())) == len(found) - aliases


def test_x32_lacks_what_only_sixty_four_bits_have() -> None:
    assert "uselib" not in numbers("x32")
    with pytest.raises(ModuleNotFoundError):
        numbers("vax")
