"""The init program for x86-64 (system calls: rax number; rdi, rsi, rdx, r10, r8 arguments)."""

from __future__ import annotations

import struct

from wherry.runtime.tiny_init.assembly import Assembly

MACHINE = 62  # EM_X86_64

_SYSCALL = b"\x0f\x05"
_ALL_SIGNALS = b"\x48\xc7\x04\x24\xff\xff\xff\xff"  # mov qword [rsp], -1
_NO_SIGNALS = b"\x48\xc7\x04\x24\x00\x00\x00\x00"  # mov qword [rsp], 0
_ZERO_RSI = b"\x31\xf6"
_ZERO_RDI = b"\x31\xff"
_ZERO_RDX = b"\x31\xd2"
_ZERO_R10 = b"\x45\x31\xd2"
_ZERO_R8 = b"\x45\x31\xc0"
_RDI_SET = b"\x48\x89\xe7"  # mov rdi, rsp
_RSI_SET = b"\x48\x89\xe6"  # mov rsi, rsp
_TEST_EAX = b"\x85\xc0"

_JZ, _JNZ, _JS, _JLE, _JMP = b"\x0f\x84", b"\x0f\x85", b"\x0f\x88", b"\x0f\x8e", b"\xe9"


def code(name: bytes, message: bytes) -> bytes:
    """The program; it calls itself `name`, and says `message` when its child's program can't be executed."""
    asm = Assembly()
    asm.add(
        b"\x49\x89\xe4",  # mov r12, rsp: argc, argv, NULL, envp
        b"\x49\x8b\x04\x24",  # mov rax, [r12]
        b"\x4d\x8d\x6c\xc4\x10",  # lea r13, [r12 + rax*8 + 16]: envp
        b"\x48\x83\xec\x20",  # sub rsp, 32: a signal set at rsp, a word at rsp+8
        _ALL_SIGNALS,
        *_set_mask(),
        _edi(17),  # SIGCHLD
        _ZERO_RSI,
        _ZERO_RDX,
        _ZERO_R10,
        _ZERO_R8,
        *_call(56),  # clone
        _TEST_EAX,
    )
    _jump(asm, _JZ, "child")
    _jump(asm, _JS, "failed")
    asm.add(b"\x89\xc3", _edi(15))  # mov ebx, eax: the child; PR_SET_NAME
    _address(asm, "name")
    asm.add(*_call(157))  # prctl; no matter when a profile forbids it
    asm.here("wait")
    asm.add(_RDI_SET, _ZERO_RSI, _ZERO_RDX, _r10d(8), *_call(128), _TEST_EAX)  # rt_sigtimedwait
    _jump(asm, _JLE, "wait")
    asm.add(b"\x83\xf8\x11")  # cmp eax, SIGCHLD
    _jump(asm, _JZ, "reap")
    for stop in (21, 22):  # SIGTTIN and SIGTTOU are about our own use of the terminal
        asm.add(b"\x83\xf8" + bytes((stop,)))
        _jump(asm, _JZ, "wait")
    asm.add(b"\x89\xc6", b"\x89\xdf", *_call(62))  # mov esi, eax; mov edi, ebx; kill
    _jump(asm, _JMP, "wait")
    asm.here("reap")
    asm.add(
        b"\x48\xc7\xc7\xff\xff\xff\xff",  # mov rdi, -1
        b"\x48\x8d\x74\x24\x08",  # lea rsi, [rsp + 8]
        b"\xba\x01\x00\x00\x00",  # mov edx, WNOHANG
        _ZERO_R10,
        *_call(61),  # wait4
        _TEST_EAX,
    )
    _jump(asm, _JLE, "wait")
    asm.add(b"\x39\xd8")  # cmp eax, ebx
    _jump(asm, _JNZ, "reap")
    asm.add(b"\x8b\x7c\x24\x08", b"\x89\xf8", b"\x83\xe0\x7f")  # mov edi, [rsp+8]; mov eax, edi; and eax, 127
    _jump(asm, _JZ, "exited")
    asm.add(b"\x8d\xb8\x80\x00\x00\x00")  # lea edi, [rax + 128]
    _jump(asm, _JMP, "exit")
    asm.here("exited")
    asm.add(b"\xc1\xef\x08", b"\x81\xe7\xff\x00\x00\x00")  # shr edi, 8; and edi, 255
    asm.here("exit")
    asm.add(*_call(231))  # exit_group
    asm.here("failed")
    asm.add(_edi(125))
    _jump(asm, _JMP, "exit")
    asm.here("child")
    asm.add(
        _ZERO_RDI,
        _ZERO_RSI,
        *_call(109),  # setpgid(0, 0): the terminal's signals then come to the child alone
        *_call(39),  # getpid
        b"\x89\x44\x24\x08",  # mov [rsp + 8], eax
        _ZERO_RDI,
        b"\xbe\x10\x54\x00\x00",  # mov esi, TIOCSPGRP
        b"\x48\x8d\x54\x24\x08",  # lea rdx, [rsp + 8]
        *_call(16),  # ioctl; no matter when there is no terminal
        _NO_SIGNALS,
        *_set_mask(),
        b"\x49\x8b\x7c\x24\x10",  # mov rdi, [r12 + 16]: the program's path
        b"\x49\x8d\x74\x24\x18",  # lea rsi, [r12 + 24]: its argv
        b"\x4c\x89\xea",  # mov rdx, r13
        *_call(59),  # execve
        b"\x89\xc3",  # mov ebx, eax
        _edi(2),
    )
    _address(asm, "message")
    asm.add(b"\xba" + struct.pack("<I", len(message)), *_call(1))  # mov edx, length; write
    asm.add(_edi(126), b"\x83\xfb\xfe")  # cmp ebx, -ENOENT
    _jump(asm, _JNZ, "exit")
    asm.add(_edi(127))
    _jump(asm, _JMP, "exit")
    asm.here("message")
    asm.add(message)
    asm.here("name")
    asm.add(name + b"\0")
    return asm.bytes(from_end=True)


def _edi(value: int) -> bytes:
    return b"\xbf" + struct.pack("<I", value)


def _r10d(value: int) -> bytes:
    return b"\x41\xba" + struct.pack("<I", value)


def _call(number: int) -> tuple[bytes, bytes]:
    return b"\xb8" + struct.pack("<I", number), _SYSCALL


def _address(asm: Assembly, place: str) -> None:
    asm.refer(7, lambda distance: b"\x48\x8d\x35" + struct.pack("<i", distance), place)  # lea rsi, […]


def _set_mask() -> tuple[bytes, ...]:
    """rt_sigprocmask(SIG_SETMASK, rsp, NULL, 8)"""
    return _edi(2), _RSI_SET, _ZERO_RDX, _r10d(8), *_call(14)


def _jump(asm: Assembly, opcode: bytes, place: str) -> None:
    asm.refer(len(opcode) + 4, lambda distance: opcode + struct.pack("<i", distance), place)
