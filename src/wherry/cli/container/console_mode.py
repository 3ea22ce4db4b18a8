"""The console of Windows: its size, and raw mode while a container's terminal has it (SetConsoleMode)."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_INPUT, _OUTPUT = -10, -11  # standard handles
_PROCESSED_INPUT, _LINE_INPUT, _ECHO_INPUT = 0x1, 0x2, 0x4
_SEQUENCES_IN, _SEQUENCES_OUT = 0x200, 0x4  # ENABLE_VIRTUAL_TERMINAL_INPUT and _PROCESSING


def size() -> tuple[int, int] | None:
    """(rows, columns) of the console on standard output, or on standard input; None without one."""
    for fd in (1, 0):
        try:
            found = os.get_terminal_size(fd)
        except OSError:
            continue
        if found.lines and found.columns:
            return found.lines, found.columns
    return None


class RawMode:
    """`with RawMode():` every key goes to the container as it is; afterwards the console is as before.

    Without a console on standard input, or when it is not `active`, it does nothing.
    """

    def __init__(self, *, active: bool = True) -> None:
        self._active = active
        self._before: list[tuple[int, int]] = []

    def __enter__(self) -> None:
        if not self._active or not os.isatty(0):
            return
        for handle, off, on in (
            (_INPUT, _PROCESSED_INPUT | _LINE_INPUT | _ECHO_INPUT, _SEQUENCES_IN),
            (_OUTPUT, 0, _SEQUENCES_OUT),
        ):
            mode = _mode(handle)
            if mode is not None:
                self._before.append((handle, mode))
                _set_mode(handle, mode & ~off | on)

    def __exit__(self, *exception: object) -> None:
        for handle, mode in self._before:
            _set_mode(handle, mode)
        self._before.clear()


def _kernel() -> Any:
    import ctypes

    return ctypes.WinDLL("kernel32")  # type: ignore[attr-defined]  # checked on Linux


def _mode(handle: int) -> int | None:
    import ctypes

    kernel, found = _kernel(), ctypes.c_uint32()
    good = kernel.GetConsoleMode(ctypes.c_void_p(kernel.GetStdHandle(handle)), ctypes.byref(found))
    return found.value if good else None


def _set_mode(handle: int, mode: int) -> None:
    import ctypes

    kernel = _kernel()
    kernel.SetConsoleMode(ctypes.c_void_p(kernel.GetStdHandle(handle)), mode)
