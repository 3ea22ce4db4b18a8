"""A newer engine in the place of an older one: containers run, serve and log on, and obey the new one."""

from __future__ import annotations

import shutil
import socket
import threading
import time
from pathlib import Path

import pytest

import wherry
from tests.harness.engine import EngineUnderTest
from tests.harness.waiting import until


class Visitor(threading.Thread):
    """Asks a published port again and again; `failures` are the times that nobody answered."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.port = port
        self.visits = 0
        self.failures: list[str] = []
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.01):
            try:
                with socket.create_connection(("127.0.0.1", self.port), 10) as sock:
                    sock.sendall(b"GET /index.html HTTP/1.0\r\n\r\n")
                    answer = b""
                    while piece := sock.recv(4096):
                        answer += piece
                assert answer.endswith(b"ahoy\n"), answer
                self.visits += 1
            except (OSError, AssertionError) as error:
                self.failures.append(f"{time.monotonic()}: {error}")


def newer(folder: Path) -> Path:
    """A copy of the package that calls itself version 99."""
    source = Path(wherry.__file__).parent
    shutil.copytree(source, folder / "wherry", ignore=shutil.ignore_patterns("__pycache__"))
    init = folder / "wherry" / "__init__.py"
    init.write_text(init.read_text().replace(f'"{wherry.__version__}"', '"99.0"'))
    return folder


@pytest.mark.needs("busybox")
def test_a_newer_engine_takes_over(own_engine: EngineUnderTest, tmp_path: Path) -> None:
    say = own_engine.wherry
    assert say("version", "-f", "{{.Server.Version}}").line == wherry.__version__
    count = "n=0; while :; do n=$((n+1)); echo line $n; sleep 0.02; done"
    serve = f"echo ahoy > /index.html; ({count}) & httpd -f -p 80"
    say(
        "run",
        "-d",
        "--name",
        "web",
        "-p",
        "127.0.0.1::80",
        "--restart",
        "always",
        "busybox",
        "sh",
        "-c",
        serve,
    )
    visitor = Visitor(int(say("port", "web", "80").line.rpartition(":")[2]))
    started = say("inspect", "-f", "{{.State.StartedAt}} {{.State.Pid}}", "web").line
    visitor.start()
    until(lambda: visitor.visits > 5)
    visitor.failures.clear()  # it may not have listened yet
    own_engine.environment["PYTHONPATH"] = str(newer(tmp_path))
    assert own_engine.process is not None
    own_engine.process.terminate()
    own_engine.process.wait(60)
    between = visitor.visits
    until(lambda: visitor.visits > between + 5)  # nobody is needed for that
    own_engine.start()
    assert say("version", "-f", "{{.Server.Version}}").line == "99.0"
    after = visitor.visits
    until(lambda: visitor.visits > after + 5)
    visitor.over.set()
    visitor.join(60)
    assert visitor.failures == []
    assert say("inspect", "-f", "{{.State.StartedAt}} {{.State.Pid}}", "web").line == started
    assert say("exec", "web", "echo", "inside").line == "inside"
    numbers = [int(line.split()[1]) for line in say("logs", "web").out.splitlines()]
    assert numbers == list(range(1, len(numbers) + 1))
    say("stop", "-t", "0", "web")
    assert say("inspect", "-f", "{{.State.Status}}", "web").line == "exited"
