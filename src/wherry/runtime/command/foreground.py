"""Staying with a process until it ends: signals go to it, and a terminal is passed through."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import termios
import tty

from wherry.runtime import Launch

_PASSED_ON = (
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGTERM,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGCONT,
)


def stay(launch: Launch) -> int:
    """Wait for the process; returns its exit code, or 128 and the number of the signal that ended it."""
    for number in _PASSED_ON:
        signal.signal(number, lambda number, _frame: _pass_on(launch, number))
    if launch.console is not None:
        _relay(launch, launch.console)
    _pid, status = os.waitpid(launch.pid, 0)
    os.close(launch.pidfd)
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code


def _pass_on(launch: Launch, number: int) -> None:
    try:
        signal.pidfd_send_signal(launch.pidfd, number)
    except ProcessLookupError:
        pass


def _relay(launch: Launch, master: int) -> None:
    """Copy between our terminal and the container's until that one closes."""
    saved = termios.tcgetattr(0) if os.isatty(0) else None
    if saved is not None:
        tty.setraw(0, termios.TCSANOW)  # what was typed already stays
        _copy_size(master)
        signal.signal(signal.SIGWINCH, lambda _number, _frame: _copy_size(master))
    sources = [master, 0]
    try:
        while True:
            ready, _writable, _other = select.select(sources, [], [])
            if master in ready:
                data = _read(master)
                if not data:
                    return
                _write(1, data)
            if 0 in ready:
                data = _read(0)
                if data:
                    _write(master, data)
                else:
                    sources.remove(0)
                    _write(master, b"\x04")  # end of file, as a terminal says it
    finally:
        if saved is not None:
            termios.tcsetattr(0, termios.TCSADRAIN, saved)
        os.close(master)
        launch.console = None


def _copy_size(master: int) -> None:
    try:
        size = fcntl.ioctl(0, termios.TIOCGWINSZ, b"\0" * 8)
        fcntl.ioctl(master, termios.TIOCSWINSZ, size)
    except OSError:
        pass


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:
        return b""  # EIO: the last process let go of the terminal


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
