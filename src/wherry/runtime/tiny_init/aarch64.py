"""The init program for aarch64 (system calls: x8 number; x0 to x5 arguments; x19 and up survive them)."""

from __future__ import annotations

import struct

from wherry.runtime.tiny_init.assembly import Assembly

MACHINE = 183  # EM_AARCH64

_EQ, _NE, _MI, _LE = 0, 1, 4, 13
_XZR = 31


def code(name: bytes, message: bytes) -> bytes:
    """The program; it calls itself `name`, and says `message` when its child's program can't be executed."""
    asm = Assembly()
    asm.add(
        _word(0x910003F3),  # mov x19, sp: argc, argv, NULL, envp
        _word(0xF9400260),  # ldr x0, [x19]
        _word(0x8B000E74),  # add x20, x19, x0, lsl 3
        _word(0x91004294),  # add x20, x20, 16: envp
        _word(0xD10083FF),  # sub sp, sp, 32: a signal set at sp, a word at sp+8
        _word(0x92800000),  # mov x0, -1
        _word(0xF90003E0),  # str x0, [sp]
        *_set_mask(),
        _set(0, 17),  # SIGCHLD
        _set(1, 0),
        _set(2, 0),
        _set(3, 0),
        _set(4, 0),
        *_call(220),  # clone
    )
    _branch_if_zero(asm, "child")
    asm.add(_compare(0))
    _branch_if(asm, _MI, "failed")
    asm.add(_word(0x2A0003F5), _set(0, 15))  # mov w21, w0: the child; PR_SET_NAME
    _address(asm, "name")
    asm.add(*_call(167))  # prctl; no matter when a profile forbids it
    asm.here("wait")
    asm.add(_word(0x910003E0), _set(1, 0), _set(2, 0), _set(3, 8), *_call(137))  # mov x0, sp; rt_sigtimedwait
    asm.add(_compare(0))
    _branch_if(asm, _LE, "wait")
    asm.add(_compare(17))  # SIGCHLD
    _branch_if(asm, _EQ, "reap")
    for stop in (21, 22):  # SIGTTIN and SIGTTOU are about our own use of the terminal
        asm.add(_compare(stop))
        _branch_if(asm, _EQ, "wait")
    asm.add(_word(0x2A0003E1), _word(0x2A1503E0), *_call(129))  # mov w1, w0; mov w0, w21; kill
    _branch(asm, "wait")
    asm.here("reap")
    asm.add(
        _word(0x92800000),  # mov x0, -1
        _word(0x910023E1),  # add x1, sp, 8
        _set(2, 1),  # WNOHANG
        _set(3, 0),
        *_call(260),  # wait4
        _compare(0),
    )
    _branch_if(asm, _LE, "wait")
    asm.add(_word(0x6B15001F))  # cmp w0, w21
    _branch_if(asm, _NE, "reap")
    asm.add(_word(0xB9400BE0), _word(0x12001801))  # ldr w0, [sp, 8]; and w1, w0, 127
    asm.refer(4, lambda distance: _word(0x34000001 | _imm19(distance)), "exited")  # cbz w1, exited
    asm.add(_word(0x11020020))  # add w0, w1, 128
    _branch(asm, "exit")
    asm.here("exited")
    asm.add(_word(0x53083C00))  # ubfx w0, w0, 8, 8
    asm.here("exit")
    asm.add(*_call(94))  # exit_group
    asm.here("failed")
    asm.add(_set(0, 125))
    _branch(asm, "exit")
    asm.here("child")
    asm.add(
        _set(0, 0),
        _set(1, 0),
        *_call(154),  # setpgid(0, 0): the terminal's signals then come to the child alone
        *_call(172),  # getpid
        _word(0xB9000BE0),  # str w0, [sp, 8]
        _set(0, 0),
        _set(1, 0x5410),  # TIOCSPGRP
        _word(0x910023E2),  # add x2, sp, 8
        *_call(29),  # ioctl; no matter when there is no terminal
        _word(0xF90003FF),  # str xzr, [sp]
        *_set_mask(),
        _word(0xF9400A60),  # ldr x0, [x19, 16]: the program's path
        _word(0x91006261),  # add x1, x19, 24: its argv
        _word(0xAA1403E2),  # mov x2, x20
        *_call(221),  # execve
        _word(0x2A0003F5),  # mov w21, w0
        _set(0, 2),
    )
    _address(asm, "message")
    asm.add(_set(2, len(message)), *_call(64))  # write
    asm.add(_set(0, 126), _word(0x31000ABF))  # cmn w21, ENOENT
    _branch_if(asm, _NE, "exit")
    asm.add(_set(0, 127))
    _branch(asm, "exit")
    asm.here("message")
    asm.add(message)
    asm.here("name")
    asm.add(name + b"\0")
    return asm.bytes(from_end=False)


def _word(value: int) -> bytes:
    return struct.pack("<I", value)


def _set(register: int, value: int) -> bytes:
    return _word(0xD2800000 | value << 5 | register)  # movz


def _compare(value: int) -> bytes:
    return _word(0x7100001F | value << 10)  # cmp w0, value


def _call(number: int) -> tuple[bytes, bytes]:
    return _set(8, number), _word(0xD4000001)  # svc 0


def _set_mask() -> tuple[bytes, ...]:
    """rt_sigprocmask(SIG_SETMASK, sp, NULL, 8)"""
    return _set(0, 2), _word(0x910003E1), _set(2, 0), _set(3, 8), *_call(135)  # mov x1, sp


def _address(asm: Assembly, place: str) -> None:
    # adr x1, place: its lowest two bits of the distance stand apart
    asm.refer(4, lambda distance: _word(0x10000001 | (distance & 3) << 29 | _imm19(distance)), place)


def _imm19(distance: int) -> int:
    return (distance >> 2 & 0x7FFFF) << 5


def _branch(asm: Assembly, place: str) -> None:
    asm.refer(4, lambda distance: _word(0x14000000 | distance >> 2 & 0x3FFFFFF), place)


def _branch_if(asm: Assembly, condition: int, place: str) -> None:
    asm.refer(4, lambda distance: _word(0x54000000 | _imm19(distance) | condition), place)


def _branch_if_zero(asm: Assembly, place: str) -> None:
    asm.refer(4, lambda distance: _word(0xB4000000 | _imm19(distance)), place)  # cbz x0
