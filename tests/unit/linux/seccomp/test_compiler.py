"""The compiled filter against the plain reading of its profile."""

from __future__ import annotations

import errno
import functools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.harness.bpf import ARM, X86, X86_64, decode, run, verdict
from wherry.errors import Invalid, Unsupported
from wherry.linux import seccomp
from wherry.linux.seccomp import bpf
from wherry.linux.seccomp.conditions import OPERATORS, Condition
from wherry.linux.seccomp.numbers import ARCHITECTURES, X32_BIT, numbers

EPERM = bpf.ERRNO | errno.EPERM
ENOSYS = bpf.ERRNO | errno.ENOSYS
NAMES = [
    "read",
    "write",
    "open",
    "close",
    "clone",
    "clone3",
    "openat2",
    "socket",
    "socketcall",
    "no_such_call",
]
ALL = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]
ACTIONS = {
    "SCMP_ACT_ALLOW": bpf.ALLOW,
    "SCMP_ACT_ERRNO": EPERM,
    "SCMP_ACT_LOG": bpf.LOG,
    "SCMP_ACT_KILL": bpf.KILL_THREAD,
    "SCMP_ACT_KILL_THREAD": bpf.KILL_THREAD,
    "SCMP_ACT_KILL_PROCESS": bpf.KILL_PROCESS,
    "SCMP_ACT_TRAP": bpf.TRAP,
    "SCMP_ACT_TRACE": bpf.TRACE | errno.EPERM,
}

# values around which comparisons of 64 bits in halves go wrong
edges = st.sampled_from(
    [
        0,
        1,
        2,
        40,
        0x7FFFFFFF,
        0x80000000,
        0xFFFFFFFF,
        1 << 32,
        (1 << 32) + 1,
        (1 << 32) + 40,
        1 << 63,
        (1 << 64) - 1,
    ]
)
words = edges | st.integers(0, (1 << 64) - 1)
conditions = st.builds(
    lambda index, op, value, second: {"index": index, "op": op, "value": value, "valueTwo": second},
    st.integers(0, 5),
    st.sampled_from(sorted(OPERATORS)),
    words,
    words,
)
rules = st.builds(
    lambda names, action, args: {"names": names, "action": action, "args": args},
    st.lists(st.sampled_from(NAMES), min_size=1, max_size=4),
    st.sampled_from(sorted(ACTIONS)),
    st.lists(conditions, max_size=3),
)
profiles = st.builds(
    lambda default, listed: {"defaultAction": default, "architectures": ALL, "syscalls": listed},
    st.sampled_from(sorted(ACTIONS)),
    st.lists(rules, max_size=6),
)


@functools.cache
def table_of(architecture: str) -> dict[str, int]:
    return numbers(ARCHITECTURES[architecture].name)


def naive(profile: dict[str, Any], architecture: str, number: int, arguments: list[int]) -> int:
    """What the module's docstring promises, said once more without any cleverness."""
    default = ACTIONS[profile["defaultAction"]]
    table = table_of(architecture)
    names = {name for name, its in table.items() if its == number}
    bits = ARCHITECTURES[architecture].bits
    conditional = None
    named = set()
    for rule in profile["syscalls"]:
        outcome = ACTIONS[rule["action"]]
        if outcome == default:
            continue
        named |= {table[name] for name in rule["names"] if name in table}
        for _ in [name for name in rule["names"] if name in names]:
            if not rule["args"]:
                return outcome  # the first without conditions
    for rule in profile["syscalls"]:
        outcome = ACTIONS[rule["action"]]
        if outcome == default or not names & set(rule["names"]) or conditional is not None:
            continue
        held = [_holds(arg, arguments, bits) for arg in rule["args"]]
        repeated = len({arg["index"] for arg in rule["args"]}) < len(held)
        if any(held) if repeated else all(held):
            conditional = outcome
    if conditional is not None:
        return conditional
    if named and number > max(named) and default not in (bpf.ALLOW, bpf.LOG):
        return ENOSYS
    return default


def _holds(arg: dict[str, Any], arguments: list[int], bits: int) -> bool:
    mask = (1 << bits) - 1
    condition = Condition(arg["index"], arg["op"], arg["value"] & mask, arg["valueTwo"] & mask)
    return condition.holds(arguments[arg["index"]] & mask)


@settings(max_examples=150, deadline=None)
@given(
    profiles,
    st.sampled_from(ALL),
    st.sampled_from(NAMES) | st.integers(0, 600),
    st.lists(words, min_size=6, max_size=6),
)
def test_agrees_with_the_plain_reading(
    profile: dict[str, Any], architecture: str, call: str | int, arguments: list[int]
) -> None:
    table = table_of(architecture)
    base = X32_BIT if architecture == "SCMP_ARCH_X32" else 0
    number = call + base if isinstance(call, int) else table.get(call, base)
    if architecture == "SCMP_ARCH_X86":
        arguments = [argument & 0xFFFFFFFF for argument in arguments]
    code = seccomp.compile(profile, "x86_64").code
    assert verdict(code, number, arguments, ARCHITECTURES[architecture].audit) == naive(
        profile, architecture, number, arguments
    )


def allowing(*names: str, **more: Any) -> dict[str, Any]:
    return {
        "defaultAction": "SCMP_ACT_ERRNO",
        "syscalls": [{"names": list(names), "action": "SCMP_ACT_ALLOW"}],
        **more,
    }


def _arg(index: int, value: int) -> dict[str, Any]:
    return {"index": index, "op": "SCMP_CMP_EQ", "value": value}


_READ = {"names": ["read"], "action": "SCMP_ACT_ALLOW"}


def test_a_foreign_architecture_ends_the_process() -> None:
    code = seccomp.compile(allowing("read"), "x86_64").code
    assert verdict(code, 0, arch=X86_64) == bpf.ALLOW
    assert verdict(code, 3, arch=X86) == bpf.KILL_PROCESS
    assert verdict(code, 63, arch=ARM) == bpf.KILL_PROCESS


def test_x32_is_refused_unless_listed() -> None:
    without = seccomp.compile(allowing("read"), "x86_64").code
    assert verdict(without, X32_BIT) == bpf.KILL_PROCESS
    listed = seccomp.compile(allowing("read", architectures=["SCMP_ARCH_X32"]), "x86_64").code
    assert verdict(listed, X32_BIT) == bpf.ALLOW
    assert verdict(listed, 0) == bpf.ALLOW  # the native one is always filtered, and kept


def test_minus_one_is_what_a_tracer_writes_to_skip_a_call() -> None:
    assert verdict(seccomp.compile(allowing("read"), "x86_64").code, 0xFFFFFFFF) == ENOSYS


def test_calls_newer_than_the_profile_are_missing_not_forbidden() -> None:
    code = seccomp.compile(allowing("read", "clone3"), "x86_64").code
    assert verdict(code, 436) == ENOSYS  # close_range, one newer than clone3
    assert verdict(code, 434) == EPERM  # pidfd_open is older: refused on purpose
    allow_all = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ERRNO"}],
    }
    assert verdict(seccomp.compile(allow_all, "x86_64").code, 436) == bpf.ALLOW


def test_arm_has_calls_far_from_the_others() -> None:
    code = seccomp.compile(allowing("read", "set_tls", architectures=["SCMP_ARCH_ARM"]), "aarch64").code
    assert verdict(code, 0xF0005, arch=ARM) == bpf.ALLOW
    assert verdict(code, 0xF0004, arch=ARM) != bpf.ALLOW
    assert verdict(code, 3, arch=ARM) == bpf.ALLOW
    assert verdict(code, 400, arch=ARM) == ENOSYS


def test_two_conditions_on_one_argument_are_alternatives() -> None:
    args = [{"index": 0, "op": "SCMP_CMP_EQ", "value": value} for value in (1, 2)]
    profile = allowing("read")
    profile["syscalls"].append({"names": ["write"], "action": "SCMP_ACT_ALLOW", "args": args})
    code = seccomp.compile(profile, "x86_64").code
    assert [verdict(code, 1, [first]) == bpf.ALLOW for first in (0, 1, 2, 3)] == [False, True, True, False]


def test_an_errno_of_its_own() -> None:
    profile = allowing("read")
    profile["defaultErrnoRet"] = errno.EACCES
    profile["syscalls"].append({"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": errno.ENOSYS})
    code = seccomp.compile(profile, "x86_64").code
    assert verdict(code, 1) == bpf.ERRNO | errno.EACCES
    assert verdict(code, 435) == ENOSYS


def test_flags() -> None:
    assert (
        seccomp.compile(allowing("read"), "x86_64").flags == 4
    )  # speculation stays on, as by default elsewhere
    assert seccomp.compile(allowing("read", flags=["SECCOMP_FILTER_FLAG_LOG"]), "x86_64").flags == 2
    with pytest.raises(Unsupported, match="SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"):
        seccomp.compile(allowing("read", flags=["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]), "x86_64")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"defaultAction": "SCMP_ACT_MAYBE"}, "SCMP_ACT_MAYBE"),
        ({"architectures": ["SCMP_ARCH_PDP11"]}, "SCMP_ARCH_PDP11"),
        ({"defaultErrnoRet": 5000}, "out of range"),
        ({"syscalls": [{**_READ, "args": [_arg(6, 0)]}]}, "arguments"),
        ({"syscalls": [{**_READ, "args": [_arg(0, -1)]}]}, "64-bit"),
        ({"syscalls": [{**_READ, "args": [{"index": 0, "op": "SCMP_CMP_ODD"}]}]}, "SCMP_CMP_ODD"),
    ],
)
def test_what_is_no_profile_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(Invalid, match=message):
        seccomp.compile(allowing("read") | change, "x86_64")


def test_notify_and_foreign_machines_are_said_not_to_be_supported() -> None:
    with pytest.raises(Unsupported, match="NOTIFY"):
        seccomp.compile(allowing("read") | {"defaultAction": "SCMP_ACT_NOTIFY"}, "x86_64")
    with pytest.raises(Unsupported, match="s390x"):
        seccomp.compile(allowing("read"), "s390x")


def test_architectures_that_cannot_run_here_are_passed_over() -> None:
    plain = seccomp.compile(allowing("read"), "x86_64").code
    many = allowing("read", architectures=["SCMP_ARCH_S390X", "SCMP_ARCH_AARCH64", "SCMP_ARCH_MIPS64N32"])
    assert seccomp.compile(many, "x86_64").code == plain


def test_equal_profiles_are_compiled_once() -> None:
    first = seccomp.compile(allowing("read", "write"), "x86_64")
    assert seccomp.compile(allowing("read", "write"), "x86_64") is first
    assert seccomp.compile(allowing("read"), "x86_64") is not first


def test_too_many_instructions_are_refused() -> None:
    profile = allowing("read")
    profile["syscalls"] = [
        {
            "names": [name],
            "action": "SCMP_ACT_ALLOW",
            "args": [_arg(index, 1 << 40 | number) for index in range(6)],
        }
        for name, number in numbers("x86_64").items()
    ]
    with pytest.raises(Invalid, match="too large"):
        seccomp.compile(profile, "x86_64")


def test_the_search_is_short_and_within_the_reach_of_jumps() -> None:
    names = [name for name, number in numbers("x86_64").items() if number % 2 == 0]
    program = decode(seccomp.compile(allowing(*names), "x86_64").code)
    steps = [run(program, number)[1] for number in range(450)]
    assert max(steps) <= 26
    for number in range(450):
        assert (run(program, number)[0] == bpf.ALLOW) == (
            number in {numbers("x86_64")[name] for name in names}
        )
