"""The API socket bound into a container: it serves that container, it is told of, and it serves no other."""

from __future__ import annotations

import os

import pytest

from tests.harness.engine import EngineUnderTest

ASK = (
    "import socket, sys; s = socket.socket(socket.AF_UNIX); s.settimeout(20); s.connect(sys.argv[1]);"
    "s.sendall(b'GET /_ping HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n');"
    "print(s.recv(4096).decode().splitlines()[0])"
)


@pytest.mark.parametrize("whole_folder", [False, True])
def test_a_container_that_was_given_it_may_use_it(engine: EngineUnderTest, whole_folder: bool) -> None:
    source, target = (
        (f"{engine.home}/run", "/engine") if whole_folder else (engine.socket, "/var/run/docker.sock")
    )
    inside = "/engine/wherry.sock" if whole_folder else target
    lent = ("--name", "lent", "--network", "none", "-v", f"{source}:{target}")
    engine.wherry("run", "-d", *lent, "host", "sleep", "600")
    assert engine.wherry("exec", "lent", "python3", "-c", ASK, inside).out == "HTTP/1.1 200 OK\n"
    if not whole_folder:
        assert "controls this machine" in engine.wherry("container", "confinement", "lent").out


@pytest.mark.needs("root")  # without it an engine's containers have no ids of their own
def test_a_container_that_came_by_it_otherwise_may_not(engine: EngineUnderTest) -> None:
    other = engine.home / "other.sock"
    other.unlink(missing_ok=True)
    os.link(engine.socket, other)  # the same socket under a name that nobody lent
    engine.wherry(
        "run", "-d", "--name", "thief", "--network", "none", "-v", f"{other}:/s", "host", "sleep", "600"
    )
    said = engine.wherry("exec", "thief", "python3", "-c", ASK, "/s", code=None)
    assert "403 Forbidden" in said.out or "Broken pipe" in said.err, said  # whichever comes first
    other.unlink()
