"""The engine's process: who listens on a socket, and since when."""

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
    """The process that listens on a unix socket, as the kernel tells it; None when it can't be seen."""
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
