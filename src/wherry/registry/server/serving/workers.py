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
from wherry.registry.server.serving.worker import WATCHED, work
from wherry.registry.server.settings import Settings

ANYWHERE = "0.0.0.0"  # noqa: S104 (only where somebody asked for it)
_TOO_SOON = 1.0  # seconds; a worker that ends earlier than that after its start is not just replaced at once
_STALLED = 300_000  # milliseconds


def listen(host: str, port: int, count: int = 1) -> list[socket.socket]:
    """Listening sockets, one for each worker. Raises Unavailable for an address that is taken or not ours.

    Several share a port by SO_REUSEPORT, by which a second registry on it would not be told. So the address
    is first bound without; and only bound, for who connected to a socket that goes again would be cut off.
    """
    if count == 1:
        sockets = [_bound(host, port, shared=False)]
    else:
        with _bound(host, port, shared=False) as probe:
            port = probe.getsockname()[1]
        sockets = [_bound(host, port, shared=True) for _ in range(count)]
    try:
        for sock in sockets:
            sock.listen(1024)
    except OSError as error:
        for sock in sockets:
            sock.close()
        raise _refused(host, port, error) from error
    return sockets


def _bound(host: str, port: int, *, shared: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # a client that takes nothing is given up; connections inherit that
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _STALLED)
    if shared:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        sock.bind((host, port))
    except (OSError, UnicodeError) as error:
        sock.close()
        raise _refused(host, port, error) from error
    return sock


def _refused(host: str, port: int, error: Exception) -> Unavailable:
    why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return Unavailable(
        f"can't listen on {host or ANYWHERE}:{port}: {why.lower()}", hint="choose another with --listen"
    )


class Workers:
    """Starts the workers, replaces those that die, and stops them."""

    def __init__(self, settings: Settings, sockets: list[socket.socket]) -> None:
        self._settings = settings
        self._sockets = sockets
        self._running: dict[int, tuple[int, float]] = {}  # pid → number, when it was started
        self._held, self._watched = -1, -1

    def run(self) -> None:
        """Blocks until SIGTERM or SIGINT, and then until every worker has ended. WATCHED must be blocked."""
        self._watched, self._held = os.pipe()
        for number in range(len(self._sockets)):
            self._start(number)
        stopping = False
        while self._running:
            caught = signal.sigwaitinfo(WATCHED).si_signo
            if caught == signal.SIGCHLD:
                self._reap(replace=not stopping)
                continue
            if caught != signal.SIGHUP:
                stopping = True
                for sock in self._sockets:  # who comes now is told, instead of waiting for nobody
                    sock.close()
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
