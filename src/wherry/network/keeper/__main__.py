"""`python -m wherry.network.keeper SOCKET`: listen there and serve until there is nothing to serve."""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import time

from wherry.network.keeper import command, starting
from wherry.network.keeper.server import Server


def main() -> int:
    """Goes into the background once it listens, so that its starter can wait for that."""
    path = sys.argv[1]
    os.umask(0o077)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    listener.bind(path)
    listener.listen(16)
    if os.fork():
        os._exit(0)
    os.setsid()
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    starting.raise_limit()
    gc.freeze()
    if command.GUARDED in sys.argv[2:]:
        _guard()
    # Again, since SO_PEERCRED tells who listened last, and an engine may come to join our namespaces.
    listener.listen(16)
    Server(listener).run()
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    return 0


def _guard() -> None:
    """Stay behind as the parent of the one that serves, and replace it when it is killed.

    For a rootless engine, which can't start another keeper in the machine's network. What is served is
    forgotten; the engine notices that its connection broke, and says it again.
    """
    while pid := os.fork():
        _, status = os.waitpid(pid, 0)
        if not os.WIFSIGNALED(status):
            os._exit(0)
        time.sleep(0.1)  # whatever kills it may kill the next one too


if __name__ == "__main__":
    sys.exit(main())
