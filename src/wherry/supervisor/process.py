"""The supervisor process: start, signals, end.

    python -m wherry.supervisor --state-dir DIRECTORY --run-dir DIRECTORY [--background]

One runs for each run directory, held by a lock on `supervisor.lock`; a second one ends at once, successfully,
when the first listens. It ends when the engine says so, or on SIGTERM once it holds no process: there is no
other way to end it that would not orphan containers.
"""

from __future__ import annotations

import errno
import fcntl
import gc
import os
import signal
import socket
import sys
import time

from wherry.linux import allocator, processes
from wherry.supervisor import adoption, standing
from wherry.supervisor.launchers import Launcher, Launchers
from wherry.supervisor.loop import READABLE, Loop
from wherry.supervisor.operations import Operations
from wherry.supervisor.reaper import Reaper
from wherry.supervisor.server import Server
from wherry.supervisor.table import Table

USAGE = "usage: python -m wherry.supervisor --state-dir DIRECTORY --run-dir DIRECTORY [--background]"
LOG_LIMIT = 1 << 20
"""Bytes of `supervisor.log` (tracebacks, nothing else) beyond which it begins anew at a start."""


def main(arguments: list[str], launcher: Launcher | None = None) -> int:
    """Run a supervisor to its end; returns the exit status."""
    options = _options(arguments)
    if options is None:
        sys.stderr.write(USAGE + "\n")
        return 2
    state_dir, run_dir, background = options
    try:
        os.makedirs(run_dir, mode=0o700, exist_ok=True)
        os.makedirs(state_dir, mode=0o700, exist_ok=True)
        lock = _lock(run_dir)
        if lock is None:
            return 0
        listener = _listen(os.path.join(run_dir, "supervisor.sock"))
    except OSError as error:
        sys.stderr.write(f"{error.filename or run_dir}: {error.strerror}\n")
        return 1
    if background and os.fork():
        os._exit(0)  # the caller waits for this: from now on connections are taken
    _detach(state_dir, background)
    _write_pid(run_dir)
    serve(state_dir, run_dir, listener, launcher or Launchers(run_dir, standing.take()))
    for name in ("supervisor.sock", "supervisor.pid"):
        os.unlink(os.path.join(run_dir, name))
    return 0


def serve(state_dir: str, run_dir: str, listener: socket.socket, launcher: Launcher) -> None:
    """The event loop, until shutdown."""
    try:
        processes.set_child_subreaper()
    except OSError:
        pass  # orphans then go to whoever reaps them otherwise
    loop = Loop()
    server = Server(loop, listener)
    table = Table(loop, state_dir, run_dir, server.notify, launcher.forget)
    operations = server.operations = Operations(table, launcher, adoption.records(run_dir))
    _handle_signals(loop, table)
    allocator.keep_freed(8 << 20)
    # What is loaded stays: the collector need not look at it, and forked children copy fewer pages.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)
    # The engine, which keeps descriptors for us, comes at once if it lives and the machine is not too busy.
    # Without them what has ended meanwhile loses exit status and last lines; but nobody waits for ever.
    loop.later(10.0, operations.adopt_all)
    loop.run()


def _options(arguments: list[str]) -> tuple[str, str, bool] | None:
    values: dict[str, str] = {}
    background = False
    rest = iter(arguments)
    for argument in rest:
        if argument == "--background":
            background = True
        elif argument in ("--state-dir", "--run-dir"):
            values[argument] = next(rest, "")
        else:
            return None
    state_dir, run_dir = values.get("--state-dir"), values.get("--run-dir")
    if not state_dir or not run_dir:
        return None
    return os.path.abspath(state_dir), os.path.abspath(run_dir), background


def _lock(run_dir: str) -> int | None:
    """Hold the run directory; None when another supervisor holds it and listens. Waits for one of the two."""
    lock = os.open(os.path.join(run_dir, "supervisor.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock
        except BlockingIOError:
            pass
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(os.path.join(run_dir, "supervisor.sock"))
                return None
            except OSError:
                time.sleep(0.005)  # it is just coming up, or just ending


def _listen(path: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    mask = os.umask(0o177)
    try:
        listener.bind(path)
    except OSError as error:
        if error.errno is None or "too long" in str(error):
            raise OSError(errno.ENAMETOOLONG, "the path is too long for a socket", path) from None
        error.filename = path
        raise
    finally:
        os.umask(mask)
    listener.listen(16)
    return listener


def _detach(state_dir: str, background: bool) -> None:
    """Leave the caller's directory and descriptors behind; complaints go to a file from now on."""
    os.chdir("/")
    os.umask(0o022)
    if not background:
        return
    os.setsid()
    path = os.path.join(state_dir, "supervisor.log")
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        if os.path.exists(path) and os.path.getsize(path) > LOG_LIMIT:
            flags |= os.O_TRUNC
        log = os.open(path, flags, 0o600)
    except OSError:
        log = os.open("/dev/null", os.O_WRONLY | os.O_CLOEXEC)
    null = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
    os.dup2(null, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(null)
    os.close(log)


def _write_pid(run_dir: str) -> None:
    file = os.open(
        os.path.join(run_dir, "supervisor.pid"),
        os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC,
        0o600,
    )
    os.write(file, b"%d\n" % os.getpid())
    os.close(file)


def _handle_signals(loop: Loop, table: Table) -> None:
    waking, woken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, lambda number, frame: None)  # the loop hears of it through the pipe
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    ending = False
    reaper = Reaper(loop, table)

    def signalled(events: int) -> None:
        nonlocal ending
        numbers = os.read(waking, 4096)
        if signal.SIGCHLD in numbers:
            reaper.reap()
        if signal.SIGTERM in numbers and not ending:
            ending = True
            table.end()

    loop.watch(waking, READABLE, signalled)
