"""From `linux.seccomp` of an OCI runtime specification to the program that the kernel runs.

Names that an architecture lacks are passed over, as every engine does: profiles name the calls of all
architectures at once. Where several rules name one call, a rule without conditions counts, the first such;
without one, the rules are asked in their order and the first whose conditions hold decides. (A rule whose
action is the default one says nothing and is left out first, and two conditions on one argument are
alternatives: both is how profiles written for Docker are meant.)

Beyond the profile:
- a call made through an architecture that isn't listed ends the process: its numbers mean other calls;
- calls newer than any that the profile names get ENOSYS where the profile refuses by default, so that a C
  library takes the older call that it has for such a kernel instead of giving up on EPERM.
"""

from __future__ import annotations

import errno
import marshal
import os
from typing import Any

from wherry.errors import Invalid, Unsupported
from wherry.linux.seccomp import bpf
from wherry.linux.seccomp.conditions import OPERATORS, Condition, guarded
from wherry.linux.seccomp.numbers import ARCHITECTURES, NATIVE, X32_BIT, numbers
from wherry.linux.seccomp.program import FLAGS, Program

_ACTIONS = {
    "SCMP_ACT_KILL": bpf.KILL_THREAD,
    "SCMP_ACT_KILL_THREAD": bpf.KILL_THREAD,
    "SCMP_ACT_KILL_PROCESS": bpf.KILL_PROCESS,
    "SCMP_ACT_TRAP": bpf.TRAP,
    "SCMP_ACT_ERRNO": bpf.ERRNO,
    "SCMP_ACT_TRACE": bpf.TRACE,
    "SCMP_ACT_LOG": bpf.LOG,
    "SCMP_ACT_ALLOW": bpf.ALLOW,
}
_WITH_ERRNO = ("SCMP_ACT_ERRNO", "SCMP_ACT_TRACE")

# architectures that profiles list and this kernel can't run: nothing to filter
_FOREIGN = ("MIPS", "PPC", "S390", "PARISC", "RISCV", "LOONGARCH", "M68K", "SH", "SHEB")

_PRIVATE = 0xF0000  # from here on ARM's own calls, which aren't numbered by age

_CACHE_SIZE = 64
_cache: dict[bytes, Program] = {}


def compile(seccomp: dict[str, Any], machine: str = "") -> Program:  # noqa: A001 - as in re.compile
    """The program for `linux.seccomp`, for a kernel whose `uname -m` is `machine` (default: this one's).

    A few milliseconds at first, then from a cache in this process. Raises Invalid for what is no profile,
    Unsupported for what wherry can't do: SCMP_ACT_NOTIFY, and kernels of other architectures.
    """
    machine = machine or os.uname().machine
    key = marshal.dumps((machine, seccomp), 2)  # version 2 writes equal values alike, and is quick
    program = _cache.get(key)
    if program is None:
        program = _compile(seccomp, machine)
        if len(_cache) >= _CACHE_SIZE:
            _cache.clear()
        _cache[key] = program
    return program


# what becomes of one call: the conditional rules in order, and the verdict when none of them decides
_Outcome = tuple[tuple[tuple[tuple[Condition, ...], int], ...], int]


def _compile(seccomp: dict[str, Any], machine: str) -> Program:
    if machine not in NATIVE:
        raise Unsupported(
            f"seccomp filters are not available on {machine}", hint="--security-opt seccomp=unconfined"
        )
    default = _verdict(seccomp.get("defaultAction", ""), seccomp.get("defaultErrnoRet"))
    rules = _rules(seccomp.get("syscalls") or [], default)
    names = _architectures(seccomp.get("architectures") or [], NATIVE[machine])
    by_audit: dict[int, list[str]] = {}
    for name in names:
        by_audit.setdefault(ARCHITECTURES[name].audit, []).append(name)

    program: bpf.Piece = bpf.verdict(bpf.KILL_PROCESS)
    for audit, together in reversed(list(by_audit.items())):
        ranges: list[tuple[int, bpf.Piece]] = []
        for name in together:
            ranges += _ranges(name, rules, default)
        if "SCMP_ARCH_X86_64" in together and "SCMP_ARCH_X32" not in together:
            ranges.append((X32_BIT, bpf.verdict(bpf.KILL_PROCESS)))
        elif "SCMP_ARCH_X32" in together and "SCMP_ARCH_X86_64" not in together:
            ranges.insert(0, (0, bpf.verdict(bpf.KILL_PROCESS)))
        ranges.sort(key=lambda entry: entry[0])
        # a tracer that skips a call writes -1 as its number
        ranges.append((0xFFFFFFFF, bpf.verdict(bpf.ERRNO | errno.ENOSYS)))
        calls = [bpf.load(bpf.NUMBER), *bpf.search(ranges)]
        program = bpf.decide(bpf.JUMP_EQUAL, audit, program, calls)
    try:
        code = bpf.assemble([bpf.load(bpf.ARCH), *program])
    except ValueError as error:
        raise Invalid(f"seccomp profile is too large: {error}") from None
    return Program(code, _flags(seccomp))


def _architectures(listed: list[str], native: str) -> list[str]:
    """What to filter, the native one first; it is always among them."""
    found = [native]
    for name in listed:
        if name in ARCHITECTURES:
            if name not in found and ARCHITECTURES[name].audit in _reachable(native):
                found.append(name)
        elif not name.startswith(tuple(f"SCMP_ARCH_{family}" for family in _FOREIGN)):
            raise Invalid(f'unknown architecture "{name}" in seccomp profile')
    return sorted(found, key=lambda name: name != native)


def _reachable(native: str) -> set[int]:
    if native in ("SCMP_ARCH_X86_64", "SCMP_ARCH_X86"):
        family = ("SCMP_ARCH_X86_64", "SCMP_ARCH_X86")
    else:
        family = ("SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM")
    return {ARCHITECTURES[name].audit for name in family}


def _rules(listed: list[dict[str, Any]], default: int) -> dict[str, _Outcome]:
    conditional: dict[str, list[tuple[tuple[Condition, ...], int]]] = {}
    plain: dict[str, int] = {}
    for rule in listed:
        verdict = _verdict(rule.get("action", ""), rule.get("errnoRet"))
        alternatives = _alternatives(rule.get("args") or [])
        if verdict == default:
            continue
        for name in rule.get("names") or []:
            if not alternatives:
                plain.setdefault(name, verdict)
            else:
                conditional.setdefault(name, []).extend((group, verdict) for group in alternatives)
    outcomes: dict[str, _Outcome] = {name: (tuple(rules), default) for name, rules in conditional.items()}
    outcomes.update((name, ((), verdict)) for name, verdict in plain.items())
    return outcomes


def _alternatives(args: list[dict[str, Any]]) -> list[tuple[Condition, ...]]:
    conditions = []
    for arg in args:
        index, operator = arg.get("index", 0), arg.get("op", "")
        value, second = arg.get("value", 0), arg.get("valueTwo", 0)
        if operator not in OPERATORS:
            raise Invalid(f'unknown operator "{operator}" in seccomp profile')
        if not (isinstance(index, int) and 0 <= index <= 5):
            raise Invalid(f"system calls have arguments 0 to 5, the seccomp profile names {index}")
        for number in (value, second):
            if not (isinstance(number, int) and 0 <= number < 1 << 64):
                raise Invalid(
                    f"seccomp profile compares an argument with {number}, which is no 64-bit number"
                )
        conditions.append(Condition(index, operator, value, second))
    if len({condition.argument for condition in conditions}) < len(conditions):
        return [(condition,) for condition in conditions]
    return [tuple(conditions)] if conditions else []


def _verdict(action: str, errno_ret: int | None) -> int:
    if action == "SCMP_ACT_NOTIFY":
        raise Unsupported(
            "seccomp action SCMP_ACT_NOTIFY is not supported", hint="use SCMP_ACT_ERRNO or SCMP_ACT_LOG"
        )
    if action not in _ACTIONS:
        raise Invalid(f'unknown action "{action}" in seccomp profile')
    if action not in _WITH_ERRNO:
        return _ACTIONS[action]
    number = errno.EPERM if errno_ret is None else errno_ret
    if not (isinstance(number, int) and 0 <= number <= (4095 if action == "SCMP_ACT_ERRNO" else 0xFFFF)):
        raise Invalid(f"errnoRet {number} in seccomp profile is out of range")
    return _ACTIONS[action] | number


def _ranges(name: str, rules: dict[str, _Outcome], default: int) -> list[tuple[int, bpf.Piece]]:
    """Numbers with one outcome, joined: (first number, piece), ascending; gaps get the default."""
    architecture = ARCHITECTURES[name]
    table = numbers(architecture.name)
    base = X32_BIT if architecture.name == "x32" else 0
    refused: _Outcome = ((), default)
    outcomes = {table[call]: outcome for call, outcome in rules.items() if call in table}
    newest = max((number for number in outcomes if number - base < _PRIVATE), default=-1)
    beyond = refused
    if newest >= 0 and default not in (bpf.ALLOW, bpf.LOG):
        beyond = ((), bpf.ERRNO | errno.ENOSYS)
    if newest < 0:
        newest = base - 1
    joined: list[tuple[int, _Outcome]] = [(base, outcomes.get(base, refused))]
    following = base + 1
    for number in sorted(outcomes):
        if number > following:
            joined.append((following, beyond if following > newest else refused))
        joined.append((number, outcomes[number]))
        following = number + 1
    joined.append((following, beyond))
    ranges: list[tuple[int, bpf.Piece]] = []
    last: _Outcome | None = None
    for first, outcome in joined:
        if outcome != last:
            ranges.append((first, _piece(outcome, architecture.bits)))
            last = outcome
    return ranges


def _piece(outcome: _Outcome, bits: int) -> bpf.Piece:
    rules, otherwise = outcome
    piece: bpf.Piece = []
    for conditions, verdict in rules:
        piece += guarded(list(conditions), bits, bpf.verdict(verdict))
    return piece + bpf.verdict(otherwise)


def _flags(seccomp: dict[str, Any]) -> int:
    listed = seccomp.get("flags")
    if listed is None:
        # without it, kernels before 5.16 switch off speculation for whoever has a filter: slow, and no safer
        return FLAGS["SECCOMP_FILTER_FLAG_SPEC_ALLOW"]
    flags = 0
    for name in listed:
        if name not in FLAGS:
            raise Unsupported(f'seccomp flag "{name}" is not supported')
        flags |= FLAGS[name]
    return flags
