"""Pseudo-terminals made in a given devpts instance, and the controlling terminal (pts(4), ioctl_tty(2))."""

from __future__ import annotations

import fcntl
import os
import struct
import termios

from wherry.linux import mounts, resolve

_TIOCGPTPEER = 0x5441
_TIOCSPTLCK = 0x40045431
_PTMX_DEVICE = os.makedev(5, 2)


def open_pair(root: int) -> tuple[int, int]:
    """Master and peer of a new terminal in the devpts mounted at dev/pts below `root`.

    The peer comes from the master itself, so that no path is walked twice; what is opened is verified to be
    the multiplexer of a devpts. Raises OSError.
    """
    directory = resolve.open_in(root, "dev/pts", os.O_PATH | os.O_DIRECTORY)
    try:
        if mounts.magic(directory) != mounts.DEVPTS_MAGIC:
            raise OSError(19, "not a devpts", "/dev/pts")
        how = resolve.BENEATH | resolve.NO_SYMLINKS | resolve.NO_XDEV
        master = resolve.open_in(directory, "ptmx", os.O_RDWR | os.O_NOCTTY, how=how)
    finally:
        os.close(directory)
    try:
        if os.fstat(master).st_rdev != _PTMX_DEVICE:
            raise OSError(19, "not a terminal multiplexer", "/dev/pts/ptmx")
        fcntl.ioctl(master, _TIOCSPTLCK, struct.pack("i", 0))
        peer = fcntl.ioctl(master, _TIOCGPTPEER, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        os.close(master)
        raise
    return master, peer


def set_size(terminal: int, rows: int, columns: int) -> None:
    """Set the window size, in characters; the foreground processes get SIGWINCH."""
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def make_controlling(terminal: int) -> None:
    """Make `terminal` the controlling terminal of the caller, a session leader without one."""
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
