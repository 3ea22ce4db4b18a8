"""Whoever can reach the API socket is root on the machine: only the engine's own user may."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess

import pytest

from tests.harness.engine import EngineUnderTest

NOBODY = 65534

ASK = """
import socket, sys
sock = socket.socket(socket.AF_UNIX)
sock.settimeout(60)
try:
    sock.connect(sys.argv[1])
    try:
        sock.sendall(b"GET /containers/json HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n")
    except BrokenPipeError:
        pass  # refused before it was asked anything; the answer is there all the same
    print(sock.recv(65536).decode())
except OSError as error:
    print(type(error).__name__)
"""


def ask_as(user: int, path: str) -> str:
    """What another user gets to see."""
    done = subprocess.run(
        ["/usr/bin/env", "python3", "-I", "-c", ASK, path],
        user=user,
        group=user,
        extra_groups=[],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    return done.stdout + done.stderr


def test_the_socket_and_its_folders_are_private(engine: EngineUnderTest) -> None:
    assert stat.S_IMODE(os.stat(engine.socket).st_mode) == 0o600
    for folder in (engine.home / "run", engine.home / "state"):
        assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
    with open("/proc/net/unix") as table:
        assert not [line for line in table if " @" in line and "wherry" in line]


@pytest.mark.needs("root")
def test_another_user_is_refused_by_the_kernel(engine: EngineUnderTest) -> None:
    assert ask_as(NOBODY, engine.socket).strip() == "PermissionError"


@pytest.mark.needs("root")
def test_another_user_is_refused_by_the_engine_where_modes_were_widened(own_engine: EngineUnderTest) -> None:
    for path, mode in (
        (own_engine.home, 0o755),
        (own_engine.home / "run", 0o755),
        (own_engine.socket, 0o666),
    ):
        os.chmod(path, mode)
    answer = ask_as(NOBODY, own_engine.socket)
    assert answer.startswith("HTTP/1.1 403 Forbidden")
    assert json.loads(answer.partition("\n\n")[2] or answer.split("\r\n\r\n")[1])["message"].startswith(
        "permission denied"
    )
    assert own_engine.answers()


@pytest.mark.parametrize(
    "raw",
    [
        b"POST /x HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /x HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 40\r\n\r\n{}",
        b"GET /containers/json HTTP/1.1\r\nTransfer-Encoding : chunked\r\n\r\n",
        b"GET /containers/json HTTP/1.1\nHost: x\r\n\r\n",
    ],
)
def test_a_request_that_two_readers_could_see_differently_is_refused(
    engine: EngineUnderTest, raw: bytes
) -> None:
    """One parse, one body (CVE-2024-41110): nothing behind a doubtful head is read as another request."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(60)
        sock.connect(engine.socket)
        sock.sendall(raw + b"GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = b""
        while piece := sock.recv(65536):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1


def test_an_answer_cannot_be_split(engine: EngineUnderTest) -> None:
    """What a client names comes back in a body or in an encoded header, never as a header of its own."""
    status, answer = engine.api("GET", "/containers/a%0d%0aX-Evil:%201/json")
    assert status == 404
    assert "X-Evil" in answer["message"]


def test_much_memory_is_not_to_be_had(engine: EngineUnderTest) -> None:
    """A body that is to be JSON ends at a limit; a head too."""
    pid = int((engine.home / "run" / "engine.pid").read_text())

    def resident() -> int:
        with open(f"/proc/{pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    before = resident()
    for head in (
        b"POST /commit HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\n\r\n",
        b"GET /containers/json?filters=",
    ):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(60)
            sock.connect(engine.socket)
            sock.sendall(head)
            try:
                for _ in range(100):
                    sock.sendall(b"x" * 1_000_000)
            except (BrokenPipeError, ConnectionResetError):
                pass
            answer = sock.recv(1000)
        assert answer.startswith((b"HTTP/1.1 413", b"HTTP/1.1 431"))
    assert resident() - before < 64_000_000
