"""Several processes on one port: the kernel spreads connections over their sockets (SO_REUSEPORT).

Each worker holds the reading end of a pipe from this process and stops when it ends, however it ended.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time

from wherry.errors import Unavailable
from wherry.registry.server.serving.worker import work
from wherry.registry.server.settings import Settings

ANYWHERE = "0.0.0.0"  # noqa: S104 (only where somebody asked for it)
_TOO_SOON = 1.0  # seconds; a worker that ends earlier than that after its start is not just replaced at once
_STALLED = 300_000  # milliseconds
_WATCHED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


def listen(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """A listening socket. Raises Unavailable when the address is taken or not this machine's."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # a client that takes nothing is given up; connections inherit that
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _STALLED)
    if shared:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        sock.bind((host, port))
        sock.listen(1024)
    except (OSError, UnicodeError) as error:
        sock.close()
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise Unavailable(
            f"can't listen on {host or ANYWHERE}:{port}: {why.lower()}", hint="choose another with --listen"
        ) from error
    return sock


class Workers:
    """Starts the workers, replaces those that die, and stops them."""

    def __init__(self, settings: Settings, sockets: list[socket.socket]) -> None:
        self._settings = settings
        self._sockets = sockets
        self._running: dict[int, tuple[int, float]] = {}  # pid → number, when it was started
        self._held, self._watched = -1, -1

    def run(self) -> None:
        """Blocks until SIGTERM or SIGINT, and then until every worker has ended."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
        self._watched, self._held = os.pipe()
        for number in range(len(self._sockets)):
            self._start(number)
        stopping = False
        while self._running:
            caught = signal.sigwaitinfo(_WATCHED).si_signo
            if caught == signal.SIGCHLD:
                self._reap(replace=not stopping)
                continue
            stopping = stopping or caught != signal.SIGHUP
            for pid in self._running:
                os.kill(pid, caught if caught == signal.SIGHUP else signal.SIGTERM)

    def _start(self, number: int) -> None:
        pid = os.fork()
        if pid:
            self._running[pid] = number, time.monotonic()
            return
        code = 1
        try:
            os.close(self._held)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _WATCHED)
            for other, sock in enumerate(self._sockets):
                if other != number:
                    sock.close()
            work(self._settings, self._sockets[number], number, len(self._sockets), self._watched)
            code = 0
        except BaseException as error:
            sys.stderr.write(f"registry worker {number}: {type(error).__name__}: {error}\n")
        finally:
            sys.stderr.flush()
            os._exit(code)

    def _reap(self, *, replace: bool) -> None:
        while self._running:
            try:
                pid, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            number, began = self._running.pop(pid, (-1, 0.0))
            if number >= 0 and replace:
                if time.monotonic() - began < _TOO_SOON:
                    time.sleep(_TOO_SOON)
                self._start(number)
