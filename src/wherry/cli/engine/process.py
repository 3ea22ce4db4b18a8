"""The engine's process: whether one listens on a socket, and which it is."""

from __future__ import annotations

import _socket
import os


def listening(path: str) -> bool:
    """Whether something accepts connections on a unix socket; nothing is started."""
    sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        sock.connect(path)
        return True
    except OSError:
        return False
    finally:
        sock.close()


def engine_process(path: str) -> int | None:
    """The engine that listens on a unix socket: the one of its pid file, else the one the kernel names.

    Rootless, whoever made the socket may have handed it on to the process in the namespaces, which the pid
    file names. None when neither can be seen from here.
    """
    try:
        with open(os.path.join(os.path.dirname(path), "engine.pid"), encoding="ascii") as file:
            noted = int(file.read().split()[0])
        with open(f"/proc/{noted}/cmdline", "rb") as file:
            if b"wherry.engine" in file.read():
                return noted
    except (OSError, ValueError, IndexError):
        pass
    sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        sock.connect(path)
        credentials = sock.getsockopt(_socket.SOL_SOCKET, 17, 12)  # SO_PEERCRED: pid, uid, gid
    except OSError:
        return None
    finally:
        sock.close()
    process = int.from_bytes(credentials[:4], "little")
    return process if process and os.path.exists(f"/proc/{process}") else None
