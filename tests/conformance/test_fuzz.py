"""Every route with anything in it: no fault of ours, no hang, and the engine goes on."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conformance.strategies import requests
from tests.harness.engine import EngineUnderTest
from wherry.api.routing import Route

FUZZ = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

EXAMPLES = int(os.environ.get("WHERRY_FUZZ", "400"))
"""Requests to make; a long run sets more."""

CHUNKED = b"POST /containers/create HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
HEADS = st.binary(max_size=200).map(lambda raw: raw + b"\r\n\r\n")
BODIES = st.binary(max_size=50).map(lambda raw: CHUNKED + raw)


@pytest.fixture
def fuzzed(engine: EngineUnderTest, image: str, busybox_tar: Path | None) -> Iterator[EngineUnderTest]:
    created = {"Image": image, "Cmd": ["sleep", "600"], "HostConfig": {"NetworkMode": "none"}}
    assert engine.api("POST", "/containers/create?name=fuzzed", created)[0] == 201
    assert engine.api("POST", "/containers/fuzzed/start")[0] == 204
    yield engine
    if busybox_tar is not None and engine.api("GET", "/images/busybox/json")[0] != 200:
        engine.wherry("import", str(busybox_tar), "busybox:latest")


def exchange(path: str, request: bytes, *, whole: bool) -> bytes:
    """Send, and return the answer, or of a stream what comes first. Raises TimeoutError on a hang."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(20)
        sock.connect(path)
        sock.sendall(request)
        answer = sock.recv(65536)
        while whole and (piece := sock.recv(65536)):
            answer += piece
    return answer


@settings(parent=FUZZ, max_examples=EXAMPLES)
@given(asked=requests())
def test_no_route_breaks(fuzzed: EngineUnderTest, asked: tuple[Route, bytes]) -> None:
    route, raw = asked
    before = fuzzed.log_text().count("Traceback")
    answer = exchange(fuzzed.socket, raw, whole=not route.serves_client and "attach" not in route.pattern)
    head, _, body = answer.partition(b"\r\n\r\n")
    status = int(head.split(b" ")[1])
    assert status not in (500, 502, 505), (raw, answer)
    if status >= 400 and route.method != "HEAD":
        assert json.loads(body)["message"], (raw, answer)
    assert fuzzed.log_text().count("Traceback") == before, fuzzed.log_text()[-3000:]
    assert fuzzed.answers()


@settings(parent=FUZZ, max_examples=200)
@given(raw=HEADS | BODIES)
def test_no_bytes_break_the_server(engine: EngineUnderTest, raw: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(20)
        sock.connect(engine.socket)
        sock.sendall(raw)
        sock.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while piece := sock.recv(65536):
                answer += piece
        except ConnectionResetError:
            pass
    assert not answer or answer.startswith(b"HTTP/1.1 ")
    assert engine.answers()
