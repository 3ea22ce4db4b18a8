"""`python -m wherry.network.keeper SOCKET`: listen there and serve until there is nothing to serve."""

from __future__ import annotations

import gc
import os
import resource
import signal
import socket
import sys

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
    listener.listen(
        16
    )  # again: SO_PEERCRED tells the process that listened last, and engines join its namespaces
    os.setsid()
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    gc.freeze()
    server = Server(listener)
    server.run()
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
