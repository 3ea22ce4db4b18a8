"""The terminal of the person at the keyboard (termios): its size, raw mode while a container has it."""

from __future__ import annotations

import fcntl
import os
import termios

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def size() -> tuple[int, int] | None:
    """(rows, columns) of the terminal on standard output, or on standard input; None without one."""
    for fd in (1, 0):
        try:
            found = fcntl.ioctl(fd, termios.TIOCGWINSZ, b"\0" * 8)
        except OSError:
            continue
        rows = int.from_bytes(found[0:2], "little")
        columns = int.from_bytes(found[2:4], "little")
        if rows and columns:
            return rows, columns
    return None


class RawMode:
    """`with RawMode():` every key goes to the container as it is; afterwards the terminal is as before.

    Without a terminal on standard input, or when it is not `active`, it does nothing.
    """

    def __init__(self, *, active: bool = True) -> None:
        self._active = active
        self._before: list[Any] | None = None

    def __enter__(self) -> None:
        if not self._active or not os.isatty(0):
            return
        self._before = termios.tcgetattr(0)
        mode = termios.tcgetattr(0)
        mode[0] &= ~(
            termios.IGNBRK | termios.BRKINT | termios.PARMRK | termios.ISTRIP | termios.INLCR
            | termios.IGNCR | termios.ICRNL | termios.IXON
        )  # fmt: skip
        mode[1] &= ~termios.OPOST
        mode[2] = (mode[2] & ~(termios.CSIZE | termios.PARENB)) | termios.CS8
        mode[3] &= ~(termios.ECHO | termios.ECHONL | termios.ICANON | termios.ISIG | termios.IEXTEN)
        mode[6][termios.VMIN] = 1
        mode[6][termios.VTIME] = 0
        termios.tcsetattr(0, termios.TCSADRAIN, mode)

    def __exit__(self, *exception: object) -> None:
        if self._before is not None:
            termios.tcsetattr(0, termios.TCSADRAIN, self._before)
            self._before = None
