"""Streams over a real engine: handed over, cut off, half-closed, surviving."""

from __future__ import annotations

import base64
import json
import os
import socket
import struct
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.harness.engine import EngineUnderTest

REMOVED = {"NetworkMode": "none", "AutoRemove": True}


def upgrade(engine: EngineUnderTest, path: str, body: Any = None) -> tuple[socket.socket, bytes]:
    """POST with an upgrade; the connection after the answer's head, and that head."""
    data = json.dumps(body or {}).encode()
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(30)
    sock.connect(engine.socket)
    sock.sendall(
        f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n".encode()
        + data
    )
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = sock.recv(1)
        assert byte, head
        head += byte
    return sock, head


def rest(sock: socket.socket) -> bytes:
    """All that comes until the end."""
    data = b""
    while piece := sock.recv(65536):
        data += piece
    sock.close()
    return data


def frames(data: bytes) -> list[tuple[int, bytes]]:
    found = []
    while data:
        stream, size = data[0], int.from_bytes(data[4:8], "big")
        found.append((stream, data[8 : 8 + size]))
        data = data[8 + size :]
    return found


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.01)


def create(engine: EngineUnderTest, image: str, command: list[str], **more: Any) -> str:
    body = {"Image": image, "Cmd": command, "HostConfig": {"NetworkMode": "none"}, **more}
    status, made = engine.api("POST", "/containers/create", body)
    assert status == 201, made
    return str(made["Id"])


def start(engine: EngineUnderTest, container: str) -> None:
    assert engine.api("POST", f"/containers/{container}/start") == (204, "")


def actions(engine: EngineUnderTest) -> list[str]:
    """What the events of the last minute say that happened."""
    now = time.time()
    seen = engine.api("GET", f"/events?since={now - 60:.3f}&until={now:.3f}")[1]
    lines = [json.dumps(seen)] if isinstance(seen, dict) else str(seen).splitlines()
    return [json.loads(line)["Action"] for line in lines]


def start_exec(engine: EngineUnderTest, container: str, command: list[str], **more: Any) -> str:
    body = {"Cmd": command, "AttachStdout": True, "AttachStderr": True, **more}
    status, made = engine.api("POST", f"/containers/{container}/exec", body)
    assert status == 201, made
    return str(made["Id"])


@pytest.fixture
def sleeper(engine: EngineUnderTest, image: str) -> Iterator[str]:
    container = create(engine, image, ["sleep", "600"])
    start(engine, container)
    yield container


def test_attach_before_the_start(engine: EngineUnderTest, image: str) -> None:
    container = create(engine, image, ["sh", "-c", "echo out; echo err >&2"])
    sock, head = upgrade(engine, f"/containers/{container}/attach?stream=1&stdout=1&stderr=1")
    assert head.startswith(b"HTTP/1.1 101 UPGRADED\r\n")
    assert b"application/vnd.docker.multiplexed-stream" in head
    start(engine, container)
    assert sorted(frames(rest(sock))) == [(1, b"out\n"), (2, b"err\n")]


def test_input_sent_with_the_request_is_not_lost(engine: EngineUnderTest, sleeper: str) -> None:
    exec_id = start_exec(engine, sleeper, ["cat"], AttachStdin=True)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(engine.socket)
        sock.sendall(
            f"POST /exec/{exec_id}/start HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
            "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}early".encode()
        )
        sock.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := sock.recv(65536):
            answer += piece
    assert frames(answer.partition(b"\r\n\r\n")[2]) == [(1, b"early")]


def test_older_clients_are_not_upgraded(engine: EngineUnderTest, sleeper: str) -> None:
    exec_id = start_exec(engine, sleeper, ["echo", "hi"])
    status, text = engine.api("POST", f"/v1.24/exec/{exec_id}/start", {"Tty": False})
    assert (status, text) == (200, "\x01\0\0\0\0\0\0\x03hi\n")


def test_a_terminal_is_raw(engine: EngineUnderTest, sleeper: str) -> None:
    exec_id = start_exec(engine, sleeper, ["sh", "-c", "test -t 1 && echo tty"], Tty=True)
    sock, head = upgrade(engine, f"/exec/{exec_id}/start", {"Tty": True})
    assert b"application/vnd.docker.raw-stream" in head
    assert rest(sock) == b"tty\r\n"


def test_a_program_that_is_not_there(engine: EngineUnderTest, sleeper: str) -> None:
    exec_id = start_exec(engine, sleeper, ["no-such-program"])
    sock, head = upgrade(engine, f"/exec/{exec_id}/start")
    assert head.startswith(b"HTTP/1.1 101")
    [(stream, said)] = frames(rest(sock))
    assert stream == 1 and b"executable file not found in $PATH" in said
    assert engine.api("GET", f"/exec/{exec_id}/json")[1]["ExitCode"] == 127
    assert engine.api("POST", f"/exec/{exec_id}/start", {})[0] == 409


def test_the_exit_code_is_there_when_the_stream_ends(engine: EngineUnderTest, sleeper: str) -> None:
    for code in range(30):
        exec_id = start_exec(engine, sleeper, ["sh", "-c", f"exit {code}"])
        sock, _head = upgrade(engine, f"/exec/{exec_id}/start")
        assert rest(sock) == b""
        inspected = engine.api("GET", f"/exec/{exec_id}/json")[1]
        assert (inspected["Running"], inspected["ExitCode"]) == (False, code)


def test_detach_keys(engine: EngineUnderTest, image: str) -> None:
    container = create(engine, image, ["cat"], Tty=True, OpenStdin=True)
    start(engine, container)
    sock, _head = upgrade(
        engine, f"/containers/{container}/attach?stream=1&stdin=1&stdout=1&detachKeys=ctrl-a,b"
    )
    sock.sendall(b"x\x01")
    assert sock.recv(10) == b"x"
    sock.sendall(b"b")
    assert rest(sock) == b""
    assert engine.api("GET", f"/containers/{container}/json")[1]["State"]["Running"]
    until(lambda: actions(engine)[-1] == "detach")
    assert engine.api("POST", f"/containers/{container}/attach?stream=1&stdin=1&detachKeys=ctrl-!")[0] == 400


def test_clients_that_vanish_leave_nothing_behind(engine: EngineUnderTest, image: str, sleeper: str) -> None:
    pids = [int((engine.home / "run" / f"{name}.pid").read_text()) for name in ("engine", "supervisor")]
    never_started = create(engine, image, ["cat"], OpenStdin=True)

    def vanish() -> None:
        exec_id = start_exec(engine, sleeper, ["cat"], AttachStdin=True)
        for path in (
            f"/exec/{exec_id}/start",
            f"/containers/{sleeper}/attach?stream=1&stdout=1&stderr=1",
            f"/containers/{never_started}/attach?stream=1&stdin=1&stdout=1",
        ):
            sock, _head = upgrade(engine, path)
            sock.sendall(b"some input\n")
            sock.close()
        for path in (
            f"/containers/{sleeper}/logs?follow=1&stdout=1",
            "/events",
            f"/containers/{sleeper}/stats",
        ):
            sock = socket.socket(socket.AF_UNIX)
            sock.connect(engine.socket)
            sock.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert sock.recv(100)
            sock.close()

    def held() -> list[int]:
        return [len(os.listdir(f"/proc/{pid}/fd")) for pid in pids]

    vanish()  # what is opened once for all, such as the database's connections of threads
    time.sleep(0.3)
    before = held()
    for _ in range(10):
        vanish()
    until(lambda: all(now <= then + 1 for now, then in zip(held(), before, strict=True)))


def test_a_stream_outlives_the_engine(own_engine: EngineUnderTest, image: str) -> None:
    engine = own_engine
    container = create(engine, image, ["sleep", "600"])
    start(engine, container)
    exec_id = start_exec(engine, container, ["sh", "-c", "echo ready; read x; echo got $x"], AttachStdin=True)
    sock, _head = upgrade(engine, f"/exec/{exec_id}/start")
    assert frames(sock.recv(14)) == [(1, b"ready\n")]
    engine.kill()
    sock.sendall(b"a word\n")
    assert frames(rest(sock)) == [(1, b"got a word\n")]
    engine.start()
    assert engine.api("GET", f"/containers/{container}/json")[1]["State"]["Running"]


def test_attach_over_a_websocket(engine: EngineUnderTest, image: str) -> None:
    container = create(engine, image, ["cat"], OpenStdin=True, StdinOnce=True)
    start(engine, container)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(20)
        sock.connect(engine.socket)
        key = base64.b64encode(b"0123456789abcdef").decode()
        sock.sendall(
            f"GET /containers/{container}/attach/ws?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: x\r\n"
            f"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += sock.recv(1)
        assert head.startswith(b"HTTP/1.1 101")
        sock.sendall(struct.pack(">BB4s", 0x82, 0x80 | 5, b"\0\0\0\0") + b"ahoy\n")
        assert sock.recv(100) == b"\x82\x05ahoy\n"
        sock.sendall(struct.pack(">BB4s", 0x88, 0x80, b"\0\0\0\0"))
        while sock.recv(100):
            pass


def test_waiting_starts_before_the_container(engine: EngineUnderTest, image: str) -> None:
    container = create(engine, image, ["sh", "-c", "exit 6"], HostConfig=REMOVED)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(20)
        sock.connect(engine.socket)
        sock.sendall(
            f"POST /containers/{container}/wait?condition=removed HTTP/1.1\r\nHost: x\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        assert sock.recv(15) == b"HTTP/1.1 200 OK"  # at once, so that the client may start it
        start(engine, container)
        answer = b""
        while piece := sock.recv(65536):
            answer += piece
    assert b'{"StatusCode":6}' in answer
    assert engine.api("GET", f"/containers/{container}/json")[0] == 404
