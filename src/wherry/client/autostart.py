"""Starting this user's engine when nothing listens on its socket.

Clients serialise on `run/start.lock`, so of two first commands one starts the engine and the other finds
it. The engine binds its socket before anything slow, so the wait is for `connect` to succeed, watching the
new process meanwhile: one that dies is reported at once with the end of its log.
"""

from __future__ import annotations

import _socket
import os
import select
import sys
import time

from wherry.errors import Unavailable
from wherry.paths import run_dir, state_dir

_PATIENCE = 30.0  # seconds for an engine to bind its socket; a loaded small machine needs two


def start_engine(path: str) -> _socket.socket:
    """Start the engine that listens on `path` and return a connection to it.

    Blocks until it answers. Raises Unavailable with the last lines of the engine's log when it does not, and
    where there is no Linux.
    """
    if sys.platform != "linux":
        raise elsewhere()
    import fcntl

    folder = run_dir()
    _make_private(folder)
    _make_private(state_dir())
    lock = os.open(os.path.join(folder, "start.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _connect(path) or _spawn_and_connect(path)
    finally:
        os.close(lock)


def elsewhere() -> Unavailable:
    """The error for a machine that can't have an engine of its own."""
    return Unavailable(
        "containers need Linux: no engine can run on this machine itself",
        hint="name one in a virtual machine or elsewhere: -H ssh://USER@HOST, or WHERRY_HOST",
    )


def engine_log() -> str:
    """Where a started engine writes what it has to say."""
    return os.path.join(state_dir(), "engine.log")


def _make_private(folder: str) -> None:
    """Make `folder` with mode 0700, and refuse one that somebody else made: it may be in /tmp."""
    try:
        os.makedirs(folder, 0o700, exist_ok=True)
        owner = os.stat(folder, follow_symlinks=False)
    except OSError as error:
        raise Unavailable(
            f"cannot make {folder}: {error.strerror}", hint="WHERRY_HOME chooses another place"
        ) from None
    if owner.st_uid != os.geteuid():
        raise Unavailable(f"{folder} belongs to another user", hint="WHERRY_HOME chooses another place")


def _connect(path: str) -> _socket.socket | None:
    sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        sock.connect(path)
    except (FileNotFoundError, ConnectionRefusedError):
        sock.close()
        return None
    return sock


def _spawn_and_connect(path: str) -> _socket.socket:
    log = engine_log()
    process = _spawn(log)
    watch = os.pidfd_open(process)
    try:
        poll = select.poll()
        poll.register(watch, select.POLLIN)
        deadline = time.monotonic() + _PATIENCE
        pause = 5  # milliseconds between attempts, growing to 50
        while time.monotonic() < deadline:
            ended = poll.poll(pause)
            sock = _connect(path)
            if sock is not None:
                return sock
            if ended:
                # Rootless, the first process may leave after handing over to the one in the namespace.
                _, status = os.waitpid(process, 0)
                if status:
                    code = os.waitstatus_to_exitcode(status)
                    raise _failed(log, f"the engine did not start, it ended with status {code}")
                poll.unregister(watch)
            pause = min(50, pause * 2)
        raise _failed(log, f"the engine did not start within {_PATIENCE:.0f} s")
    finally:
        os.close(watch)


def _spawn(log: str) -> int:
    """Start `python -m wherry.engine` in a session of its own, its output in `log`; return its process id."""
    environment = dict(os.environ)
    for name in ("WHERRY_HOST", "DOCKER_HOST", "PYTHONSTARTUP"):
        environment.pop(name, None)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    return os.posix_spawn(
        sys.executable,
        [sys.executable, "-m", "wherry.engine"],
        environment,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, log, flags, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
        setsigdef=range(1, 32),
    )


def ended_engine(path: str) -> Unavailable | None:
    """The error for an engine that has ended since it took a connection; None while one listens."""
    try:
        sock = _connect(path)
    except OSError:
        sock = None
    if sock is not None:
        sock.close()
        return None
    return _failed(engine_log(), "the engine ended before it answered")


def _failed(log: str, what: str) -> Unavailable:
    """The error that says what became of the engine, with what it said last."""
    try:
        with open(log, encoding="utf-8", errors="replace") as file:
            lines = file.read()[-4000:].strip().splitlines()
    except OSError:
        lines = []
    hint = ""
    if len(lines) > 1 and lines[-1].startswith("  ") and lines[-2].startswith("wherry engine: "):
        hint = f"{lines[-1].strip()}; "
    lines = [line for line in lines if not line.startswith(" ")]  # tracebacks, hints
    last = f": {lines[-1].removeprefix('wherry engine: ')}" if lines else ""
    return Unavailable(f"{what}{last}", hint=f"{hint}see {log}; `wherry doctor` finds what a machine lacks")
