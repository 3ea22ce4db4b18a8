"""The sockets to serve: bound here, or handed over by systemd (sd_listen_fds(3))."""

from __future__ import annotations

import os
import socket

from wherry.errors import Unavailable

BACKLOG = 1024
_FIRST = 3


def inherited() -> list[socket.socket]:
    """The listening sockets of socket activation; none when this process was not started by it."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return []
    count = int(os.environ.get("LISTEN_FDS", "0") or 0)
    for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
        os.environ.pop(name, None)
    sockets = []
    for fd in range(_FIRST, _FIRST + count):
        os.set_inheritable(fd, False)
        sockets.append(socket.socket(fileno=fd))
    return sockets


def bind(path: str) -> socket.socket:
    """Bind and listen on a Unix socket of mode 0600, replacing what a dead engine has left.

    The caller holds the engine's lock. Raises `Unavailable`.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    temporary = f"{path}.new"
    try:
        for stale in (temporary, path):
            if os.path.lexists(stale):
                os.unlink(stale)
        before = os.umask(0o177)
        try:
            sock.bind(temporary)
        finally:
            os.umask(before)
        sock.listen(BACKLOG)
        # Only now can it be found: nobody ever meets a socket that does not listen yet.
        os.rename(temporary, path)
    except OSError as error:
        sock.close()
        raise Unavailable(f"cannot listen on {path}: {error.strerror or error}") from None
    return sock


def answers(path: str) -> bool:
    """Whether somebody listens on the Unix socket `path`."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        try:
            sock.connect(path)
        except OSError:
            return False
    return True
