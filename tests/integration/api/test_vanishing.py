"""Clients that go in the middle of every stream, up or down: no descriptor, thread or file is left."""

from __future__ import annotations

import contextlib
import io
import os
import socket
import struct
import tarfile
from pathlib import Path

import pytest

from tests.harness.engine import EngineUnderTest
from tests.harness.leaks import processes_of
from tests.harness.waiting import until

HALF = 200_000
"""Bytes that a client takes, or sends, before it goes."""


def archive(*, dockerfile: str = "") -> bytes:
    """A tar archive, longer than what is sent of it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        files = {"Dockerfile": dockerfile.encode()} if dockerfile else {}
        files |= {f"file{n}": os.urandom(100_000) for n in range(10)}
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


DOWN = {
    "logs": "GET /containers/BOX/logs?follow=1&stdout=1",
    "events": "GET /events",
    "stats": "GET /containers/BOX/stats",
    "export": "GET /containers/BOX/export",
    "archive": "GET /containers/BOX/archive?path=/big",
    "save": "GET /images/IMAGE/get",
    "wait": "POST /containers/BOX/wait",
    "top": "GET /containers/BOX/top",
    "df": "GET /system/df",
}
UP = {
    "load": "POST /images/load",
    "import": "POST /images/create?fromSrc=-&repo=half",
    "build": "POST /build?t=half&q=1",
    "copy": "PUT /containers/BOX/archive?path=/tmp",
}
BUILDING = f"FROM IMAGE\nCOPY . /all\nRUN for i in 1 2 3 4 5 6 7 8 9; do echo {'x' * 60}; sleep 1; done\n"


def go(
    engine: EngineUnderTest, request: str, *, body: bytes = b"", whole: bool = False, abruptly: bool
) -> None:
    """Ask, take or send a part, and go: politely, or with a reset."""
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(20)
    with contextlib.suppress(TimeoutError, ConnectionError):
        sock.connect(engine.socket)
        length = f"Content-Type: application/x-tar\r\nContent-Length: {len(body)}\r\n" if body else ""
        sock.sendall(
            f"{request} HTTP/1.1\r\nHost: x\r\n{length}\r\n".encode() + (body if whole else body[:HALF])
        )
        sock.settimeout(0.2)  # a stream may have nothing to say: then it is left while it is silent
        if not body or whole:
            sock.recv(HALF)
    if abruptly:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def held(engine: EngineUnderTest) -> tuple[list[int], list[int], int]:
    """Descriptors and threads of engine and supervisor, and how many processes there are."""
    pids = [int((engine.home / "run" / f"{name}.pid").read_text()) for name in ("engine", "supervisor")]
    descriptors = [len(os.listdir(f"/proc/{pid}/fd")) for pid in pids]
    return descriptors, [len(os.listdir(f"/proc/{pid}/task")) for pid in pids], len(processes_of(engine.home))


def unfinished(engine: EngineUnderTest) -> list[str]:
    """What an upload that was cut off would leave in the store, or among the builds."""
    state = engine.home / "state"
    hidden = ("layers/.*", "blobs/sha256/.*", "trash/.*")
    return [str(file) for pattern in (*hidden, "build/work/*") for file in state.glob(pattern)]


@pytest.fixture
def box(engine: EngineUnderTest, image: str) -> str:
    script = "head -c 3000000 /dev/zero > /big; echo ready; sleep 600"
    name = engine.wherry("run", "-d", "--network", "none", image, "sh", "-c", script).line
    until(lambda: engine.wherry("logs", name).out == "ready\n")
    return name


def test_clients_that_go(engine: EngineUnderTest, image: str, box: str) -> None:
    def filled(request: str) -> str:
        return request.replace("BOX", box).replace("IMAGE", image)

    def all_go() -> None:
        for abruptly in (False, True):
            for request in DOWN.values():
                go(engine, filled(request), abruptly=abruptly)
            for name, request in UP.items():
                body = archive(dockerfile=filled(BUILDING) if name == "build" else "")
                go(engine, filled(request), body=body, abruptly=abruptly)
            # the context is there, and a step runs
            body = archive(dockerfile=filled(BUILDING))
            go(engine, filled(UP["build"]), body=body, whole=True, abruptly=abruptly)

    all_go()  # what is made once and stays: connections of the database, threads of the pool
    all_go()
    before = settled(engine)
    for _ in range(3):
        all_go()
    until(lambda: _no_more(held(engine), before), 120)
    until(lambda: not unfinished(engine))
    assert engine.api("GET", "/images/half/json")[0] == 404
    assert "Traceback" not in engine.log_text(), engine.log_text()[-3000:]


def settled(engine: EngineUnderTest) -> tuple[list[int], list[int], int]:
    """What is held once two looks in a row agree and no container of a build is left."""
    seen = [held(engine)]

    def same() -> bool:
        seen.append(held(engine))
        return seen[-1] == seen[-2] and len(engine.container_ids()) == 1

    until(same)
    return seen[-1]


def _no_more(now: tuple[list[int], list[int], int], before: tuple[list[int], list[int], int]) -> bool:
    few = 2  # a connection that is being closed, a thread that the pool had not needed before
    numbers = zip([*now[0], *now[1]], [*before[0], *before[1]], strict=True)
    return all(one <= then + few for one, then in numbers) and now[2] <= before[2]


def test_others_are_answered_while_uploads_stall(engine: EngineUnderTest, image: str) -> None:
    """More of them than the loop has threads that all requests share."""
    body = archive()
    length = f"Content-Type: application/x-tar\r\nContent-Length: {len(body)}\r\n"
    with contextlib.ExitStack() as stalled:
        for _ in range(12):
            sock = stalled.enter_context(socket.socket(socket.AF_UNIX))
            sock.connect(engine.socket)
            sock.sendall(f"{UP['import']} HTTP/1.1\r\nHost: x\r\n{length}\r\n".encode() + body[:HALF])
        drafts = Path(engine.home / "state" / "layers")
        until(lambda: len(list(drafts.glob(".draft-*"))) == 12)
        assert engine.api("GET", "/images/json", timeout=20)[0] == 200
        assert engine.wherry("run", "--rm", image, "echo", "quick").line == "quick"
    until(lambda: not unfinished(engine))
