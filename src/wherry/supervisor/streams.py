"""The FIFOs between a process and its supervisor.

The process's ends of `stdout` and `stderr` are open for reading and writing, so there is always a reader:
when the supervisor dies, a write fills the pipe and waits instead of failing with EPIPE, and a successor
opens the FIFO by name and goes on. Its end of `stdin` is only for reading: closing ours is end of file to it.
"""

from __future__ import annotations

import fcntl
import os
from typing import NamedTuple

from wherry.linux.null import open_null

F_SETPIPE_SZ = 1031
LARGE = 1 << 20
"""Bytes a busy stream's pipe may hold: the kernel's limit for everyone (pipe-max-size)."""


class Ends(NamedTuple):
    """The supervisor's ends, not blocking."""

    stdin: int | None
    stdout: int
    stderr: int


class ProcessEnds(NamedTuple):
    """The process's ends, blocking. Closed by the supervisor once the process has them."""

    stdin: int
    stdout: int
    stderr: int

    def close(self) -> None:
        for descriptor in self:
            os.close(descriptor)


def create(prefix: str, *, stdin: bool) -> tuple[Ends, ProcessEnds]:
    """Make `<prefix>stdin` (if wanted, else it is the null device), `…stdout` and `…stderr`, and open both
    ends of each.

    Raises OSError; nothing stays open or behind then. The runtime gives the process's ends to its user.
    """
    opened: list[int] = []
    try:
        for name in ("stdin", "stdout", "stderr") if stdin else ("stdout", "stderr"):
            _make(prefix + name)
        if stdin:
            # Without blocking a FIFO opens for writing only when it has a reader, and for reading at once.
            both = os.open(prefix + "stdin", os.O_RDWR | os.O_CLOEXEC)
            opened.append(both)
            theirs_in = os.open(prefix + "stdin", os.O_RDONLY | os.O_CLOEXEC)
            opened.append(theirs_in)
            ours_in: int | None = os.open(prefix + "stdin", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            opened.append(ours_in or 0)
            os.close(both)
            opened.remove(both)
        else:
            theirs_in, ours_in = open_null(os.O_RDONLY), None
            opened.append(theirs_in)
        for name in ("stdout", "stderr"):
            opened.append(os.open(prefix + name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
            opened.append(os.open(prefix + name, os.O_RDWR | os.O_CLOEXEC))
    except BaseException:
        for descriptor in opened:
            os.close(descriptor)
        remove(prefix)
        raise
    ours_out, theirs_out, ours_err, theirs_err = opened[-4:]
    return Ends(ours_in, ours_out, ours_err), ProcessEnds(theirs_in, theirs_out, theirs_err)


def reopen(prefix: str, *, stdin: bool, kept: list[int], logged: bool) -> Ends:
    """Our ends again: those that were `kept` (see `Session.kept`; owned), the others by name.

    Raises OSError when the FIFOs are gone; what was kept is closed then.
    """
    flags = os.O_NONBLOCK | os.O_CLOEXEC
    try:
        outputs = [kept.pop(0), kept.pop(0)] if logged and len(kept) > 1 else []
        ours_in = kept.pop(0) if stdin and kept else None
        if stdin and ours_in is None:
            try:
                ours_in = os.open(prefix + "stdin", os.O_WRONLY | flags)
            except OSError:
                pass  # the process has closed its end, or read end of file and is content
        while len(outputs) < 2:
            outputs.append(os.open(prefix + ("stderr" if outputs else "stdout"), os.O_RDONLY | flags))
    except BaseException:
        for descriptor in (*outputs, *kept):
            os.close(descriptor)
        raise
    return Ends(ours_in, outputs[0], outputs[1])


def remove(prefix: str) -> None:
    """Unlink whatever is there of them."""
    for name in ("stdin", "stdout", "stderr", "terminal"):
        try:
            os.unlink(prefix + name)
        except FileNotFoundError:
            pass


def create_relay(prefix: str, *, again: bool) -> int:
    """A FIFO `<prefix>terminal`, open at both ends, through which a terminal's output reaches the spool."""
    if not again:
        _make(prefix + "terminal")
    return os.open(prefix + "terminal", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)


def enlarge(pipe: int) -> None:
    """Let a busy pipe hold a mebibyte, where the user's share of pipe memory allows it."""
    try:
        fcntl.fcntl(pipe, F_SETPIPE_SZ, LARGE)
    except OSError:
        pass


def _make(path: str) -> None:
    try:
        os.mkfifo(path, 0o600)
    except FileExistsError:
        os.unlink(path)
        os.mkfifo(path, 0o600)


def nowhere() -> ProcessEnds:
    """The null device for all three."""
    opened: list[int] = []
    try:
        for flags in (os.O_RDONLY, os.O_WRONLY, os.O_WRONLY):
            opened.append(open_null(flags))
    except BaseException:
        for descriptor in opened:
            os.close(descriptor)
        raise
    return ProcessEnds(*opened)
