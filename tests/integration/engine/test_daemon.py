"""The engine's process: it ends when idle, takes systemd's sockets, makes way for the next one."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.harness.engine import UnixConnection

# A process of the engine's own environment that becomes the engine with a socket on descriptor 3.
_ACTIVATE = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
engine = [sys.executable, "-m", "wherry.engine", "--socket", "fd://", "--idle-after", "0"]
os.execv(sys.executable, engine)
"""


def _until(what: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _ping(path: Path) -> bool:
    connection = UnixConnection(str(path))
    try:
        connection.request("GET", "/_ping")
        return connection.getresponse().read() == b"OK"
    except OSError:
        return False
    finally:
        connection.close()


def test_an_idle_engine_ends_and_leaves_nothing(home: Path) -> None:
    engine = subprocess.Popen([sys.executable, "-m", "wherry.engine", "--idle-after", "0.3"])
    _until(lambda: _ping(home / "run" / "wherry.sock"))
    assert engine.wait(60) == 0
    assert not (home / "run" / "wherry.sock").exists()
    assert not (home / "run" / "engine.pid").exists()
    _until(lambda: not (home / "run" / "supervisor.sock").exists())


def test_the_next_engine_waits_for_one_that_ends(home: Path) -> None:
    sock = home / "run" / "wherry.sock"
    first = subprocess.Popen([sys.executable, "-m", "wherry.engine", "--idle-after", "0"])
    _until(lambda: _ping(sock))
    first.send_signal(signal.SIGTERM)
    _until(lambda: not sock.exists())
    second = subprocess.Popen([sys.executable, "-m", "wherry.engine", "--idle-after", "0"])
    _until(lambda: _ping(sock))
    assert first.wait(60) == 0
    third = subprocess.run([sys.executable, "-m", "wherry.engine"], capture_output=True, timeout=20)
    assert third.returncode == 0 and b"running already" in third.stderr
    second.terminate()
    assert second.wait(60) == 0


def test_socket_activation(home: Path) -> None:
    path = home / "activated.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        engine = subprocess.Popen(
            [sys.executable, "-c", _ACTIVATE, str(listening.fileno())], pass_fds=[listening.fileno()]
        )
        assert _ping(path)  # waits in the queue until the engine is there
        engine.terminate()
        assert engine.wait(60) == 0
        assert path.exists()  # systemd's, not ours to remove


def test_it_ends_though_its_supervisor_never_answers(home: Path) -> None:
    engine = subprocess.Popen([sys.executable, "-m", "wherry.engine", "--idle-after", "0"])
    _until(lambda: _ping(home / "run" / "wherry.sock"))
    supervisor = int((home / "run" / "supervisor.pid").read_text())
    os.kill(supervisor, signal.SIGSTOP)
    try:
        engine.send_signal(signal.SIGTERM)
        assert engine.wait(60) == 0
    finally:
        os.kill(supervisor, signal.SIGCONT)
        os.kill(supervisor, signal.SIGTERM)
