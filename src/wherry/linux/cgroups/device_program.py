"""The eBPF program that rules devices in a version 2 cgroup (bpf(2), BPF_PROG_TYPE_CGROUP_DEVICE).

Written instruction by instruction: the program reads what is asked for, tries the rules from the last to the
first, and returns 1 to allow or 0 to refuse. An allowing rule has to cover all that is asked for at once, a
refusing one any part of it.
"""

from __future__ import annotations

import ctypes
import os
import struct

from wherry.errors import Invalid
from wherry.linux.cgroups.devices import Rule
from wherry.linux.syscalls import INT, POINTER, UINT, system_call

_PROG_LOAD, _PROG_ATTACH, _PROG_DETACH, _PROG_GET_FD_BY_ID, _PROG_QUERY = 5, 8, 9, 13, 16
_TYPE_CGROUP_DEVICE, _ATTACH_CGROUP_DEVICE = 15, 6
_ALLOW_MULTI = 2
_MAX_RULES = 400  # each takes at most 8 instructions, and jumps stay within 16 bits and 4096 instructions

# how the kernel numbers the two halves of access_type (include/uapi/linux/bpf.h)
_KINDS = {"b": 1, "c": 2}
_ACCESS = {"m": 1, "r": 2, "w": 4}

_R0, _R1, _KIND, _ASKED, _MAJOR, _MINOR, _SCRATCH = 0, 1, 2, 3, 4, 5, 6

# opcodes (include/uapi/linux/bpf_common.h)
_LOAD_WORD = 0x61
_MOVE32_VALUE, _MOVE32 = 0xB4, 0xBC
_AND32_VALUE, _RSHIFT32_VALUE = 0x54, 0x74
_IF_EQUAL, _IF_NOT_EQUAL = 0x16, 0x56  # JMP32
_EXIT = 0x95

_INSTRUCTION = struct.Struct("<BBhi")

_bpf = system_call("bpf", INT, POINTER, UINT)


def compile(rules: list[Rule]) -> bytes:  # noqa: A001 - as in re.compile
    """The program for `rules`; what none of them speaks of is refused. Raises Invalid for too many rules."""
    if len(rules) > _MAX_RULES:
        raise Invalid(f"{len(rules)} device rules, {_MAX_RULES} are the most")
    code = [
        _instruction(_LOAD_WORD, _KIND, _R1, 0),
        _instruction(_MOVE32, _ASKED, _KIND),
        _instruction(_AND32_VALUE, _KIND, value=0xFFFF),
        _instruction(_RSHIFT32_VALUE, _ASKED, value=16),
        _instruction(_LOAD_WORD, _MAJOR, _R1, 4),
        _instruction(_LOAD_WORD, _MINOR, _R1, 8),
    ]
    for rule in reversed(rules):
        code += _rule(rule)
        if rule.kind == "a" and len(set(rule.access)) == 3:
            break  # decides everything; what stands before it is never asked, and dead code is refused
    else:
        code += _answer(False)
    return b"".join(code)


def _rule(rule: Rule) -> list[bytes]:
    access = sum(_ACCESS[letter] for letter in set(rule.access))
    # (comparison by which the rule is left, register, value)
    tests: list[tuple[int, int, int]] = []
    before: list[bytes] = []
    if rule.kind != "a":
        tests.append((_IF_NOT_EQUAL, _KIND, _KINDS[rule.kind]))
    if access != 7:
        before = [
            _instruction(_MOVE32, _SCRATCH, _ASKED),
            _instruction(_AND32_VALUE, _SCRATCH, value=~access & 7 if rule.allow else access),
        ]
        tests.append((_IF_NOT_EQUAL if rule.allow else _IF_EQUAL, _SCRATCH, 0))
    if rule.major is not None:
        tests.append((_IF_NOT_EQUAL, _MAJOR, rule.major))
    if rule.minor is not None:
        tests.append((_IF_NOT_EQUAL, _MINOR, rule.minor))
    answer = _answer(rule.allow)
    end = len(tests) + len(answer)
    return [
        *before,
        *(
            _instruction(code, register, offset=end - position - 1, value=value)
            for position, (code, register, value) in enumerate(tests)
        ),
        *answer,
    ]


def _answer(allow: bool) -> list[bytes]:
    return [_instruction(_MOVE32_VALUE, _R0, value=int(allow)), _instruction(_EXIT, 0)]


def _instruction(code: int, target: int, source: int = 0, offset: int = 0, value: int = 0) -> bytes:
    if value > 0x7FFFFFFF:
        value -= 1 << 32
    return _INSTRUCTION.pack(code, target | source << 4, offset, value)


def attach(directory: str, code: bytes) -> None:
    """Put the program on the cgroup at `directory`, in place of any that stands there.

    A program added to one that is there could only refuse more, so the others are taken off, after it is on.
    Raises OSError: EPERM outside the machine's own user namespace, EINVAL without CONFIG_CGROUP_BPF.
    """
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        before = _attached(fd)
        program = _load(code)
        try:
            _call(_PROG_ATTACH, struct.pack("<IIII", fd, program, _ATTACH_CGROUP_DEVICE, _ALLOW_MULTI))
        finally:
            os.close(program)
        for identity in before:
            other = _call(_PROG_GET_FD_BY_ID, struct.pack("<III", identity, 0, 0))
            try:
                _call(_PROG_DETACH, struct.pack("<III", fd, other, _ATTACH_CGROUP_DEVICE))
            finally:
                os.close(other)
    finally:
        os.close(fd)


def _load(code: bytes) -> int:
    instructions = ctypes.create_string_buffer(code, len(code))
    # anything goes: no helper that wants a licence is called
    license_text = ctypes.create_string_buffer(b"Apache")
    attributes = struct.pack(
        "<IIQQIIQI",
        _TYPE_CGROUP_DEVICE,
        len(code) // 8,
        ctypes.addressof(instructions),
        ctypes.addressof(license_text),
        0,
        0,
        0,
        0,
    )
    return _call(_PROG_LOAD, attributes)


def _attached(fd: int) -> list[int]:
    """The ids of the programs on a cgroup."""
    most = 64
    ids = (ctypes.c_uint32 * most)()
    attributes = struct.pack("<IIIIQI", fd, _ATTACH_CGROUP_DEVICE, 0, 0, ctypes.addressof(ids), most)
    answer = ctypes.create_string_buffer(attributes, 64)
    _bpf(_PROG_QUERY, ctypes.addressof(answer), 64)
    return list(ids[: struct.unpack_from("<I", answer, 24)[0]])


def _call(command: int, attributes: bytes) -> int:
    buffer = ctypes.create_string_buffer(attributes, max(len(attributes), 64))
    return _bpf(command, ctypes.addressof(buffer), len(buffer))
